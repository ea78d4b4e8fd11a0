"""`run --record` and `run --replay` as scripts see them."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

SPEC = """\
version: 1
model: scripted:replies.yaml
stages: {talk: {agents: [a, b]}}
agents:
  a: {prompt: Be brief., on_error: skip}
  b: {prompt: Be long.}
"""
REPLIES = "replies:\n- {agent: a, text: yes, usage: {input_tokens: 7, output_tokens: 1}}\n- {agent: b, text: indeed}\n"


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    return write_workspace("talk", {"workspace.yaml": SPEC, "replies.yaml": REPLIES.replace("yes", '"yes"')})


def test_a_replay_answers_as_the_run_did_and_says_that_it_is_one(agentctl: Command, root: Path) -> None:
    assert agentctl("run", "talk", "x", "--record", "c.yaml").out == "yes\n\nindeed\n"
    (root / "workspaces/talk/replies.yaml").write_text("replies: []\n")
    code, out, err = agentctl("run", "talk", "x", "--replay", "c.yaml")

    assert (code, out) == (0, "yes\n\nindeed\n")
    assert f"REPLAY: all answers are from {root / 'c.yaml'}, and nothing is called" in err
    assert "8 tokens" in err
    assert "REPLAY: all answers are from" in agentctl("why").out


def test_json_tells_of_a_replay_too(agentctl: Command, root: Path) -> None:
    agentctl("run", "talk", "x", "--record", "c.yaml")
    first, *_ = agentctl("run", "talk", "x", "--replay", "c.yaml", "--json").out.splitlines()

    assert json.loads(first)["replay"] == str(root / "c.yaml")


def test_a_miss_is_four_even_where_the_agent_may_fail(agentctl: Command, root: Path) -> None:
    agentctl("run", "talk", "x", "--record", "c.yaml")
    (root / "workspaces/talk/workspace.yaml").write_text(SPEC.replace("Be brief.", "Be quick."))
    code, out, err = agentctl("run", "talk", "x", "--replay", "c.yaml", "--quiet")

    assert (code, out) == (4, "indeed\n")
    assert "1 call not recorded; the first: call 1 of 'a'" in err
    assert "-    content: Be brief.\n+    content: Be quick.\n" in err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--record", "c.yaml", "--replay", "c.yaml"], "a run is recorded or replayed, not both"),
        (["--replay", "no.yaml"], "cannot be read"),
        (["--replay", "workspaces/talk/workspace.yaml"], "is no cassette"),
        (["--record", "workspaces/talk/workspace.yaml"], "is there, and is no cassette"),
        (["--record", "no/such/c.yaml"], "cannot be written"),
        (["--replay", "c.yaml", "--session", "mine"], "a replay is no turn of a conversation"),
    ],
)
def test_what_cannot_be_is_two_before_anything_runs(
    agentctl: Command, root: Path, words: list[str], reason: str
) -> None:
    agentctl("run", "talk", "x", "--record", "c.yaml")
    code, out, err = agentctl("run", "talk", "x", *words)

    assert (code, out) == (2, "")
    assert reason in err
    assert len(json.loads(agentctl("runs", "--json").out)) == 1


def test_a_replay_is_not_resumed(agentctl: Command, root: Path) -> None:
    agentctl("run", "talk", "x", "--record", "c.yaml")
    agentctl("run", "talk", "another task", "--replay", "c.yaml")
    run_id = json.loads(agentctl("runs", "--json").out)[0]["run_id"]
    code, _, err = agentctl("resume", run_id)

    assert code == 2
    assert "nothing to go on with" in err
