"""The plain lines that a person sees in a pipe or a log of a build."""

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

TWICE = """\
version: 1
stages:
  talk: {agents: [a, b], exit: {when: "rounds >= 2"}, weights: {good: 1}}
  end: {agents: [judge]}
agents:
  a: {kind: python, entry: "m:f", scores: [good], exit: {max_runs: 9}}
  b: {kind: python, entry: "m:f", scores: [good], exit: {max_runs: 9}}
  judge: {kind: decision}
"""
CODE = "def f(state): return {'text': 'hm', 'scores': {'tea': {'good': 0.9}, 'coffee': {'good': 0.1}}}\n"


def test_a_second_round_and_the_winner_are_told(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("two", {"workspace.yaml": TWICE, "m.py": CODE})
    lines = agentctl("run", "two", "x").err.splitlines()

    assert [line for line in lines if line.startswith("  round")] == ["  round 2"]
    assert lines.index("  round 2") > lines.index("  scores: tea 1.8 > coffee 0.2")
    assert [line for line in lines if "judge" in line] == ["end: judge", "  ✓ judge: winner tea"]


def test_the_first_line_says_what_runs_with_which_model(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("talk")
    first = agentctl("run", "talk", "x", "--model", "offline").err.splitlines()[0]

    assert first.startswith("running talk with offline, generation ")
