"""Limits stop a run with what it has so far."""

import asyncio
import sys
from typing import Any

import pytest
import yaml

import agentctl
from agentctl.errors import LimitReached, QueueFull, UsageError
from agentctl.graph import Budget
from agentctl.workspace.spec import LimitsSpec
from tests.conftest import WriteWorkspace
from tests.runs import Told, of, run, told, workspace

LOOP = {"talk": {"agents": ["a"], "next": [{"when": "winner == 'x'", "to": "final"}, {"to": "talk"}]}}


def looping(a: dict[str, Any] | None = None, code: str = "", **limits: Any) -> dict[str, str]:
    """A workspace that would loop for ever."""
    judge = {"j": {"entry": "work:silent", "capability": "synthesizer"}}
    stages = {"talk": {"agents": ["a"], "next": "judge"}, "judge": {"agents": ["j"], "next": LOOP["talk"]["next"]}}
    return workspace(stages, {**({"a": a} if a else {}), **judge}, code, limits=limits)


def assert_limited(events: Told, limit: str) -> None:
    last = events[-1]
    assert (last["status"], last["error"]["code"]) == ("limited", "limit-reached")
    assert limit in last["error"]["message"]
    assert [event["message"] for event in of(events, "limit.reached")] == [last["error"]["message"]]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))


async def test_max_steps_counts_passes_of_agents(write_workspace: WriteWorkspace) -> None:
    events = await told(write_workspace("demo", looping(max_steps=5)))

    assert_limited(events, "max_steps reached its limit of 5")
    assert len(of(events, "agent.finished")) == 5
    assert events[-1]["output"] == "a1"


async def test_a_step_of_a_sequential_stage_is_one_agent(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["a", "b", "c"], "order": "sequential"}}
    events = await told(write_workspace("demo", workspace(stages, limits={"max_steps": 2})))

    assert_limited(events, "max_steps")
    assert events[-1]["output"] == "a1\n\nb1"


async def test_a_run_of_just_max_steps_is_done(write_workspace: WriteWorkspace) -> None:
    files = workspace({"x": ["a", "b"], "y": ["c"]}, limits={"max_steps": 2})

    assert (await run(write_workspace("demo", files))).status == "done"


@pytest.mark.slow
async def test_without_a_limit_a_run_ends_after_a_thousand_steps(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["a"], "max_rounds": 5000, "exit": {"when": "len(history) > 3000"}}}
    agents = {"a": {"entry": "work:count", "exit": {"max_runs": 5000}}}
    events = await told(write_workspace("demo", workspace(stages, agents, "\nasync def count(state): return 'x'\n")))

    assert_limited(events, "max_steps reached its limit of 1000")
    assert len(of(events, "agent.finished")) == 1000


TALK = {"talk": {"agents": ["a"], "exit": {"when": "rounds >= 9"}}}


def spending(tokens: int, **limits: Any) -> dict[str, str]:
    """An agent that uses so many tokens a call, in nine rounds."""
    agents = {"a": {"prompt": "Speak.", "exit": {"max_runs": 9}}}
    reply = {"text": "said", "usage": {"input_tokens": tokens, "output_tokens": 0}, "repeat": True}
    files = workspace(TALK, agents, model="scripted:replies.yaml", limits=limits)
    return {**files, "replies.yaml": yaml.safe_dump({"replies": [reply]})}


async def test_tokens_are_tested_before_each_call(write_workspace: WriteWorkspace) -> None:
    events = await told(write_workspace("demo", spending(40, max_tokens=100)))

    assert_limited(events, "max_tokens reached its limit of 100")
    assert (events[-1]["usage"]["input_tokens"], events[-1]["usage"]["model_calls"]) == (120, 3)
    assert (events[-1]["output"], len(of(events, "agent.finished"))) == ("said", 3)


def test_cost_is_tested_before_each_call() -> None:
    budget = Budget(LimitsSpec(max_cost_usd=0.05))
    for _ in range(2):
        budget.check()
        budget.add_model_call("m", 10, 10, 0.03)

    with pytest.raises(LimitReached, match=r"max_cost_usd reached its limit of 0\.05"):
        budget.check()
    assert budget.usage(1.23456)["cost_usd"] == 0.06


def test_an_unknown_price_makes_the_cost_unknown() -> None:
    budget = Budget(LimitsSpec(max_cost_usd=0.05))
    for cost in (0.03, None, 0.03):
        budget.add_model_call("m", 10, 10, cost)
    budget.check()

    assert budget.usage(0)["cost_usd"] is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["async", "blocking"])
async def test_time_ends_a_run_with_what_it_has(write_workspace: WriteWorkspace, kind: str) -> None:
    code = """
import asyncio, threading
async def hang_async(state): await asyncio.Event().wait()
def hang_blocking(state): threading.Event().wait(5)
"""
    stages = {"x": ["a"], "y": ["h", "b"]}
    files = workspace(stages, {"h": {"entry": f"work:hang_{kind}"}}, code, limits={"timeout_s": 0.3})
    events = await told(write_workspace("demo", files))

    assert_limited(events, "timeout_s reached its limit of 0.3")
    assert (events[-1]["output"], events[-1]["stages"]) == ("b1", ["x", "y"])
    assert events[-1]["usage"]["duration_s"] < 2


@pytest.mark.slow
async def test_the_callers_time_limit_is_over_the_workspaces(write_workspace: WriteWorkspace) -> None:
    code = "\nimport asyncio\nasync def hang(state): await asyncio.Event().wait()\n"
    files = workspace({"x": ["a"]}, {"a": {"entry": "work:hang"}}, code, limits={"timeout_s": 30})
    result = await run(write_workspace("demo", files), timeout_s=0.2)

    assert (result.status, result.exit_code) == ("limited", 6)


async def test_an_empty_task_is_refused(write_workspace: WriteWorkspace) -> None:
    with pytest.raises(UsageError, match="the task is empty"):
        await run(write_workspace("demo", workspace({"x": ["a"]})), " \n")


WAITING = """
import asyncio
go_on, inside = asyncio.Event(), []
async def wait(state):
    inside.append(1)
    await go_on.wait()
    return "waited"
async def free(state): go_on.set()
"""


async def test_too_many_runs_are_refused(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two run, two wait, the fifth is told; the others are not disturbed."""
    monkeypatch.setenv("AGENTCTL_MAX_RUNS", "2")
    root = write_workspace("demo", workspace({"x": ["a"]}, {"a": {"entry": "work:wait"}}, WAITING))
    started = asyncio.Event()
    async with agentctl.open(root) as hub:
        first = asyncio.create_task(
            hub.run("demo", "go", on_event=lambda e: e.type == "agent.started" and started.set())
        )
        await started.wait()
        others = [asyncio.create_task(hub.run("demo", "go")) for _ in range(4)]
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED)
        with pytest.raises(QueueFull, match="2 runs are waiting already"):
            await done.pop()

        module = next(
            m for n, m in sys.modules.items() if n.startswith("_agentctl_workspace_demo") and n.endswith("work")
        )
        module.go_on.set()
        results = [await task for task in [first, *others] if not (task.done() and task.exception())]

    assert [result.output for result in results] == ["waited"] * 4


async def test_a_limit_names_what_to_do(write_workspace: WriteWorkspace) -> None:
    files = workspace({"x": ["a"], "y": ["b"]}, limits={"max_steps": 1})
    events = await told(write_workspace("demo", files))

    assert "start a new run" in events[-1]["error"]["hint"]
