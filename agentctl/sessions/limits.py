"""Limits for servers that many people share: requests of a session, runs at once of a user."""

import asyncio
import hashlib
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)
from typing import Any, Protocol, Self
from uuid import uuid4

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from agentctl.errors import RateLimited, ServiceUnavailable, TooManyRuns, UsageError

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 2.0
ANY_NUMBER = 2**31
# Taking a place twice is taking it once: redis-py repeats a command whose connection broke.
TAKE_PLACE = """
local now = redis.call('TIME')
local at_ms = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', at_ms)
local mine = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not mine and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
    return 0
end
redis.call('ZADD', KEYS[1], at_ms + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[2])))
return 1
"""


class SharedUse:
    """Admits a request if its session and its user are within their limits, else says which is not.

    One instance serves any number of requests of one event loop. Without `redis_url` it counts
    in this process; with it, all processes that name the same Redis count together. A request
    that is refused counts for nothing.

    The rate is a moving window: ten are ten in any 60 s, and the time to wait is exact, at the
    price of one timestamp for each request in the window.

    Redis away: nobody is admitted (`ServiceUnavailable`), and what was admitted goes on. It takes its
    place anew when Redis is back, even one that has forgotten everything. A process that dies
    frees its places within `lease_s`; closing frees them at once.
    """

    def __init__(
        self,
        *,
        per_session: str = "10 per 60 seconds",
        per_user: int = 2,
        redis_url: str | None = None,
        lease_s: float = 15.0,
    ) -> None:
        """Connect to nothing yet.

        Args:
            per_session: requests and window in the words of `limits`, such as `100/hour`.
            per_user: runs at once, at least 1.
            redis_url: `redis://`, `rediss://` or `unix://`.
            lease_s: how long a place outlives its process in Redis; renewed three times in it.

        Raises:
            UsageError: one of them cannot be read.
            ServiceUnavailable: the package `redis` is not installed.
        """
        if per_user < 1:
            raise UsageError(f"{per_user} runs at once of a user is less than 1", hint="allow at least 1")
        self._rate, self._rate_in_words, self._per_user = _rate(per_session), per_session, per_user
        self._count: _Count = _RedisCount(redis_url, lease_s) if redis_url else _MemoryCount(self._rate)
        self._requests = MovingWindowRateLimiter(self._count.storage)

    async def __aenter__(self) -> Self:
        await self._count.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._count.close()

    @asynccontextmanager
    async def admit(self, *, session_id: str, user: str) -> AsyncIterator[None]:
        """Count one request of the session, and hold a place of the user until the block is left, however that is.

        Raises:
            TooManyRuns: the user has no place free.
            RateLimited: the session has had its requests; `retry_after_s` says when it has one again.
            ServiceUnavailable: Redis cannot be asked.
        """
        # The place comes first: who waits for one by asking again keeps the session's requests.
        async with self._count.place(_key(user), self._per_user):
            await self._request(_key(session_id))
            yield

    async def _request(self, key: str) -> None:
        with self._count.asked():
            if await self._requests.hit(self._rate, key):
                return
            resets_at, _ = await self._requests.get_window_stats(self._rate, key)
        raise RateLimited(self._rate_in_words, max(0.0, resets_at - time.time()))


def _rate(words: str) -> RateLimitItem:
    try:
        [rate] = parse_many(words)
    except ValueError:
        rate = None
    if rate is None or rate.amount < 1:
        raise UsageError(f"{words!r} is no rate of requests", hint="write one such as `10 per 60 seconds`")
    return rate


def _key(hostile: str) -> str:
    """Of fixed length and plain letters, whatever text it stands for; another one for every text."""
    return hashlib.sha256(hostile.encode("utf-8", "surrogatepass")).hexdigest()


class _Count(Protocol):
    """Where requests and places are counted."""

    @property
    def storage(self) -> MemoryStorage | RedisStorage: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...
    def asked(self) -> AbstractContextManager[None]: ...
    def place(self, key: str, allowed: int) -> AbstractAsyncContextManager[None]: ...


class _MemoryCount:
    """Counts in this process."""

    def __init__(self, rate: RateLimitItem) -> None:
        self.storage = MemoryStorage()
        self._rate = rate
        self._held: Counter[str] = Counter()

    async def open(self) -> None:
        # While its timer is busy, limits leaves the sweeping to it. Its own sweep follows every hit and goes
        # to a thread for every session: 16 ms of CPU a hit with 200 sessions, 360 ms with 5,000.
        self.storage.timer = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        if self.storage.timer:
            self.storage.timer.cancel()
            await asyncio.wait({self.storage.timer})

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._rate.get_expiry())
            now = time.time()
            for number, (key, newest_first) in enumerate(list(self.storage.events.items())):
                if newest_first[0].expiry <= now:
                    await self.storage.clear(key)
                del newest_first[self._rate.amount :]
                if number % 1000 == 0:
                    await asyncio.sleep(0)

    def asked(self) -> AbstractContextManager[None]:
        return nullcontext()

    @asynccontextmanager
    async def place(self, key: str, allowed: int) -> AsyncIterator[None]:
        if self._held[key] >= allowed:
            raise TooManyRuns(allowed)
        self._held[key] += 1
        try:
            yield
        finally:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]


class _RedisCount:
    """Counts in Redis: a place is a lease in the sorted set of its user, by when it expires."""

    def __init__(self, url: str, lease_s: float) -> None:
        try:
            from redis.asyncio import BlockingConnectionPool, Redis
            from redis.asyncio.retry import Retry
            from redis.backoff import NoBackoff
            from redis.exceptions import RedisError
        except ModuleNotFoundError as error:
            raise ServiceUnavailable(
                "limits in Redis need the package redis, which is not installed",
                hint="install `agentctl-workspaces[redis]`",
                code="package-missing",
            ) from error
        patience: dict[str, Any] = {
            "timeout": REDIS_TIMEOUT_S,
            "socket_timeout": REDIS_TIMEOUT_S,
            "socket_connect_timeout": REDIS_TIMEOUT_S,
            "retry": Retry(NoBackoff(), 1),
        }
        try:
            self._pool = BlockingConnectionPool.from_url(url, max_connections=20, **patience)
        except ValueError:
            # The cause would quote the URL, and so the password.
            raise UsageError(
                "the URL of Redis cannot be read", hint="write it as redis://user:password@host:6379/0"
            ) from None
        at = self._pool.connection_kwargs
        self._where = at.get("path") or f"{at.get('host', 'localhost')}:{at.get('port', 6379)}"
        self._errors = (RedisError, OSError)
        self._redis = Redis(connection_pool=self._pool)
        self._take = self._redis.register_script(TAKE_PLACE)
        # limits never sees the URL, which it would quote in its errors.
        shared: dict[str, Any] = {"connection_pool": self._pool}
        self.storage = RedisStorage("redis://", implementation="redispy", key_prefix="agentctl:requests", **shared)
        self._lease_s = lease_s
        self._keepers: dict[asyncio.Task[None], asyncio.Event] = {}

    async def open(self) -> None:
        """Nothing: a server may start before its Redis."""

    async def close(self) -> None:
        for over in self._keepers.values():
            over.set()
        if self._keepers:
            await asyncio.wait(self._keepers)
        await self._pool.aclose()

    @contextmanager
    def asked(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            raise ServiceUnavailable(
                f"Redis at {self._where} cannot be asked for the limits of shared use: {error}",
                hint="start it, or correct its URL",
            ) from error

    @asynccontextmanager
    async def place(self, key: str, allowed: int) -> AsyncIterator[None]:
        granted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        over = asyncio.Event()
        # One task takes, renews and frees a place, so that these never overtake each other;
        # cancelled is only who waits for it.
        keeper = asyncio.create_task(self._keep(f"agentctl:places:{key}", allowed, granted, over))
        self._keepers[keeper] = over
        keeper.add_done_callback(self._keepers.pop)
        keeper.add_done_callback(lambda _: granted.cancel())
        try:
            if not await granted:
                raise TooManyRuns(allowed)
            yield
        finally:
            over.set()
            await asyncio.shield(keeper)

    async def _keep(self, key: str, allowed: int, granted: asyncio.Future[bool], over: asyncio.Event) -> None:
        lease = uuid4().hex
        try:
            with self.asked():
                is_taken = bool(await self._take([key], [lease, int(self._lease_s * 1000), allowed]))
        except ServiceUnavailable as error:
            # If Redis took the place and could not say so, the place ends with its lease.
            if not granted.done():
                granted.set_exception(error)
            return
        if not granted.done():
            granted.set_result(is_taken)
        if is_taken:
            await self._hold(key, lease, over)

    async def _hold(self, key: str, lease: str, over: asyncio.Event) -> None:
        try:
            while not over.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lease_s / 3):
                        await over.wait()
                    return
                with self._tried("renewed"):
                    # Past the limit too: if Redis has lost the place, this run is still under way.
                    await self._take([key], [lease, int(self._lease_s * 1000), ANY_NUMBER])
        finally:
            with self._tried("freed"):
                await self._redis.zrem(key, lease)

    @contextmanager
    def _tried(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            logger.warning("a place in Redis at %s was not %s: %s", self._where, what, error)
