"""What agents produced, kept by name: exact, reproducible, without a model (episodic memory).

One `MemoryManager` serves every workspace and session of a process and keeps no state of any. What an
agent produced becomes a `Record`, by a JSON Schema; it lies in SQLite, or in Redis where `REDIS_URL` is set, until
its time to live is over. Every read names a user, and sees no other's.
May import workspace and what is below it; models, tools and store stand beside it, so whoever opens the manager
passes in how a private file is opened. Public: `MemoryManager`, `Query`, `Record`, `Recording`, `RunMemory`,
`recordings`.
"""

from agentctl.memory.manager import MemoryManager
from agentctl.memory.record import Query, Record
from agentctl.memory.recording import Recording, recordings
from agentctl.memory.run import RunMemory

__all__ = ["MemoryManager", "Query", "Record", "Recording", "RunMemory", "recordings"]
