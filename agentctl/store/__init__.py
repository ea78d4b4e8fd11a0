"""The state of a project: runs, the call journal, events and checkpoints.

May import `errors`. Importing it loads neither SQLAlchemy nor LangGraph.
"""

from agentctl.store.checkpoints import open_checkpointer
from agentctl.store.holder import holder_alive, process_start, this_process
from agentctl.store.id import new_id
from agentctl.store.journal import Journal
from agentctl.store.row import CallKey, CallKind, RunRow, RunStatus
from agentctl.store.store import Store

__all__ = [
    "CallKey",
    "CallKind",
    "Journal",
    "RunRow",
    "RunStatus",
    "Store",
    "holder_alive",
    "new_id",
    "open_checkpointer",
    "process_start",
    "this_process",
]
