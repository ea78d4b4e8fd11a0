"""The open database: one connection, used by the writer's thread only.

Imports SQLAlchemy, so import this module inside that thread (STYLE 11: 0.25 s that the
first event of a run must not wait for).
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, cast

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from agentctl.errors import AgentctlError, StoreUnusable
from agentctl.store.approval_table import ApprovalTable
from agentctl.store.contradiction import contradictions
from agentctl.store.conversation import SessionTable, TurnTable
from agentctl.store.dead_threads import DeadThreadTable
from agentctl.store.fault import unusable
from agentctl.store.folder import opening
from agentctl.store.lease import HolderTable
from agentctl.store.postgres import WRITE_LOCK, Server
from agentctl.store.queries import CallTable, EventTable, RunTable
from agentctl.store.schema import bring_up_to_date, schema_of

_BUSY_S = 10
_RETRY_S = 0.05


class Database:
    """One open connection with its tables, and transactions over them.

    `place` is where it is, as errors name it; `schema` the revision that its tables had when it was
    opened, `None` where there were none.
    """

    def __init__(self, place: Path | Server, connection: Connection, schema: str | None) -> None:
        self.place, self.schema = place, schema
        self.dialect = cast("Literal['sqlite', 'postgresql']", connection.dialect.name)
        self._connection = connection
        self.runs = RunTable(connection, self.now)
        self.calls = CallTable(connection)
        self.events = EventTable(connection)
        self.approvals = ApprovalTable(connection)
        self.sessions = SessionTable(connection)
        self.turns = TurnTable(connection, self.now)
        self.holders = HolderTable(connection)
        self.dead_threads = DeadThreadTable(connection)

    @classmethod
    def open(cls, root: Path, url: str | None = None, *, upgrade: bool = True) -> "Database":
        """Open the Postgres database that `url` names, else `.agentctl/state.db`.

        Args:
            root: the project.
            url: as AGENTCTL_DATABASE_URL has it.
            upgrade: create what is missing, and bring its schema up to date; else only look.

        Raises:
            ServiceUnavailable: the packages for Postgres are not installed.
            StoreUnusable: it is damaged, newer than this version, away or cannot be written; it is unchanged.
            UsageError: `url` is no such URL.
        """
        place = place_of(root, url)
        if isinstance(place, Server):
            return cls._opened(place, lambda: _connect_server(place), upgrade)
        try:
            with opening(root, place.name):
                return cls._opened(place, lambda: _connect_file(place), upgrade)
        except OSError as error:
            raise unusable(place, error) from error

    @classmethod
    def _opened(cls, place: Path | Server, connect: Callable[[], Connection], upgrade: bool) -> "Database":
        try:
            connection = connect()
            try:
                schema = bring_up_to_date(place, connection) if upgrade else schema_of(connection)
            except BaseException:
                _disconnect(connection)
                raise
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise unusable(place, error) from error
        return cls(place, connection, schema)

    @property
    def is_usable(self) -> bool:
        """Whether the connection is there; if not, close this and open another."""
        return not self._connection.invalidated

    def unusable(self, error: BaseException) -> StoreUnusable:
        """What an error of a transaction means to the user."""
        return unusable(self.place, error)

    def now(self) -> float:
        """Seconds since the epoch, by the clock that all holders share."""
        if self.dialect == "sqlite":
            return time.time()
        return float(self._connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())

    def contradictions(self) -> list[str]:
        """What is stored and cannot be true, in words.

        Raises:
            StoreUnusable: it cannot be read.
        """
        try:
            with self.transaction(writes=False):
                return contradictions(self._connection)
        except SQLAlchemyError as error:
            raise self.unusable(error) from error

    @contextmanager
    def transaction(self, *, writes: bool) -> Iterator[None]:
        """One transaction; rolled back whole when its body or the commit fails.

        One at a time writes, over all processes. SQLite has it so, and on Postgres two batches that
        change the same sessions in another order would else end in a deadlock, after a second.
        """
        self._begin("BEGIN IMMEDIATE" if writes and self.dialect == "sqlite" else "BEGIN")
        try:
            if writes and self.dialect == "postgresql":
                self._connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITE_LOCK})")
            yield
            self._connection.exec_driver_sql("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part of a transaction: what its body did is undone if it refuses; all else stays."""
        self._connection.exec_driver_sql("SAVEPOINT step")
        try:
            yield
        except AgentctlError:
            self._connection.exec_driver_sql("ROLLBACK TO SAVEPOINT step")
            self._connection.exec_driver_sql("RELEASE SAVEPOINT step")
            raise
        self._connection.exec_driver_sql("RELEASE SAVEPOINT step")

    def _begin(self, statement: str) -> None:
        try:
            self._connection.exec_driver_sql(statement)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # Lost while nothing was asked of it, as when the server is restarted; nothing of this one is done.
            self._connection.rollback()  # SQLAlchemy's own, which lets it connect again
            self._connection.exec_driver_sql(statement)

    def _roll_back(self) -> None:
        if not self.is_usable:
            return
        # SQLite has rolled back already after some errors (disk full), and then refuses to.
        try:
            self._connection.exec_driver_sql("ROLLBACK")
        except OperationalError as error:
            if "no transaction" not in str(error):
                raise

    def close(self) -> None:
        """Close the file. The last process to do so folds the WAL into it."""
        _disconnect(self._connection)


def place_of(root: Path, url: str | None) -> Path | Server:
    """Which database that is.

    Raises:
        ServiceUnavailable: the packages for Postgres are not installed.
        UsageError: `url` is no such URL.
    """
    return Server.of(url) if url else root / ".agentctl" / "state.db"


def _connect_file(path: Path) -> Connection:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # not as text, in which a ? or % would mean something
        poolclass=NullPool,
        # We say BEGIN ourselves: the driver's own comes late and never IMMEDIATE.
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": _BUSY_S},
        json_serializer=_json,
    )
    connection = engine.connect()
    _switch_to_wal(connection)
    connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    return connection


def _switch_to_wal(connection: Connection) -> None:
    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            return
        except OperationalError as error:  # SQLite does not wait for its busy timeout here
            if "locked" not in str(error) or time.monotonic() > deadline:
                connection.close()
                raise
            time.sleep(_RETRY_S)


def _connect_server(server: Server) -> Connection:
    from psycopg.types.json import set_json_dumps

    def connect() -> object:
        connection = server.connect()
        set_json_dumps(_json, connection)  # SQLAlchemy's `json_serializer` reaches no connection of a creator's
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,  # libpq knows more forms of URL than SQLAlchemy
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    ).connect()


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=str)


def _disconnect(connection: Connection) -> None:
    connection.close()
    connection.engine.dispose()
