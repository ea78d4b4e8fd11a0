"""What a server can do to a store, and what must never be shown of it."""

import asyncio
import os
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import psycopg
import pytest

from agentctl.errors import SessionBusy, StoreUnusable, UsageError
from agentctl.store import SessionRow, Store, open_checkpointer
from agentctl.store.database import Database
from agentctl.store.fault import unusable
from agentctl.store.postgres import Server
from tests.services import PASSWORD
from tests.store.conftest import Kick, MakeRun

ROOT = Path(__file__).parents[2]
OPEN = """
import asyncio, sys
from pathlib import Path
import agentctl.store.database
from agentctl.store import Store

async def main():
    async with Store(Path("."), url=sys.argv[1]) as store:
        await store.list_runs()

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""


def without(packages: str, code: str) -> str:
    """What a process says that lacks the packages of the extra."""
    hidden = f"import sys\nfor name in {packages.split()}: sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", hidden + code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout + done.stderr


@pytest.fixture
def wrong(postgres_url: str) -> Iterator[dict[str, str]]:
    """URLs that lead nowhere, by what is wrong with them; each has a password."""
    yield {
        "it refuses this user or password": postgres_url.replace(PASSWORD, "wrong-" + PASSWORD),
        "it does not exist": postgres_url.replace("@/project", "@/no-project"),
        "the server cannot be reached": f"postgres://agentctl:{PASSWORD}@127.0.0.1:1/project",
    }


async def test_a_server_that_refuses_is_named_and_the_password_is_not(
    tmp_path: Path, wrong: dict[str, str], make_run: MakeRun
) -> None:
    for what, url in wrong.items():
        async with Store(tmp_path, url=url) as store:
            with pytest.raises(StoreUnusable, match=rf"^Postgres database '[\w-]+' at \S+: {what} \(") as caught:
                await store.create_run(make_run())
        with pytest.raises(StoreUnusable, match=what):
            async with open_checkpointer(tmp_path, url):
                pass

        assert PASSWORD not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
        assert "AGENTCTL_DATABASE_URL" in caught.value.hint
    assert not (tmp_path / ".agentctl").exists()


@pytest.mark.parametrize("rest", ["p@ss@h/db", "pa/ss@h/db", "p%zz@h/db", "pw@h:port/db", "pw@h/db?no=1"])
def test_a_url_that_cannot_be_read_is_not_repeated(rest: str) -> None:
    with pytest.raises(UsageError, match=r"^AGENTCTL_DATABASE_URL cannot be read$") as caught:
        Server.of(f"postgresql://user:{rest}")

    assert caught.value.__cause__ is None


def test_every_form_of_url_names_its_database() -> None:
    told = {
        "postgres://u:p?#@h/db": "Postgres database 'db' at h",
        "postgresql://u@h1,h2:6000/db": "Postgres database 'db' at h1,h2:,6000",
        "postgresql://u@/db?host=/run/pg": "Postgres database 'db' at /run/pg",
        "postgresql://u@[::1]:6000": "Postgres database 'u' at ::1:6000",
    }

    assert {url: str(Server.of(url)) for url in told} == told
    assert "p%40w" not in repr(Server.of("postgres://u:p%40w@h/db"))
    assert Server.of("postgres://u:p%40w@h/db").password == "p@w"


async def test_a_connection_that_was_closed_meanwhile_is_made_anew(
    tmp_path: Path, postgres_url: str, make_run: MakeRun, kick: Kick
) -> None:
    async with Store(tmp_path, url=postgres_url) as store:
        row = await store.create_run(make_run())
        kick(postgres_url)

        await store.update_run(row.run_id, active_s=1.5)
        assert (await store.get_run(row.run_id)).active_s == 1.5


async def test_a_database_that_goes_away_and_comes_back(
    tmp_path: Path, postgres_url: str, make_run: MakeRun, kick: Kick
) -> None:
    async with Store(tmp_path, url=postgres_url) as store:
        row = await store.create_run(make_run())
        kick(postgres_url, stay_out=True)
        for _ in range(2):
            with pytest.raises(StoreUnusable, match=r"^Postgres database 'project\d+' at "):
                await store.update_run(row.run_id, active_s=1.5)

        kick(postgres_url)
        assert (await store.get_run(row.run_id)).active_s == 0
        await store.update_run(row.run_id, active_s=2.5)
        assert (await store.get_run(row.run_id)).active_s == 2.5


def test_a_connection_lost_in_mid_transaction_loses_all_of_it(
    tmp_path: Path, postgres_url: str, make_run: MakeRun, kick: Kick
) -> None:
    database = Database.open(tmp_path, postgres_url)
    row = make_run(created_at="2026", updated_at="2026")
    with pytest.raises(Exception, match="terminating connection") as caught, database.transaction(writes=True):
        database.runs.insert(row, "somebody")
        kick(postgres_url)
        database.runs.get(row.run_id)

    told = database.unusable(caught.value)
    assert "the connection was lost" in str(told)
    assert "`agentctl resume` the run" in told.hint
    assert not database.is_usable
    database.close()
    again = Database.open(tmp_path, postgres_url)
    with again.transaction(writes=False):
        assert again.runs.get(row.run_id) is None
    again.close()


def test_a_lock_that_is_held_too_long_is_told(tmp_path: Path, postgres_url: str) -> None:
    database = Database.open(tmp_path, postgres_url)
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE runs")
        with pytest.raises(Exception, match="lock timeout") as caught, database.transaction(writes=True):
            database._connection.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
            database.runs.get("run1")

    assert "another process has held it for over 10 seconds" in str(database.unusable(caught.value))
    assert database.is_usable
    database.close()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (psycopg.errors.DiskFull, "its disk is full"),
        (psycopg.errors.TooManyConnections, "it takes no more connections"),
        (psycopg.errors.QueryCanceled, "a statement took over 30 seconds"),
        (psycopg.errors.ReadOnlySqlTransaction, "it cannot be written"),
        (psycopg.errors.InsufficientPrivilege, "this user may not do that"),
        (psycopg.errors.CannotConnectNow, "it is starting or stopping"),
        (psycopg.errors.AdminShutdown, "the connection was lost"),
        (psycopg.errors.ConnectionFailure, "the connection was lost"),
        (psycopg.errors.UndefinedTable, "it cannot be used"),
    ],
)
def test_what_a_server_says_is_told_with_a_way_out(state: type[psycopg.Error], told: str) -> None:
    error = unusable(Server.of(f"postgresql://u:{PASSWORD}@h/db"), state(f"no, {PASSWORD}"))

    assert str(error) == f"Postgres database 'db' at h: {told}{str(error).partition(told)[2]}"
    assert str(error).endswith("(no, ***)")
    assert error.hint


def test_the_clock_is_the_servers(tmp_path: Path, postgres_url: str) -> None:
    database = Database.open(tmp_path, postgres_url)
    with psycopg.connect(postgres_url) as other, database.transaction(writes=True):
        before, now, after = clock(other), database.now(), clock(other)
    database.close()

    assert before <= now <= after


def clock(connection: psycopg.Connection[tuple[float]]) -> float:
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return row[0]


@pytest.mark.slow
def test_four_processes_open_an_empty_database_at_once(postgres_url: str) -> None:
    command, env = [sys.executable, "-c", OPEN, postgres_url], {**os.environ, "PYTHONPATH": str(ROOT)}
    openers = [
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"ready\n"
    told = [opener.communicate(b"go\n", timeout=30) for opener in openers]

    assert [(opener.returncode, said[1]) for opener, said in zip(openers, told, strict=True)] == [(0, b"")] * 4


def test_many_connections_open_an_empty_database_at_once(tmp_path: Path, postgres_url: str) -> None:
    """As before, with a start that is closer together: one makes the tables, and the others wait for it."""
    gate, found = threading.Barrier(8), [Future[str | None]() for _ in range(8)]

    def opened(into: Future[str | None]) -> None:
        gate.wait()
        try:
            database = Database.open(tmp_path, postgres_url)
            into.set_result(database.schema)
            database.close()
        except StoreUnusable as error:
            into.set_exception(error)

    threads = [threading.Thread(target=opened, args=(each,)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [each.result() for each in found].count(None) == 1


@pytest.mark.slow
def test_a_missing_package_is_told_with_its_extra() -> None:
    store = "import asyncio\nfrom pathlib import Path\nfrom agentctl.store import Store, open_checkpointer\n"
    url = 'url="postgresql://u@h/d"'
    runs = f"async def main():\n    async with Store(Path('.'), {url}) as store: await store.list_runs()\n"
    saves = f"async def main():\n    async with open_checkpointer(Path('.'), {url}): pass\n"
    catch = "try: asyncio.run(main())\nexcept Exception as error: print(type(error).__name__, error, error.hint)\n"

    for packages, main in (("psycopg", runs), ("psycopg", saves), ("psycopg_pool", saves)):
        said = without(packages, store + main + catch)
        assert said.startswith("ServiceUnavailable AGENTCTL_DATABASE_URL names a Postgres database, and a package")
        assert said.endswith("pip install 'agentctl-workspaces[postgres]'\n")


async def test_closing_leaves_no_connection(tmp_path: Path, postgres_url: str, postgres) -> None:
    async with Store(tmp_path, url=postgres_url) as store, open_checkpointer(tmp_path, postgres_url) as saver:
        await store.list_runs()
        await saver.adelete_thread("x")

    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentctl'"
    with psycopg.connect(postgres.admin, autocommit=True) as connection:
        for _ in range(100):
            if connection.execute(query).fetchone() == (0,):
                break
            await asyncio.sleep(0.02)
        assert connection.execute(query).fetchone() == (0,)


@pytest.mark.slow
async def test_two_stores_that_meet_in_many_sessions_never_lock_each_other_out(
    tmp_path: Path, postgres_url: str, make_run: MakeRun
) -> None:
    """What is queued is one transaction, so each holds some of the sessions that the other wants next."""
    sessions = [SessionRow(session_id=f"session{number:02}", user_id="u1", workspace="trip") for number in range(12)]

    async def turn(store: Store, session: SessionRow) -> str:
        run = make_run(session_id=session.session_id)
        try:
            await store.sessions.begin(run, session)
        except SessionBusy:
            return "busy"
        await store.update_run(run.run_id, status="done", result={"output": "x"})
        return "done"

    async with Store(tmp_path, url=postgres_url) as one, Store(tmp_path, url=postgres_url) as other:
        for _ in range(10):
            mixed = [random.sample(sessions, len(sessions)) for _ in (one, other)]
            pairs = [(store, each) for store, order in zip((one, other), mixed, strict=True) for each in order]
            told = await asyncio.gather(*(turn(*pair) for pair in pairs))
            assert set(told) <= {"done", "busy"}

        turns = [len(await one.sessions.turns(each.session_id)) for each in sessions]
        stored = [(await one.sessions.find(each.session_id))[0].turns for each in sessions]
        assert stored == turns
