"""LangGraph's checkpoints of unfinished runs, in a file of their own.

Two files, because a writer of ours that blocks the loop which the checkpointer's commit
needs deadlocks (DESIGN 7).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.store.fault import check_header, unusable
from agentctl.store.folder import opening, private_file

if TYPE_CHECKING:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

_BUSY_S = 10


@asynccontextmanager
async def open_checkpointer(root: Path) -> AsyncIterator["AsyncSqliteSaver"]:
    """Open `.agentctl/checkpoints.db`; on leaving, its thread and file are closed.

    Raises:
        StoreUnusable: it is damaged or cannot be written; it is unchanged.
    """
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    path = root / ".agentctl" / "checkpoints.db"
    try:
        await asyncio.to_thread(_prepare, root)
        connection = await aiosqlite.connect(path, timeout=_BUSY_S)
    except (sqlite3.Error, OSError) as error:
        raise unusable(path, error) from error
    try:
        await connection.execute("PRAGMA synchronous=NORMAL")
        saver = AsyncSqliteSaver(connection)
        saver.is_setup = True
        yield saver
    finally:
        await connection.close()


def _prepare(root: Path) -> None:
    from langgraph.checkpoint.sqlite import SqliteSaver

    path = private_file(root, "checkpoints.db")
    with opening(path):
        check_header(path)
        with closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
            SqliteSaver(connection).setup()
