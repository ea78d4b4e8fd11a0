"""Whatever agents do, a run ends, and its events agree with its state."""

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.runs import Told, of, told, workspace

CODE = """
import json
import agentctl
OUTCOMES = {outcomes!r}
async def act(state, ctx):
    runs = sum(roles.count(ctx.agent) for roles in state["executed_agents_per_stage"].values())
    what = OUTCOMES[ctx.agent][runs % len(OUTCOMES[ctx.agent])]
    if what == "fail":
        raise ValueError("on purpose")
    return {{"text": ctx.agent, "count": 1}} if what == "speak" else None
def show(state):
    names = ("executed_agents_per_stage", "visits", "count")
    return json.dumps({{name: agentctl.plain(state[name]) for name in names}})
"""
ROLES = ["a", "b", "c", "d"]
outcomes = st.lists(st.sampled_from(["speak", "silent", "fail"]), min_size=1, max_size=3)
own_exits = st.sampled_from(["once_per_stage", "once", {"max_runs": 2}, {"until": "len(history) > 2"}])
on_errors = st.sampled_from(["skip", "skip", "fail"])


@st.composite
def agents(draw: st.DrawFn) -> dict[str, Any]:
    """Four agents with exits and failure rules of their own; the first may fall back on the last."""
    made = {role: {"entry": "work:act", "exit": draw(own_exits), "on_error": draw(on_errors)} for role in ROLES}
    if draw(st.booleans()):
        made["a"]["on_error"] = {"fallback": "d"}
    return made


@st.composite
def stages(draw: st.DrawFn) -> dict[str, Any]:
    """Up to three stages, each of which may go back to the first one or two times."""
    made: dict[str, Any] = {}
    for name in ["x", "y", "z"][: draw(st.integers(1, 3))]:
        roles = draw(st.lists(st.sampled_from(ROLES), min_size=1, max_size=4, unique=True))
        quorum = {"quorum": draw(st.integers(1, len(roles)))}
        made[name] = {
            "agents": roles,
            "order": draw(st.sampled_from(["parallel", "sequential"])),
            "exit": draw(st.sampled_from(["all_agents", "any_agent", quorum, {"when": "rounds >= 2"}])),
            "max_rounds": draw(st.integers(1, 4)),
        }
    names = list(made)
    for name, after in zip(names, [*names[1:], "end"], strict=True):
        again = draw(st.integers(1, 3))
        made[name]["next"] = [{"when": f"visits.{name} < {again}", "to": "x"}, {"to": after}]
    return {**made, "end": {"agents": ["show"], "next": "final"}}


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(stages(), agents(), st.fixed_dictionaries(dict.fromkeys(ROLES, outcomes)), st.integers(5, 60))
def test_every_run_ends_and_its_events_agree(
    stages: dict[str, Any], agents: dict[str, Any], outcomes: dict[str, list[str]], max_steps: int
) -> None:
    used = {role for stage in stages.values() for role in stage["agents"]} | {"a", "d"}
    stages["end"]["agents"] = ["show"]
    stages["spare"] = {"agents": sorted({"a", "d"}), "next": "final"}
    stages["end"]["next"] = [{"when": "task == 'never'", "to": "spare"}, {"to": "final"}]
    chosen = {**{role: agents[role] for role in sorted(used & set(ROLES))}, "show": {"entry": "work:show"}}
    channels = {"count": {"type": "sum", "writers": sorted(used & set(ROLES))}}
    code = CODE.format(outcomes=outcomes)
    files = workspace(stages, chosen, code, channels=channels, limits={"max_steps": max_steps})
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            target = Path(folder, "workspaces/demo", path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        events = asyncio.run(asyncio.wait_for(told(Path(folder)), 20))

    check(events, max_steps)


def check(events: Told, max_steps: int) -> None:
    """What holds in every run."""
    last, finished, failed = events[-1], of(events, "agent.finished"), of(events, "agent.failed")
    assert last["status"] in ("done", "failed", "limited")
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert last["stages"] == [event["stage"] for event in of(events, "stage.entered")]
    started = Counter((e["agent"], e["stage"], e["visit"], e["round"]) for e in of(events, "agent.started"))
    assert started == Counter((e["agent"], e["stage"], e["visit"], e["round"]) for e in [*finished, *failed])
    assert max((event["step"] for event in finished), default=0) <= max_steps
    if last["status"] == "done":
        assert [e["to"] for e in of(events, "stage.exited")] == [*last["stages"][1:], "final"]
        check_state(json.loads(last["output"]), events)


def check_state(state: dict[str, Any], events: Told) -> None:
    """What the last agent saw agrees with what was told before."""
    told_of = Counter((e["stage"], e["agent"]) for e in of(events, "agent.started") if e["agent"] != "show")
    executed = state["executed_agents_per_stage"]
    assert told_of == Counter((stage, role) for stage, roles in executed.items() for role in roles)
    entered = Counter(event["stage"] for event in of(events, "stage.entered"))
    assert {stage: n for stage, n in state["visits"].items() if n} == entered
    assert state["count"] == sum(e["writes"].get("count", 0) for e in of(events, "agent.finished"))
