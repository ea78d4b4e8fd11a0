"""The tools of a workspace: which there are, and calling them through one client."""

import asyncio
import contextvars
import sys
import threading
import time
from pathlib import Path

import pytest

from agentctl.errors import WorkspaceError
from tests.tools.box import one, told, toolbox

TRIPS = '''
"""Trips."""
from agentctl import tool
from .shared import price

@tool(read_only=True)
def search(city: str, nights: int = 2) -> dict:
    """Find trips.

    Args:
        city: where to.
    """
    return {"city": city, "price": price(nights)}

@tool
async def book(city: str):
    """Book one."""
    return [city, "booked"]

def plain(a: float, b: float) -> float:
    return a + b

def _private(): ...
'''
SHARED = "def price(nights: int) -> int:\n    return 50 * nights\n"


async def test_public_functions_are_tools_and_imported_ones_are_not(tmp_path: Path) -> None:
    async with toolbox(tmp_path, {"trips.py": TRIPS, "shared.py": SHARED, "_hidden.py": "def no(): ..."}) as box:
        own = {name: info for name, info in box.tools.items() if info.source == "workspace"}
        found = await box.call("search", {"city": "Rome", "nights": 3})

        assert list(own) == ["price", "search", "book", "plain"]
        assert own["search"].description == "Find trips."
        assert own["search"].schema == {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "where to."},
                "nights": {"type": "integer", "default": 2},
            },
            "required": ["city"],
            "additionalProperties": False,
        }
        assert (found.status, found.structured) == ("ok", {"city": "Rome", "price": 150})
        assert found.text == '{"city": "Rome", "price": 150}' and 0 < found.duration_s < 5
        assert (await box.call("book", {"city": "Oslo"})).structured == ["Oslo", "booked"]
        assert (await box.call("plain", {"a": 1, "b": 2.5})).structured == 3.5
        assert dict(box.missing) == {}


async def test_hints_and_rules_decide_what_needs_an_approval(tmp_path: Path) -> None:
    rules = "{approve: {book: never, '*': destructive, 'pri*': always}}"
    async with toolbox(tmp_path, {"trips.py": TRIPS, "shared.py": SHARED}, rules) as box:
        needs = {name: info.needs_approval for name, info in box.tools.items() if info.source == "workspace"}

    assert needs == {"price": True, "search": False, "book": False, "plain": True}


async def test_an_agent_sees_what_it_lists_and_optional_tools_when_asked_for(tmp_path: Path) -> None:
    rules = "{each: {book: {optional: true}}}"
    async with toolbox(tmp_path, {"trips.py": TRIPS, "shared.py": SHARED}, rules) as box:

        def names(*patterns: str, enabled: tuple[str, ...] = ()) -> list[str]:
            return [info.name for info in box.select(patterns, enabled)]

        assert names("plain", "search", "plain") == ["plain", "search"]
        assert names("*") == ["price", "search", "plain"]
        assert names("*", enabled=("book", "now")) == ["price", "search", "book", "plain"]
        assert names("now", "b*", enabled=("book",)) == ["now", "book"]
        assert names("search", enabled=("book",)) == ["search"]
        assert dict(box.missing) == {}
        assert names("serach", "x_*", "w*") == []
        assert box.missing["serach"] == "no tool is called so, did you mean 'search'?"
        assert set(box.missing) == {"serach", "x_*", "w*"}


async def test_a_file_that_raises_is_out_with_its_line(tmp_path: Path) -> None:
    files = {"broken.py": "def lost(): ...\n\n1 / 0\n", "gone.py": "raise SystemExit(3)", "good.py": "def here(): ..."}
    async with toolbox(tmp_path, files) as box:
        assert "here" in box.tools and "lost" not in box.tools
        reason = (
            "tools/broken.py cannot be imported: ZeroDivisionError: division by zero (tools/broken.py:3 in <module>)"
        )
        assert box.missing["lost"] == reason
        assert "SystemExit: 3" in box.missing["tools/gone.py"]
        assert await told(box, "lost") == ("error", f"lost cannot be called: {reason}")


@pytest.mark.parametrize(
    "code",
    [
        "def odd(*words): ...",
        "def odd(a, /): ...",
        "def odd(**more): ...",
        "class C: ...\ndef odd(a: C): ...",
        "def größe(): ...\nodd = None",
        f"def {'a' * 65}(): ...",
        "def odd(a: 'Nowhere'): ...",
    ],
)
async def test_what_no_model_could_call_is_missing_and_says_why(tmp_path: Path, code: str) -> None:
    async with toolbox(tmp_path, one(code)) as box:
        [(name, reason)] = box.missing.items()

        assert name not in box.tools and "tools/work.py" in reason and "\n" not in reason


@pytest.mark.parametrize("other", ["twin.py", None])
async def test_two_tools_of_one_name_are_refused_by_both_places(tmp_path: Path, other: str | None) -> None:
    """`validate` refuses them already where the text says so for certain."""
    twin = "if True:\n    def {}(): ..."
    files = {"first.py": "def same(): ...", "twin.py": twin.format("same")} if other else one(twin.format("now"))
    with pytest.raises(WorkspaceError, match="two tools have the name") as raised:
        async with toolbox(tmp_path, files):
            pass

    assert raised.value.exit_code == 3
    assert all(place in str(raised.value) for place in (["first.py", "twin.py"] if other else ["work.py", "agentctl"]))


@pytest.mark.slow
async def test_a_thousand_calls_at_once_keep_their_results_apart(tmp_path: Path) -> None:
    code = """
import asyncio, random
async def echo(n: int) -> int:
    await asyncio.sleep(random.random() / 50)
    return n
def blocking(n: int) -> int:
    return n
"""
    async with toolbox(tmp_path, one(code)) as box:
        for name in ("echo", "blocking"):
            outcomes = await asyncio.gather(*(box.call(name, {"n": n}) for n in range(1000)))

            assert [outcome.structured for outcome in outcomes] == list(range(1000))


@pytest.mark.slow
async def test_blocking_tools_run_in_our_threads_and_leave_the_loop_alone(tmp_path: Path) -> None:
    code = """
import threading, time
def block(s: float) -> list:
    time.sleep(s)
    return [threading.current_thread().name, threading.current_thread().daemon]
"""
    async with toolbox(tmp_path, one(code), threads=60) as box:
        await box.call("block", {"s": 0})
        start, late = time.perf_counter(), 0.0
        calls = asyncio.gather(*(box.call("block", {"s": 0.4}) for _ in range(60)))
        while not calls.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late = max(late, time.perf_counter() - before)
        took = time.perf_counter() - start

        assert {tuple(outcome.structured) for outcome in calls.result()} == {("agentctl-blocking", True)}
    assert took < 0.8, "anyio's 40 threads would need two rounds"
    assert late < 0.25


@pytest.mark.slow
async def test_a_hung_tool_is_given_up_and_others_get_its_thread(tmp_path: Path) -> None:
    code = "import threading\ngate = threading.Event()\ndef hang(): gate.wait(20)\ndef free(): gate.set()\n"
    rules = "{each: {hang: {timeout_s: 0.1}}}"
    async with toolbox(tmp_path, one(code), rules, threads=1) as box:
        start = time.perf_counter()
        outcomes = await asyncio.gather(*(box.call("hang", {}) for _ in range(3)))

        assert {outcome.status for outcome in outcomes} == {"unknown"}
        assert "hang gave no answer within 0.1 s; it may have done its work" in outcomes[0].text
        assert (await box.call("free", {})).status == "ok"
        assert time.perf_counter() - start < 2


@pytest.mark.slow
async def test_waiting_for_a_thread_takes_none_of_a_tools_time(tmp_path: Path) -> None:
    code = "import time\ndef slow(): time.sleep(0.15)\n"
    async with toolbox(tmp_path, one(code), "{timeout_s: 0.3}", threads=1) as box:
        outcomes = await asyncio.gather(*(box.call("slow", {}) for _ in range(5)))

    assert [outcome.status for outcome in outcomes] == ["ok"] * 5


CANCELLED = """
import asyncio
seen = []
async def wait():
    try:
        await asyncio.sleep(20)
    except asyncio.CancelledError:
        seen.append("cancelled")
        raise
def block():
    import threading
    threading.Event().wait(3)
def look(): return list(seen)
"""


@pytest.mark.parametrize("name", ["wait", "block"])
async def test_cancelling_the_caller_cancels_the_call(tmp_path: Path, name: str) -> None:
    async with toolbox(tmp_path, one(CANCELLED)) as box:
        await box.call("look", {})
        call = asyncio.create_task(box.call(name, {}))
        await asyncio.sleep(0.05)
        start = time.perf_counter()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert time.perf_counter() - start < 0.5
        await asyncio.sleep(0.05)

        assert (await box.call("look", {})).structured == (["cancelled"] if name == "wait" else [])


@pytest.mark.slow
@pytest.mark.parametrize(("hint", "calls"), [("read_only", 3), ("idempotent", 3), ("open_world", 1)])
async def test_only_what_may_be_repeated_is_tried_again(tmp_path: Path, hint: str, calls: int) -> None:
    code = f"""
from agentctl import tool
import asyncio
calls = []
@tool({hint}=True)
async def slow():
    calls.append(1)
    await asyncio.sleep(5)
@tool(read_only=True)
def broken():
    calls.append(1)
    raise ValueError("no")
def count(): return len(calls)
"""
    async with toolbox(tmp_path, one(code), "{each: {'*': {retries: 2}, slow: {timeout_s: 0.05}}}") as box:
        status = (await box.call("slow", {})).status

        assert (status, (await box.call("count", {})).structured) == (
            "error" if hint == "read_only" else "unknown",
            calls,
        )
        assert await told(box, "broken") == ("error", "ValueError: no (tools/work.py:12 in broken)")
        assert (await box.call("count", {})).structured == calls + 1


async def test_context_and_the_idempotency_key_reach_the_tool(tmp_path: Path) -> None:
    code = """
import contextvars
from fastmcp import Context
import tests.tools.test_toolbox as outside
async def soon(ctx: Context) -> list:
    return [outside.WHO.get(), ctx.request_context.meta["agentctl"]]
def blocking(ctx: Context) -> list:
    return [outside.WHO.get(), ctx.request_context.meta["agentctl"]]
"""
    async with toolbox(tmp_path, one(code)) as box:

        async def call(name: str, who: str) -> object:
            WHO.set(who)
            return (await box.call(name, {}, meta={"agentctl": {"idempotency_key": who}})).structured

        calls = [(name, f"user {number}") for number in range(20) for name in ("soon", "blocking")]
        results = await asyncio.gather(*(asyncio.create_task(call(*each)) for each in calls))

        assert results == [[who, {"idempotency_key": who}] for _, who in calls]
        assert box.tools["soon"].schema["properties"] == {}


WHO = contextvars.ContextVar("WHO", default="nobody")


async def test_closing_ends_what_runs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with toolbox(tmp_path, one(CANCELLED)) as box:
        call = asyncio.create_task(box.call("wait", {}))
        await asyncio.sleep(0.05)

    assert (await call).status in ("error", "unknown")
    assert asyncio.all_tasks() == before
    assert not [name for name in sys.modules if name.startswith("_agentctl_test")]
    assert threading.active_count() < 10
