"""The table `dead_threads`: LangGraph threads that may be in the checkpointer, and that nobody needs.

The checkpointer is a database of its own, so no transaction takes a session and its threads. They are
noted here by the one that makes them dead, and taken off when they are gone, or come to life.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select

from agentctl.store.tables import dead_threads, sessions, turns

_REMOVE = delete(dead_threads).where(dead_threads.c.thread_id == bindparam("key_thread_id"))


class DeadThreadTable:
    """The table `dead_threads`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, thread_ids: Iterable[str], at: str) -> None:
        """Note threads as dead from `at` on."""
        rows = [{"thread_id": thread_id, "dead_at": at} for thread_id in dict.fromkeys(thread_ids)]
        if rows:
            self.remove([row["thread_id"] for row in rows])
            self._connection.execute(insert(dead_threads), rows)

    def remove(self, thread_ids: Iterable[str]) -> None:
        """Take threads off."""
        if keys := [{"key_thread_id": thread_id} for thread_id in thread_ids]:
            self._connection.execute(_REMOVE, keys)

    def due(self, at: str, limit: int) -> list[str]:
        """Some that are dead at that time."""
        return list(
            self._connection.scalars(select(dead_threads.c.thread_id).where(dead_threads.c.dead_at <= at).limit(limit))
        )

    def unused(self, thread_ids: Sequence[str]) -> list[str]:
        """Those of the threads that nobody uses again: after a rewind, the next turn gives one its old name."""
        return [each for each in thread_ids if not self._is_used(each)]

    def _is_used(self, thread_id: str) -> bool:
        session_id = thread_id.rpartition("#")[2]
        query = select(sessions.c.active_run).where(sessions.c.session_id == session_id)
        session = self._connection.execute(query).one_or_none()
        if session is None or session.active_run is not None:
            return session is not None
        named = select(turns.c.threads).where(turns.c.session_id == session_id, turns.c.threads.is_not(None))
        return any(thread_id == used for threads in self._connection.scalars(named) for used, _ in threads.values())
