import asyncio
import json
import os
import sqlite3
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine

from agentctl.store import RunRow, SessionRow, Store, new_id
from agentctl.store.migrations.run import upgrade
from agentctl.store.postgres import Server
from agentctl.store.tables import VERSION
from tests.cli.conftest import Command
from tests.services import PASSWORD, Postgres

Execute = Callable[[str], None]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, agentctl: Command) -> str | None:
    """Of the database that commands use; None for the project's own file."""
    if request.param == "sqlite":
        return None
    os.environ["AGENTCTL_DATABASE_URL"] = str(request.getfixturevalue("postgres_url"))
    return os.environ["AGENTCTL_DATABASE_URL"]


@pytest.fixture
def execute(url: str | None) -> Execute:
    """Change the database behind everybody's back."""

    def run(statement: str) -> None:
        if url is None:
            with closing(sqlite3.connect(".agentctl/state.db")) as connection, connection:
                connection.execute(statement)
        else:
            with psycopg.connect(url) as connection:
                connection.execute(statement)  # type: ignore[arg-type]

    return run


async def put_turn(store: Store, answer: str) -> str:
    """A session with one turn; returns its id."""
    owned = {"session_id": new_id(), "user_id": "u1", "workspace": "trip"}
    run = RunRow(run_id=new_id(), generation="0" * 12, task="go", **owned)
    await store.sessions.begin(run, SessionRow(**owned))
    store.put_event({"type": "run.started", "seq": 1, "run_id": run.run_id})
    await store.update_run(run.run_id, status="done", result={"output": answer})
    return owned["session_id"]


def a_turn(url: str | None) -> str:
    """Leave a session with one turn; returns its id."""

    async def put() -> str:
        async with Store(Path(), url=url) as store:
            return await put_turn(store, "done")

    return asyncio.run(put())


def found(agentctl: Command) -> dict[str, dict[str, str]]:
    outcome = agentctl("db", "check", "--json")
    assert outcome.err == ""
    return {finding["check"]: finding for finding in json.loads(outcome.out)}


def test_upgrading_creates_the_database_and_then_has_nothing_to_do(agentctl: Command, url: str | None) -> None:
    first, second = agentctl("db", "upgrade"), agentctl("db", "upgrade")

    assert (first.code, second.code, first.err + second.err) == (0, 0, "")
    assert first.out.endswith(f" was created with schema {VERSION}\n")
    assert second.out.endswith(f" has schema {VERSION}, nothing to do\n")
    assert PASSWORD not in first.out + second.out


def test_upgrading_says_from_which_schema_to_which(agentctl: Command, url: str | None) -> None:
    if url is None:
        Path(".agentctl").mkdir()
        engine = create_engine("sqlite:///.agentctl/state.db")
    else:
        engine = create_engine("postgresql+psycopg://", creator=Server.of(url).connect)
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()

    assert f"schema 0001, which the next run brings to {VERSION}" in agentctl("db", "check").out
    assert agentctl("db", "upgrade").out.endswith(f": schema 0001 → {VERSION}\n")
    assert agentctl("db", "upgrade").out.endswith("nothing to do\n")


def test_a_sound_database_is_called_so(agentctl: Command, url: str | None) -> None:
    a_turn(url)
    agentctl("db", "upgrade")

    assert agentctl("db", "check").code == 0
    assert found(agentctl)["contents"]["found"] == "no contradictions"


def test_nothing_yet_is_no_problem_and_stays_nothing(agentctl: Command, url: str | None) -> None:
    assert agentctl("db", "check").code == 0
    assert not Path(".agentctl").exists()
    assert "the first run creates" in agentctl("db", "check").out


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM sessions", "1 turns of no session, as of {}"),
        ("DELETE FROM turns", "1 sessions with another number of turns than they say, as {}"),
        ("UPDATE turns SET turn = 3", "1 sessions with another number of turns than they say, as {}"),
        ("DELETE FROM runs", "1 run events of no run, as of "),
    ],
)
def test_contradictions_are_problems(
    agentctl: Command, url: str | None, execute: Execute, damage: str, told: str
) -> None:
    session_id = a_turn(url)
    execute(damage)

    assert agentctl("db", "check").code == 5
    contents = found(agentctl)["contents"]
    assert contents["status"] == "problem"
    assert contents["found"].startswith(told.format(session_id))


def test_a_newer_schema_is_refused_everywhere(agentctl: Command, url: str | None, execute: Execute) -> None:
    agentctl("db", "upgrade")
    execute("UPDATE alembic_version SET version_num = '0099'")

    for words in (["db", "check"], ["db", "upgrade"], ["doctor"]):
        code, out, err = agentctl(*words)
        assert code == 5
        assert f"has schema 0099, and this version of agentctl knows {VERSION} at most" in out + err


def test_a_damaged_file_is_found(agentctl: Command) -> None:
    a_turn(None)
    path = Path(".agentctl/state.db")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    assert found(agentctl)["state.db"]["status"] == "problem"
    outcome = agentctl("db", "backup", "copy")
    assert (outcome.code, outcome.out) == (5, "")
    assert "state.db is damaged" in outcome.err
    assert not Path("copy").exists()


def test_a_server_that_is_away_is_a_problem_without_its_password(agentctl: Command) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = f"postgresql://me:{PASSWORD}@127.0.0.1:1/project"

    for words in (["db", "check"], ["db", "upgrade"], ["db", "backup"], ["doctor"]):
        code, out, err = agentctl(*words)
        assert code == 5
        assert "Postgres database 'project' at 127.0.0.1:1: the server cannot be reached" in out + err
        assert PASSWORD not in out + err
    assert list(Path().iterdir()) == []


def test_another_kind_of_url_is_refused_and_not_repeated(agentctl: Command) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = f"mysql://me:{PASSWORD}@h/project"

    code, out, err = agentctl("db", "check")
    assert (code, out) == (2, "")
    assert "AGENTCTL_DATABASE_URL is not a postgresql:// URL" in err
    assert PASSWORD not in err


def test_doctor_names_the_server_and_no_password(agentctl: Command, postgres_url: str) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = postgres_url
    agentctl("db", "upgrade")

    out = agentctl("doctor").out
    assert "ok       database       Postgres database 'project" in out
    assert f"schema {VERSION}" in out
    assert "state.db" not in out
    assert PASSWORD not in out + agentctl("doctor", "--json").out


def test_a_backup_is_private_and_holds_what_was_stored(agentctl: Command) -> None:
    session_id = a_turn(None)
    agentctl("db", "upgrade")
    outcome = agentctl("db", "backup")

    folder = Path(outcome.out.strip())
    assert (outcome.code, folder.parent, folder.name[:16]) == (0, Path.cwd(), "agentctl-backup-")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "state.db": 0o600,
        "checkpoints.db": 0o600,
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with closing(sqlite3.connect(folder / "state.db")) as copy:
        assert copy.execute("SELECT session_id FROM turns").fetchall() == [(session_id,)]


def test_a_backup_put_back_is_the_project_again(agentctl: Command) -> None:
    session_id = a_turn(None)
    agentctl("db", "backup", "copy")
    Path(".agentctl").rename("lost")
    Path("copy").rename(".agentctl")

    async def turns() -> list[str | None]:
        async with Store(Path()) as store:
            return [turn.answer for turn in await store.sessions.turns(session_id)]

    assert asyncio.run(turns()) == ["done"]
    assert agentctl("db", "check").code == 0


def test_a_backup_never_overwrites(agentctl: Command) -> None:
    assert agentctl("db", "backup", "copy").code == 2  # there is nothing yet
    a_turn(None)
    Path("copy").mkdir()
    Path("copy/mine").write_text("kept")

    code, _, err = agentctl("db", "backup", "copy")
    assert code == 2
    assert "copy exists" in err
    assert Path("copy/mine").read_text() == "kept"
    assert agentctl("db", "backup", "no/such/copy").code == 2


@pytest.fixture
def writing(agentctl: Command) -> Iterator[threading.Event]:
    """Another writer adds turns as quickly as it can, until the test is over."""
    stop = threading.Event()

    async def write() -> None:
        async with Store(Path()) as store:
            while not stop.is_set():
                await put_turn(store, "y" * 5000)

    a_turn(None)
    thread = threading.Thread(target=lambda: asyncio.run(write()))
    thread.start()
    yield stop
    stop.set()
    thread.join()


def test_a_backup_amid_writes_is_of_one_moment(agentctl: Command, writing: threading.Event) -> None:
    for number in range(5):
        assert agentctl("db", "backup", f"copy{number}").code == 0
    writing.set()

    os.environ["AGENTCTL_ROOT"] = str(Path("whole").absolute())
    Path("whole").mkdir()
    for number in range(5):
        Path(f"copy{number}").rename("whole/.agentctl")
        assert (agentctl("db", "check").code, found(agentctl)["contents"]["found"]) == (0, "no contradictions")
        Path("whole/.agentctl").rename(f"seen{number}")


def test_a_server_is_dumped_by_its_own_program(
    agentctl: Command, postgres_url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = postgres_url
    session_id = a_turn(postgres_url)
    os.environ["PATH"] = f"{postgres.programs}:{os.environ['PATH']}"
    outcome = agentctl("db", "backup", "copy")

    assert (outcome.code, outcome.err) == (0, "")
    assert stat.S_IMODE(Path("copy/database.dump").stat().st_mode) == 0o600
    fresh = postgres.fresh()
    assert os.system(f"pg_restore --dbname='{fresh}' copy/database.dump") == 0
    with psycopg.connect(fresh) as connection:
        assert connection.execute("SELECT session_id FROM turns").fetchall() == [(session_id,)]


SPY = """#!{python}
import os, sys
open({notes!r}, "w").write(repr(sys.argv[1:]) + os.environ.get("PGPASSWORD", "none"))
sys.exit("pg_dump: error: aborting because of server version mismatch")
"""


def test_the_password_is_no_word_of_the_dumping_command(agentctl: Command, postgres_url: str, tmp_path: Path) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = postgres_url
    notes, spy = tmp_path / "notes", tmp_path / "bin" / "pg_dump"
    spy.parent.mkdir()
    spy.write_text(SPY.format(python=sys.executable, notes=str(notes)))
    spy.chmod(0o755)
    os.environ["PATH"] = str(spy.parent)
    code, out, err = agentctl("db", "backup", "copy")

    words, _, password = notes.read_text().rpartition("]")
    assert "dbname=project" in words
    assert PASSWORD not in words
    assert password == PASSWORD
    assert (code, out) == (5, "")
    assert "version mismatch" in err
    assert "hint: put the `pg_dump` of the server's version" in err
    assert not Path("copy").exists()


def test_a_server_without_its_program_says_what_to_install(agentctl: Command, postgres_url: str) -> None:
    os.environ["AGENTCTL_DATABASE_URL"] = postgres_url
    os.environ["PATH"] = ""
    code, _, err = agentctl("db", "backup", "copy")

    assert code == 5
    assert "hint: install Postgres's client programs" in err
    assert not Path("copy").exists()
