"""The stage router: from state to the next move. Pure, so that a resumed run decides alike.

Sources: DESIGN sections 3 (exits, failure) and 4. A round is one pass of the stage's agents
that have not exited; exits are tested between rounds, routes when a stage is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentctl.channels.view import plain
from agentctl.errors import AgentctlError, LimitReached, RunError
from agentctl.graph.context import Fact, Place
from agentctl.graph.flow import Flow
from agentctl.graph.names import Names
from agentctl.rules.agent_exit import exited
from agentctl.rules.routes import choose
from agentctl.rules.stage_exit import why_exit

FINAL = "final"


@dataclass(frozen=True)
class Control:
    """Where the router stands; kept in the hidden channel `_control` as plain JSON.

    `queue` holds the roles of this round that a sequential stage has yet to run; `exited`,
    `succeeded` and `failed` are of this visit. `begun` is the length of `history` when the
    round began, until somebody is through. `mark` and `ran` tell the run's output: that length,
    and who ran, in the last round that anybody was through with.
    """

    stage: str = ""
    visit: int = 0
    round: int = 0
    step: int = 0
    queue: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    runs: dict[str, int] = field(default_factory=dict)
    exited: list[str] = field(default_factory=list)
    succeeded: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    scored: bool = False
    weighted: str = ""
    begun: int | None = None
    mark: int = 0
    path: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    status: str = "running"

    @property
    def place(self) -> Place:
        """This round of this visit."""
        return Place(self.stage, self.visit, self.round, self.step)


@dataclass(frozen=True)
class Move:
    """What the router does: its writes, the agents to run next, and the facts to tell."""

    control: Control
    update: dict[str, Any]
    agents: list[str]
    facts: list[Fact]

    @property
    def is_last(self) -> bool:
        """Whether the run ends with this move."""
        return not self.agents and self.control.status != "running"


def advance(flow: Flow, state: Mapping[str, Any]) -> Move:
    """Decide the next move after a step, or the first one."""
    facts: list[Fact] = []
    kept = state.get("_control")
    control = Control(**kept) if kept else Control()
    try:
        if not kept:
            return _enter(flow, state, control, flow.start, facts)
        control = _absorb(flow, state, control)
        if control.queue:
            return _dispatch(flow, control, control.queue[:1], facts)
        return _end_round(flow, state, control, facts)
    except RunError as error:
        told = {**_error(error), "message": f"stage {control.stage!r}: {error}"}
        return _finish(replace(control, status="failed", error=told), facts)


def _enter(flow: Flow, state: Mapping[str, Any], control: Control, name: str, facts: list[Fact]) -> Move:
    """Begin a visit of stage `name`."""
    stage = flow.stages[name]
    ran_before = [role for roles in state["executed_agents_per_stage"].values() for role in roles]
    once = [role for role in stage.roles if stage.exits[role].rule == "once" and role in ran_before]
    control = replace(
        control,
        stage=name,
        visit=control.path.count(name) + 1,
        round=0,
        runs={},
        exited=once,
        succeeded=[],
        failed=[],
        weighted=name if stage.weights else control.weighted,
        path=[*control.path, name],
    )
    order = "sequential" if stage.sequential else "parallel"
    facts.append(
        (
            "stage.entered",
            {"stage": name, "visit": control.visit, "agents": list(stage.roles), "order": order},
            control.place.key("stage.entered"),
        )
    )
    return _begin_round(flow, state, control, facts, {"stage": name, "visits": {name: 1}})


def _begin_round(
    flow: Flow, state: Mapping[str, Any], control: Control, facts: list[Fact], update: dict[str, Any]
) -> Move:
    stage = flow.stages[control.stage]
    roles = [role for role in stage.roles if role not in control.exited]
    control = replace(
        # Where everybody has exited before (`exit: once`), the router passes once more and leaves.
        control,
        round=control.round + bool(roles),
        queue=roles,
        scored=False,
        begun=len(state["history"]),
    )
    return _dispatch(flow, control, roles[:1] if stage.sequential else roles, facts, update)


def _dispatch(
    flow: Flow, control: Control, roles: list[str], facts: list[Fact], update: dict[str, Any] | None = None
) -> Move:
    """Run `roles` in the next step, unless the run has had all its steps."""
    if control.step >= flow.max_steps:
        reached = LimitReached("max_steps", flow.max_steps)
        return _finish(replace(control, status="limited", error=_error(reached)), facts, update)
    queue = [role for role in control.queue if role not in roles]
    control = replace(control, step=control.step + 1, queue=queue)
    return Move(control, update or {}, roles, facts)


def _absorb(flow: Flow, state: Mapping[str, Any], control: Control) -> Control:
    """Take in what the step's agents did, and test their own exits."""
    stage, outcomes = flow.stages[control.stage], state.get("_outcomes", [])
    runs = dict(control.runs)
    succeeded, failed, gone = [list(names) for names in (control.succeeded, control.failed, control.exited)]
    names = Names(flow, state, weighted=control.weighted, rounds=control.round - bool(control.queue))
    all_runs = [role for roles in state["executed_agents_per_stage"].values() for role in roles]
    error, status = control.error, control.status
    ran, mark = list(control.ran), control.mark
    through = [outcome["by"] for outcome in outcomes if outcome["status"] != "limited"]
    if through and control.begun is not None:
        ran, mark = [], control.begun
    for outcome in outcomes:
        role = outcome["role"]
        runs[role] = runs.get(role, 0) + 1
        (succeeded if outcome["status"] == "ok" else failed).append(role)
        if outcome["status"] == "skipped" or exited(stage.exits[role], runs[role], all_runs.count(role), names):
            gone.append(role)
        if outcome["status"] in ("failed", "limited") and error is None:
            error, status = outcome["error"], outcome["status"]
    return replace(
        control,
        begun=None if through else control.begun,
        mark=mark,
        ran=[*ran, *through],
        runs=runs,
        succeeded=list(dict.fromkeys(succeeded)),
        failed=list(dict.fromkeys(failed)),
        exited=list(dict.fromkeys(gone)),
        scored=control.scored or any(outcome.get("scored") for outcome in outcomes),
        error=error,
        status=status,
    )


def _end_round(flow: Flow, state: Mapping[str, Any], control: Control, facts: list[Fact]) -> Move:
    """All agents of the round are through: report, test the stage's exit, go on."""
    stage, place = flow.stages[control.stage], control.place
    names = Names(flow, state, weighted=control.weighted, rounds=control.round)
    if control.scored:
        scores: dict[str, object] = {
            **_at(place),
            "rewards": plain(state["rewards"]),
            "ranking": plain(names["ranking"]),
        }
        scores["weights"] = plain(names["_weights"])
        facts.append(("scores.merged", scores, place.key("scores.merged")))
    if control.status in ("failed", "limited"):
        return _finish(control, facts)
    if set(control.failed) >= set(stage.roles):
        error = {
            "code": "stage-failed",
            "message": f"all agents of stage {stage.name!r} failed",
            "hint": "see why with `agentctl why`, and each agent's `on_error`",
        }
        return _finish(replace(control, status="failed", error=error), facts)
    why = why_exit(
        stage.exit, agents=stage.roles, exited=set(control.exited), succeeded=set(control.succeeded), names=names
    )
    if why is None and control.round >= stage.max_rounds:
        why = f"max_rounds of {stage.max_rounds} reached"
        warning: dict[str, object] = {"message": f"stage {stage.name!r}: {why}", "stage": stage.name}
        facts.append(("warning", warning, place.key("warning")))
    if why is None:
        return _begin_round(flow, state, control, facts, {})
    return _leave(flow, state, control, why, facts)


def _leave(flow: Flow, state: Mapping[str, Any], control: Control, why: str, facts: list[Fact]) -> Move:
    """End the visit and take a route."""
    stage, place = flow.stages[control.stage], control.place
    names = Names(flow, state, weighted=control.weighted, rounds=control.round)
    choice = choose(stage.routes, names)
    tested = [
        {"to": test.to, "when": test.when, "result": test.result, "values": test.values} for test in choice.tested
    ]
    left = {"stage": stage.name, "visit": control.visit, "rounds": control.round, "why": why, "to": choice.to}
    facts.append(("stage.exited", {**left, "tested": tested}, place.key("stage.exited")))
    if choice.to == FINAL:
        return _finish(replace(control, status="done"), facts, {"done": True})
    return _enter(flow, state, control, choice.to, facts)


def _finish(control: Control, facts: list[Fact], update: dict[str, Any] | None = None) -> Move:
    if control.status == "limited" and control.error:
        facts.append(("limit.reached", {k: control.error[k] for k in ("message", "hint")}, ""))
    return Move(replace(control, queue=[]), update or {}, [], facts)


def _at(place: Place) -> dict[str, object]:
    return {"stage": place.stage, "visit": place.visit, "round": place.round}


def _error(error: AgentctlError) -> dict[str, Any]:
    return {"code": error.code, "message": str(error), "hint": error.hint}
