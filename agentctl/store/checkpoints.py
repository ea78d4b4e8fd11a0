"""LangGraph's checkpoints: of unfinished runs, and of agents that keep their own memory.

In a file of their own, because a writer of ours that blocks the loop which the checkpointer's
commit needs deadlocks (DESIGN 7); or in Postgres, beside our tables.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.store.fault import unusable
from agentctl.store.folder import opening
from agentctl.store.postgres import Server, not_installed

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_BUSY_S = 10


@asynccontextmanager
async def open_checkpointer(root: Path, url: str | None = None) -> AsyncIterator["BaseCheckpointSaver[str]"]:
    """Open the checkpoints in the Postgres database that `url` names, else `.agentctl/checkpoints.db`.

    On leaving, its thread and file, or its connections, are closed.

    Raises:
        ServiceUnavailable: the packages for Postgres are not installed.
        StoreUnusable: it is damaged, away or cannot be written; it is unchanged.
        UsageError: `url` is none.
    """
    if url is None:
        async with _open_file(root) as saver:
            yield saver
        return
    server = Server.of(url)
    try:
        from agentctl.store.saver import open_saver
    except ImportError as error:
        raise not_installed(error) from error
    async with open_saver(server) as saver:
        yield saver


@asynccontextmanager
async def _open_file(root: Path) -> AsyncIterator["BaseCheckpointSaver[str]"]:
    import aiosqlite

    from agentctl.store.file_saver import FileSaver

    path = root / ".agentctl" / "checkpoints.db"
    try:
        await asyncio.to_thread(_prepare, root)
        connection = await aiosqlite.connect(path, timeout=_BUSY_S)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error
    saver = FileSaver(connection, path)
    try:
        await connection.execute("PRAGMA synchronous=NORMAL")
        yield saver
    finally:
        await saver.close()


def _prepare(root: Path) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver

    with opening(root, "checkpoints.db") as path, closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        SqliteSaver(connection).setup()
