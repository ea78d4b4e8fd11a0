import json

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

DESCRIBED = """\
version: 1
description: Answers anything.
stages: {think: {agents: [a, b]}, say: {agents: [a]}}
agents: {a: {prompt: x}, b: {prompt: y}}
"""


def test_lists_what_each_workspace_is(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one", DESCRIBED)

    assert agentctl("list") == (0, "one  2 agents  2 stages  Answers anything.\n", "")


def test_an_invalid_workspace_is_shown_beside_the_others(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", "version: 1\nstages: {s: {agents: [ghost, phantom]}}\n")
    write_workspace("good", DESCRIBED)
    code, out, _ = agentctl("list")

    assert code == 0
    assert [line.split() for line in out.splitlines()] == [
        ["bad", "2", "problems", "see", "`agentctl", "validate", "bad`"],
        ["good", "2", "agents", "2", "stages", "Answers", "anything."],
    ]


def test_json_is_one_array(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", "version: 1\n")
    write_workspace("good", DESCRIBED)
    bad, good = json.loads(agentctl("list", "--json").out)

    assert (bad["name"], bad["problems"], bad["generation"]) == ("bad", 1, None)
    assert (good["agents"], good["stages"], good["problems"]) == (["a", "b"], ["think", "say"], 0)
    assert len(good["generation"]) == 12


def test_an_empty_project_says_how_to_begin(agentctl: Command) -> None:
    code, out, err = agentctl("list")

    assert (code, out) == (0, "")
    assert "agentctl new NAME" in err
    assert agentctl("list", "--json").out == "[]\n"


def test_a_description_cannot_steer_the_terminal(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one", DESCRIBED.replace("Answers anything.", '"a\\e[2Jb\\u009b2Jc\\nd"'))

    assert agentctl("list").out.endswith("a\\x1b[2Jb\\x9b2Jc d\n")
    assert "\x9b" not in agentctl("list", "--json").out


def test_the_root_may_be_named(agentctl: Command, write_workspace: WriteWorkspace, tmp_path_factory) -> None:
    root = write_workspace("one", DESCRIBED)
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    assert agentctl("list", "--root", str(elsewhere)).out == ""
    assert agentctl("list", "--root", str(root)).out.startswith("one")
