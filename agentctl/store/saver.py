"""LangGraph's Postgres checkpointer, as we use it. Imports LangGraph and psycopg."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, AsyncCursor, Error
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from agentctl.store.fault import unusable
from agentctl.store.postgres import CHECKPOINTS_LOCK, SETTINGS, Server

_RETRY_S = 0.05
_WAIT_S = 10.0
# The pool warns of each attempt to connect again; whoever asks for a connection is told by an error.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class _Boxed:
    """A value that is kept apart from the checkpoint's own JSON."""

    value: object


class Saver(AsyncPostgresSaver):
    """Keeps every text, and says what is wrong with the database in our own words.

    LangGraph puts texts and numbers into a `jsonb` column, which refuses NUL, lone surrogates and NaN,
    and which holds them again with each checkpoint. Here they go where lists go.
    """

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[DictRow]], server: Server) -> None:
        super().__init__(pool)
        self._server = server

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint."""
        values = {
            name: _Boxed(value) if isinstance(value, (str, float)) else value
            for name, value in checkpoint["channel_values"].items()
        }
        return await super().aput(config, {**checkpoint, "channel_values": values}, metadata, new_versions)

    def _dump_blobs(
        self, thread_id: str, checkpoint_ns: str, values: dict[str, Any], versions: ChannelVersions
    ) -> list[tuple[str, str, str, str, str, bytes | None]]:
        plain = {name: value.value if isinstance(value, _Boxed) else value for name, value in values.items()}
        return super()._dump_blobs(thread_id, checkpoint_ns, plain, versions)

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:
        try:
            async with super()._cursor(pipeline=pipeline) as cursor:
                yield cursor
        except Error as error:
            raise unusable(self._server, error) from error


@asynccontextmanager
async def open_saver(server: Server) -> AsyncIterator[Saver]:
    """Connect, with LangGraph's tables there; on leaving, the connections are closed.

    Raises:
        StoreUnusable: the server is away, or refuses.
    """
    try:
        async with await AsyncConnection.connect(**_arguments(server)) as connection:
            await _set_up(connection)
    except Error as error:
        raise unusable(server, error) from error
    # The saver does one thing at a time; the second connection is for while the first is replaced.
    pool = AsyncConnectionPool[AsyncConnection[DictRow]](
        kwargs=_arguments(server),
        min_size=1,
        max_size=2,
        open=False,
        timeout=_WAIT_S,
        configure=_configure,
        check=AsyncConnectionPool.check_connection,
    )
    async with pool:
        yield Saver(pool, server)


def _arguments(server: Server) -> dict[str, Any]:
    return {**server.parameters, "autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


async def _configure(connection: AsyncConnection[DictRow]) -> None:
    await connection.execute(SETTINGS, prepare=False)  # several statements


async def _set_up(connection: AsyncConnection[DictRow]) -> None:
    """Create LangGraph's tables, or bring them up to date, one process at a time."""
    if await _is_set_up(connection):
        return
    # Tried again and again: who waits within a statement would be waited for by CREATE INDEX CONCURRENTLY.
    while not await _value(connection, f"SELECT pg_try_advisory_lock({CHECKPOINTS_LOCK}) AS value"):  # noqa: ASYNC110
        await asyncio.sleep(_RETRY_S)
    await AsyncPostgresSaver(connection).setup()


async def _is_set_up(connection: AsyncConnection[DictRow]) -> bool:
    # Asked first, as whoever may not create tables may use those that are there.
    if await _value(connection, "SELECT to_regclass('checkpoint_migrations') AS value") is None:
        return False
    newest = await _value(connection, "SELECT max(v) AS value FROM checkpoint_migrations")
    return isinstance(newest, int) and newest >= len(AsyncPostgresSaver.MIGRATIONS) - 1


async def _value(connection: AsyncConnection[DictRow], query: str) -> object:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row["value"]
