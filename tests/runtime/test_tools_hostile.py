"""Agents, tools, models and servers that do what nobody should; the run stays in order, and nothing is done twice."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.events import Event
from tests.conftest import WriteWorkspace
from tests.runs import of
from tests.runtime.process import KEY, Project
from tests.runtime.tooled import Asked, call, calls, decide_all, notes, pending, tooled

ASKS = {"asks": {"prompt": "Call."}}
Write = Callable[..., Path]


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write the workspace `demo`, and go to its project."""
    monkeypatch.chdir(tmp_path)

    def written(*args: Any, **more: Any) -> Path:
        files = tooled(*args, **more)
        return write_workspace("demo", files)

    return written


async def told_of(root: Path, **options: Any) -> list[dict[str, Any]]:
    told: list[Event] = []
    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it", on_event=told.append, **options)
    return [event.as_dict() for event in told]


def acting(code: str, *tools: str, **keys: Any) -> tuple[dict[str, Any], tuple[()], str]:
    """The arguments of `tooled` for one python agent, whose function is `acts`."""
    return {"acts": {"entry": "work:acts", "tools": list(tools or ("note", "look")), **keys}}, (), code


# Numbers of more than 64 bits, which checkpoints hold none of

HUGE = 2**80
COUNTS = "def count(n: int) -> dict:\n    return {'n': n * n}\n"
USES = """\
async def acts(state, ctx):
    made = await ctx.call_tool("count", n=2**80)
    return f"{made['n'] == 2**160} {type(made['n']).__name__}"
"""


@pytest.mark.parametrize("asks", ["never", "always"])
async def test_numbers_of_any_size_go_to_a_tool_and_come_back(write: Write, asks: str) -> None:
    root = write(*acting(USES, "count"), tools=COUNTS, rules={"approve": {"count": asks}})
    told: list[Event] = []

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", on_event=told.append)
        if asks == "always":
            assert result.status == "waiting"
            await decide_all(hub, result.run_id)
            result = await hub.resume(result.run_id, on_event=told.append)

    assert (result.status, result.output) == ("done", "True int")
    (called,) = of([event.as_dict() for event in told], "tool.called")
    assert called["args"] == {"n": str(HUGE)}, "as text, where an event could not hold it"


@pytest.mark.parametrize("asks", ["never", "always"])
async def test_numbers_of_any_size_that_a_model_writes_reach_the_tool(write: Write, asks: str) -> None:
    replies = [calls(call("count", n=HUGE)), {"contains": str(HUGE**2), "text": "counted"}]
    root = write(
        {"asks": {"prompt": "Call.", "tools": ["count"]}}, replies, tools=COUNTS, rules={"approve": {"count": asks}}
    )

    told = await told_of(root, ask=Asked())

    assert (told[-1]["status"], told[-1]["output"]) == ("done", "counted")


async def test_what_an_agent_writes_of_numbers_that_no_checkpoint_holds_is_an_error_that_says_so(write: Write) -> None:
    code = "async def acts(state, ctx):\n    return {'text': 'x', 'total': 2**80}\n"
    root = write(*acting(code), channels={"total": {"type": "last", "writers": ["acts"]}})

    async with agentctl.open(root) as hub:
        failed = await hub.run("demo", "do it")
        again = await hub.resume(failed.run_id)

    assert (failed.status, again.status) == ("failed", "failed")
    assert failed.error is not None and "total" in failed.error["message"]


# What is cancelled, and what swallows that

CANCELS = """\
import asyncio
from agentctl import tool

@tool(read_only=True)
async def bad() -> str:
    await asyncio.sleep(0.05)
    asyncio.current_task().cancel()
    await asyncio.sleep(30)

@tool(read_only=True)
async def good(s: float) -> str:
    await asyncio.sleep(s)
    return "well"
"""


async def test_a_tool_that_cancels_itself_fails_alone(write: Write) -> None:
    code = (
        "async def beside(state, ctx):\n    return await ctx.call_tool('good', s=0.3)\n"
        "async def acts(state, ctx):\n"
        "    try:\n        return await ctx.call_tool('bad')\n"
        "    except Exception as error:\n"
        "        return f'{type(error).__name__}, then ' + await ctx.call_tool('good', s=0)\n"
    )
    agents = {name: {"entry": f"work:{name}", "tools": ["good", "bad"]} for name in ("acts", "beside")}
    root = write(agents, (), code, tools=CANCELS)

    async with agentctl.open(root) as hub:
        first = await hub.run("demo", "do it")
        second = await hub.run("demo", "do it")

    assert (first.status, second.status) == ("done", "done")
    assert (first.output, second.output) == ("ToolFailed, then well\n\nwell",) * 2


SWALLOWS = """\
async def acts(state, ctx):
    try:
        return await ctx.call_tool("note", line="asked")
    except {what}:
        return await ctx.call_tool("look", line="instead")
"""


@pytest.mark.parametrize("what", ["", "BaseException"])
@pytest.mark.parametrize("timeout_s", [300, 2])
def test_an_agent_that_catches_all_waits_like_any_other(project: Project, what: str, timeout_s: int) -> None:
    project.write("demo", tooled(*acting(SWALLOWS.replace(" {what}", what and f" {what}"), timeout_s=timeout_s)))

    started = time.monotonic()
    ran = project.agentctl("run", "demo", "do it", "--json")
    took = time.monotonic() - started

    last = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, last["status"]) == (7, "waiting")
    assert project.notes() == []
    assert took < 8
    ((id_,),) = project.rows("select id from approvals")
    approved = project.agentctl("approvals", "approve", id_)
    resumed = project.agentctl("resume", last["run_id"], "--json")
    assert (approved.returncode, resumed.returncode) == (0, 0)
    assert (project.notes(), json.loads(resumed.stdout.splitlines()[-1])["output"]) == (["asked"], "wrote asked")


ENDLESS = """\
import asyncio
async def acts(state, ctx):
    while True:
        try:
            {what}
        except BaseException:
            {then}
"""


@pytest.mark.parametrize(
    ("what", "then"),
    [
        ("await asyncio.sleep(0.5)", "pass"),
        ("await asyncio.sleep(30)", "await ctx.call_tool('note', line='late')"),
        ("await ctx.call_tool('nap')", "pass"),
    ],
)
def test_an_agent_that_will_not_be_cancelled_is_left_behind(project: Project, what: str, then: str) -> None:
    tools = "import asyncio\nasync def note(line: str) -> str:\n    open('notes', 'a').write(line + '\\n')\n"
    tools += "async def nap() -> str:\n    await asyncio.sleep(30)\n"
    code = ENDLESS.replace("{what}", what).replace("{then}", then)
    agents, replies, code = acting(code, "note", "nap", timeout_s=1)
    project.write("demo", tooled(agents, replies, code, tools=tools, rules={"approve": {"*": "never"}}))

    started = time.monotonic()
    ran = project.agentctl("run", "demo", "do it", "--json")
    took = time.monotonic() - started

    last = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, last["status"], last["error"]["code"]) == (4, "failed", "agent-timeout")
    assert last["usage"]["duration_s"] < 4
    assert took < 10
    assert project.notes() == []


async def test_what_blocks_in_async_code_is_told_so_at_once(write: Write) -> None:
    root = write(*acting("async def acts(state, ctx):\n    return ctx.call_tool_sync('look', line='a')\n"))

    started = time.monotonic()
    told = await told_of(root)

    assert told[-1]["status"] == "failed"
    assert "use `await ctx.call_tool" in told[-1]["error"]["message"]
    assert (time.monotonic() - started < 5, notes(root)) == (True, {})


STRAYS = """\
import asyncio, os
async def acts(state, ctx):
    acts.stray = asyncio.create_task(ctx.call_tool("note", line="stray"))
    for _ in range({turns}):
        await asyncio.sleep(0)
    return "left"
"""


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 10, 20, 40])
async def test_a_stray_task_that_asks_leaves_no_approval_behind_a_run_that_is_done(write: Write, turns: int) -> None:
    root = write(*acting(STRAYS.replace("{turns}", str(turns))))

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        await asyncio.sleep(0.2)
        left = await pending(hub, result.run_id)

    # If it asks before its agent has returned, that one waits; if not, nobody does.
    assert (result.status, bool(left)) in [("done", False), ("waiting", True)]
    assert not notes(root)


# What is written by others

ASKING = """\
import os
from fastmcp import Context, FastMCP
from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

mcp = FastMCP("s")

@mcp.tool
async def ask(ctx: Context) -> str:
    if not ctx.input_responses:
        schema = {"type": "object", "properties": {"ok": {"type": "boolean", "description": os.environ["KEY"]}}}
        params = ElicitRequestFormParams(message=f"Use {os.environ['KEY']}?", requested_schema=schema)
        return InputRequiredResult(input_requests={"q": ElicitRequest(params=params)}, request_state="asked")
    return "asked"

mcp.run(show_banner=False)
"""


def test_a_key_in_what_a_server_asks_is_kept_and_shown_nowhere(project: Project) -> None:
    project.env["MY_API_KEY"] = KEY
    server = {"command": sys.executable, "args": ["asking.py"], "env": {"KEY": "${MY_API_KEY}", "PATH": "/usr/bin"}}
    (project.root / "asking.py").write_text(ASKING)
    code = "async def acts(state, ctx):\n    return await ctx.call_tool('s_ask')\n"
    files = tooled(*acting(code, "s_ask"), rules={"approve": {"*": "never"}, "expires_s": 60})
    project.write("demo", {**files, "mcp.json": json.dumps({"mcpServers": {"s": server}})})

    running = project.start("run", "demo", "do it", "--json")
    rows: list[tuple[str, str]] = []
    deadline = time.monotonic() + 30
    while not rows and time.monotonic() < deadline:
        time.sleep(0.2)
        if (project.root / ".agentctl" / "state.db").exists():
            rows = project.rows("select id, why from approvals")
    ((id_, why),) = rows
    listed, shown = (project.agentctl("approvals", *words) for words in (["list", "--json"], ["show", id_]))
    denied = project.agentctl("approvals", "deny", id_)
    stdout, _ = running.communicate(timeout=20)

    assert "asks: Use " in why and denied.returncode == 0
    assert "Use" in listed.stdout and "Use" in shown.stdout and "approval.requested" in stdout
    assert KEY not in why + listed.stdout + shown.stdout + stdout
    found = [path for path in project.root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []


async def test_a_name_that_is_no_text_is_an_error_for_the_model_and_the_run_goes_on(write: Write) -> None:
    replies = [calls(call("no\ud800te", line="a"), call("look", line="b")), {"contains": "[error]", "text": "done"}]
    root = write(ASKS, replies)

    told = await told_of(root)

    assert [(each["tool"], each["status"]) for each in of(told, "tool.returned")] == [
        ("no?te", "error"),
        ("look", "ok"),
    ]
    assert (told[-1]["status"], told[-1]["output"]) == ("done", "done")


def test_numbers_that_json_has_no_word_for_make_no_line_of_events_invalid(project: Project) -> None:
    code = "from agentctl.errors import ToolFailed\nasync def acts(state, ctx):\n    try:\n"
    code += "        await ctx.call_tool('look', line=float('nan'))\n"
    code += "    except ToolFailed as error:\n        return str(error)\n"
    project.write("demo", tooled(*acting(code)))

    ran = project.agentctl("run", "demo", "do it", "--json")

    told = [json.loads(line, parse_constant=_none_such) for line in ran.stdout.splitlines()]
    (called,), (returned,) = of(told, "tool.called"), of(told, "tool.returned")
    assert (called["args"], returned["status"]) == ({"line": "NaN"}, "error")
    assert told[-1]["status"] == "done" and "are no JSON" in told[-1]["output"]


def _none_such(word: str) -> object:
    raise AssertionError(f"{word} is no JSON")
