import json

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

FULL = """\
version: 1
description: Two argue, one decides.
model: openai:gpt-5-mini
channels: {votes: {type: sum, writers: [critic]}}
stages:
  argue:
    agents: [author, critic]
    order: sequential
    weights: {quality: 2, risk: "-1 if visits.argue < 2 else -2"}
    exit: {quorum: 2}
  decide:
    agents: [judge]
    next:
      - {when: "visits.argue < 2", to: argue}
      - {to: final}
agents:
  author: {description: Writes., prompt: x, reads: [task]}
  critic: {prompt: x, model: offline, scores: [quality, risk], exit: once, on_error: skip}
  judge: {kind: decision}
limits: {max_steps: 9}
"""


def test_shows_stages_agents_channels_and_limits(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("court", FULL)
    code, out, err = agentctl("show", "court")

    assert (code, err) == (0, "")
    for line in (
        "Two argue, one decides.",
        "  argue (start): author → critic",
        "    exit     quorum 2; at most 10 rounds",
        "    weights  quality 2, risk -1 if visits.argue < 2 else -2",
        "    next     argue when visits.argue < 2",
        "             final otherwise",
        "  author: skill openai:gpt-5-mini, reasoner",
        "    reads    task",
        "  critic: skill offline, reasoner",
        "    writes   history, options, rewards, votes",
        "    exit     once",
        "    on_error skip",
        "  judge: decision weighted, synthesizer",
        "  votes: sum, written by critic",
        "limits  max_steps 9",
    ):
        assert line in out.splitlines(), line


def test_json_has_the_same_facts(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("court", FULL)
    sheet = json.loads(agentctl("show", "court", "--json").out)

    assert sheet["stages"][1]["routes"] == [{"to": "argue", "when": "visits.argue < 2"}, {"to": "final", "when": None}]
    assert [(a["role"], a["kind"], a["model"]) for a in sheet["agents"]][1:] == [
        ("critic", "skill", "offline"),
        ("judge", "decision", None),
    ]
    assert sheet["agents"][2]["writes"] == ["history", "options", "winner", "decision"]
    assert (sheet["start"], sheet["limits"]) == ("argue", {"max_steps": 9})


def test_an_invalid_workspace_shows_its_problems(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("court", FULL.replace("agents: [judge]", "agents: [juge]"))
    code, out, err = agentctl("show", "court")

    assert (code, out) == (3, "")
    assert "workspaces/court/workspace.yaml:12:14: E201 unknown-agent" in err
