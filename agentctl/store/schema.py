"""Create our tables, or bring those of an older agentctl up to date."""

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select

from agentctl.errors import StoreUnusable
from agentctl.store.postgres import SCHEMA_LOCK, Server
from agentctl.store.tables import VERSION, metadata, version

_POSTGRES_BEGIN = (
    "BEGIN",
    # Who waits here waits for a migration, however long; a lock is gone with its connection.
    "SET LOCAL lock_timeout = 0",
    "SET LOCAL statement_timeout = 0",
    f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})",
)


def schema_of(connection: Connection) -> str | None:
    """The revision of the tables; `None` if there are none."""
    if not inspect(connection).has_table(version.name):
        return None
    return connection.scalar(select(version.c.version_num)) or ""


def describe(place: Path | Server, found: str | None) -> str:
    """Which schema it has, and what will come of that.

    Raises:
        StoreUnusable: it is newer than this version of agentctl.
    """
    if found is None:
        return "no tables yet; the first run creates them"
    return f"schema {found}" + ("" if _is_current(place, found) else f", which the next run brings to {VERSION}")


def bring_up_to_date(place: Path | Server, connection: Connection) -> str | None:
    """Make the tables what `tables.py` says, in one transaction, and return their revision before.

    Raises:
        StoreUnusable: they are newer than this version of agentctl; they are unchanged.
    """
    if _is_current(place, found := schema_of(connection)):
        return found
    for statement in _POSTGRES_BEGIN if connection.dialect.name == "postgresql" else ("BEGIN IMMEDIATE",):
        connection.exec_driver_sql(statement)
    if not _is_current(place, found := schema_of(connection)):  # perhaps another process was quicker
        _change(connection, found)
    connection.exec_driver_sql("COMMIT")
    return found


def _is_current(place: Path | Server, found: str | None) -> bool:
    if found is not None and found > VERSION:
        raise StoreUnusable(
            f"{place} has schema {found}, and this version of agentctl knows {VERSION} at most; it was left as it is",
            hint="use the newer agentctl that wrote it, or another project with `--root`",
            code="store-newer",
        )
    return found == VERSION


def _change(connection: Connection, found: str | None) -> None:
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(version).values(version_num=VERSION))
    else:
        from agentctl.store.migrations.run import upgrade  # Alembic costs 0.2 s, and is hardly ever needed

        upgrade(connection)
