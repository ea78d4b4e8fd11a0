import json
from xml.etree import ElementTree

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

BAD = "version: 1\ndescripton: typo\nstages: {s: {agents: [ghost]}}\n"


def test_a_valid_project_is_said_to_be_so(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    write_workspace("two")

    assert agentctl("validate") == (0, "one: valid\ntwo: valid\n", "")
    assert agentctl("validate", "two") == (0, "two: valid\n", "")


def test_all_problems_of_all_workspaces_come_at_once(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", BAD)
    write_workspace("good")
    write_workspace("worse", "version: 1\nstages: [\n")
    code, out, err = agentctl("validate")

    assert code == 3
    assert out.splitlines() == ["bad: 2 errors", "good: valid", "worse: 1 error"]
    lines = err.splitlines()
    assert lines[0].startswith("workspaces/bad/workspace.yaml:2:1: E101 unknown-key: descripton")
    assert lines[1].strip().startswith("hint: ")
    assert any(line.startswith("workspaces/worse/workspace.yaml:") for line in lines)


def test_warnings_do_not_fail(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("odd", {"agents/x.yml": "prompt: x\n"})
    code, out, err = agentctl("validate")

    assert (code, out) == (0, "odd: 1 warning\n")
    assert "warning: " in err


def test_nothing_to_check_is_no_success(agentctl: Command) -> None:
    """A check that looks into the wrong folder must not be green."""
    code, out, err = agentctl("validate")

    assert (code, out) == (3, "")
    assert err.startswith("error: no workspaces in ")


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_machine_formats_are_one_json_document(agentctl: Command, write_workspace: WriteWorkspace, format: str) -> None:
    write_workspace("bad", BAD)
    code, out, err = agentctl("validate", "--format", format)

    assert (code, err) == (3, "")
    document = json.loads(out)
    found = document[0]["problems"] if format == "json" else document["runs"][0]["results"]
    assert len(found) == 2


def test_junit_counts_failures(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", BAD)
    write_workspace("good")
    code, out, _ = agentctl("validate", "--format", "junit")

    assert code == 3
    assert ElementTree.fromstring(out).attrib["failures"] == "1"
