"""Records for a Redis that may be away: kept in a file meanwhile, and delivered when it is back."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from agentctl.errors import ServiceUnavailable, StoreUnusable
from agentctl.memory.record import Query, Record, newest_first
from agentctl.memory.redis import RedisEpisodes
from agentctl.memory.sqlite import File, SqliteEpisodes

logger = logging.getLogger(__name__)

MOST = 100_000
"""Records that are kept for Redis; then the oldest go."""
PROBE_S = 0.5
CLOSE_S = 2.0
_BATCH = 500


class SpilledEpisodes:
    """Records in Redis, or on their way there. To deliver one twice is to deliver it once: it has an id.

    The file outlives the process; the next one delivers what it finds there.

    Attributes:
        warning: what somebody has to be told, once an outage; whoever tells it empties it.
    """

    def __init__(self, redis: RedisEpisodes, file: File) -> None:
        self._redis, self._spill = redis, SqliteEpisodes(file, most=MOST)
        self._is_away = self._was_told = self._is_full = False
        self._is_left = file.path.exists()
        self._task: asyncio.Task[None] | None = None
        self._moving, self._closing = asyncio.Lock(), asyncio.Event()
        self.warning = ""

    async def put(self, records: Sequence[Record]) -> None:
        """Keep records, in Redis or in the file.

        Raises:
            StoreUnusable: in neither.
        """
        self._deliver_left()
        if not self._is_away:
            try:
                await self._redis.put(records)
            except ServiceUnavailable as error:
                self._lose(error)
            else:
                return
        if await self._spill.put(records) and not self._is_full:
            self._is_full = True
            self.warning = f"over {MOST:,} memories wait for Redis: the oldest are dropped"
            logger.warning(self.warning)

    async def find(self, query: Query, limit: int | None) -> list[Record]:
        """Records that are meant, newest first, those on their way among them."""
        self._deliver_left()
        waiting = await self._spill.find(query, limit)
        return newest_first([*waiting, *await self._redis.find(query, limit)], limit)

    async def find_near(self, query: Query, limit: int) -> list[Record]:
        """As `find`; while Redis is away, only those on their way."""
        if not self._is_away:
            try:
                return await self.find(query, limit)
            except StoreUnusable:
                raise
            except ServiceUnavailable as error:
                self._lose(error)
        return await self._spill.find(query, limit)

    async def forget(self, query: Query) -> int:
        """Delete those that are meant; returns how many."""
        async with self._moving:
            return await self._spill.forget(query) + await self._redis.forget(query)

    async def waiting(self) -> int:
        """How many are on their way."""
        return await self._spill.count()

    async def close(self) -> None:
        """Give a delivery a moment to end, and close; what is not delivered stays in the file."""
        self._closing.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=CLOSE_S)
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._redis.close()
        await self._spill.close()

    def _lose(self, error: ServiceUnavailable) -> None:
        self._is_away = True
        if not self._was_told:
            self._was_told = True
            self.warning = f"{error}; what agents produce is kept here until it is back"
            logger.warning(self.warning)
        self._begin()

    def _deliver_left(self) -> None:
        """At the first use, see to what an earlier process had to leave."""
        if self._is_left:
            self._is_left = False
            self._begin()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        while True:
            try:
                await self._redis.ping()
                self._is_away = False  # nothing is spilled from here on, so an end can be reached
                while await self._deliver_some():
                    pass
            except StoreUnusable as error:
                logger.warning("what waits for Redis cannot be delivered: %s", error)
                return
            except ServiceUnavailable:
                self._is_away = True
            if not self._is_away:  # a write that was under way may have lost it again
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), PROBE_S)
                return
        self._was_told = self._is_full = False

    async def _deliver_some(self) -> bool:
        async with self._moving:
            left = await self._spill.find(None, _BATCH)
            if left:
                await self._redis.put(left)
                await self._spill.drop(left)
        return bool(left)
