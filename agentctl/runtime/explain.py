"""Why a run went where it went: its kept events, told stage by stage."""

from collections.abc import Iterable, Mapping
from typing import Any

from agentctl.store import Approval

Visit = dict[str, Any]


def explain(events: Iterable[Mapping[str, Any]], approvals: Iterable[Approval] = ()) -> dict[str, Any]:
    """Fold the events of a run into its path.

    Args:
        events: that are kept of the run.
        approvals: what it has asked people.

    Returns:
        `{task, status, error, winner, output, generation, visits}`; each visit is `{stage, visit,
        agents, calls, asked, unfinished, rounds, why, to, tested, ranking, weights, warnings}`, where
        `agents` holds `{agent, round, step, text, writes, usage, skipped, error, then, calls, asked}` in order,
        `unfinished` the roles that have started and not finished, and `tested` the routes `{to, when,
        result, values}`. A run that was stopped in a stage has a visit without `why`.

        `calls` are tool calls `{agent, round, tool, call_id, args, status, text, duration_s}`, without
        `status` if they did not return, and `asked` approvals `{agent, round, tool, call_id, args, kind,
        why, expires_at, status, decided_by, reason, edited}`; a visit's are of who has not finished.
    """
    story: dict[str, Any] = {
        "task": "",
        "status": "running",
        "error": None,
        "simulated": False,
        "replay": None,
        "resumed": 0,
        "visits": [],
    }
    for event in events:
        if fold := _FOLDS.get(event["type"]):
            fold(story, event)
    decided = {approval.id: approval for approval in approvals}
    for asked in (asked for visit in story["visits"] for asked in _all(visit, "asked")):
        if approval := decided.get(asked["call_id"]):
            asked |= {name: getattr(approval, name) for name in ("status", "decided_by", "reason", "edited")}
    return story


def _started(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    story |= {"run_id": event["run_id"], "workspace": event["workspace"], "status": "running", "error": None}
    story |= {"task": event["task"], "generation": event["generation"], "simulated": event.get("simulated", False)}
    story["replay"] = event.get("replay")
    story["resumed"] += bool(event.get("resumed"))
    for visit in story["visits"]:
        visit["unfinished"].clear()  # with the process that ran them


def _entered(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    visit: Visit = {name: event[name] for name in ("stage", "visit", "order")}
    visit |= {"agents": [], "calls": [], "asked": [], "unfinished": [], "rounds": 0, "why": None, "to": None}
    story["visits"].append({**visit, "tested": [], "ranking": [], "weights": None, "warnings": []})


def _began(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    visit = _visit(story, event)
    visit["rounds"] = max(visit["rounds"], event["round"])
    if event["agent"] not in visit["unfinished"]:  # who has waited for a decision begins anew
        visit["unfinished"].append(event["agent"])


def _tool(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    """A call, or how it returned; it may begin a second time, in another process."""
    visit = _visit(story, event)
    call: dict[str, Any] | None = next((it for it in _all(visit, "calls") if it["call_id"] == event["call_id"]), None)
    if call is None:
        visit["calls"].append(call := {})
    kept = ("agent", "round", "tool", "call_id", "args", "status", "text", "duration_s", "files")
    call |= {name: event[name] for name in kept if name in event}


def _asked(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    kept = ("agent", "round", "tool", "call_id", "args", "kind", "why", "expires_at")
    asked = {name: event[name] for name in kept}
    _visit(story, event)["asked"].append({**asked, "status": "", "decided_by": None, "reason": "", "edited": None})


def _agent(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    visit = _visit(story, event)
    if event["agent"] in visit["unfinished"]:
        visit["unfinished"].remove(event["agent"])
    # A fallback may be simulated where the run's own model is not.
    story["simulated"] |= bool(event.get("usage", {}).get("simulated"))
    kept = ("agent", "round", "step", "text", "writes", "usage", "duration_s", "skipped", "error", "then")
    agent = {name: event[name] for name in kept if name in event}
    for name in ("calls", "asked"):
        agent[name] = [each for each in visit[name] if each["agent"] == event["agent"]]
        visit[name] = [each for each in visit[name] if each["agent"] != event["agent"]]
    visit["agents"].append(agent)


def _all(visit: Visit, name: str) -> list[dict[str, Any]]:
    """The `calls` or `asked` of a visit, of all its agents."""
    return [*visit[name], *(each for agent in visit["agents"] for each in agent[name])]


def _scores(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    _visit(story, event).update(rewards=event["rewards"], ranking=event["ranking"], weights=event["weights"])


def _exited(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    _visit(story, event).update({name: event[name] for name in ("rounds", "why", "to", "tested")})


def _warning(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    if story["visits"]:
        story["visits"][-1]["warnings"].append(event["message"])


def _finished(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    story |= {name: event.get(name) for name in ("status", "error", "winner", "output", "usage")}


def _visit(story: dict[str, Any], event: Mapping[str, Any]) -> Visit:
    visits: list[Visit] = story["visits"]
    wanted = (event["stage"], event["visit"])
    return next(visit for visit in reversed(visits) if (visit["stage"], visit["visit"]) == wanted)


_FOLDS = {
    "run.started": _started,
    "stage.entered": _entered,
    "agent.started": _began,
    "tool.called": _tool,
    "tool.returned": _tool,
    "approval.requested": _asked,
    "agent.finished": _agent,
    "agent.failed": _agent,
    "scores.merged": _scores,
    "stage.exited": _exited,
    "warning": _warning,
    "run.finished": _finished,
}
