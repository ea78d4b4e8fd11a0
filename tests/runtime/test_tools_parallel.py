"""Agents that call several tools at once, in another order when they are begun anew; and those that may not differ."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.sessions import Hub
from tests.conftest import WriteWorkspace
from tests.runtime.tooled import Asked, decide_all, forkserver, notes, pending, process, tooled

TOOLS = """\
import asyncio, os, time
from agentctl import tool

def _write(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

@tool(read_only=True)
async def look(line: str) -> str:
    _write(f"look {line}")
    return line

def note(line: str) -> str:
    _write(f"note {line}")
    return f"noted {line}"

def pay(line: str) -> str:
    _write(f"pay {line}")
    if os.path.exists("deadly"):
        os.remove("deadly")
        time.sleep(0.6)  # others may go on until then
        os.kill(os.getpid(), 9)
    return f"paid {line}"
"""
CHAINS = """\
import asyncio, os, time
from concurrent.futures import ThreadPoolExecutor
from agentctl.errors import ToolFailed

def chains(task):
    '''As `a:pay b:note` says, and the other way round whenever the agent is begun anew.'''
    begun = os.path.exists("begun")
    open("begun", "w").close()
    named = [each.split(":") for each in task.split()]
    return named[::-1] if begun else named

async def walks(state, ctx):
    async def chain(name, then):
        await ctx.call_tool("look", line=name)
        if then.startswith("later-") and os.path.exists("deadly"):
            await asyncio.sleep(30)
        try:
            return await ctx.call_tool(then.removeprefix("later-"), line=name)
        except ToolFailed as error:
            return f"{name} {error.status}"
    return ", ".join(sorted(await asyncio.gather(*(chain(*each) for each in chains(state["task"])))))

def blocks(state, ctx):
    def chain(each):
        name, then = each
        time.sleep(0.02 * order.index(each))
        ctx.call_tool_sync("look", line=name)
        if then.startswith("later-") and os.path.exists("deadly"):
            time.sleep(30)
        try:
            return ctx.call_tool_sync(then.removeprefix("later-"), line=name)
        except ToolFailed as error:
            return f"{name} {error.status}"
    order = chains(state["task"])
    with ThreadPoolExecutor(4) as pool:
        return ", ".join(sorted(pool.map(chain, order)))

def loops(state, ctx):
    return asyncio.run(walks(state, ctx))
"""
ALL = ["look", "note", "pay"]
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write the workspace `demo` with one agent, whom nobody is asked for but for the tools of `asks`; go there."""
    monkeypatch.chdir(tmp_path)

    def written(entry: str, code: str = CHAINS, *, asks: str = "", **keys: Any) -> Path:
        rules = {"approve": {"*": "never", **dict.fromkeys(asks.split(), "always")}}
        agents = {"acts": {"entry": f"work:{entry}", "tools": ALL, **keys}}
        if fallback := keys.get("on_error", {}).get("fallback"):
            agents[fallback] = {"entry": "work:speak"}
        return write_workspace("demo", tooled(agents, code=code, stages={"one": ["acts"]}, tools=TOOLS, rules=rules))

    return written


def run_and_die(root: str, task: str) -> None:
    async def main() -> None:
        async with agentctl.open(root) as hub:
            await hub.run("demo", task)

    asyncio.run(main())


async def killed(processes: ForkServerContext, root: Path, task: str) -> str:
    """Run until the first payment kills the process; returns the run's id."""
    (root / "deadly").touch()
    dies = process(processes, root, run_and_die, str(root), task)
    await asyncio.to_thread(dies.join, 40)
    assert dies.exitcode == -9
    with closing(sqlite3.connect(root / ".agentctl" / "state.db")) as connection:
        return str(connection.execute("select run_id from runs").fetchone()[0])


async def wanted(hub: Hub, run_id: str) -> list[tuple[str, str]]:
    return sorted((each.kind, each.args["line"]) for each in (await pending(hub, run_id)).values())


every = pytest.mark.parametrize("entry", ["walks", "blocks", "loops"])


@every
async def test_a_call_that_was_allowed_is_made_once_whatever_the_order(write: Write, entry: str) -> None:
    root = write(entry, asks="pay")

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "a:pay b:note")
        assert await wanted(hub, waiting.run_id) == [("call", "a")]
        again = await hub.resume(waiting.run_id)
        await decide_all(hub, waiting.run_id)
        result = await hub.resume(waiting.run_id)

    assert (waiting.status, again.status) == ("waiting", "waiting")
    assert (result.status, result.output) == ("done", "noted b, paid a")
    assert notes(root) == dict.fromkeys(("look a", "look b", "pay a", "note b"), 1)
    assert result.usage["tool_calls"] == 4


@every
async def test_two_chains_that_both_ask_both_get_their_own_decision(write: Write, entry: str) -> None:
    root = write(entry, asks="pay")
    asked: list[str] = []

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "a:pay b:pay")
        while result.status == "waiting" and len(asked) < 3:
            for id_, each in (await pending(hub, result.run_id)).items():
                asked.append(each.args["line"])
                await decide_all(hub, result.run_id, [id_], approve=each.args["line"] == "a")
            result = await hub.resume(result.run_id)

    assert sorted(asked) == ["a", "b"]
    assert (result.status, result.output) == ("done", "b denied, paid a")
    assert notes(root) == dict.fromkeys(("look a", "look b", "pay a"), 1)


@every
async def test_chains_that_ask_are_decided_in_place(write: Write, entry: str) -> None:
    root, asked = write(entry, asks="pay note"), Asked()

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "a:pay b:pay c:note", ask=asked)

    assert (result.status, result.output) == ("done", "noted c, paid a, paid b")
    assert sorted(each.args["line"] for each in asked.seen) == ["a", "b", "c"]
    lines = ("look a", "look b", "look c", "pay a", "pay b", "note c")
    assert notes(root) == dict.fromkeys(lines, 1)


@every
async def test_calls_that_are_alike_are_as_many_as_were_wanted(write: Write, entry: str) -> None:
    root, asked = write(entry, asks="pay"), Asked()

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "a:pay a:pay", ask=asked)

    assert (result.output, len({each.id for each in asked.seen})) == ("paid a, paid a", 2)
    assert notes(root) == {"look a": 2, "pay a": 2}


@every
@pytest.mark.parametrize("repeats", [False, True])
async def test_after_a_kill_only_the_call_that_was_under_way_is_asked_about(
    write: Write, processes: ForkServerContext, entry: str, repeats: bool
) -> None:
    root = write(entry)
    run_id = await killed(processes, root, "a:pay b:note")

    async with agentctl.open(root) as hub:
        waiting = await hub.resume(run_id)
        assert (waiting.status, await wanted(hub, run_id)) == ("waiting", [("unknown", "a")])
        assert notes(root)["pay a"] == 1
        await decide_all(hub, run_id, approve=repeats)
        result = await hub.resume(run_id)

    assert (result.status, result.output) == ("done", "noted b, paid a" if repeats else "a unknown, noted b")
    assert notes(root) == {"look a": 1, "look b": 1, "pay a": 1 + repeats, "note b": 1}
    assert result.usage["tool_calls"] == 4


@every
async def test_nobody_is_asked_about_a_call_of_that_tool_that_never_started(
    write: Write, processes: ForkServerContext, entry: str
) -> None:
    root = write(entry)
    run_id = await killed(processes, root, "a:pay b:later-pay")
    asked = Asked(approve=False)

    async with agentctl.open(root) as hub:
        result = await hub.resume(run_id, ask=asked)

    assert [(each.kind, each.args["line"]) for each in asked.seen] == [("unknown", "a")]
    assert (result.status, result.output) == ("done", "a unknown, paid b")
    assert notes(root) == dict.fromkeys(("look a", "look b", "pay a", "pay b"), 1)


CHANGES = """\
import asyncio, time

async def walks(state, ctx):
    await ctx.call_tool("note", line=str(time.time()))
    return await ctx.call_tool("pay", line="a")

def blocks(state, ctx):
    ctx.call_tool_sync("note", line=str(time.time()))
    return ctx.call_tool_sync("pay", line="a")

async def gathers(state, ctx):
    return " ".join(await asyncio.gather(ctx.call_tool("look", line="b"), ctx.call_tool("pay", line=str(time.time()))))
"""


@pytest.mark.parametrize("entry", ["walks", "blocks"])
@pytest.mark.parametrize("on_error", [{}, {"action": "skip"}, {"fallback": "other"}])
async def test_an_agent_that_calls_something_else_when_it_is_begun_anew_fails_its_run(
    write: Write, entry: str, on_error: dict[str, str]
) -> None:
    keys = {"on_error": on_error} if on_error else {}
    root = write(entry, CHANGES, asks="pay", **keys)

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "do it")
        await decide_all(hub, waiting.run_id)
        result = await hub.resume(waiting.run_id)

    assert (waiting.status, result.status) == ("waiting", "failed")
    assert result.error is not None and result.error["code"] == "journal-mismatch"
    assert notes(root).total() == 1


async def test_a_call_that_may_be_the_one_under_way_with_other_arguments_is_asked_about(
    write: Write, processes: ForkServerContext
) -> None:
    root = write("gathers", CHANGES)
    run_id = await killed(processes, root, "do it")

    async with agentctl.open(root) as hub:
        waiting = await hub.resume(run_id)
        (asked,) = (await pending(hub, run_id)).values()

    assert (waiting.status, asked.kind, asked.tool) == ("waiting", "unknown", "pay")
    assert "called pay with other arguments" in asked.why
    assert sum(line.startswith("pay") for line in notes(root).elements()) == 1
