"""Records in Redis: JSON text each, in sorted sets by when they end; Redis deletes what has.

Text and not hashes: to read 14 fields each costs the client ten times as much as `MGET` and one parse.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from agentctl.errors import ServiceUnavailable, UsageError
from agentctl.memory.record import Query, Record, newest_first

if TYPE_CHECKING:
    from redis.asyncio import Redis

TIMEOUT_S = 2.0
_CONNECTIONS = 20
_PAGE = 500
_PREFIX = "agentctl:episodic"
_NAMES = [field.name for field in fields(Record)]
# One step, so that no record is without its indexes; an index ends with the last of its records.
_PUT = """
local function add(key, member)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', ARGV[2])
    redis.call('ZADD', key, 'GT', ARGV[1], member)
    if redis.call('PTTL', key) < ARGV[1] - ARGV[2] then
        redis.call('PEXPIREAT', key, ARGV[1])
    end
end
redis.call('SET', KEYS[1], ARGV[5], 'PXAT', ARGV[1])
add(KEYS[2], ARGV[3])
for place = 3, #KEYS do
    add(KEYS[place], ARGV[4])
end
"""
"""KEYS: the record, its user, its indexes. ARGV: when it ends and now, in ms, its workspace, its id, and itself."""


class RedisEpisodes:
    """Records in one Redis, through one pool; connects when first needed.

    Every coroutine raises `ServiceUnavailable` when it cannot be asked; what it did by then may have been done.

    Args:
        url: `redis://`, `rediss://` or `unix://`; all projects that name the same database share it.
    """

    def __init__(self, url: str) -> None:
        self._url, self._where = url, "Redis"
        self._opened: Redis | None = None
        self._errors: tuple[type[Exception], ...] = (OSError,)

    async def put(self, records: Sequence[Record]) -> int:
        """Keep records, in one trip; one that is there stays what it is. Returns 0: none has to go for them."""
        now = time.time()
        redis = await self._redis()
        async with redis.pipeline(transaction=False) as pipe:
            for record in records:
                if record.expires_at > now:
                    keys = [_key("record", record.id), _key("user", record.user), *_indexes(record)]
                    ends = str(int(record.expires_at * 1000)), str(int(now * 1000))
                    pipe.eval(_PUT, len(keys), *keys, *ends, record.workspace, record.id, _to_text(record))
            with self._asked():
                await pipe.execute()
        return 0

    async def find(self, query: Query, limit: int | None) -> list[Record]:
        """Records that are meant, newest first."""
        found: list[Record] = []
        for index in await self._where_to_look(query):
            of_index: list[Record] = []
            async for page in self._pages(index, limit):
                of_index += filter(query.matches, page)
                if limit is not None and len(of_index) >= limit:
                    break
            found += of_index
        return newest_first(found, limit)

    async def forget(self, query: Query) -> int:
        """Delete those that are meant; returns how many."""
        found = await self.find(query, None)
        redis = await self._redis()
        async with redis.pipeline(transaction=False) as pipe:
            for record in found:
                pipe.delete(_key("record", record.id))
                for index in _indexes(record):
                    pipe.zrem(index, record.id)
            with self._asked():
                await pipe.execute()
        return len(found)

    async def ping(self) -> None:
        """See whether it is there."""
        redis = await self._redis()
        with self._asked():
            await redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            await self._opened.connection_pool.aclose()

    async def _where_to_look(self, query: Query) -> list[str]:
        """The narrowest indexes that hold all that is meant."""
        if query.run_ids is not None:
            return [_key("run", query.user, run_id) for run_id in dict.fromkeys(query.run_ids)]
        if query.session_id is not None:
            return [_key("session", query.user, query.session_id)]
        if query.workspace is not None:
            return [_key("workspace", query.user, query.workspace)]
        redis = await self._redis()
        with self._asked():
            workspaces = cast("list[str]", await redis.zrange(_key("user", query.user), 0, -1))
        return [_key("workspace", query.user, name) for name in workspaces]

    async def _pages(self, index: str, first: int | None) -> AsyncIterator[list[Record]]:
        """The records of an index that are still there, those that end last first; `first` may well be enough."""
        redis, now, start = await self._redis(), int(time.time() * 1000), 0
        size = min(first or _PAGE, _PAGE)
        while True:
            with self._asked():
                found = await redis.zrevrangebyscore(index, "+inf", f"({now}", start=start, num=size)
                ids = cast("list[str]", found)
                texts = await redis.mget([_key("record", id_) for id_ in ids]) if ids else []
            yield [Record(**json.loads(text)) for text in texts if text]
            if len(ids) < size:
                return
            start, size = start + size, _PAGE

    async def _redis(self) -> "Redis":
        if self._opened is None:
            opened = await asyncio.to_thread(_connect, self._url)  # the import alone takes 0.4 s
            self._opened = self._opened or opened
            from redis.exceptions import RedisError

            self._errors = (RedisError, OSError)
            at = self._opened.connection_pool.connection_kwargs
            self._where = f"Redis at {at.get('path') or at.get('host', 'localhost')}:{at.get('port', 6379)}"
        return self._opened

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except self._errors as error:
            said = f"{self._where} cannot be asked for what agents remember: {error}"
            raise ServiceUnavailable(said, hint="start it, or correct REDIS_URL") from error


def _connect(url: str) -> "Redis":
    try:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
    except ModuleNotFoundError as error:
        raise ServiceUnavailable(
            "memory in Redis needs the package redis, which is not installed",
            hint="install `agentctl-workspaces[redis]`, or unset REDIS_URL",
            code="package-missing",
        ) from error
    settings: dict[str, Any] = {
        "max_connections": _CONNECTIONS,
        "timeout": TIMEOUT_S,
        "socket_timeout": TIMEOUT_S,
        "socket_connect_timeout": TIMEOUT_S,
        "retry": Retry(NoBackoff(), 1),  # a connection that was idle while Redis was restarted
        "decode_responses": True,
    }
    try:
        return Redis(connection_pool=BlockingConnectionPool.from_url(url, **settings))
    except ValueError:
        # The cause would quote the URL, and so the password.
        what = "REDIS_URL cannot be read"
        raise UsageError(what, hint="write it as redis://user:password@host:6379/0, or unset it") from None


def _key(kind: str, *names: str) -> str:
    """Of plain letters and bounded length, whatever the names; another one for every list of names."""
    text = json.dumps(names)
    return f"{_PREFIX}:{kind}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _indexes(record: Record) -> list[str]:
    names = {"run": record.run_id, "session": record.session_id, "workspace": record.workspace}
    return [_key(kind, record.user, name) for kind, name in names.items()]


def _to_text(record: Record) -> str:
    return json.dumps({name: getattr(record, name) for name in _NAMES}, separators=(",", ":"))
