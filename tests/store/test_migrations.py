from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, Inspector, create_engine, func, insert, inspect, select
from sqlalchemy.pool import NullPool

from agentctl.errors import StoreUnusable
from agentctl.store.migrations.run import upgrade
from agentctl.store.postgres import Server
from agentctl.store.tables import VERSION, metadata, version
from tests.store.conftest import OpenStore

OLD_RUN = {
    "run_id": "0abcdef", "session_id": "s1", "user_id": "u1", "workspace": "trip", "generation": "0" * 12,
    "task": "go \x00 on", "status": "running", "created_at": "2026-01-01T00:00:00.000Z",
    "updated_at": "2026-01-01T00:00:00.000Z", "pid": 1, "pid_started": "7", "active_s": 1.5, "expired": False,
    "reserved": 3,
}  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path, url: str | None) -> Engine:
    """Of the database that `open_store` opens."""
    if url is None:
        (tmp_path / ".agentctl").mkdir()
        return create_engine(f"sqlite:///{tmp_path}/.agentctl/state.db", poolclass=NullPool)
    return create_engine("postgresql+psycopg://", creator=Server.of(url).connect, poolclass=NullPool)


@contextmanager
def migrated(engine: Engine, revision: str = "head") -> Iterator[Connection]:
    with engine.connect() as connection, connection.begin():
        upgrade(connection, revision)
        yield connection


def schema(connection: Connection) -> dict[str, object]:
    """All that a database says of its tables, in words that both say alike."""
    seen = inspect(connection)
    return {
        name: (_columns(seen, name), seen.get_pk_constraint(name), _indexes(seen, name))
        for name in seen.get_table_names()
    }


def _columns(seen: Inspector, table: str) -> dict[str, tuple[str, bool, object]]:
    return {each["name"]: (str(each["type"]), each["nullable"], each["default"]) for each in seen.get_columns(table)}


def _indexes(seen: Inspector, table: str) -> list[tuple[object, ...]]:
    return sorted((each["name"] or "", each["column_names"], bool(each["unique"])) for each in seen.get_indexes(table))


def test_the_migrations_make_the_tables_that_the_code_has(engine: Engine) -> None:
    with migrated(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)
        by_migrations = schema(connection)
        revision = context.get_current_revision()
        metadata.drop_all(connection)
        metadata.create_all(connection)
        at_once = schema(connection)

    assert [each for each in differences if "alembic_version" not in str(each)] == []
    assert revision == VERSION
    del by_migrations["alembic_version"], at_once["alembic_version"]
    assert by_migrations == at_once


async def test_a_fresh_database_is_stamped_with_the_newest_version(open_store: OpenStore, engine: Engine) -> None:
    async with open_store() as store:
        await store.flush()

    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == VERSION
        assert set(inspect(connection).get_table_names()) == set(metadata.tables)


async def test_a_database_before_its_first_migration_is_brought_up_to_date(
    open_store: OpenStore, engine: Engine, make_run
) -> None:
    with engine.begin() as connection:
        version.create(connection)

    async with open_store() as store:
        row = await store.create_run(make_run())

        assert await store.get_run(row.run_id) == row


async def test_an_unfinished_run_of_the_first_version_can_be_taken(open_store: OpenStore, engine: Engine) -> None:
    with migrated(engine, "0001") as connection:
        connection.execute(_table(connection, "runs").insert(), OLD_RUN)
        event = {"run_id": "0abcdef", "seq": 1, "key": "", "event": '{"seq":1}'}
        connection.execute(insert(metadata.tables["run_events"]).values(event))

    async with open_store() as store:
        found = await store.get_run("0abcdef")
        assert (found.task, found.active_s, found.reserved, found.seq) == ("go \x00 on", 1.5, 3, 1)
        assert not found.is_held
        begun, _ = await store.sessions.reenter("0abcdef")
        assert (begun.run.is_held, begun.turn, begun.told) == (True, 0, [])


async def test_a_migration_that_fails_changes_nothing(open_store: OpenStore, engine: Engine, make_run) -> None:
    """Somebody's own table is in the way; once it is gone, the next opening succeeds."""
    with migrated(engine, "0001") as connection:
        connection.execute(_table(connection, "runs").insert(), OLD_RUN)
        connection.exec_driver_sql("CREATE TABLE attachments (mine INTEGER)")
        before = schema(connection)

    async with open_store() as store:
        with pytest.raises(StoreUnusable):
            await store.list_runs()
        with engine.begin() as connection:
            assert schema(connection) == before
            assert connection.scalar(select(func.count()).select_from(_table(connection, "runs"))) == 1
            connection.exec_driver_sql("DROP TABLE attachments")
        assert [row.run_id for row in await store.list_runs()] == ["0abcdef"]


async def test_a_newer_schema_is_refused_with_both_numbers(open_store: OpenStore, engine: Engine, make_run) -> None:
    async with open_store() as store:
        await store.flush()
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0099'")

    async with open_store() as store:
        with pytest.raises(StoreUnusable, match=r"has schema 0099, and this version of agentctl knows \d{4} at most"):
            await store.create_run(make_run())


def _table(connection: Connection, name: str):
    from sqlalchemy import MetaData, Table

    return Table(name, MetaData(), autoload_with=connection)
