"""The state of a project: sessions and their turns, runs, the call journal, events, checkpoints.

May import `errors`. Importing it loads neither SQLAlchemy nor LangGraph.
"""

from agentctl.store.checkpoints import open_checkpointer
from agentctl.store.id import new_id
from agentctl.store.journal import Journal
from agentctl.store.row import CallKey, CallKind, RunRow, RunStatus, SessionRow, TurnRow
from agentctl.store.sessions import SessionStore
from agentctl.store.store import Store
from agentctl.store.turn import Begun, Entry

__all__ = [
    "Begun",
    "CallKey",
    "CallKind",
    "Entry",
    "Journal",
    "RunRow",
    "RunStatus",
    "SessionRow",
    "SessionStore",
    "Store",
    "TurnRow",
    "new_id",
    "open_checkpointer",
]
