"""External servers in a run: whatever one of them does, the run goes on, and nobody else notices."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.events import Event
from agentctl.store import Decision
from tests.conftest import WriteWorkspace
from tests.runs import of
from tests.runtime.tooled import Asked, call, calls, decide_all, forkserver, process, tooled
from tests.tools.server_scripts import FASTMCP, PLAIN
from tests.tools.test_servers_http import free_port, serving

Write = Callable[..., Path]
FREE = {"approve": {"*": "never"}}


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write a workspace whose `p` and others are servers of plain Python by their vices, and `f` is one of FastMCP."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plain.py").write_text(PLAIN)
    (tmp_path / "fast.py").write_text(FASTMCP)

    def written(servers: dict[str, Any], *args: Any, name: str = "demo", **more: Any) -> Path:
        declared = {
            name: {"command": sys.executable, "args": ["-S", "-E", "plain.py", vice]} if isinstance(vice, str) else vice
            for name, vice in servers.items()
        }
        files = tooled(*args, **{"rules": FREE, **more})
        return write_workspace(name, {**files, "mcp.json": json.dumps({"mcpServers": declared})})

    return written


def agent(*tools: str) -> dict[str, Any]:
    return {"prompt": "Call.", "tools": list(tools)}


async def told_of(root: Path, name: str = "demo", **options: Any) -> list[dict[str, Any]]:
    async with agentctl.open(root) as hub:
        told: list[Event] = []
        await hub.run(name, "do it", on_event=told.append, **options)
        return [event.as_dict() for event in told]


def outcomes(told: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(each["tool"], each["status"], each["text"]) for each in of(told, "tool.returned")]


async def test_a_server_that_is_killed_in_a_call_fails_that_call_and_nobody_else_notices(write: Write) -> None:
    replies = [
        calls(call("p_die"), agent="dies"),
        calls(call("p_echo", text="anew"), agent="dies", contains="[unknown]"),
        {"agent": "dies", "text": "it came back"},
        calls(call("q_nap", s=0.5), agent="naps"),
        {"agent": "naps", "contains": "rested", "text": "I have rested"},
    ]
    root = write({"p": "", "q": ""}, {"dies": agent("p_*"), "naps": agent("q_*")}, replies)
    other = [calls(call("q_nap", s=0.5)), calls(call("q_echo", text="untouched")), {"text": "still here"}]
    write({"q": ""}, {"other": agent("q_*")}, other, name="beside")

    async with agentctl.open(root) as hub:
        told: list[Event] = []
        result, beside = await asyncio.gather(
            hub.run("demo", "do it", on_event=told.append), hub.run("beside", "do it", session="s")
        )

    assert (result.status, result.output) == ("done", "it came back\n\nI have rested")
    assert (beside.status, beside.output) == ("done", "still here")
    (died, anew) = [each for each in outcomes([event.as_dict() for event in told]) if each[0] != "q_nap"]
    assert died[:2] == ("p_die", "unknown") and "server 'p' was lost while 'p_die' ran" in died[2]
    assert anew == ("p_echo", "ok", "anew")


@pytest.mark.slow
async def test_a_server_that_never_answers_costs_its_time_limit_only(write: Write) -> None:
    replies = [calls(call("p_hang")), calls(call("p_echo", text="anew"), contains="[unknown]"), {"text": "done"}]
    rules = {**FREE, "each": {"p_hang": {"timeout_s": 0.3}}}
    root = write({"p": ""}, {"asks": agent("p_*")}, replies, rules=rules)

    told = await told_of(root)

    hung, anew = outcomes(told)
    assert hung[1] == "unknown" and "gave no answer to 'p_hang' within 0.3 s" in hung[2]
    assert anew == ("p_echo", "ok", "anew")
    assert told[-1]["status"] == "done"


@pytest.mark.parametrize("vice", ["", "flood", "lies", "asks", "endless"])
async def test_what_a_server_floods_sends_or_lies_about_does_not_end_the_run(write: Write, vice: str) -> None:
    wanted = [call("p_big", n=50_000_000), call("p_shout", n=2000), call("p_chatter", n=300), call("p_fail")]
    more = [call("p_wrong"), call("p_typed"), call("p_echo", text=1)] if vice == "lies" else []
    replies = [calls(*wanted, *more), calls(call("p_echo", text="well")), {"contains": "well", "text": "done"}]
    root = write({"p": vice}, {"asks": agent("p_*")}, replies)

    told = await told_of(root)

    statuses = {tool: (status, text) for tool, status, text in outcomes(told)}
    assert statuses["p_big"] == ("error", "server 'p': it sent an answer of over 8,388,608 bytes, which was dropped")
    assert statuses["p_chatter"] == statuses["p_shout"] == ("ok", "done")
    assert statuses["p_fail"][0] == "error"
    if vice == "lies":
        assert statuses["p_wrong"] == ("ok", "lie")
        assert statuses["p_typed"][0] == "error"
    assert (told[-1]["status"], told[-1]["output"]) == ("done", "done")


@pytest.mark.parametrize("away", ["dies", "nonsense", {"command": "no-such-command"}, {"url": "http://127.0.0.1:9/"}])
async def test_a_server_that_is_away_is_a_warning_and_the_run_goes_on(write: Write, away: Any) -> None:
    replies = [calls(call("a_echo", text="x"), call("p_echo", text="here")), {"contains": "here", "text": "done"}]
    root = write({"p": "", "a": away}, {"asks": agent("a_echo", "p_echo")}, replies)

    told = await told_of(root)

    (warning,) = of(told, "warning")
    assert "agent 'asks' works without 'a_echo': server 'a' is away" in warning["message"]
    assert [each[:2] for each in outcomes(told)] == [("a_echo", "error"), ("p_echo", "ok")]
    assert told[-1]["output"] == "done"


async def test_a_call_names_itself_to_its_server_by_the_id_that_it_has_everywhere(write: Write) -> None:
    root = write({"p": ""}, {"asks": agent("p_*")}, [calls(call("p_meta")), {"text": "done"}])

    told = await told_of(root)

    (called,), (returned,) = of(told, "tool.called"), of(told, "tool.returned")
    assert json.loads(returned["text"])["agentctl"] == {"idempotency_key": called["call_id"]}


def answer_elsewhere(root: str, wait_s: float, args: object) -> None:
    """Answers the first question that there is, as another process."""

    async def main() -> None:
        async with agentctl.open(root) as hub:
            while not (asked := await hub.store.approvals.list(user=None)):
                await asyncio.sleep(0.05)
            await asyncio.sleep(wait_s)
            await hub.store.approvals.decide(asked[0].id, Decision(approve=True, args=args), user=None)

    asyncio.run(main())


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@pytest.fixture(params=["handshake era, stdio", "modern era, http"])
def asking(request: pytest.FixtureRequest, write: Write, tmp_path: Path) -> Any:
    """A project whose agent calls a tool that asks the user, in one of the eras of the protocol."""
    replies = [calls(call("s_ask")), {"contains": "True", "text": "yes"}, {"text": "no"}]

    def make(**more: Any) -> Path:
        agents = {"asks": {**agent("s_ask"), "timeout_s": 1.5}}
        replies[1]["contains"] = "true" if "stdio" in request.param else "True"
        return write({"s": server}, agents, replies, **{"limits": {"timeout_s": 2}, **more})

    if "stdio" in request.param:
        server: Any = ""
        yield make
    else:
        with serving(FASTMCP, tmp_path, free_port()) as url:
            server = {"url": url}
            yield make


@pytest.mark.slow
async def test_what_a_server_asks_is_answered_by_who_is_there(asking: Any) -> None:
    root, asked = asking(), Asked(args={"ok": True})

    told = await told_of(root, ask=asked)

    (question,) = asked.seen
    assert (question.kind, question.tool, question.args["message"]) == ("question", "s_ask", "Sure?")
    assert question.args["schema"]["properties"] == {"ok": {"type": "boolean"}}
    assert told[-1]["output"] == "yes"
    assert [each["kind"] for each in of(told, "approval.requested")] == ["question"]


@pytest.mark.slow
async def test_what_a_server_asks_is_answered_by_another_process_in_its_own_time(
    asking: Any, processes: ForkServerContext
) -> None:
    root = asking()
    other = process(processes, root, answer_elsewhere, str(root), 2.2, {"ok": True})

    told = await told_of(root)

    await asyncio.to_thread(other.join, 20)
    assert (told[-1]["status"], told[-1]["output"], other.exitcode) == ("done", "yes", 0)
    assert told[-1]["usage"]["duration_s"] < 2


@pytest.mark.slow
@pytest.mark.parametrize("is_late", [False, True])
async def test_a_question_that_is_denied_or_never_answered_is_declined(asking: Any, is_late: bool) -> None:
    root = asking(rules={**FREE, "expires_s": 0.5})

    told = await told_of(root, ask=None if is_late else Asked(approve=False))

    assert '"decline"' in outcomes(told)[0][2] or outcomes(told)[0][2].startswith("decline")
    assert told[-1]["output"] == "no"


ASKING = """\
import asyncio, os
from fastmcp import Context, FastMCP

mcp = FastMCP("s")

@mcp.tool
async def ask(ctx: Context) -> str:
    from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

    asked = open("asked").read().strip()
    replies = ctx.input_responses
    if not replies:
        schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
        params = ElicitRequestFormParams(message=asked, requested_schema=schema)
        return InputRequiredResult(input_requests={"q": ElicitRequest(params=params)}, request_state="asked")
    if asked == "Delete one?":
        os.kill(os.getppid(), 9)
    return f"{asked} {replies['q'].action}"

mcp.run(show_banner=False)
"""


def run_and_die(root: str) -> None:
    asyncio.run(told_of(Path(root), ask=Asked(args={"ok": True})))


@pytest.mark.slow
async def test_an_answer_counts_for_the_question_that_was_asked_only(
    write: Write, processes: ForkServerContext
) -> None:
    replies = [calls(call("s_ask")), {"text": "done"}]
    server = {"command": sys.executable, "args": ["asking.py"]}
    root = write({"s": server}, {"asks": agent("s_ask")}, replies)
    (root / "asking.py").write_text(ASKING)
    (root / "asked").write_text("Delete one?")
    dies = process(processes, root, run_and_die, str(root))
    await asyncio.to_thread(dies.join, 40)
    assert dies.exitcode == -9

    (root / "asked").write_text("Delete all?")
    asked = Asked(args={"ok": True})
    async with agentctl.open(root) as hub:
        (row,) = await hub.store.list_runs()
        result = await hub.resume(row.run_id)
        assert result.status == "waiting"
        await decide_all(hub, row.run_id)
        result = await hub.resume(row.run_id, ask=asked)

    assert result.status == "done"
    assert [(each.kind, each.args["message"]) for each in asked.seen] == [("question", "Delete all?")]


@pytest.mark.slow
async def test_a_server_that_stays_silent_holds_up_no_later_turn(write: Write) -> None:
    silent = {"command": sys.executable, "args": ["-S", "-E", "plain.py", "silent"], "timeout": 3000}
    replies = [calls(call("p_echo", text="here")), {"contains": "here", "text": "done"}]
    root = write({"p": "", "s": silent}, {"asks": agent("s_echo", "p_echo")}, replies)

    async with agentctl.open(root) as hub:
        started = time.monotonic()
        first = await hub.run("demo", "do it", session="s")
        assert time.monotonic() - started < 5, "it is waited for once"
        started = time.monotonic()
        second = await hub.run("demo", "do it", session="s")
        took = time.monotonic() - started

    assert (first.output, second.output) == ("done", "done")
    assert took < 2


async def test_a_server_that_is_back_serves_the_next_turn(write: Write) -> None:
    replies = [calls(call("s_echo", text="here")), {"text": "done"}]
    late = {"command": sys.executable, "args": ["-S", "-E", "late.py"]}
    root = write({"s": late}, {"asks": agent("s_echo")}, replies)

    async with agentctl.open(root) as hub:
        told: list[Event] = []
        await hub.run("demo", "do it", session="s", on_event=told.append)
        (root / "late.py").write_text(PLAIN)
        await hub.run("demo", "do it", session="s", on_event=told.append)

    events = [event.as_dict() for event in told]
    assert [each[1] for each in outcomes(events)] == ["error", "ok"]
    assert len(of(events, "warning")) == 1
