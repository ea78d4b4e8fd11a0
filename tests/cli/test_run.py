"""`run`, `resume`, `runs` and `why` as scripts see them: exit codes and what goes where."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

SPEC = """\
version: 1
stages:
  first:
    agents: [a]
    next:
      - {when: "visits.first < 2", to: first}
      - {to: last}
  last: {agents: [a]}
limits: {max_steps: 5}
agents: {a: {kind: python, entry: "m:f"}}
"""


@pytest.fixture
def flow(write_workspace: WriteWorkspace) -> Path:
    return write_workspace("flow", {"workspace.yaml": SPEC, "m.py": "def f(state): return 'to ' + state['task']\n"})


def test_done_is_zero_and_the_answer_is_on_stdout(agentctl: Command, flow: Path) -> None:
    code, out, err = agentctl("run", "flow", "x")

    assert (code, out) == (0, "to x\n")
    assert err.splitlines()[-1].startswith("done in ")


def test_a_task_comes_from_stdin(agentctl: Command, flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("от stdin 🎉".encode())))

    assert agentctl("run", "flow", "-", "--quiet").out == "to от stdin 🎉\n"


def test_a_closed_stdin_is_a_usage_error(agentctl: Command, flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)  # as Python has it after `<&-`
    code, out, err = agentctl("run", "flow", "-")

    assert (code, out) == (2, "")
    assert "stdin is closed" in err


@pytest.mark.parametrize("word", ["workspaces/flow", "workspaces/flow/", "./workspaces/flow/workspace.yaml"])
def test_the_path_that_tab_completion_gives_names_the_workspace(agentctl: Command, flow: Path, word: str) -> None:
    assert agentctl("run", word, "x").out == "to x\n"
    assert agentctl("validate", word).out == "flow: valid\n"
    assert agentctl("show", word).out.startswith("flow ")
    assert agentctl("logs", word).code == 0


def test_the_folder_one_is_in_may_be_named(agentctl: Command, flow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(flow / "workspaces/flow")
    assert agentctl("validate", ".").out == "flow: valid\n"

    code, _, err = agentctl("graph", "..")
    assert code == 3
    assert "agentctl list" in err


def test_an_empty_task_is_a_usage_error(agentctl: Command, flow: Path) -> None:
    assert agentctl("run", "flow", "  ").code == 2


@pytest.mark.parametrize("words", ["run flwo x", "show flwo", "graph flwo", "validate flow flwo", "logs flwo"])
def test_an_unknown_workspace_is_three_with_the_nearest(agentctl: Command, flow: Path, words: str) -> None:
    code, out, err = agentctl(*words.split())

    assert (code, out) == (3, "")
    assert "did you mean 'flow'?" in err


def test_a_failed_run_is_four(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("flow", {"workspace.yaml": SPEC, "m.py": "def f(state): raise ValueError('no luck')\n"})
    code, out, err = agentctl("run", "flow", "x")

    assert (code, out) == (4, "")
    assert "error: agent-failed: agent 'a' failed: ValueError: no luck" in err
    [closing] = [line for line in err.splitlines() if line.startswith("failed in ")]
    assert "agentctl why " in closing
    assert "agentctl resume " in closing


def test_half_an_answer_is_none(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    luck = "def f(state):\n    if state['visits']['first'] > 1: raise ValueError\n    return 'half'\n"
    write_workspace("flow", {"workspace.yaml": SPEC, "m.py": luck})
    code, out, _ = agentctl("run", "flow", "x")

    assert (code, out) == (4, "")
    assert "      half\n" in agentctl("why").out


def test_a_missing_key_is_five_before_anything_runs(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("talk")
    code, out, err = agentctl("run", "talk", "x", "--model", "openai:gpt-5-mini")

    assert (code, out) == (5, "")
    assert "OPENAI_API_KEY" in err
    assert json.loads(agentctl("runs", "--json").out) == []


def test_a_limit_is_six_with_what_there_is(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace(
        "flow", {"workspace.yaml": SPEC.replace("max_steps: 5", "max_steps: 1"), "m.py": "def f(state): return 'x'\n"}
    )
    code, out, err = agentctl("run", "flow", "x")

    assert (code, out) == (6, "x\n")
    assert "max_steps" in err
    [closing] = [line for line in err.splitlines() if line.startswith("limited in ")]
    assert "start a new run" in closing
    assert "resume" not in closing


def test_what_ran_is_listed_and_explained(agentctl: Command, flow: Path) -> None:
    agentctl("run", "flow", "x")
    [row] = json.loads(agentctl("runs", "--json").out)
    why = agentctl("why", row["run_id"][:12]).out

    assert (row["status"], row["workspace"], row["task"]) == ("done", "flow", "x")
    assert "→ first taken: visits.first < 2" in why
    assert "→ first not taken: visits.first < 2" in why
    assert "visits.first = 2" in why
    assert agentctl("resume", row["run_id"]).out == "to x\n"


def test_a_run_that_does_not_exist_is_a_usage_error(agentctl: Command, flow: Path) -> None:
    for command in ("why", "resume"):
        assert agentctl(command, "0123456789").code == 2
