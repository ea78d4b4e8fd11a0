"""Reports for people and machines, and the JSON Schema for editors."""

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest

from agentctl.errors import Problem
from agentctl.workspace import agent_json_schema, check_workspace, render, workspace_json_schema
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.yamlfile import read_yaml
from tests.workspace.test_load import CRITIC, TRIP

FAULT = Problem("workspaces/a b/x.yaml", 3, 7, "E101 unknown-key", "<x> & 'y' é", 'say "z"')
WARNING = Problem("workspaces/a b/x.yaml", 1, 1, "E211 unused-agent", "agent 'q' is unused", "", "warning")
FOUND = {"bad": [FAULT, WARNING], "good": []}


def test_text_begins_lines_with_the_place() -> None:
    assert render(FOUND).splitlines() == [
        "workspaces/a b/x.yaml:3:7: E101 unknown-key: <x> & 'y' é",
        '    hint: say "z"',
        "workspaces/a b/x.yaml:1:1: E211 unused-agent: warning: agent 'q' is unused",
        "bad: 1 error, 1 warning",
        "good: valid",
    ]


def test_json_is_one_array_of_workspaces() -> None:
    bad, good = json.loads(render(FOUND, "json"))

    assert (bad["workspace"], bad["valid"], good) == (
        "bad",
        False,
        {"workspace": "good", "valid": True, "problems": []},
    )
    assert bad["problems"][0]["line"] == 3


def test_sarif_names_rules_and_regions() -> None:
    document = json.loads(render(FOUND, "sarif"))
    (run,) = document["runs"]

    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E101", "E211"]
    assert [(result["ruleId"], result["ruleIndex"], result["level"]) for result in run["results"]] == [
        ("E101", 0, "error"),
        ("E211", 1, "warning"),
    ]
    place = run["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "workspaces/a%20b/x.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 7}


def test_junit_has_a_case_a_workspace() -> None:
    suites = ElementTree.fromstring(render(FOUND, "junit").encode())

    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    bad, good = suites.iter("testcase")
    failure = bad.find("failure")
    assert failure is not None and failure.text is not None and "<x> & 'y' é" in failure.text
    assert (good.get("name"), list(good)) == ("good", [])


@pytest.mark.parametrize("format", ["text", "json", "sarif", "junit"])
def test_hostile_names_break_no_format(write_workspace: Callable[..., Path], format: str) -> None:
    root = write_workspace(
        "demo", {"agents/]]>\x1b[31m<&\u202e.yaml": 'prompt: "{{ \\u001b[2J }}"\n"k\\x07\\u2028": 1\n'}
    )

    text = render({"demo": check_workspace(root, "demo")[1]}, format)  # type: ignore[arg-type]

    assert not {"\x1b", "\x07", "\u2028", "\u202e"} & set(text)
    if format == "junit":
        ElementTree.fromstring(text.encode())
    if format in ("json", "sarif"):
        json.loads(text)


def plain(text: str) -> object:
    document = read_yaml("x.yaml", text, Diagnostics("x"))
    assert document is not None
    return document.root.plain()


def test_the_json_schema_accepts_what_loads_and_refuses_typos() -> None:
    validator = jsonschema.Draft202012Validator(workspace_json_schema())
    validator.check_schema(workspace_json_schema())

    assert list(validator.iter_errors(plain(TRIP))) == []
    assert list(validator.iter_errors(plain(TRIP.replace("description:", "descripton:"))))
    assert list(jsonschema.Draft202012Validator(agent_json_schema()).iter_errors(plain(CRITIC))) == []


def test_the_json_schema_describes_every_key() -> None:
    schema = workspace_json_schema()
    definitions = schema["$defs"]
    assert isinstance(definitions, dict)

    agent = definitions["AgentSpec"]["properties"]

    assert [key for key, value in agent.items() if key != "memory" and "description" not in value] == []
