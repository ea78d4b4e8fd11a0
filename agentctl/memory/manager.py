"""MemoryManager: one a process, for every workspace and session."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.memory.batch import Batch
from agentctl.memory.record import Query, Record, newest_first
from agentctl.memory.redis import RedisEpisodes
from agentctl.memory.spill import SpilledEpisodes
from agentctl.memory.sqlite import File, SqliteEpisodes
from agentctl.workspace.spec import RecallSpec

NAME = "memory.db"
SPILL = "memory-spill.db"
_CHARACTERS_A_TOKEN = 4


class MemoryManager:
    """Keeps and finds what agents produced; holds no state of any session.

    Cheap to make: file and connections are opened when first needed. Serves one event loop. Every coroutine raises
    `StoreUnusable` when the project's own file cannot be used, and all but `put` and `recall` `ServiceUnavailable`
    when Redis cannot.

    Args:
        file: a private file of the project by name.
        redis_url: keep records in this Redis, and in a file only while it is away; default: in a file.
    """

    def __init__(self, file: Callable[[str], File], redis_url: str | None = None) -> None:
        self._spilled = SpilledEpisodes(RedisEpisodes(redis_url), file(SPILL)) if redis_url else None
        self._episodes: SpilledEpisodes | SqliteEpisodes = self._spilled or SqliteEpisodes(file(NAME))
        self._batch = Batch(self._episodes.put)

    async def put(self, record: Record) -> None:
        """Keep a record, committed before this returns; written again, it stays what it is."""
        await self._batch.put(record)

    async def find(self, query: Query, limit: int | None = 50) -> list[Record]:
        """Records of one user that are meant, newest first."""
        return await self._episodes.find(query, limit)

    async def forget(self, query: Query) -> int:
        """Delete the records that are meant; returns how many."""
        await self._batch.end()
        return await self._episodes.forget(query)

    async def recall(
        self, *, user: str, workspace: str, session_id: str, run_ids: Sequence[str], spec: RecallSpec
    ) -> list[dict[str, Any]]:
        """What a session's agents last produced, as agents and prompts see it.

        While Redis is away, only what waits for it.

        Args:
            run_ids: of turns that the session shares with the one that it was forked from.

        Returns:
            `{id, kind, agent, stage, run_id, at, text, content}` each, oldest first, within the budget of `spec`;
            a record that is too large for it is left out.
        """
        own = Query(user=user, workspace=workspace, session_id=session_id)
        shared = Query(user=user, workspace=workspace, run_ids=run_ids)
        find = self._spilled.find_near if self._spilled else self._episodes.find
        found = await find(own, spec.max)
        if run_ids:
            found += await find(shared, spec.max)
        left = spec.max_tokens * _CHARACTERS_A_TOKEN
        told: list[dict[str, Any]] = []
        for record in newest_first(found, spec.max):
            size = len(json.dumps(record.content, ensure_ascii=False))
            if size <= left:
                left -= size
                told.insert(0, _told(record))
        return told

    async def stats(self, query: Query) -> dict[str, Any]:
        """How many records are meant: `{records, workspaces, agents, kinds, oldest, newest, waiting}`.

        `workspaces`, `agents` and `kinds` are name to count; `waiting` is how many of anybody wait for Redis.
        """
        found = await self.find(query, None)
        counts = {f"{name}s": dict(Counter(getattr(one, name) for one in found)) for name in _COUNTED}
        ends = (found[-1], found[0]) if found else (None, None)
        oldest, newest = (one and timestamp(one.created_at) for one in ends)
        waiting = await self._spilled.waiting() if self._spilled else 0
        return {"records": len(found), **counts, "oldest": oldest, "newest": newest, "waiting": waiting}

    def take_warning(self) -> str:
        """That Redis is away, once an outage; else nothing."""
        if self._spilled is None:
            return ""
        warning, self._spilled.warning = self._spilled.warning, ""
        return warning

    async def close(self) -> None:
        """Finish what is being written, and leave no thread and nothing open."""
        await self._batch.end()
        await self._episodes.close()


_COUNTED = ("workspace", "agent", "kind")


def timestamp(at: float) -> str:
    """The time as UTC ISO 8601 with milliseconds, as events have it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _told(record: Record) -> dict[str, Any]:
    text = record.content.get("text")
    return {
        "id": record.id,
        "kind": record.kind,
        "agent": record.agent,
        "stage": record.stage,
        "run_id": record.run_id,
        "at": timestamp(record.created_at),
        "text": text if isinstance(text, str) else json.dumps(record.content, ensure_ascii=False),
        "content": record.content,
    }
