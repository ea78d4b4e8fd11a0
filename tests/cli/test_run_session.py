"""The options of `run` that say whose turn of which conversation it is."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.runtime.process import Project, events, kill

TALK = """
import asyncio
from pathlib import Path

async def talk(state, ctx):
    while state["task"] == "wait" and not Path("go").exists():
        await asyncio.sleep(0.01)
    files = [f"[{file['name']} {file['bytes'].decode()}]" for file in ctx.attachments]
    return " | ".join([*(turn["user"] for turn in ctx.turns), state["task"], *files])
"""


@pytest.fixture
def talk(write_workspace: WriteWorkspace) -> Path:
    """A project whose workspace `talk` says what it was asked in the session so far; `wait` waits for the file `go`."""
    write_workspace("other", workspace({"main": ["a"]}, {"a": {"entry": "work:talk"}}, TALK))
    return write_workspace("talk", workspace({"main": ["a"]}, {"a": {"entry": "work:talk"}}, TALK))


@pytest.fixture
def waiting(talk: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process whose run is in the session `s`."""
    process = Project(talk).start("run", "talk", "wait", "--session", "s", "--json", "--timeout", "60")
    assert process.stdout and process.stderr
    while '"agent.started"' not in process.stdout.readline():
        pass
    yield process
    kill(process)
    process.stdout.close()
    process.stderr.close()


def started(out: str) -> dict[str, Any]:
    return next(event for event in events(out) if event["type"] == "run.started")


def test_a_new_name_begins_a_session_and_says_so(agentctl: Command, talk: Path) -> None:
    first, second = (agentctl("run", "talk", task, "--session", "trip") for task in ("one", "two"))

    assert (first.out, second.out) == ("one\n", "one | two\n")
    assert "new session 'trip'" in first.err.splitlines()
    assert "new session" not in second.err
    assert agentctl("run", "talk", "one", "--session", "other", "--json").err == "new session 'other'\n"
    assert agentctl("run", "talk", "one", "--session", "quiet", "--quiet").err == ""


def test_without_one_every_run_is_a_session_of_its_own(agentctl: Command, talk: Path) -> None:
    assert [agentctl("run", "talk", task).out for task in ("one", "two")] == ["one\n", "two\n"]
    assert len({row["session_id"] for row in json.loads(agentctl("runs", "--json").out)}) == 2


def test_a_session_goes_on_by_its_id_the_start_of_that_and_its_age(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "0", "--session", "old")
    first = started(agentctl("run", "talk", "1", "--json").out)
    session_id = first["session_id"]
    for number, word in enumerate((session_id, session_id[:16], session_id[:16].upper(), "-1"), 2):
        event = started(agentctl("run", "talk", str(number), "--json", "--session", word).out)
        assert (event["session_id"], event["session"], event["turn"]) == (session_id, None, number)

    assert agentctl("run", "talk", "x", "-s", "-2").out == "0 | x\n"
    assert agentctl("run", "talk", "x", "-s", "-9").code == 2


def test_users_do_not_share_sessions(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "mine", "--session", "trip")
    theirs = started(agentctl("run", "talk", "theirs", "--session", "trip", "--user", "mia", "--json").out)
    code, out, err = agentctl("run", "talk", "x", "--session", theirs["session_id"])

    assert (theirs["turn"], code, out) == (1, 2, "") and "is not " in err
    assert agentctl("run", "talk", "x", "--session", "trip").out == "mine | x\n"


def test_a_run_is_resumed_by_its_user_only(agentctl: Command, talk: Path) -> None:
    run_id = started(agentctl("run", "talk", "theirs", "--user", "mia", "--json").out)["run_id"]
    code, out, err = agentctl("resume", run_id[:17])

    assert (code, out) == (2, "") and f"run {run_id} is not " in err
    assert agentctl("resume", run_id, "--user", "").code == agentctl("resume", run_id, "--user", "bob").code == 2
    assert agentctl("resume", run_id, "--user", "mia").out == "theirs\n"


def test_a_session_keeps_to_its_workspace(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "trip")
    code, out, err = agentctl("run", "other", "two", "--session", "trip")

    assert (code, out) == (2, "") and "one of workspace talk, not of other" in err


@pytest.mark.parametrize("words", [
    ["--session", "a/b"], ["--session", ""], ["--session", "01m7wx00s1yrbffnyn"], ["--session", "-1"], ["--meta", "k"],
    ["--user", ""], ["--user", " "], ["--user", "m\0a"], ["--user", "\udcff"],
    ["--meta", "=v"], ["--meta", "a\nb=v"], ["--file", "ghost.txt"], ["--busy", "hurry"], ["--session", "é\x1b[2J"],
])  # fmt: skip
def test_a_slip_is_two_and_nothing_runs(agentctl: Command, talk: Path, words: list[str]) -> None:
    code, out, err = agentctl("run", "talk", "one", *words)

    assert (code, out) == (2, "")
    assert "Traceback" not in err and "\x1b" not in err
    assert json.loads(agentctl("runs", "--json").out) == json.loads(agentctl("sessions", "list", "--json").out) == []


def test_metadata_is_noted_on_the_session(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "s", "--meta", "k=v=w", "--meta", "l=")
    agentctl("run", "talk", "two", "--session", "s", "--meta", "k=other")
    [row] = json.loads(agentctl("sessions", "list", "--json").out)

    assert row["metadata"] == {"k": "other", "l": ""}


def test_files_go_with_their_turn(
    agentctl: Command, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are the caller's, also from within a folder of the project."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("A")
    (tmp_path / "b.txt").write_text("B")
    monkeypatch.chdir(tmp_path / "notes")
    words = ("--session", "s", "--file", "a.txt", "--file", str(tmp_path / "b.txt"))

    assert agentctl("run", "talk", "one", *words).out == "one | [a.txt A] | [b.txt B]\n"
    assert agentctl("run", "talk", "two", "--session", "s").out == "one | two\n"


@pytest.mark.slow
def test_a_busy_session_is_refused_at_once_where_that_is_asked_for(
    agentctl: Command, talk: Path, waiting: subprocess.Popen[str]
) -> None:
    code, out, err = agentctl("run", "talk", "x", "--session", "s", "--busy", "fail")

    assert (code, out) == (5, "") and "session s is busy" in err and "--busy cancel" in err
    assert agentctl("run", "talk", "x", "--session", "t", "--busy", "fail").code == 0
    assert [row["session"] for row in json.loads(agentctl("runs", "--json").out)] == ["t", "s"]


@pytest.mark.slow
def test_the_next_turn_waits_for_the_one_before(agentctl: Command, talk: Path, waiting: subprocess.Popen[str]) -> None:
    second = Project(talk).start("run", "talk", "x", "--session", "s")
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(1)
    (talk / "go").touch()

    assert second.communicate(timeout=20)[0] == "wait | x\n"
    assert waiting.wait(20) == 0


@pytest.mark.slow
def test_the_next_turn_may_cancel_the_one_before(agentctl: Command, talk: Path, waiting: subprocess.Popen[str]) -> None:
    code, out, _ = agentctl("run", "talk", "x", "--session", "s", "--busy", "cancel")

    assert (code, out) == (0, "wait | x\n")
    assert waiting.wait(20) == 130
    assert [row["status"] for row in json.loads(agentctl("runs", "--json").out)] == ["done", "cancelled"]
