import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agentctl.logs import AgentLogger
from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace


@pytest.fixture
def logged(write_workspace: WriteWorkspace) -> Path:
    """A project with a few records of two workspaces."""
    root = write_workspace("one")
    logger = AgentLogger(root)
    logger.log("one", "orchestrator", "info", "run started", session_id="s1", run_id="r1aaaa")
    logger.log("one", "agent", "error", "critic failed\n2026-01-01 forged\x1b[2J", agent="critic", run_id="r1aaaa")
    logger.log("two", "graph", "warning", "odd", run_id="r2bbbb")
    logger.close()
    return root


def messages(out: str) -> list[str]:
    return [json.loads(line)["message"] for line in out.splitlines()]


def test_shows_one_timeline_a_line_a_record(agentctl: Command, logged: Path) -> None:
    code, out, err = agentctl("logs")
    lines = sorted(line.partition(" ")[2] for line in out.splitlines())

    assert (code, err) == (0, "")
    assert lines == [
        "error   one/critic                   critic failed 2026-01-01 forged\\x1b[2J r1aaaa",
        "info    one/orchestrator             run started r1aaaa",
        "warning two/graph                    odd r2bbbb",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["two"], ["odd"]),
        (["--run", "r2"], ["odd"]),
        (["--session", "s1"], ["run started"]),
        (["--component", "graph"], ["odd"]),
        (["--level", "error", "--agent", "critic"], ["critic failed\n2026-01-01 forged\x1b[2J"]),
        (["--since", "1h", "two"], ["odd"]),
        (["--since", "2100-01-01"], []),
    ],
)
def test_filters_narrow_it_down(agentctl: Command, logged: Path, words: list[str], expected: list[str]) -> None:
    code, out, _ = agentctl("logs", "--json", *words)

    assert (code, messages(out)) == (0, expected)


def test_a_time_without_a_zone_is_utc_as_those_shown(agentctl: Command, logged: Path) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).replace(tzinfo=None).isoformat()
    future = (datetime.now(UTC) + timedelta(minutes=1)).replace(tzinfo=None).isoformat()

    assert len(agentctl("logs", "--since", past).out.splitlines()) == 3
    assert agentctl("logs", "--since", future).out == ""


def test_only_the_last_lines_may_be_asked_for(agentctl: Command, logged: Path) -> None:
    lines = agentctl("logs").out.splitlines()

    assert agentctl("logs", "-n", "2").out.splitlines() == lines[-2:]
    assert agentctl("logs", "--limit", "-1").code == 2


def test_what_cannot_be_asked_for_is_a_usage_error(agentctl: Command, logged: Path) -> None:
    assert agentctl("logs", "--since", "yesterday").code == 2
    assert agentctl("logs", "--since", "999999999d").code == 2
    assert agentctl("logs", "--since", "999999d").code == 2


def test_nothing_logged_is_said(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    code, out, err = agentctl("logs")

    assert (code, out) == (0, "")
    assert "no log line fits" in err


@pytest.mark.slow
def test_following_shows_new_lines_as_they_come(logged: Path) -> None:
    command = [sys.executable, "-m", "agentctl", "logs", "two", "--follow", "--json", "--root", str(logged)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert json.loads(process.stdout.readline())["message"] == "odd"
            logger = AgentLogger(logged, max_bytes=1)  # each batch is rotated away
            logger.log("two", "graph", "info", "fresh")
            logger.close()
            assert json.loads(process.stdout.readline())["message"] == "fresh"
        finally:
            process.terminate()
