"""LangGraph's SQLite checkpointer, as we use it. Imports LangGraph."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agentctl.store.fault import unusable

T = TypeVar("T")


class FileSaver(AsyncSqliteSaver):
    """Says what is wrong with the file in our own words, and leaves no write half done.

    One that fails before its commit, or is cancelled, would keep the file locked for everybody: so one whose
    task is cancelled goes on without it.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        super().__init__(connection)
        self._path = path
        self._line = asyncio.Lock()
        self._failed_at, self._failure = 0.0, ""
        self._writes: set[asyncio.Task[Any]] = set()
        self.is_setup = True

    async def close(self) -> None:
        """Close the file; what nobody waits for is given up, else a file that is locked would be waited for again."""
        left = list(self._writes)
        for write in left:
            write.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self.conn.close()

    async def _whole(self, write: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(self._or_nothing(write))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        with self._translated():
            return await asyncio.shield(task)

    async def _or_nothing(self, write: Coroutine[Any, Any, T]) -> T:
        asked = time.monotonic()
        async with self._line:
            if self._failed_at > asked:  # who stood behind one that failed need not find out as slowly
                write.close()
                raise sqlite3.OperationalError(self._failure)
            try:
                return await write
            except sqlite3.Error as error:
                self._failed_at, self._failure = time.monotonic(), str(error)
                async with self.lock:
                    await self.conn.rollback()
                raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise unusable(self._path, error) from error

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint."""
        with self._translated():
            return await super().aget_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The checkpoints."""
        with self._translated():
            async for found in super().alist(config, filter=filter, before=before, limit=limit):
                yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint."""
        return await self._whole(super().aput(config, checkpoint, metadata, new_versions))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote."""
        await self._whole(super().aput_writes(config, writes, task_id, task_path))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread."""
        await self._whole(super().adelete_thread(thread_id))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What delta channels are rebuilt from."""
        with self._translated():
            return await super().aget_delta_channel_history(config=config, channels=channels)
