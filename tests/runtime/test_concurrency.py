"""Many runs at once, and many agents in one."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import agentctl
from tests.conftest import WriteWorkspace
from tests.runs import of, run, told, workspace

CODE = """
import asyncio
async def echo(state, ctx):
    await asyncio.sleep(0)
    return {"text": state["task"], "scores": {state["task"]: {"fit": 1}}, "seen": [state["task"]]}
async def show(state, ctx):
    said = {entry["text"] for entry in state["history"]} | set(state["rewards"]) | set(state["seen"])
    return {"text": ",".join(sorted(said)), "data": {"run": ctx.run_id}}
"""


@pytest.mark.slow
async def test_fifty_runs_at_once_keep_apart(write_workspace: WriteWorkspace) -> None:
    agents = {role: {"entry": "work:echo", "scores": ["fit"]} for role in ("a", "b")}
    stages = {
        "talk": {"agents": ["a", "b"], "next": [{"when": "visits.talk < 3", "to": "talk"}, {"to": "end"}]},
        "end": ["c"],
    }
    channels = {"seen": {"type": "union", "writers": ["a", "b"]}}
    files = workspace(stages, {**agents, "c": {"entry": "work:show"}}, CODE, channels=channels)
    async with agentctl.open(write_workspace("demo", files)) as hub:
        results = await asyncio.gather(*(hub.run("demo", f"task{n}") for n in range(50)))

    assert [result.output for result in results] == [f"task{n}" for n in range(50)]
    assert len({result.run_id for result in results}) == len({result.session_id for result in results}) == 50
    assert all(
        result.rewards == {r.output: {"a": {"fit": 3.0}, "b": {"fit": 3.0}}}
        for result, r in zip(results, results, strict=True)
    )


async def test_first_runs_at_the_same_moment_open_a_workspace_once(write_workspace: WriteWorkspace) -> None:
    code = "\nimport builtins\ncalls = []\ndef count(state):\n    calls.append(1)\n    return str(len(calls))\n"
    root = write_workspace("demo", workspace({"x": ["a"]}, {"a": {"entry": "work:count"}}, code))
    async with agentctl.open(root) as hub:
        results = await asyncio.gather(*(hub.run("demo", "go") for _ in range(4)))

    assert sorted(result.output for result in results) == ["1", "2", "3", "4"]


async def test_streams_of_two_runs_are_apart(write_workspace: WriteWorkspace) -> None:
    code = "\ndef stream(state, ctx):\n    for _ in range(5): ctx.emit(state['task'])\n    return state['task']\n"
    root = write_workspace("demo", workspace({"x": ["a"]}, {"a": {"entry": "work:stream"}}, code))
    async with agentctl.open(root) as hub:

        async def texts(task: str) -> set[str]:
            return {str(e.data["text"]) async for e in hub.stream("demo", task) if e.type == "token"}

        assert await asyncio.gather(texts("one"), texts("two")) == [{"one"}, {"two"}]


@pytest.mark.slow
async def test_a_thousand_agents_in_one_stage_run(write_workspace: WriteWorkspace) -> None:
    code = "\nasync def one(state): return {'votes': 1}\ndef show(state): return str(state['votes'])\n"
    agents = {f"a{n}": {"entry": "work:one"} for n in range(1000)}
    channels = {"votes": {"type": "sum", "writers": list(agents)}}
    files = workspace({"x": list(agents), "y": ["z"]}, {**agents, "z": {"entry": "work:show"}}, code, channels=channels)
    events = await told(write_workspace("demo", files))

    assert (events[-1]["status"], events[-1]["output"]) == ("done", "1000")
    assert len(of(events, "agent.finished")) == 1001


@pytest.mark.slow
def test_run_serves_blocking_callers_in_many_threads(write_workspace: WriteWorkspace) -> None:
    root = write_workspace(
        "demo", workspace({"x": ["a"]}, {"a": {"entry": "work:echo"}}, "\ndef echo(state): return state['task']\n")
    )
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda n: agentctl.run("demo", f"task{n}", root=root), range(8)))

    assert [result.output for result in results] == [f"task{n}" for n in range(8)]


async def test_a_closed_hub_leaves_no_task_and_no_thread(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", workspace({"x": ["a", "b"]}))
    await run(root)
    threads = set(threading.enumerate())
    await run(root)

    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert {t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio_")} == set()
