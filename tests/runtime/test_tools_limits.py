"""What bounds tool calls, what a model is told of it, and what is kept of results."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import UsageError
from agentctl.events import Event
from tests.conftest import WriteWorkspace
from tests.runs import of
from tests.runtime.process import KEY
from tests.runtime.tooled import FREE, Asked, call, calls, decide_all, forkserver, notes, pending, process, tooled

ASKS = {"asks": {"prompt": "Call."}}
Write = Callable[..., Path]


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write the workspace `demo`, in which nobody is asked for `note`, and go to its project."""
    monkeypatch.chdir(tmp_path)

    def written(*args: Any, **more: Any) -> Path:
        more["rules"] = {**FREE, **more.get("rules", {})}
        return write_workspace("demo", tooled(*args, **more))

    return written


async def told_of(root: Path, **options: Any) -> list[dict[str, Any]]:
    told: list[Event] = []
    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it", on_event=told.append, **options)
    return [event.as_dict() for event in told]


async def test_no_more_tools_are_called_than_the_run_may(write: Write) -> None:
    replies = [calls(*(call("note", line=line) for line in "abc")), {"text": "never said"}]
    root = write(ASKS, replies, limits={"max_tool_calls": 2})

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        again = await hub.resume(result.run_id)

    assert (result.status, again.status) == ("limited", "limited")
    assert result.error is not None and "max_tool_calls" in result.error["message"]
    assert (result.usage["tool_calls"], again.usage["tool_calls"]) == (2, 2)
    assert notes(root) == {"a": 1, "b": 1}


async def test_a_tool_is_called_no_more_often_than_it_may_in_a_run_over_all_agents_and_resumes(write: Write) -> None:
    agents = {"asks": {"prompt": "Call."}, "then": {"prompt": "Call.", "tools": ["note", "look"]}}
    replies = [
        calls(call("note", line="a"), call("note", line="b"), agent="asks"),
        {"agent": "asks", "text": "asked"},
        calls(call("look", line="x"), agent="then"),
        calls(call("note", line="c"), call("note", line="d"), agent="then"),
        {"agent": "then", "contains": "note may be called 3 times in a run", "text": "enough"},
    ]
    rules = {"each": {"note": {"max_calls": 3}}, "approve": {"note": "never", "look": "always"}}
    root = write(agents, replies, stages={"one": ["asks"], "two": ["then"]}, rules=rules)

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it")
        assert result.status == "waiting"
        result = await hub.resume(result.run_id, ask=Asked())

    assert (result.status, result.output) == ("done", "enough")
    assert notes(root) == {"a": 1, "b": 1, "c": 1, "x": 1}
    assert result.usage["tool_calls"] == 4


async def test_nobody_is_asked_about_a_call_too_many(write: Write) -> None:
    replies = [calls(call("note", line="a")), calls(call("note", line="b")), {"contains": "[error]", "text": "enough"}]
    root = write(ASKS, replies, rules={"approve": {"note": "always"}, "each": {"note": {"max_calls": 1}}})
    asked = Asked()

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=asked)

    assert (result.output, notes(root), len(asked.seen)) == ("enough", {"a": 1}, 1)


async def test_what_is_refused_or_denied_is_no_call_of_the_run(write: Write) -> None:
    replies = [
        calls(call("nothing"), call("note"), call("note", line="a"), call("note", line="b")),
        calls(call("look", line="c"), contains="[denied]"),
        {"contains": "seen", "text": "done"},
    ]
    root = write(ASKS, replies, limits={"max_tool_calls": 1}, rules={"approve": {"note": "always"}})

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=Asked(approve=False))

    assert (result.status, result.usage["tool_calls"], notes(root)) == ("done", 1, {"c": 1})


async def test_arguments_that_do_not_fit_are_mended_by_the_model(write: Write) -> None:
    replies = [
        calls(call("note", lime="a")),
        calls(call("note", line=3), contains="[error]"),
        calls(call("note", line="a"), contains="3"),
        {"contains": "wrote a", "text": "done"},
    ]
    root = write(ASKS, replies)

    told = await told_of(root)

    assert [each["status"] for each in of(told, "tool.returned")] == ["error", "error", "ok"]
    assert "line" in of(told, "tool.returned")[0]["text"]
    assert (told[-1]["output"], notes(root)) == ("done", {"a": 1})


async def test_a_long_result_is_cut_for_the_model_and_shorter_still_in_events(write: Write) -> None:
    tools = "def long() -> str:\n    return 'x' * 100_000\n"
    replies = [calls(call("long")), {"contains": "[cut: the result is over 5,000 bytes]", "text": "done"}]
    rules = {"approve": {"long": "never"}, "each": {"long": {"max_result_bytes": 5000}}}
    root = write({"asks": {"prompt": "Call.", "tools": ["long"]}}, replies, tools=tools, rules=rules)

    told = await told_of(root)

    (returned,) = of(told, "tool.returned")
    assert len(returned["text"]) < 2100
    assert told[-1]["output"] == "done"


async def test_a_model_that_never_stops_calling_fails_its_agent(write: Write) -> None:
    root = write(ASKS, [calls(call("look", line="again"), repeat=True)])

    told = await told_of(root)

    (failed,) = of(told, "agent.failed")
    assert failed["error"]["code"] == "tool-rounds"
    assert (told[-1]["status"], notes(root)["again"]) == ("failed", 25)


PICTURE = """\
from fastmcp.utilities.types import File, Image

def picture():
    return ["a picture", Image(data=b"png of it", format="png"), File(data=b"%PDF", format="pdf", name="plan")]
"""


async def test_files_of_a_result_reach_the_model_and_are_kept_as_long_as_their_session(write: Write) -> None:
    replies = [calls(call("picture")), {"contains": "Files that picture gave:", "text": "seen"}]
    agents = {"asks": {"prompt": "Call.", "tools": ["picture"]}}
    root = write(agents, replies, tools=PICTURE, rules={"approve": {"picture": "never"}})
    told: list[Event] = []

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", session="s", on_event=told.append)
        (returned,) = of([event.as_dict() for event in told], "tool.returned")
        kept = [root / path for path in returned["files"]]
        assert [path.read_bytes() for path in kept] == [b"png of it", b"%PDF"]
        assert [path.suffix for path in kept] == [".png", ".pdf"]
        assert all(path.parent == root / ".agentctl" / "files" / result.run_id for path in kept)
        assert [path.stat().st_mode & 0o777 for path in kept] == [0o600, 0o600]
        await hub.sessions.delete([await hub.sessions.get("s")])
        assert not any(path.exists() for path in [*kept, kept[0].parent])

    assert result.output == "seen"


async def test_the_next_turn_is_told_what_was_answered_and_not_what_tools_said(write: Write) -> None:
    replies = [calls(call("look", line="secret of the tool")), {"text": "answered"}]
    code = "async def tells(state, ctx):\n    return str(ctx.turns)\n"
    agents = {**ASKS, "tells": {"entry": "work:tells"}}
    root = write(agents, replies, code, stages={"one": ["asks"], "two": ["tells"]})

    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it", session="s")
        result = await hub.run("demo", "do it again", session="s")

    assert "'user': 'do it'" in result.output
    assert "secret" not in result.output


@pytest.mark.slow
async def test_a_thousand_calls_at_once_keep_their_results_apart(write: Write) -> None:
    code = (
        "import asyncio\n"
        "async def many(state, ctx):\n"
        "    made = await asyncio.gather(*(ctx.call_tool('echo', n=n) for n in range(1000)))\n"
        "    return str([each['n'] for each in made] == list(range(1000)))\n"
    )
    tools = (
        "import asyncio, random\nfrom agentctl import tool\n@tool(read_only=True)\n"
        "async def echo(n: int) -> dict:\n    await asyncio.sleep(random.random() * 0.05)\n    return {'n': n}\n"
    )
    root = write({"many": {"entry": "work:many", "tools": ["echo"]}}, code=code, tools=tools)

    async with agentctl.open(root) as hub:
        started = time.perf_counter()
        result = await hub.run("demo", "do it")
        print(f"{time.perf_counter() - started:.2f} s")

    assert (result.output, result.usage["tool_calls"]) == ("True", 1000)


async def test_a_key_that_an_agent_hands_to_a_tool_is_kept_nowhere(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code = "import os\nasync def walks(state, ctx):\n"
    code += "    return await ctx.call_tool('note', line=os.environ['OPENAI_API_KEY'])\n"
    root = write({"walks": {"entry": "work:walks"}}, code=code, rules={"approve": {"note": "always"}})

    async with agentctl.open(root) as hub:
        waiting = await hub.run("demo", "do it")
        await decide_all(hub, waiting.run_id)
        result = await hub.resume(waiting.run_id)

    assert (result.status, notes(root)) == ("done", {KEY: 1})
    (root / "notes").unlink()
    found = [path for path in root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert found == []


async def test_a_call_that_its_agent_had_no_time_for_is_unknown_when_the_run_is_resumed(write: Write) -> None:
    tools = (
        "import asyncio\n"
        "async def note(line: str) -> str:\n"
        "    with open('notes', 'a') as file:\n        file.write(line + '\\n')\n"
        "    await asyncio.sleep(30)\n"
    )
    code = "async def walks(state, ctx):\n    return await ctx.call_tool('note', line='walks')\n"
    root = write({"walks": {"entry": "work:walks", "tools": ["note"], "timeout_s": 0.3}}, code=code, tools=tools)

    async with agentctl.open(root) as hub:
        failed = await hub.run("demo", "do it")
        again = await hub.resume(failed.run_id)
        (asked,) = (await pending(hub, failed.run_id)).values()

    assert (failed.status, again.status, asked.kind) == ("failed", "waiting", "unknown")
    assert failed.error is not None and failed.error["code"] == "agent-timeout"
    assert notes(root) == {"walks": 1}


async def test_an_optional_tool_is_there_only_in_a_turn_that_asks_for_it(write: Write) -> None:
    replies = [calls(call("note", line="a")), {"text": "done"}]
    root = write(ASKS, replies, rules={"each": {"note": {"optional": True}}, "approve": {"note": "always"}})

    async with agentctl.open(root) as hub:
        without = await hub.run("demo", "do it")
        assert (without.status, notes(root)) == ("done", {})
        waiting = await hub.run("demo", "do it", tools=["note"])
        result = await hub.resume(waiting.run_id, ask=Asked())
        with pytest.raises(UsageError, match="no agent has an optional tool 'look'"):
            await hub.run("demo", "do it", tools=["look"])

    assert (waiting.status, result.status, notes(root)) == ("waiting", "done", {"a": 1})


async def test_a_tool_that_blocks_holds_up_neither_the_run_nor_an_agent_that_blocks(write: Write) -> None:
    tools = "import time\ndef nap() -> str:\n    time.sleep(0.3)\n    return 'rested'\n"
    code = "def blocks(state, ctx):\n    return ctx.call_tool_sync('nap')\n"
    roles = {f"b{number}": {"entry": "work:blocks", "tools": ["nap"]} for number in range(8)}
    root = write(roles, code=code, tools=tools, rules={"approve": {"nap": "never"}})

    async with agentctl.open(root) as hub:
        await hub.run("demo", "do it")
        started, worst, last = time.perf_counter(), 0.0, time.perf_counter()
        running = asyncio.create_task(hub.run("demo", "do it"))
        while not running.done():
            await asyncio.sleep(0.005)
            worst, last = max(worst, time.perf_counter() - last), time.perf_counter()
        took = time.perf_counter() - started

    assert (await running).output == "\n\n".join(["rested"] * 8)
    assert took < 1.5
    assert worst < 0.25


async def test_what_tools_did_is_in_the_history_and_the_usage_and_not_in_the_output(write: Write) -> None:
    code = "import json, agentctl\nasync def sees(state):\n    history = agentctl.plain(state['history'])\n"
    code += "    return json.dumps([{**(entry.get('data') or {}), 'text': entry['text']} for entry in history])\n"
    agents = {**ASKS, "sees": {"entry": "work:sees"}}
    replies = [calls(call("look", line="a"), call("note", line="b")), {"text": "answered"}]
    root = write(agents, replies, code, stages={"one": ["asks"], "two": ["sees"]})

    told = await told_of(root)

    looked, noted, said = json.loads(told[-1]["output"])
    assert (looked["tool"], looked["status"], looked["result"]) == ("look", "ok", {"seen": "a"})
    assert (noted["args"], noted["text"], said["text"]) == ({"line": "b"}, "wrote b", "answered")
    (finished, *_) = of(told, "agent.finished")
    assert (finished["text"], finished["usage"]["tool_calls"]) == ("answered", 2)
    assert os.path.exists("notes")


DEADLY = """\
import os
from agentctl import tool

def note(line: str) -> str:
    with open("notes", "a") as file:
        file.write(line + "\\n")
    if os.path.exists("deadly"):
        os.remove("deadly")
        os.kill(os.getpid(), 9)
    return f"wrote {line}"

@tool(read_only=True)
def look(line: str) -> str:
    return line
"""
TWICE = """\
from agentctl.errors import ToolFailed
async def acts(state, ctx):
    said = []
    for tool, line in [("note", "a"), ("look", "x"), ("note", "b")]:
        try:
            said.append(await ctx.call_tool(tool, line=line))
        except ToolFailed as error:
            said.append(f"{error.status}: {error}")
    return " | ".join(said)
"""


def run_and_die(root: str) -> None:
    asyncio.run(told_of(Path(root)))


async def killed(processes: ForkServerContext, root: Path) -> str:
    """Run until the first call of `note` kills the process; returns the run's id."""
    (root / "deadly").touch()
    dies = process(processes, root, run_and_die, str(root))
    await asyncio.to_thread(dies.join, 40)
    assert dies.exitcode == -9
    async with agentctl.open(root) as hub:
        (row,) = await hub.store.list_runs()
    return row.run_id


@pytest.mark.parametrize("look", ["never", "always"])
@pytest.mark.parametrize("repeats", [False, True])
async def test_a_call_of_which_nobody_knows_counts_as_one(
    write: Write, processes: ForkServerContext, look: str, repeats: bool
) -> None:
    rules = {"approve": {"note": "never", "look": look}, "each": {"note": {"max_calls": 1}}}
    root = write({"acts": {"entry": "work:acts"}}, code=TWICE, tools=DEADLY, rules=rules)
    run_id = await killed(processes, root)

    async with agentctl.open(root) as hub:
        result = await hub.resume(run_id)
        while result.status == "waiting":
            (asked,) = (await pending(hub, run_id)).values()
            await decide_all(hub, run_id, approve=repeats or asked.kind == "call")
            result = await hub.resume(run_id)

    first, _, second = result.output.split(" | ")
    assert first == "wrote a" if repeats else first.startswith("unknown: ")
    assert "note may be called 1 times in a run" in second
    assert notes(root) == {"a": 1 + repeats}
    assert result.usage["tool_calls"] == 2


async def test_whether_to_repeat_the_last_call_that_a_run_may_make_is_asked(
    write: Write, processes: ForkServerContext
) -> None:
    code = "async def acts(state, ctx):\n    return await ctx.call_tool('note', line='a')\n"
    root = write({"acts": {"entry": "work:acts"}}, code=code, tools=DEADLY, limits={"max_tool_calls": 1})
    run_id = await killed(processes, root)

    async with agentctl.open(root) as hub:
        result = await hub.resume(run_id, ask=Asked())

    assert (result.status, result.output, result.usage["tool_calls"]) == ("done", "wrote a", 1)
    assert notes(root) == {"a": 2}


async def test_a_run_that_may_call_nothing_more_asks_for_nothing_more(write: Write) -> None:
    replies = [calls(call("look", line="a")), calls(call("note", line="b")), {"text": "never said"}]
    rules = {"approve": {"note": "always"}}
    root, asked = write(ASKS, replies, limits={"max_tool_calls": 1}, rules=rules), Asked()

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", ask=asked)
        left = await pending(hub, result.run_id)

    assert (result.status, asked.seen, left) == ("limited", [], {})
    assert result.error is not None and "max_tool_calls" in result.error["message"]
    assert (notes(root), result.usage["tool_calls"]) == ({"a": 1}, 1)
