"""Where a Postgres database is, and how it is reached. Its packages are an extra, imported when a URL is given."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from agentctl.errors import ServiceUnavailable, UsageError

if TYPE_CHECKING:
    from psycopg import Connection

WRITE_LOCK = 0x6167656E74  # "agent"
"""Advisory lock of whoever writes."""
SCHEMA_LOCK = WRITE_LOCK + 1
"""Of whoever creates or changes our tables."""
CHECKPOINTS_LOCK = WRITE_LOCK + 2
"""Of whoever creates or changes LangGraph's."""
SETTINGS = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '12s'; SET statement_timeout = '30s'"
"""Sent on each new connection: options of the start packet would be refused by poolers."""
_DEFAULTS = {
    "connect_timeout": "5",
    "application_name": "agentctl",
    # A machine that has vanished says nothing; without these, a read waits for it for two hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One database of a Postgres server; as text, without the password."""

    parameters: Mapping[str, str] = field(repr=False)
    """As libpq names them: `host port user password dbname sslmode …`."""

    @classmethod
    def of(cls, url: str) -> Self:
        """Read `postgresql://user:password@host:port/database?name=value`.

        Raises:
            ServiceUnavailable: the packages for Postgres are not installed.
            UsageError: it is no such URL; what it was is not repeated.
        """
        try:
            from psycopg import ProgrammingError
            from psycopg.conninfo import conninfo_to_dict
        except ImportError as error:
            raise not_installed(error) from error
        try:
            given = conninfo_to_dict(url.replace("postgres://", "postgresql://", 1))
        except ProgrammingError:
            given = None
        # A password with a bare @ or / is cut there, and its rest would be shown as a host or a name.
        if given is None or "@" in f"{given.get('host')}{given.get('dbname')}" or not _is_port(given.get("port")):
            raise UsageError(
                "AGENTCTL_DATABASE_URL cannot be read",
                hint="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, in the password %40 for @ and %2F for /",
            ) from None
        return cls({**_DEFAULTS, **{name: str(value) for name, value in given.items()}})

    @property
    def password(self) -> str:
        """What no message may hold; empty if the URL has none."""
        return self.parameters.get("password", "")

    def __str__(self) -> str:
        given = self.parameters
        name = given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user") or "(default)"
        host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "this machine"
        port = f":{given['port']}" if given.get("port") else ""
        return f"Postgres database {name!r} at {host}{port}"

    def connect(self) -> "Connection[tuple[object, ...]]":
        """A new connection without transactions of its own.

        Raises:
            psycopg.OperationalError: it cannot be had.
        """
        import psycopg

        connection = psycopg.connect(autocommit=True, **self.parameters)  # type: ignore[arg-type]
        connection.execute(SETTINGS)
        return connection


def _is_port(text: object) -> bool:
    return text is None or str(text).replace(",", "").isdigit()


def not_installed(error: ImportError) -> ServiceUnavailable:
    """What to say when a package of the extra is missing."""
    return ServiceUnavailable(
        f"AGENTCTL_DATABASE_URL names a Postgres database, and a package for that is missing ({error})",
        hint="pip install 'agentctl-workspaces[postgres]'",
    )
