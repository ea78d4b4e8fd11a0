"""The open database: one connection, used by the writer's thread only.

Imports SQLAlchemy, so import this module inside that thread (STYLE 11: 0.25 s that the
first event of a run must not wait for).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, insert, inspect, select
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from agentctl.errors import StoreUnusable
from agentctl.store.fault import check_header, unusable
from agentctl.store.folder import opening, private_file
from agentctl.store.queries import CallTable, EventTable, RunTable
from agentctl.store.tables import VERSION, metadata, version

_BUSY_S = 10


class Database:
    """One open connection with its tables, and transactions over them."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self.path = path
        self._connection = connection
        self.runs = RunTable(connection)
        self.calls = CallTable(connection)
        self.events = EventTable(connection)

    @classmethod
    def open(cls, root: Path) -> "Database":
        """Open `.agentctl/state.db`, create it or bring its schema up to date.

        Raises:
            StoreUnusable: it is damaged, newer than this version, or cannot be written; it is unchanged.
        """
        path = root / ".agentctl" / "state.db"
        try:
            path = private_file(root, "state.db")
            with opening(path):
                check_header(path)
                connection = _connect(path)
                try:
                    _upgrade(path, connection)
                except BaseException:
                    _disconnect(connection)
                    raise
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise unusable(path, error) from error
        return cls(path, connection)

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[None]:
        """One transaction; rolled back whole when its body or the commit fails."""
        self._connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        try:
            yield
            self._connection.exec_driver_sql("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        # SQLite has rolled back already after some errors (disk full), and then refuses to.
        try:
            self._connection.exec_driver_sql("ROLLBACK")
        except OperationalError as error:
            if "no transaction" not in str(error):
                raise

    def close(self) -> None:
        """Close the file. The last process to do so folds the WAL into it."""
        _disconnect(self._connection)


def _connect(path: Path) -> Connection:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        # We say BEGIN ourselves: the driver's own comes late and never IMMEDIATE.
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": _BUSY_S},
        json_serializer=lambda value: json.dumps(value, separators=(",", ":"), default=str),
    )
    connection = engine.connect()
    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    return connection


def _disconnect(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()


def _upgrade(path: Path, connection: Connection) -> None:
    tables = inspect(connection).get_table_names()
    found = connection.scalar(select(version.c.version_num)) if version.name in tables else None
    if found == VERSION:
        return
    if found is not None and found > VERSION:
        raise StoreUnusable(
            f"{path} has schema {found}, and this version of agentctl knows {VERSION} at most; it was left as it is",
            hint="use the newer agentctl that wrote it, or another project with `--root`",
            code="store-newer",
        )
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    if tables:
        from agentctl.store.migrations.run import upgrade  # Alembic costs 0.2 s, and is hardly ever needed

        upgrade(connection)
    else:
        metadata.create_all(connection)
        connection.execute(insert(version).values(version_num=VERSION))
    connection.exec_driver_sql("COMMIT")
