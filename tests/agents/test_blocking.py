"""Blocking agents: a bounded pool whose hung threads are given up."""

import asyncio
import threading

import pytest

import agentctl
from agentctl.agents import BlockingPool
from agentctl.agents.blocking import ThreadsHung
from tests.conftest import WriteWorkspace
from tests.runs import of, told, workspace

HANG = """
import threading
go_on = threading.Event()
running, most, lock = 0, 0, threading.Lock()
def hang(state, ctx):
    go_on.wait(20)
    ctx.emit("too late")
def quick(state): return "quick"
def counted(state):
    global running, most
    with lock:
        running += 1
        most = max(most, running)
    threading.Event().wait(0.02)
    with lock:
        running -= 1
def free(state):
    go_on.set()
    return str(most)
"""


@pytest.mark.slow
async def test_a_hung_blocking_agent_fails_at_its_limit_and_is_silent_then(
    write_workspace: WriteWorkspace,
) -> None:
    agents = {"a": {"entry": "work:hang", "timeout_s": 0.2, "on_error": "skip"}, "b": {"entry": "work:quick"}}
    events = await told(
        write_workspace("demo", workspace({"x": ["a", "b"], "y": ["c"]}, {**agents, "c": {"entry": "work:free"}}, HANG))
    )

    assert of(events, "agent.failed")[0]["error"]["code"] == "agent-timeout"
    assert events[-1]["status"] == "done" and events[-1]["usage"]["duration_s"] < 2
    assert of(events, "token") == []


@pytest.mark.slow
async def test_hung_agents_starve_nobody(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads, four hung agents before four quick ones that have no more time than those."""
    monkeypatch.setenv("AGENTCTL_BLOCKING_THREADS", "2")
    hung = {f"h{n}": {"entry": "work:hang", "timeout_s": 0.15, "on_error": "skip"} for n in range(4)}
    quick = {f"q{n}": {"entry": "work:quick", "timeout_s": 0.15} for n in range(4)}
    stages = {"talk": [*hung, *quick], "end": ["z"]}
    files = workspace(stages, {**hung, **quick, "z": {"entry": "work:free"}}, HANG)
    events = await told(write_workspace("demo", files))

    assert {e["agent"] for e in of(events, "agent.failed")} == set(hung)
    assert events[-1]["status"] == "done"


async def test_blocking_agents_run_in_at_most_so_many_threads(
    write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENTCTL_BLOCKING_THREADS", "3")
    agents = {f"a{n}": {"entry": "work:counted"} for n in range(9)}
    files = workspace({"talk": list(agents), "end": ["z"]}, {**agents, "z": {"entry": "work:free"}}, HANG)
    events = await told(write_workspace("demo", files))

    assert events[-1]["output"] == "3"


async def test_agents_at_once_are_bounded(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCTL_MAX_CONCURRENT_AGENTS", "2")
    code = """
import asyncio
running, most = 0, 0
async def counted(state):
    global running, most
    running += 1; most = max(most, running)
    for _ in range(5): await asyncio.sleep(0)
    running -= 1
def show(state): return str(most)
"""
    agents = {f"a{n}": {"entry": "work:counted"} for n in range(6)}
    root = write_workspace(
        "demo", workspace({"x": list(agents), "y": ["z"]}, {**agents, "z": {"entry": "work:show"}}, code)
    )
    async with agentctl.open(root) as hub:
        results = await asyncio.gather(*(hub.run("demo", "go") for _ in range(3)))

    assert {result.output for result in results} == {"2"}


async def abandon(pool: BlockingPool, gate: threading.Event) -> None:
    """Let one call hang, and give it up once it runs."""
    started = asyncio.Event()
    call = asyncio.create_task(pool.run(gate.wait, on_start=started.set))
    await started.wait()
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_hung_threads_are_replaced_up_to_a_cap() -> None:
    pool, gate = BlockingPool(2), threading.Event()
    for _ in range(8):
        await abandon(pool, gate)
    assert pool.abandoned == 8
    assert await pool.run(lambda: "still here") == "still here"

    await abandon(pool, gate)
    assert await pool.run(lambda: "one left") == "one left"

    await abandon(pool, gate)
    with pytest.raises(ThreadsHung, match="10 threads of blocking agents hang"):
        await pool.run(lambda: "none left")

    gate.set()
    while pool.abandoned:
        await asyncio.sleep(0.005)
    assert await asyncio.gather(*(pool.run(lambda: 1) for _ in range(5))) == [1] * 5


async def test_whoever_waits_for_a_thread_hears_that_none_will_come() -> None:
    pool, gate = BlockingPool(1), threading.Event()
    for _ in range(4):
        await abandon(pool, gate)
    started = asyncio.Event()
    last = asyncio.create_task(pool.run(gate.wait, on_start=started.set))
    await started.wait()
    waiting = [asyncio.create_task(pool.run(lambda: 1)) for _ in range(3)]
    await asyncio.sleep(0)
    last.cancel()

    results = await asyncio.gather(*waiting, return_exceptions=True)
    gate.set()

    assert [type(result) for result in results] == [ThreadsHung] * 3
