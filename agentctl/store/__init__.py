"""The state of a project: sessions and their turns, runs, the call journal, events, checkpoints.

May import `errors`. Importing it loads neither SQLAlchemy nor LangGraph.
"""

from agentctl.store.approvals import ApprovalStore
from agentctl.store.checkpoints import open_checkpointer
from agentctl.store.id import new_id
from agentctl.store.journal import Journal
from agentctl.store.row import (
    Approval,
    ApprovalKind,
    CallKey,
    CallKind,
    Decision,
    RunRow,
    RunStatus,
    SessionRow,
    TurnRow,
)
from agentctl.store.sessions import SessionStore
from agentctl.store.store import Store
from agentctl.store.turn import Begun, Entry

__all__ = [
    "Approval",
    "ApprovalKind",
    "ApprovalStore",
    "Begun",
    "CallKey",
    "CallKind",
    "Decision",
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
