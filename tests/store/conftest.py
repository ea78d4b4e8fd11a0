import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from agentctl.store import RunRow, Store, new_id
from tests.services import Postgres

MakeRun = Callable[..., RunRow]
OpenStore = Callable[..., Store]
Kick = Callable[..., None]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    """Of the database that this test uses; None for the project's own file."""
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_store(tmp_path: Path, url: str | None) -> OpenStore:
    """A store on the test's database; every call another one, as if in a process of its own."""

    def opened(**options: object) -> Store:
        return Store(tmp_path, url=url, **options)  # type: ignore[arg-type]

    return opened


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    async with open_store() as store:
        yield store


@pytest.fixture
def make_run() -> MakeRun:
    def make(**values: object) -> RunRow:
        facts = {
            "run_id": new_id(), "session_id": "s1", "user_id": "u1", "workspace": "trip", "generation": "0" * 12,
            "task": "go",
        }  # fmt: skip
        return RunRow(**(facts | values))

    return make


@pytest.fixture
def kick(postgres: Postgres) -> Kick:
    """Close every connection to a database; with `stay_out`, no new one is let in, until it is called again."""

    def kicked(url: str, *, stay_out: bool = False) -> None:
        name = conninfo_to_dict(url)["dbname"]
        with psycopg.connect(postgres.admin, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {not stay_out}")
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            while connection.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchone():
                time.sleep(0.01)

    return kicked
