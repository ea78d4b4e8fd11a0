"""`why`: what was said, which way the run went, and who was killed."""

import json
import signal

import pytest

from tests.cli.conftest import Command
from tests.cli.test_progress import CODE, TWICE
from tests.conftest import WriteWorkspace
from tests.runtime.process import Project

ONE = 'version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: "m:f"}}\n'
LONG = f"def f(state): return 'first {'word ' * 40}\\n\\nsecond \\x1b[2J line'\n"


def test_the_words_of_agents_are_told_short_or_whole(
    agentctl: Command, write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_workspace("one", {"workspace.yaml": ONE, "m.py": LONG})
    agentctl("run", "one", "x")
    monkeypatch.setenv("COLUMNS", "60")
    short, whole = agentctl("why").out.splitlines(), agentctl("why", "--full").out.splitlines()

    [told] = [line for line in short if "first word" in line]
    assert (len(told), told[:16], told[-1]) == (60, "      first word", "…")
    assert f"      first {'word ' * 40}" in whole
    assert "      second \\x1b[2J line" in whole
    assert not [line for line in short if "second" in line]


def test_without_a_run_the_newest_is_told(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one", {"workspace.yaml": ONE, "m.py": LONG})
    agentctl("run", "one", "older")
    agentctl("run", "one", "newer")

    assert "task: newer" in agentctl("why").out
    assert json.loads(agentctl("why", "--json").out)["task"] == "newer"


def test_where_nothing_ran_that_is_said(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    code, _, err = agentctl("why")

    assert code == 2
    assert "nothing ran yet" in err


@pytest.mark.parametrize("command", ["why", "resume"])
def test_an_id_that_is_too_short_is_said_to_be(agentctl: Command, command: str) -> None:
    code, _, err = agentctl(command, "01m7w")

    assert code == 2
    assert "at least 6 characters" in err


def test_rounds_and_the_winner_are_told(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("two", {"workspace.yaml": TWICE, "m.py": CODE})
    agentctl("run", "two", "x")
    told = agentctl("why").out.splitlines()

    assert told.count("  round 2") == 1
    assert told.count("      hm") == 4
    assert told[told.index("      winner tea") + 1] == "      by weighted: tea 3.6, coffee 0.4"


def test_a_decision_tells_its_rule_what_it_struck_and_who_disagrees(
    agentctl: Command, write_workspace: WriteWorkspace
) -> None:
    rules = TWICE.replace("{kind: decision}", "{kind: decision, rule: majority, veto: {metric: good, above: 0.8}}")
    names = [f"o{number}\x1b[2J" for number in range(7)]
    scores = {name: {"good": 0.1} for name in names} | {"tea": {"good": 0.9}}
    write_workspace("two", {"workspace.yaml": rules, "m.py": f"def f(state): return {{'scores': {scores!r}}}\n"})
    agentctl("run", "two", "x")
    [told] = [line for line in agentctl("why", "--full").out.splitlines() if "by majority" in line]

    assert told.startswith("      by majority: o0\\x1b[2J 2, ")
    assert told.endswith(" and 2 more; vetoed: tea; a prefers tea; b prefers tea")


def test_those_who_failed_for_one_reason_are_told_together(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    spec = ONE.replace("agents: [a]", "agents: [a, b]").replace("{a:", '{b: {kind: python, entry: "m:f"}, a:')
    write_workspace("one", {"workspace.yaml": spec, "m.py": "def f(state): raise ValueError('no luck')\n"})
    _, _, err = agentctl("run", "one", "x")

    assert err.count("no luck") == 2  # of the first, and of the run
    assert "  ✗ b: the same → fail\n" in err
    assert [line for line in agentctl("why").out.splitlines() if "✗" in line] == [
        "  ✗ a, b: agent 'a' failed: ValueError: no luck (m.py:1 in f) → fail"
    ]


@pytest.mark.slow
def test_a_killed_run_names_who_was_in_flight(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    spec = ONE.replace("agents: [a]", "agents: [a, b], order: sequential").replace(
        "agents: {a:", 'agents: {b: {kind: python, entry: "m:die"}, a:'
    )
    die = "def die(state):\n    import os, time\n    time.sleep(0.5)\n    os.kill(os.getpid(), 9)\n"
    root = write_workspace("one", {"workspace.yaml": spec, "m.py": f"def f(state): return 'alive'\n{die}"})
    assert Project(root).agentctl("run", "one", "x").returncode == -signal.SIGKILL
    story, told = json.loads(agentctl("why", "--json").out), agentctl("why").out

    assert (story["status"], story["visits"][-1]["unfinished"]) == ("killed", ["b"])
    assert "      alive\n" in told
    assert "  … b started and did not finish\n" in told
    assert "killed while b ran\n" in told
    assert f"agentctl resume {story['run_id']}" in told
