"""`agentctl test`: a workspace's own tests."""

import json
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentctl.sessions.trial import is_in
from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

SPEC = """\
version: 1
model: openai:gpt-5-mini
stages:
  plan: {agents: [planner]}
  book: {agents: [booker], next: [{when: "decision.sure", to: final}, {to: plan}]}
limits: {max_steps: 8}
agents:
  planner: {prompt: Plan., tools: [search_trips, "shop_*", web_search]}
  booker:
    prompt: Book.
    capability: synthesizer
    tools: [book_trip, weather]
    output: {text: {type: string}, sure: {type: boolean, to: decision}}
"""
TOOLS = """\
from agentctl import tool

def book_trip(city: str) -> str:
    '''Book.'''
    raise SystemExit("this books for real")

@tool(read_only=True)
def search_trips(city: str) -> list:
    '''Search.'''
    return [{"city": city, "price": 90}]

@tool(read_only=True)
def weather(city: str) -> str:
    '''Look out of the window.'''
    return f"sun in {city}"
"""
BOOKS: dict[str, Any] = {
    "task": "Oslo",
    "replies": [
        {"agent": "planner", "tool_calls": [{"name": "search_trips", "args": {"city": "Oslo"}}]},
        {"agent": "planner", "text": "Oslo for 270", "contains": "Oslo"},
        {"agent": "booker", "tool_calls": [{"name": "book_trip", "args": {"city": "Oslo"}}]},
        {"agent": "booker", "text": "Booked B1.", "decision": {"sure": True}},
    ],
    "tools": {"book_trip": {"returns": {"booking": "B1"}}},
    "expect": {
        "path": ["plan", "book"],
        "decision": {"sure": True},
        "output": ["Booked", "B*1."],
        "tools": ["search_trips", "book_trip"],
    },
}
SERVERS = json.dumps({"mcpServers": {"shop": {"command": "/no/such/program"}}})


@pytest.fixture
def write(write_workspace: WriteWorkspace) -> Any:
    """Write tests of a workspace with tools; `None` removes a key of what would pass."""

    def write(**trials: dict[str, Any]) -> Path:
        whole = {name: {**BOOKS, **changes} for name, changes in trials.items()}
        kept = {name: {k: v for k, v in trial.items() if v is not None} for name, trial in whole.items()}
        files = {f"tests/{name}.yaml": yaml.safe_dump(trial) for name, trial in kept.items()}
        return write_workspace("trip", {"workspace.yaml": SPEC, "tools/t.py": TOOLS, "mcp.json": SERVERS, **files})

    return write


def faults(agentctl: Command, *words: str) -> dict[str, list[dict[str, Any]]]:
    """What is wrong with each test."""
    said = json.loads(agentctl("test", "trip", "--format", "json", *words).out)
    return {each["name"]: each["faults"] for each in said["tests"]}


def test_a_test_passes_without_key_server_or_side_effect(agentctl: Command, write: Any) -> None:
    root = write(books={})
    before = sorted(root.rglob("*"))
    code, out, err = agentctl("test", "trip")

    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith("ok   books (")
    assert out.splitlines()[1] == "trip: 1 test, all passed"
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize(
    ("expect", "what", "got"),
    [
        ({"status": "failed"}, "status", "done"),
        ({"path": ["plan"]}, "path", ["plan", "book"]),
        ({"winner": "x"}, "winner", None),
        ({"decision": {"sure": False}}, "decision.sure", True),
        ({"decision": {"sure": 1}}, "decision.sure", True),
        ({"decision": {"other": None}}, "decision.other", None),
        ({"output": "booked"}, "output", "Booked B1."),
        ({"output": ["1*B"]}, "output", "Booked B1."),
        ({"tools": ["book_trip", "search_trips"]}, "tools", ["search_trips", "book_trip"]),
        ({"tools": ["search_trips"]}, "tools", ["search_trips", "book_trip"]),
        ({"tools": ["search_trips", "book_trip denied"]}, "tools", ["search_trips", "book_trip"]),
    ],
)
def test_each_expectation_can_fail(
    agentctl: Command, write: Any, expect: dict[str, Any], what: str, got: object
) -> None:
    write(books={"expect": expect})
    code, out, _ = agentctl("test", "trip")
    [fault] = faults(agentctl)["books"]

    assert code == 4
    assert out.splitlines()[0].startswith("FAIL books (")
    assert f"{what}: expected " in out
    assert (fault["what"], fault["got"]) == (what, got)


def test_a_denied_call_is_told_and_not_made(agentctl: Command, write: Any) -> None:
    replies = [
        *BOOKS["replies"][:3],
        {"agent": "booker", "text": "Not booked.", "contains": "did not allow", "decision": {"sure": True}},
    ]
    expect = {"tools": ["search_trips", "book_trip denied"], "output": "Not booked"}
    write(books={"approvals": "deny", "replies": replies, "expect": expect})

    assert agentctl("test", "trip").code == 0


def test_a_tool_that_may_change_something_is_never_called_without_a_stub(agentctl: Command, write: Any) -> None:
    write(books={"tools": None})
    [fault] = faults(agentctl)["books"]

    assert fault["what"] == "call"
    assert fault["got"] == "a call of book_trip"
    assert "book_trip: …" in fault["expected"]


def test_a_missing_stub_is_one_fault_beside_what_else_is_wrong(agentctl: Command, write: Any) -> None:
    """The run fails for want of it."""
    replies = BOOKS["replies"][:3]
    write(books={"tools": None, "replies": replies, "expect": {"path": ["plan"], "output": "B1"}})
    found = faults(agentctl)["books"]

    assert [fault["what"] for fault in found] == ["path", "output", "call"]


def test_built_in_tools_need_stubs_as_a_test_is_offline(agentctl: Command, write: Any) -> None:
    replies = [
        {"agent": "planner", "tool_calls": [{"name": "web_search", "args": {"query": "Oslo"}}]},
        *BOOKS["replies"][1:],
    ]
    write(books={"replies": replies, "expect": {}}, stubbed={
        "replies": replies, "expect": {"tools": ["web_search", "book_trip"]},
        "tools": {**BOOKS["tools"], "web_search": {"returns": "Oslo is nice"}},
    })  # fmt: skip
    found = faults(agentctl)

    assert [fault["got"] for fault in found["books"]] == ["a call of web_search"]
    assert found["stubbed"] == []


def test_tools_of_servers_are_there_if_they_have_stubs(agentctl: Command, write: Any) -> None:
    """Its program does not exist, so it cannot have been started."""
    replies = [
        {
            "agent": "planner",
            "tool_calls": [{"name": "shop_look", "args": {"n": 1}}, {"name": "shop_look", "args": {}}],
        },
        {"agent": "planner", "contains": "sold out", "tool_calls": [{"name": "shop_look", "args": {}}]},
        {"agent": "planner", "contains": "red shoes", "text": "Oslo"},
        *BOOKS["replies"][2:],
    ]
    stubs = {**BOOKS["tools"], "shop_look": [{"fails": "sold out"}, {"returns": ["red shoes"]}]}
    expect = {"tools": ["shop_look error", "shop_look ok", "shop_look", "book_trip"]}
    write(books={"replies": replies, "tools": stubs, "expect": expect})

    assert faults(agentctl) == {"books": []}


def test_arguments_are_checked_before_a_stub_answers(agentctl: Command, write: Any) -> None:
    replies = [*BOOKS["replies"]]
    replies[2] = {"agent": "booker", "tool_calls": [{"name": "book_trip", "args": {"town": "Oslo"}}]}
    write(books={"replies": replies, "expect": {"tools": ["search_trips", "book_trip error"]}})

    assert faults(agentctl) == {"books": []}


def test_a_script_that_has_no_reply_names_the_test(agentctl: Command, write: Any) -> None:
    write(books={"replies": []})
    [fault] = faults(agentctl)["books"]

    assert fault["what"] == "status"
    assert "books.yaml has no reply left for agent 'planner'" in fault["got"]
    assert "/tmp" not in fault["got"]


def test_a_cassette_answers_and_a_miss_is_red(agentctl: Command, write: Any, write_workspace: WriteWorkspace) -> None:
    root = write(books={})
    script = root / "script.yaml"
    replies = [*BOOKS["replies"][:2], {"agent": "booker", "text": "No.", "decision": {"sure": True}}]
    script.write_text(yaml.safe_dump({"replies": replies}))
    (root / "workspaces/trip/mcp.json").unlink()
    words = ["--model", f"scripted:{script}", "--record", "workspaces/trip/tests/tapes.yaml"]
    write_workspace("trip", {"workspace.yaml": SPEC.replace('"shop_*", ', "")})
    assert agentctl("run", "trip", "Oslo", *words).code == 0
    script.unlink()
    played = {"task": "Oslo", "cassette": "tests/tapes.yaml", "expect": {"output": "No.", "tools": ["search_trips"]}}
    write_workspace("trip", {"tests/played.yaml": yaml.safe_dump(played)})
    write_workspace(
        "trip", {"tests/missed.yaml": yaml.safe_dump({**played, "task": "Rome", "expect": {"status": "failed"}})}
    )

    found = faults(agentctl, "played", "missed")
    assert found["played"] == []
    [fault] = found["missed"]
    assert fault["what"] == "call"
    assert "-    content: Oslo\n+    content: Rome" in fault["got"]


def test_names_choose_tests_and_an_unknown_one_is_two(agentctl: Command, write: Any) -> None:
    write(books={}, other={"expect": {"winner": "x"}})

    assert agentctl("test", "trip", "books").code == 0
    assert agentctl("test", "trip", "other", "books").code == 4
    code, out, err = agentctl("test", "trip", "boks")
    assert (code, out) == (2, "")
    assert "has no test 'boks', did you mean 'books'?" in err


def test_a_workspace_without_tests_is_two(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("talk")
    code, _, err = agentctl("test", "talk")

    assert code == 2
    assert "workspace 'talk' has no tests" in err


def test_an_invalid_test_is_told_in_its_place_and_stops_no_other(agentctl: Command, write: Any) -> None:
    root = write(books={}, other={"expect": {"winner": "x"}})
    (root / "workspaces/trip/tests/bad.yaml").write_text("task: x\nreplies: []\nexpct: {}\n")
    code, out, _ = agentctl("test", "trip")
    lines = out.splitlines()

    assert code == 3
    assert [line[:10].rstrip(" (") for line in lines if line[0] != " "] == [
        "FAIL bad", "ok   books", "FAIL other", "trip: 3 te",
    ]  # fmt: skip
    said = "workspaces/trip/tests/bad.yaml:3:1: E101 unknown-key: expct is not a known key, did you mean 'expect'?"
    assert [line.strip() for line in lines[1:3]] == ["invalid: expected a valid test", f"got {said}"]
    assert [agentctl("test", "trip", name).code for name in ("books", "other", "bad")] == [0, 4, 3]


def test_an_invalid_workspace_is_three(agentctl: Command, write: Any) -> None:
    root = write(books={})
    (root / "workspaces/trip/workspace.yaml").write_text("version: 2\n")

    assert agentctl("test", "trip").code == 3


def test_junit_is_valid_and_tells_the_faults(agentctl: Command, write: Any) -> None:
    write(books={}, other={"expect": {"output": "<no> \x1b"}})
    code, out, _ = agentctl("test", "trip", "--format", "junit")
    suites = ElementTree.fromstring(out)

    assert code == 4
    assert suites.attrib["failures"] == "1"
    assert [case.attrib["name"] for case in suites.iter("testcase")] == ["books", "other"]
    [failure] = suites.iter("failure")
    assert failure.attrib["message"] == "output"
    assert "<no>" in (failure.text or "")


def test_json_is_one_object(agentctl: Command, write: Any) -> None:
    write(books={}, other={"expect": {"winner": "x"}})
    said = json.loads(agentctl("test", "trip", "--format", "json").out)

    assert (said["workspace"], said["passed"], said["failed"]) == ("trip", 1, 1)
    assert said["tests"][1]["faults"] == [{"what": "winner", "expected": "x", "got": None}]


def test_what_agents_print_is_not_among_the_verdicts(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    spec = "version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: 'm:f'}}\n"
    code = "def f(state):\n    print('hello')\n    return 'x'\n"
    trial = "task: x\nreplies: []\nexpect: {output: x}\n"
    write_workspace("talk", {"workspace.yaml": spec, "m.py": code, "tests/a.yaml": trial, "tests/b.yaml": trial})
    said = agentctl("test", "talk", "--format", "json")

    assert said.code == 0
    assert json.loads(said.out)["passed"] == 2


def test_tests_do_not_see_each_other(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    """Each runs the modules anew, in a state of its own."""
    spec = "version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: 'm:f'}}\n"
    code = "seen = []\ndef f(state):\n    seen.append(1)\n    return str(len(seen))\n"
    trial = "task: x\nreplies: []\nexpect: {output: '1'}\n"
    write_workspace("talk", {"workspace.yaml": spec, "m.py": code, **{f"tests/t{n}.yaml": trial for n in range(6)}})

    assert agentctl("test", "talk").code == 0


def test_hostile_patterns_take_no_time() -> None:
    start = time.monotonic()

    assert not is_in("a*" * 5000 + "b", "a" * 100_000)
    assert not is_in("(a+)+$", "a" * 100_000)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a*c", "xabcx", True),
        ("c*a", "xabcx", False),
        ("**Answer**: tea", "**Answer**: tea", True),
        ("*", "", True),
        ("aa*aa", "aaa", False),
    ],
)
def test_a_pattern_is_text_with_gaps(pattern: str, text: str, found: bool) -> None:
    assert is_in(pattern, text) is found


def test_the_test_of_the_docs_passes(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    page = (Path(__file__).parents[2] / "docs/testing.md").read_text()
    _, _, block = page.partition("# workspaces/trip/tests/books.yaml\n")
    spec = SPEC.replace('{when: "decision.sure", to: final}, {to: plan}', "{to: final}")
    spec = spec.replace("    output: {text: {type: string}, sure: {type: boolean, to: decision}}\n", "")
    files = {"workspace.yaml": spec, "tools/t.py": TOOLS, "mcp.json": SERVERS}
    write_workspace("trip", {**files, "tests/books.yaml": block.partition("```")[0]})

    assert faults(agentctl) == {"books": []}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["debate", "code-review"])
def test_the_tests_of_ready_made_workspaces_pass_under_any_name(agentctl: Command, tmp_path: Path, name: str) -> None:
    (tmp_path / "workspaces").mkdir()
    assert agentctl("new", "mine", "--from", name).code == 0
    code, out, err = agentctl("test", "mine")

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "mine: 2 tests, all passed"
