"""Records in a file of the project."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from typing import Protocol, TypeVar

from agentctl.errors import StoreUnusable
from agentctl.memory.record import Query, Record

T = TypeVar("T")

_COLUMNS = [field.name for field in fields(Record)]
_TABLE = f"""
CREATE TABLE IF NOT EXISTS records ({", ".join(_COLUMNS)}, UNIQUE (id));
CREATE INDEX IF NOT EXISTS records_user ON records (user, workspace, created_at);
CREATE INDEX IF NOT EXISTS records_session ON records (session_id, created_at);
CREATE INDEX IF NOT EXISTS records_run ON records (run_id);
CREATE INDEX IF NOT EXISTS records_end ON records (expires_at);
PRAGMA user_version = 1;
"""
_INSERT = f"INSERT OR IGNORE INTO records VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - our own words
_SWEEP_S = 60.0


class File(Protocol):
    """A private SQLite file: where it is, how it is opened, and what its errors mean."""

    @property
    def path(self) -> Path: ...  # noqa: D102
    def open(self) -> sqlite3.Connection: ...  # noqa: D102
    def unusable(self, error: BaseException) -> StoreUnusable: ...  # noqa: D102


class SqliteEpisodes:
    """Records in one file, by one thread, opened when first needed; to look for some creates no file.

    Every coroutine raises `StoreUnusable` when the file cannot be used; what it did is committed.

    Args:
        most: records that are kept; the oldest go.
    """

    def __init__(self, file: File, *, most: int | None = None) -> None:
        self._file, self._most = file, most
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, "agentctl-memory")
        self._swept = 0.0

    async def put(self, records: Sequence[Record]) -> int:
        """Keep records, in one transaction; one that is there stays. Returns how many had to go for them."""

        def insert(connection: sqlite3.Connection) -> int:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, map(_to_row, records))
            if time.monotonic() - self._swept > _SWEEP_S:
                self._swept = time.monotonic()
                connection.execute("DELETE FROM records WHERE expires_at <= ?", (time.time(),))
            if self._most is None:
                return 0
            # As many rows as ids at most: a row that is gone leaves its id behind.
            cut = "DELETE FROM records WHERE rowid <= (SELECT max(rowid) FROM records) - ?"
            return connection.execute(cut, (self._most,)).rowcount

        return await self._do(insert)

    async def find(self, query: Query | None, limit: int | None) -> list[Record]:
        """Records that are meant, newest first; without a query, anybody's, the first put first."""
        where, values = _where(query)
        order = "rowid" if query is None else "created_at DESC, visit DESC, round DESC, id DESC"
        what = f"SELECT * FROM records WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608 - our own words
        rows = (*values, -1 if limit is None else limit)
        return await self._look(lambda connection: [_from_row(row) for row in connection.execute(what, rows)], [])

    async def forget(self, query: Query) -> int:
        """Delete those that are meant; returns how many."""
        where, values = _where(query)
        delete = f"DELETE FROM records WHERE {where}"  # noqa: S608 - our own words
        return await self._look(lambda connection: connection.execute(delete, values).rowcount, 0)

    async def drop(self, records: Sequence[Record]) -> None:
        """Delete these."""
        ids = [(record.id,) for record in records]

        def delete(connection: sqlite3.Connection) -> None:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("DELETE FROM records WHERE id = ?", ids)

        await self._do(delete)

    async def count(self) -> int:
        """How many there are, of anybody."""
        count = "SELECT count(*) FROM records WHERE expires_at > ?"
        return await self._look(lambda connection: int(connection.execute(count, (time.time(),)).fetchone()[0]), 0)

    async def close(self) -> None:
        """Close the file and end the thread."""
        if self._connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)

    async def _look(self, work: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        def looked() -> T:
            is_there = self._connection is not None or self._file.path.exists()
            return self._transact(work) if is_there else nothing

        return await asyncio.get_running_loop().run_in_executor(self._thread, looked)

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work)

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection = self._connection or self._open()
            try:
                result = work(connection)
                if connection.in_transaction:
                    connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as error:
            raise self._file.unusable(error) from error
        return result

    def _open(self) -> sqlite3.Connection:
        connection = self._file.open()
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > 1:
            connection.close()
            what = f"{self._file.path} is of a newer agentctl"
            raise StoreUnusable(what, hint="update agentctl, or choose another project with `--root`")
        if version == 0:
            connection.executescript(_TABLE)
        return connection


def _where(query: Query | None) -> tuple[str, tuple[object, ...]]:
    given = {} if query is None else query.given()
    terms, values = ["expires_at > ?", *(f"{name} = ?" for name in given)], [time.time(), *given.values()]
    if query is not None and query.run_ids is not None:
        terms.append(f"run_id IN ({', '.join('?' * len(query.run_ids))})")
        values += query.run_ids
    return " AND ".join(terms), tuple(values)


def _to_row(record: Record) -> tuple[object, ...]:
    content = json.dumps(record.content, separators=(",", ":"))
    return tuple(content if name == "content" else getattr(record, name) for name in _COLUMNS)


def _from_row(row: Sequence[object]) -> Record:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Record(**{**values, "content": json.loads(str(values["content"]))})
