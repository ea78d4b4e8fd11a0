"""Calls that somebody has to allow: asked in place or elsewhere, decided once, and bound to what was asked."""

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import SessionBusy, UsageError
from agentctl.events import Event
from agentctl.sessions import Hub
from agentctl.store import Approval, Decision
from tests.conftest import WriteWorkspace
from tests.runs import of
from tests.runtime.process import CHECKOUT, Project
from tests.runtime.tooled import Asked, call, calls, decide_all, forkserver, notes, pending, process, tooled

ASKS = {"asks": {"prompt": "Call."}}
ONE = [calls(call("note", line="one")), {"text": "done"}]

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write the workspace `demo`, and go to its project."""
    monkeypatch.chdir(tmp_path)

    def written(*args: Any, **more: Any) -> Path:
        return write_workspace("demo", tooled(*args, **more))

    return written


def test_a_run_waits_is_decided_and_resumed_by_three_processes(project: Project) -> None:
    replies = [calls(call("note", line="one")), {"contains": "wrote edited", "text": "all noted"}]
    project.write("demo", tooled(ASKS, replies))

    ran = project.agentctl("run", "demo", "do it", "--json")
    waiting = json.loads(ran.stdout.splitlines()[-1])
    assert (ran.returncode, waiting["status"], waiting["error"]["code"]) == (7, "waiting", "approval-needed")
    assert project.notes() == []
    decide = (
        "import asyncio, sys, agentctl\nfrom agentctl.store import Decision\n"
        "async def main():\n"
        "    async with agentctl.open(sys.argv[1]) as hub:\n"
        "        (asked,) = await hub.store.approvals.list(user=None)\n"
        "        edited = Decision(approve=True, args={'line': 'edited'})\n"
        "        await hub.store.approvals.decide(asked.id[:6], edited, user=None)\n"
        "asyncio.run(main())\n"
    )
    words = [sys.executable, "-c", decide, str(project.root)]
    assert os.spawnve(os.P_WAIT, sys.executable, words, {**project.env, "PYTHONPATH": str(CHECKOUT)}) == 0
    resumed = project.agentctl("resume", waiting["run_id"], "--json")
    told = [json.loads(line) for line in resumed.stdout.splitlines()]

    assert (resumed.returncode, told[-1]["output"]) == (0, "all noted")
    assert project.notes() == ["edited"]
    (called,), (returned,) = of(told, "tool.called"), of(told, "tool.returned")
    assert (called["args"], returned["status"]) == ({"line": "edited"}, "ok")
    assert len(of(project.kept(waiting["run_id"]), "approval.requested")) == 1


@pytest.mark.parametrize("backwards", [False, True])
async def test_several_agents_wait_at_once_and_are_decided_in_any_order(write: Write, backwards: bool) -> None:
    code = "async def walks(state, ctx):\n    return await ctx.call_tool('note', line='walks')\n"
    code += "def blocks(state, ctx):\n    return ctx.call_tool_sync('note', line='blocks')\n"
    agents = {**ASKS, "walks": {"entry": "work:walks"}, "blocks": {"entry": "work:blocks"}}
    replies = [calls(call("note", line="a"), call("look", line="b"), call("note", line="c")), {"text": "asked"}]
    root = write(agents, replies, code)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        wanted = await pending(hub, result.run_id)
        assert result.status == "waiting"
        assert sorted(each.args["line"] for each in wanted.values()) == ["a", "blocks", "c", "walks"]
        assert not notes(root), "no call of a reply runs before all of it is decided"
        for id_ in sorted(wanted, reverse=backwards):
            again = await hub.resume(result.run_id)
            assert again.status == "waiting"
            await decide_all(hub, result.run_id, [id_])
        result = await hub.resume(result.run_id)
        assert not await pending(hub, result.run_id)

    assert result.status == "done"
    assert notes(root) == dict.fromkeys(("a", "b", "blocks", "c", "walks"), 1)
    assert result.usage["tool_calls"] == 5
    assert result.usage["model_calls"] == 2


async def test_one_that_is_decided_goes_on_while_another_still_waits(write: Write) -> None:
    agents = {role: {"prompt": "Call."} for role in ("a", "b")}
    replies = [calls(call("note", line=role), agent=role) for role in agents]
    root = write(agents, [*replies, *({"text": f"{role} is through", "agent": role} for role in agents)])

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        first = next(each for each in (await pending(hub, result.run_id)).values() if each.agent == "a")
        await decide_all(hub, result.run_id, [first.id])
        result = await hub.resume(result.run_id)
        assert (result.status, notes(root)) == ("waiting", {"a": 1})
        await decide_all(hub, result.run_id)
        result = await hub.resume(result.run_id)

    assert (result.output, notes(root)) == ("a is through\n\nb is through", {"a": 1, "b": 1})


async def test_a_reason_to_deny_reaches_the_model_and_a_python_agent(write: Write) -> None:
    code = (
        "from agentctl.errors import ToolFailed\n"
        "async def walks(state, ctx):\n"
        "    try:\n"
        "        await ctx.call_tool('note', line='walks')\n"
        "    except ToolFailed as error:\n"
        "        return f'{error.status}: {error}'\n"
    )
    replies = [calls(call("note", line="one")), {"contains": "[denied]", "text": "then I will not"}]
    replies[1]["contains"] = "the user did not allow it: too noisy"
    root = write({**ASKS, "walks": {"entry": "work:walks"}}, replies, code)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked(approve=False, reason="too noisy"))

    said = "then I will not\n\ndenied: tool 'note': the user did not allow it: too noisy"
    assert (result.status, result.output, notes(root)) == ("done", said, {})
    assert result.usage["tool_calls"] == 0


async def test_what_nobody_decides_in_time_is_denied(write: Write) -> None:
    replies = [calls(call("note", line="one")), {"contains": "nobody allowed it in time", "text": "given up"}]
    root = write(ASKS, replies, rules={"expires_s": 0.3})

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", session="s")
        assert result.status == "waiting"
        await asyncio.sleep(0.35)
        (late,) = await hub.store.approvals.of_run(result.run_id)
        with pytest.raises(UsageError, match="expired"):
            await hub.store.approvals.decide(late.id, Decision(approve=True), user=None)
        result = await hub.resume(result.run_id)

    assert (result.status, result.output, notes(root)) == ("done", "given up", {})


async def test_who_decides_too_late_in_place_has_denied(write: Write) -> None:
    root = write(
        ASKS, [calls(call("note", line="one")), {"contains": "in time", "text": "given up"}], rules={"expires_s": 0.2}
    )

    class Slow(Asked):
        async def __call__(self, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
            await asyncio.sleep(0.3)
            return await super().__call__(approvals)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Slow())

    assert (result.status, result.output, notes(root)) == ("done", "given up", {})


async def test_a_run_that_is_stopped_while_it_asks_wants_nothing_decided_until_it_is_resumed(write: Write) -> None:
    root = write(ASKS, ONE)
    is_asking = asyncio.Event()

    async def ask(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        is_asking.set()
        await asyncio.Event().wait()
        return {}

    async with agentctl.open(root) as hub:
        running = asyncio.create_task(hub.run("demo", "do it", ask=ask))
        await is_asking.wait()
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        (row,) = await hub.store.list_runs()
        assert row.status == "cancelled"
        assert not await pending(hub, row.run_id)
        again = await hub.resume(row.run_id)
        assert (again.status, len(await pending(hub, row.run_id))) == ("waiting", 1)
        result = await hub.resume(row.run_id, ask=Asked())

    assert (result.status, notes(root)) == ("done", {"one": 1})


async def test_a_call_that_is_always_allowed_is_not_asked_again_in_its_session_only(write: Write) -> None:
    root = write(ASKS, ONE)
    always, never = Asked(always=True), Asked(approve=False)

    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it", session="s", ask=always)
        again = await hub.run("demo", "do it again", session="s", ask=never)
        other = await hub.run("demo", "do it", session="t", ask=never)

    assert (again.status, other.status) == ("done", "done")
    assert (len(always.seen), len(never.seen)) == (1, 1)
    assert notes(root) == {"one": 2}


async def test_always_counts_for_these_arguments_only(write: Write) -> None:
    root = write(ASKS, [calls(call("note", line="one")), calls(call("note", line="two")), {"text": "done"}])
    always = Asked(always=True)

    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it", ask=always)

    assert [each.args for each in always.seen] == [{"line": "one"}, {"line": "two"}]


async def test_an_agent_that_asks_for_other_arguments_when_resumed_is_asked_anew(write: Write, tmp_path: Path) -> None:
    code = "from pathlib import Path\nasync def walks(state, ctx):\n"
    code += "    return await ctx.call_tool('note', line=Path('wanted').read_text())\n"
    root = write({"walks": {"entry": "work:walks"}}, code=code)
    (root / "wanted").write_text("harmless")

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        await decide_all(hub, result.run_id)
        (root / "wanted").write_text("harmful")
        result = await hub.resume(result.run_id)
        assert result.status == "waiting"
        (asked,) = (await pending(hub, result.run_id)).values()
        assert (asked.args, notes(root)) == ({"line": "harmful"}, {})
        await decide_all(hub, result.run_id, approve=False)
        result = await hub.resume(result.run_id)

    assert (result.status, notes(root)) == ("failed", {})


async def test_edited_arguments_that_do_not_fit_are_no_decision(write: Write) -> None:
    root = write(ASKS, ONE)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked(args={"lines": "one"}))
        assert result.error and "arguments of a call do not fit" in result.error["message"]
        assert (result.status, notes(root)) == ("failed", {})

        result = await hub.resume(result.run_id, ask=Asked(args={"line": "two"}))

    assert (result.status, notes(root)) == ("done", {"two": 1})


async def test_a_session_is_busy_while_a_run_of_it_waits(write: Write) -> None:
    root = write(ASKS, ONE)

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "do it", session="s")
        (asked,) = await pending(hub, waiting.run_id)
        with pytest.raises(SessionBusy, match="session s waits for approval") as busy:
            await hub.run("demo", "and now?", session="s")
        assert f"`agentctl approvals approve {asked}`" in busy.value.hint
        assert f"`agentctl resume {waiting.run_id}`" in busy.value.hint
        other = await hub.run("demo", "do it", session="t")
        await decide_all(hub, waiting.run_id)
        await hub.resume(waiting.run_id)
        result = await hub.run("demo", "and now?", session="s", ask=Asked())

    assert (other.status, result.status) == ("waiting", "done")


@pytest.mark.parametrize(
    ("approve", "why"), [("always", "workspace.yaml says to ask"), ("destructive", "note may change or delete things")]
)
async def test_why_somebody_is_asked_is_true(write: Write, approve: str, why: str) -> None:
    root = write(ASKS, ONE, rules={"approve": {"note": approve}})

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "do it")
        (asked,) = (await pending(hub, waiting.run_id)).values()

    assert asked.why == why


async def test_a_turn_that_cancels_drops_a_run_that_waits(write: Write) -> None:
    root = write(ASKS, [*ONE, *ONE])

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "do it", session="s")
        result = await hub.run("demo", "do it", session="s", busy="cancel", wait_s=0, ask=Asked())
        dropped = await hub.resume(waiting.run_id, ask=Asked()) if result.status == "done" else waiting
        turns = await hub.sessions.turns(await hub.sessions.get("s"))

    assert (result.status, notes(root)["one"]) == ("done", 2)
    assert dropped.status == "done"  # it can still be gone on with
    assert [turn.status for turn in turns] == ["done", "done"]


async def test_who_is_asked_in_place_may_leave_some_for_later(write: Write) -> None:
    root = write(ASKS, [calls(call("note", line="one"), call("note", line="two")), {"text": "done"}])

    async def one(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        return {each.id: Decision(approve=True) for each in approvals if each.args["line"] == "one"}

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=one)
        (left,) = (await pending(hub, result.run_id)).values()
        assert (result.status, left.args, notes(root)) == ("waiting", {"line": "two"}, {})
        result = await hub.resume(result.run_id, ask=Asked())

    assert (result.status, notes(root)) == ("done", {"one": 1, "two": 1})


def ask_for_ever(root: str, pipe: Any) -> None:
    async def ask(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        pipe.send(approvals[0].run_id)
        await asyncio.Event().wait()
        return {}

    async def work() -> None:
        async with agentctl.open(root) as hub:
            await hub.run("demo", "do it", ask=ask)

    asyncio.run(work())


@pytest.mark.slow
async def test_a_run_that_is_killed_while_it_asks_in_place_is_decided_elsewhere(
    write: Write, processes: ForkServerContext
) -> None:
    root = write(ASKS, ONE)
    ours, theirs = processes.Pipe()
    worker = process(processes, root, ask_for_ever, str(root), theirs)
    assert await asyncio.to_thread(ours.poll, 30)
    run_id = ours.recv()
    worker.kill()
    worker.join()

    async with agentctl.open(root) as hub:
        await decide_all(hub, run_id)
        result = await hub.resume(run_id)

    assert (result.status, notes(root)) == ("done", {"one": 1})


async def test_a_fallback_asks_for_itself_once_its_role_was_denied(write: Write) -> None:
    agents = {
        "walks": {"entry": "work:walks", "on_error": {"fallback": "spare"}},
        "spare": {"entry": "work:spare"},
    }
    code = "".join(
        f"async def {role}(state, ctx):\n    return await ctx.call_tool('note', line='{role}')\n" for role in agents
    )
    root = write(agents, code=code, stages={"talk": ["walks"]})
    told: list[Event] = []

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", on_event=told.append)
        await decide_all(hub, result.run_id, approve=False, reason="not you")
        result = await hub.resume(result.run_id, on_event=told.append)
        (asked,) = (await pending(hub, result.run_id)).values()
        assert (result.status, asked.agent) == ("waiting", "spare")
        await decide_all(hub, result.run_id)
        result = await hub.resume(result.run_id, on_event=told.append)

    assert (result.status, result.output, notes(root)) == ("done", "wrote spare", {"spare": 1})
    once = ("agent.failed", "agent.finished", "tool.called", "approval.requested")
    counted = {name: sum(event.type == name for event in told) for name in once}
    assert counted == {"agent.failed": 1, "agent.finished": 1, "tool.called": 1, "approval.requested": 2} | {
        "tool.called": counted["tool.called"]
    }


async def test_an_agent_whose_fallback_asks_is_not_run_again(write: Write) -> None:
    agents = {
        "walks": {"entry": "work:walks", "on_error": {"fallback": "spare"}},
        "spare": {"entry": "work:spare"},
    }
    code = """
begun = []
async def walks(state, ctx):
    begun.append(1)
    raise ValueError("tired")
async def spare(state, ctx):
    return await ctx.call_tool("note", line=f"spare after {len(begun)}")
"""
    root = write(agents, code=code, stages={"talk": ["walks"]})

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked())

    assert (result.status, notes(root)) == ("done", {"spare after 1": 1})


@pytest.mark.slow
async def test_to_wait_for_a_decision_takes_no_time_of_the_run_or_its_agents(write: Write) -> None:
    code = "async def walks(state, ctx):\n    return await ctx.call_tool('note', line='walks')\n"
    code += "def blocks(state, ctx):\n    return ctx.call_tool_sync('note', line='blocks')\n"
    agents = {
        "asks": {"prompt": "Call.", "timeout_s": 1},
        "walks": {"entry": "work:walks", "timeout_s": 1},
        "blocks": {"entry": "work:blocks", "timeout_s": 1},
    }
    root = write(agents, ONE, code, limits={"timeout_s": 1.5})

    class Slow(Asked):
        async def __call__(self, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
            await asyncio.sleep(2)
            return await super().__call__(approvals)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Slow())

    assert (result.status, notes(root)) == ("done", {"one": 1, "walks": 1, "blocks": 1})
    assert float(str(result.usage["duration_s"])) < 1.5


@pytest.mark.slow
async def test_a_waiting_run_uses_up_no_time_until_it_is_resumed(write: Write) -> None:
    root = write(ASKS, ONE, limits={"timeout_s": 1})

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        await asyncio.sleep(1.2)
        await decide_all(hub, result.run_id)
        result = await hub.resume(result.run_id)

    assert (result.status, notes(root)) == ("done", {"one": 1})


async def test_a_failed_sibling_does_not_undo_a_question(write: Write) -> None:
    root = write({**ASKS, "breaks": {"entry": "work:broken", "on_error": "skip"}}, ONE)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        assert result.status == "waiting"
        await decide_all(hub, result.run_id)
        result = await hub.resume(result.run_id)

    assert (result.status, result.output, notes(root)) == ("done", "done", {"one": 1})


async def test_an_agent_that_catches_everything_cannot_go_on_unallowed(write: Write) -> None:
    code = (
        "import asyncio\n"
        "async def walks(state, ctx):\n"
        "    try:\n"
        "        await ctx.call_tool('note', line='walks')\n"
        "    except Exception:\n"
        "        await ctx.call_tool('look', line='past it')\n"
        "def blocks(state, ctx):\n"
        "    try:\n"
        "        ctx.call_tool_sync('note', line='blocks')\n"
        "    except BaseException:\n"
        "        ctx.call_tool_sync('look', line='past it')\n"
    )
    root = write({role: {"entry": f"work:{role}"} for role in ("walks", "blocks")}, code=code)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        await asyncio.sleep(0.2)

    assert (result.status, notes(root)) == ("waiting", {})


async def test_calls_under_way_end_well_and_none_begins_when_another_one_of_their_agent_is_asked_for(
    write: Write,
) -> None:
    code = (
        "import asyncio\n"
        "async def one(ctx, line, wait_s):\n"
        "    await asyncio.sleep(wait_s)\n"
        "    await ctx.call_tool('note', line=line)\n"
        "async def walks(state, ctx):\n"
        "    new = [one(ctx, 'new', 0.02)] if state['task'] == 'new' else []\n"
        "    await asyncio.gather(*new, *(one(ctx, str(n), n * 0.0004) for n in range(100)))\n"
    )
    root = write({"walks": {"entry": "work:walks"}}, code=code)
    asked = Asked()

    async with agentctl.open(root) as hub:
        await hub.run("demo", "known", session="s", ask=Asked(always=True))
        result = await hub.run("demo", "new", session="s")
        assert result.status == "waiting"
        result = await hub.resume(result.run_id, ask=asked)

    assert (result.status, [each.kind for each in asked.seen]) == ("done", ["call"])
    assert notes(root) == {"new": 1, **{str(number): 2 for number in range(100)}}


DYING = """\
import os
from pathlib import Path

def note(line: str) -> str:
    '''Write a line; ends the whole process, as often as the file `deaths` says.'''
    with open("notes", "a") as file:
        file.write(line + "\\n")
    left = int(Path("deaths").read_text())
    if left:
        Path("deaths").write_text(str(left - 1))
        os._exit(9)
    return f"wrote {line}"
"""


def live(root: str, run_id: str | None, decision: dict[str, Any] | None) -> None:
    """Run or resume, deciding in place; a process of its own, which may die."""

    async def work(hub: Hub) -> None:
        ask = Asked(**decision) if decision else None
        await (hub.resume(run_id, ask=ask) if run_id else hub.run("demo", "do it", ask=ask))

    async def main() -> None:
        async with agentctl.open(root) as hub:
            await work(hub)

    asyncio.run(main())


async def lived(context: ForkServerContext, root: Path, run_id: str | None, **decision: Any) -> int:
    lives = process(context, root, live, str(root), run_id, decision)
    await asyncio.to_thread(lives.join, 40)
    assert lives.exitcode is not None
    return lives.exitcode


@pytest.mark.slow
async def test_a_call_is_repeated_with_the_arguments_that_it_was_allowed_with(
    write: Write, processes: ForkServerContext
) -> None:
    root = write({"asks": {"prompt": "Call.", "tools": ["note"]}}, ONE, tools=DYING)
    (root / "deaths").write_text("3")

    assert await lived(processes, root, None, args={"line": "edited"}) == 9
    async with agentctl.open(root) as hub:
        (row,) = await hub.store.list_runs()
    assert await lived(processes, root, row.run_id, approve=True) == 9
    assert await lived(processes, root, row.run_id, args={"line": "edited again"}) == 9
    async with agentctl.open(root) as hub:
        shown = Asked()
        result = await hub.resume(row.run_id, ask=shown)

    assert [(each.kind, each.args) for each in shown.seen] == [("unknown", {"line": "edited again"})]
    assert result.status == "done"
    assert notes(root) == {"edited": 2, "edited again": 2}


@pytest.mark.slow
async def test_a_call_of_which_nobody_knows_is_still_unknown_when_its_tool_is_gone(
    write: Write, write_workspace: WriteWorkspace, processes: ForkServerContext
) -> None:
    server = (
        "import os, sys\nfrom fastmcp import FastMCP\nmcp = FastMCP('s')\n"
        "@mcp.tool\ndef fell() -> str:\n    os.remove('there')\n    os.kill(os.getppid(), 9)\n"
        "if os.path.exists('there'):\n    mcp.run(show_banner=False)\n"
    )
    replies = [calls(call("s_fell")), {"contains": "[unknown]", "text": "who knows"}]
    root = write({"asks": {"prompt": "Call.", "tools": ["s_fell"]}}, replies)
    (root / "server.py").write_text(server)
    (root / "there").touch()
    declared = {"mcpServers": {"s": {"command": sys.executable, "args": ["server.py"]}}}
    write_workspace("demo", {"mcp.json": json.dumps(declared)})

    assert await lived(processes, root, None, approve=True) == -9
    async with agentctl.open(root) as hub:
        (row,) = await hub.store.list_runs()
        result = await hub.resume(row.run_id)

    assert (result.status, result.output) == ("done", "who knows")


async def test_a_tool_may_have_any_parameter(write: Write) -> None:
    tools = "def greet(name: str, self: str) -> str:\n    return f'{name} {self}'\n"
    code = "async def walks(state, ctx):\n    return await ctx.call_tool('greet', name='mia', self='!')\n"
    root = write({"walks": {"entry": "work:walks", "tools": ["greet"]}}, code=code, tools=tools)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked())

    assert result.output == "mia !"


async def test_a_call_that_was_denied_is_not_asked_for_again_though_its_process_died_at_that(write: Write) -> None:
    code = (
        "async def walks(state, ctx):\n"
        "    try:\n        await ctx.call_tool('note', line='walks')\n"
        "    except Exception:\n        raise SystemExit('died')\n"
    )
    root = write({"walks": {"entry": "work:walks"}}, code=code)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked(approve=False))
        with closing(sqlite3.connect(root / ".agentctl" / "state.db")) as database, database:
            # As it stands between the two writes of a call.
            done = database.execute("update calls set status = 'started', result = null where kind = 'tool'")
            assert done.rowcount == 1
        asked = Asked()
        again = await hub.resume(result.run_id, ask=asked)

    assert (result.status, again.status, asked.seen, notes(root)) == ("failed", "failed", [], {})
