from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from agentctl.store import Store
from agentctl.store.migrations.run import upgrade
from agentctl.store.tables import VERSION, metadata


def test_the_migrations_make_the_tables_that_the_code_has(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/state.db", poolclass=NullPool)
    with engine.begin() as connection:
        upgrade(connection)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, metadata)

        assert context.get_current_revision() == VERSION
    assert [each for each in differences if "alembic_version" not in str(each)] == []


async def test_a_fresh_database_is_stamped_with_the_newest_version(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.flush()

    engine = create_engine(f"sqlite:///{tmp_path}/.agentctl/state.db", poolclass=NullPool)
    with engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == VERSION
        assert set(inspect(connection).get_table_names()) == set(metadata.tables)


async def test_an_older_database_is_brought_up_to_date(tmp_path: Path, make_run) -> None:
    """Today the only older one is a database before its first migration: Alembic's table, and no version."""
    (tmp_path / ".agentctl").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path}/.agentctl/state.db", poolclass=NullPool)
    with engine.begin() as connection:
        metadata.tables["alembic_version"].create(connection)

    async with Store(tmp_path) as store:
        row = await store.create_run(make_run())

        assert await store.get_run(row.run_id) == row
