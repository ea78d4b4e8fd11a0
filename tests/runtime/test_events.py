"""The events contract of DESIGN section 5."""

import asyncio
import json
from typing import Any

import pytest

import agentctl
from agentctl.events.event import EventType
from tests.conftest import WriteWorkspace
from tests.runs import Told, of, run, told, workspace

CODE = """
def scores(state, ctx):
    ctx.emit("hm")
    return {"text": f"I am {ctx.agent}", "scores": {"x": {"fit": 0.5}}, "options": [{"id": "x"}]}
def decides(state): return {"text": "decided", "winner": "x", "decision": {"verdict": "book", "text": "never shown"}}
"""


@pytest.fixture
async def events(write_workspace: WriteWorkspace) -> Told:
    """All events of a run with scores, a failure, a revision and an end."""
    agents = {
        "a": {"entry": "work:scores", "scores": ["fit"]},
        "b": {"entry": "work:broken", "on_error": "skip"},
        "c": {"entry": "work:decides", "capability": "synthesizer"},
    }
    stages = {
        "talk": {"agents": ["a", "b"]},
        "end": {"agents": ["c"], "next": [{"when": "visits.end < 2", "to": "talk"}, {"to": "final"}]},
    }
    return await told(write_workspace("demo", workspace(stages, agents, CODE)), user="mia")


def test_every_event_has_the_same_head(events: Told) -> None:
    heads = [list(event)[:6] for event in events]
    assert heads == [["type", "seq", "ts", "workspace", "session_id", "run_id"]] * len(events)
    assert len({(e["workspace"], e["session_id"], e["run_id"]) for e in events}) == 1
    assert all(e["session_id"] and e["run_id"] and e["ts"].endswith("Z") for e in events)
    assert {e["type"] for e in events} <= set(EventType.__args__)  # type: ignore[attr-defined]


def test_events_are_numbered_from_one_without_a_gap(events: Told) -> None:
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [event["ts"] for event in events] == sorted(event["ts"] for event in events)


def test_events_come_in_the_order_of_the_run(events: Told) -> None:
    visit = [
        "stage.entered",
        "agent.started",
        "agent.started",
        "token",
        "agent.finished",
        "agent.failed",
        "scores.merged",
        "stage.exited",
    ]
    end = ["stage.entered", "agent.started", "agent.finished", "stage.exited"]
    parallel = {"agent.started", "token", "agent.finished", "agent.failed"}
    types = [event["type"] for event in events]

    # What parallel agents do may interleave.
    assert [t for t in types if t not in parallel] == [
        "run.started", *[t for t in (visit + end) * 2 if t not in parallel], "run.finished",
    ]  # fmt: skip
    assert sorted(types) == sorted(["run.started", *(visit + end) * 2, "run.finished"])


def test_events_carry_the_fields_of_their_type(events: Told) -> None:
    for event in events:
        if event["type"].startswith("agent.") or event["type"] == "token":
            assert {"agent", "stage", "visit", "round"} <= set(event)
        if event["type"].startswith("stage."):
            assert {"stage", "visit"} <= set(event)
    assert {"text", "writes", "usage", "duration_s", "step"} <= set(of(events, "agent.finished")[0])
    assert {"error", "then"} <= set(of(events, "agent.failed")[0])
    assert {"rewards", "ranking", "weights"} <= set(of(events, "scores.merged")[0])
    assert {"why", "to", "rounds", "tested"} <= set(of(events, "stage.exited")[0])
    assert {"task", "generation", "user", "models", "simulated"} <= set(events[0])
    assert "resumed" not in events[0]


def test_the_last_event_tells_all_of_the_run(events: Told) -> None:
    last = events[-1]

    assert set(last) - {"type", "seq", "ts", "workspace", "session_id", "run_id"} == {
        "status", "output", "winner", "decision", "rewards", "stages", "usage", "generation",
    }  # fmt: skip
    assert (last["status"], last["winner"], last["stages"]) == ("done", "x", ["talk", "end"] * 2)
    assert last["rewards"] == {"x": {"a": {"fit": 1.0}}}
    assert set(last["usage"]) == {
        "input_tokens", "output_tokens", "cost_usd", "model_calls", "tool_calls", "duration_s",
    }  # fmt: skip
    assert last["generation"] == events[0]["generation"]


def test_output_is_the_text_where_no_decision_agent_decided(events: Told) -> None:
    """The synthesizer here is no agent of kind `decision`."""
    assert events[-1]["output"] == "decided"


def test_writes_say_who_wrote_what_in_which_step(events: Told) -> None:
    written = [(e["agent"], e["step"], sorted(e["writes"])) for e in of(events, "agent.finished")]
    assert written == [
        ("a", 1, ["options", "rewards"]), ("c", 2, ["decision", "winner"]),
        ("a", 3, ["options", "rewards"]), ("c", 4, ["decision", "winner"]),
    ]  # fmt: skip


def test_events_are_json(events: Told) -> None:
    assert json.loads(json.dumps(events, allow_nan=False)) == events


async def test_a_run_that_is_not_done_has_an_error(write_workspace: WriteWorkspace) -> None:
    events = await told(write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": "work:broken"}})))

    assert (events[-1]["type"], events[-1]["status"]) == ("run.finished", "failed")
    assert set(events[-1]["error"]) == {"code", "message", "hint"}
    assert of(events, "agent.failed")[0]["error"] == events[-1]["error"]


OUTPUT: list[tuple[dict[str, Any], str]] = [
    ({"a": ["a", "b"]}, "a1\n\nb1"),
    ({"a": ["b", "a"]}, "b1\n\na1"),
    ({"a": ["a"], "b": ["b", "quiet"]}, "b1"),
    ({"a": ["a"], "b": ["quiet"]}, ""),
    ({"a": ["scores"], "b": ["judge"]}, "the x way"),
    ({"a": ["scores"], "b": ["judge"], "c": ["a"]}, "a1"),
    ({"a": ["scores"], "b": ["a", "judge"]}, "the x way"),
]


@pytest.mark.parametrize(("stages", "output"), OUTPUT)
async def test_the_output_is_what_was_said_or_decided_last(
    write_workspace: WriteWorkspace, stages: dict[str, Any], output: str
) -> None:
    code = """
def scores(state):
    return {"text": "I scored", "options": [{"id": "x", "text": "the x way"}], "scores": {"x": {"fit": 1}}}
"""
    all_agents: dict[str, Any] = {
        "quiet": {"entry": "work:silent"},
        "scores": {"entry": "work:scores", "scores": ["fit"]},
        "judge": {"kind": "decision"},
    }
    used = {role for roles in stages.values() for role in roles}
    agents = {role: agent for role, agent in all_agents.items() if role in used}

    assert (await run(write_workspace("demo", workspace(stages, agents, code)))).output == output


async def test_run_gives_the_fields_of_run_finished(write_workspace: WriteWorkspace) -> None:
    seen: Told = []
    async with agentctl.open(write_workspace("demo", workspace({"talk": ["a"]}))) as hub:
        result = await hub.run("demo", "go", on_event=lambda event: seen.append(event.as_dict()))

    head = {"type": "run.finished", "seq": len(seen), "ts": seen[-1]["ts"], "workspace": "demo"}
    assert seen[-1] == {**head, "session_id": result.session_id, "run_id": result.run_id, **result.as_data()}


async def test_who_leaves_a_stream_stops_the_run(write_workspace: WriteWorkspace) -> None:
    code = """
import asyncio
ended = []
async def hangs(state):
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(1)
def show(state): return str(len(ended))
"""
    agents = {"a": {"entry": "work:hangs"}, "b": {"entry": "work:show"}}
    stages = {"x": {"agents": ["b"], "next": [{"when": "task == 'hang'", "to": "y"}, {"to": "final"}]}, "y": ["a"]}
    async with agentctl.open(write_workspace("demo", workspace(stages, agents, code))) as hub:
        stream = hub.stream("demo", "hang")
        async for event in stream:
            if event.type == "agent.started" and event.data["agent"] == "a":
                break
        await stream.aclose()  # type: ignore[attr-defined]

        row = await hub.store.get_run(event.run_id)
        assert (row.status, (await hub.run("demo", "look")).output) == ("cancelled", "1")


async def test_kept_events_are_all_but_the_tokens(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": "work:scores", "scores": ["fit"]}}, CODE))
    async with agentctl.open(root) as hub:
        shown = [event.as_dict() async for event in hub.stream("demo", "go")]
        kept = await hub.store.events(shown[0]["run_id"])

    assert kept == [event for event in shown if event["type"] != "token"]


@pytest.mark.slow
async def test_a_slow_reader_loses_tokens_only_and_is_told_once(write_workspace: WriteWorkspace) -> None:
    code = """
async def chatty(state, ctx):
    for _ in range(10_500):
        ctx.emit("x")
"""
    root = write_workspace("demo", workspace({"x": ["a"], "y": ["b"]}, {"a": {"entry": "work:chatty"}}, code))
    types = []
    async with agentctl.open(root) as hub:
        async for event in hub.stream("demo", "go"):
            types.append(event.type)
            while len(types) == 1 and (await hub.store.get_run(event.run_id)).status != "done":
                await asyncio.sleep(0.01)

    assert types.count("warning") == 1
    assert 9_000 < types.count("token") < 10_500
    assert types[-1] == "run.finished"
    assert types.count("agent.finished") == 2
