"""What `validate` knows of tools without running any code."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentctl.errors import Problem
from agentctl.workspace import check_workspace
from tests.conftest import WriteWorkspace
from tests.tools.box import one, toolbox

HEAD = "version: 1\nstages: {talk: {agents: [speaker]}}\n"
SERVERS = '{"mcpServers": {"maps": {"command": "maps"}}}'


def problems(write: WriteWorkspace, agent: object, files: Mapping[str, str], rules: object = None) -> list[Problem]:
    """Of a workspace whose only agent is `agent`."""
    top = HEAD + (f"tools: {json.dumps(rules)}\n" if rules else "")
    return check_workspace(
        write("demo", {"workspace.yaml": top, "agents/speaker.yaml": json.dumps(agent), **files}), "demo"
    )[1]


def calling(**args: object) -> dict[str, object]:
    """An agent that calls `find`."""
    return {"kind": "tool", "calls": [{"tool": "find", "args": args}]}


def codes(found: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.code[:4], problem.severity) for problem in found]


def test_a_tool_agent_may_read_what_prompts_read_and_what_its_calls_gave(write_workspace: WriteWorkspace) -> None:
    calls = [
        {"tool": "find", "args": {"q": "{{ task }} of {{ user }}", "n": "{{ tone }}"}},
        {
            "tool": "maps_route",
            "args": {"to": "{{ results[0].result.city }}"},
            "when": "len(results) == 1 and tone == 1",
        },
        {"tool": "now", "when": "decision.verdict == 'book' or visits.talk > 1"},
    ]
    top = HEAD.replace("[speaker]", "[speaker, judge]") + "variables: {tone: 1}\n"
    judge = "capability: synthesizer\nprompt: hi\n"
    files = {"tools/web.py": "def find(q, n=1): ...\n", "mcp.json": SERVERS, "agents/judge.yaml": judge}
    agent = json.dumps({"kind": "tool", "calls": calls})
    root = write_workspace("demo", {"workspace.yaml": top, "agents/speaker.yaml": agent, **files})

    assert check_workspace(root, "demo")[1] == []


def test_a_rule_for_no_tool_is_a_warning(write_workspace: WriteWorkspace) -> None:
    rules = {"approve": {"bok": "always", "n*": "never", "maps_*": "always"}, "each": {"x*": {"max_calls": 1}}}
    found = problems(write_workspace, {"prompt": "hi"}, {"mcp.json": SERVERS}, rules)

    assert codes(found) == [("E204", "warning"), ("E204", "warning")]
    assert ["bok" in found[0].message, "x*" in found[1].message] == [True, True]


@pytest.mark.parametrize(
    ("agent", "fault"),
    [
        ({"prompt": "hi", "tools": ["n*"]}, "n*"),
        ({"kind": "tool", "calls": [{"tool": "maps_*"}]}, "maps_*"),
        ({"kind": "tool", "calls": [{"tool": "map_route"}]}, "map_route"),
    ],
)
def test_a_name_that_can_be_no_tool_is_an_error(write_workspace: WriteWorkspace, agent: object, fault: str) -> None:
    """No glob stands for a built-in tool, and a call names one tool."""
    (found,) = problems(write_workspace, agent, {"mcp.json": SERVERS})

    assert (found.code[:4], found.severity, fault in found.message) == ("E204", "error", True)


def test_what_a_broken_file_may_define_is_not_unknown(write_workspace: WriteWorkspace) -> None:
    found = problems(write_workspace, {"prompt": "hi", "tools": ["find", "f*"]}, {"tools/web.py": "def find(:\n"})

    assert codes(found) == [("E604", "error")]


@pytest.mark.parametrize(
    "files",
    [
        {"a": "def find(): ...\ndef find(q): ...\n"},
        {"a": "def find(): ...\n", "b": "from .a import find\n"},
        {"a": "def find(): ...\n", "b": "try:\n    import x\nexcept ImportError:\n    def find(): ...\n"},
        {"a": "def find(): ...\n", "b": "import x\n\n@x.register\ndef find(): ...\n"},
        {"a": "def find(): ...\n", "b": "def find(): ...\nfind = None\n"},
        {"a": "def find(): ...\n", "b": "class A:\n    def find(self): ...\ndef outer():\n    def find(): ...\n"},
        {"a": "def find(): ...\n", "_b": "def find(): ...\n"},
    ],
)
def test_only_what_is_surely_two_tools_of_one_name_is_refused(
    write_workspace: WriteWorkspace, files: Mapping[str, str]
) -> None:
    tools = {f"tools/{name}.py": text for name, text in files.items()}

    assert problems(write_workspace, {"prompt": "hi", "tools": ["find"]}, tools) == []


CERTAIN = [
    "def find(q): ...",
    "def find(q: str, n: int = 3): ...",
    "def find(*, q: str, n: int | None = None): ...",
    "async def find(q: str = 'x'): ...",
    "from agentctl import tool\n@tool(read_only=True)\ndef find(q: str): ...",
    "import agentctl\n@agentctl.tool\ndef find(q: str): ...",
    "def find(q): ...\ndef find(n): ...",
]
TYPED = "def find(n: int, x: float = 1, q: str = '', on: bool = False, u: 'int' = 1): ..."
LITERALS: list[dict[str, object]] = [
    *({"n": value} for value in (1, 1.0, 1.5, "1", "lots", True, None, [1])),
    *({"n": 1, "x": value} for value in (2, 2.5, "2", False)),
    *({"n": 1, "q": value} for value in ("a", 1, None, {"a": 1})),
    *({"n": 1, "on": value} for value in (True, 1, "yes")),
]


async def test_literal_arguments_of_a_wrong_plain_type_are_refused_as_a_run_would_refuse_them(
    write_workspace: WriteWorkspace, tmp_path: Path
) -> None:
    async with toolbox(tmp_path / "run", one(TYPED)) as box:
        faults = [bool(box.check_arguments("find", args)) for args in LITERALS]
    found = [problems(write_workspace, calling(**args), {"tools/web.py": TYPED}) for args in LITERALS]

    assert [bool(each) for each in found] == faults
    assert {problem.code[:4] for each in found for problem in each} == {"E213"}


def test_templates_and_other_annotations_are_left_to_the_run(write_workspace: WriteWorkspace) -> None:
    args = {"n": "{{ task }}", "u": "x", "on": "{% if 1 %}yes{% endif %}"}

    assert problems(write_workspace, calling(**args), {"tools/web.py": TYPED}) == []


def test_a_misspelt_tool_is_to_be_corrected_not_written(write_workspace: WriteWorkspace) -> None:
    tools = {"tools/web.py": "def find(): ..."}
    (near,) = problems(write_workspace, {"prompt": "hi", "tools": ["fnd"]}, tools)
    (far,) = problems(write_workspace, {"prompt": "hi", "tools": ["xyz"]}, tools)

    assert (near.hint, far.hint) == ("correct the name", "write it into `tools/`")


FIELD = "from typing import Annotated\nfrom pydantic import Field\n"
UNSURE = [
    f"{FIELD}def find(q: Annotated[str, Field(alias='n')]): ...",
    f"{FIELD}def find(q: Annotated[str, Field(default='x')]): ...",
    f"{FIELD}def find(q: str = Field(description='what')): ...",
    "from fastmcp import Context\ndef find(q: str, ctx: Context): ...",
    "from fastmcp import Context\ndef find(q: str, ctx: 'Context'): ...",
    "def find(q, **more): ...",
    "def find(q, /): ...",
    "import x\n@x.twice\ndef find(q): ...",
    "def find(q): ...\nif True:\n    def find(n): ...",
]
ARGUMENTS: list[dict[str, object]] = [{}, {"q": "x"}, {"n": 1}, {"q": "x", "n": 1}, {"q": "x", "m": 1}]


def refusals(write: WriteWorkspace, source: str) -> list[bool]:
    """Which of `ARGUMENTS` are reported, for a function that `source` defines."""
    found = [problems(write, calling(**args), {"tools/web.py": source}) for args in ARGUMENTS]
    assert {problem.code[:4] for each in found for problem in each} <= {"E213"}
    return [bool(each) for each in found]


@pytest.mark.parametrize("source", CERTAIN)
async def test_arguments_are_refused_as_a_run_would_refuse_them(
    write_workspace: WriteWorkspace, tmp_path: Path, source: str
) -> None:
    async with toolbox(tmp_path / "run", one(source)) as box:
        faults = [box.check_arguments("find", args) for args in ARGUMENTS]

    assert refusals(write_workspace, source) == [fault is not None for fault in faults]


@pytest.mark.parametrize("source", UNSURE)
def test_arguments_are_left_to_the_run_where_the_text_does_not_tell(
    write_workspace: WriteWorkspace, source: str
) -> None:
    assert refusals(write_workspace, source) == [False] * len(ARGUMENTS)


@pytest.mark.parametrize(
    "source",
    [
        "def find(q=" + "+".join("1" * 2000) + "): ...\n",
        "@(" + "+".join("a" * 2000) + ")\ndef find(q): ...\n",
        "if 1: pass\n" + "elif 2: pass\n" * 900 + "def find(q=1): ...\n",
    ],
    ids=["default", "decorator", "elif"],
)
def test_a_file_may_be_as_deep_as_python_reads_it(write_workspace: WriteWorkspace, source: str) -> None:
    assert problems(write_workspace, calling(), {"tools/web.py": source}) == []
