"""Why a run went where it went: its kept events, told stage by stage."""

from collections.abc import Iterable, Mapping
from typing import Any

Visit = dict[str, Any]


def explain(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Fold the events of a run into its path.

    Returns:
        `{task, status, error, winner, output, generation, visits}`; each visit is `{stage, visit,
        agents, unfinished, rounds, why, to, tested, ranking, weights, warnings}`, where `agents`
        holds `{agent, round, step, text, writes, usage, error, then}` in order, `unfinished` the
        roles that have started and not finished, and `tested` the routes `{to, when, result,
        values}`. A run that was stopped in a stage has a visit without `why`.
    """
    story: dict[str, Any] = {
        "task": "",
        "status": "running",
        "error": None,
        "simulated": False,
        "resumed": 0,
        "visits": [],
    }
    for event in events:
        _FOLDS.get(event["type"], _nothing)(story, event)
    return story


def _nothing(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    """Not part of the path."""


def _started(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    story |= {"run_id": event["run_id"], "workspace": event["workspace"], "status": "running", "error": None}
    story |= {"task": event["task"], "generation": event["generation"], "simulated": event.get("simulated", False)}
    story["resumed"] += bool(event.get("resumed"))
    for visit in story["visits"]:
        visit["unfinished"].clear()  # with the process that ran them


def _entered(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    visit: Visit = {name: event[name] for name in ("stage", "visit", "order")}
    visit |= {"agents": [], "unfinished": [], "rounds": 0, "why": None, "to": None}
    story["visits"].append({**visit, "tested": [], "ranking": [], "weights": None, "warnings": []})


def _began(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    visit = _visit(story, event)
    visit["rounds"] = max(visit["rounds"], event["round"])
    visit["unfinished"].append(event["agent"])


def _agent(story: dict[str, Any], event: Mapping[str, Any]) -> None:
    unfinished = _visit(story, event)["unfinished"]
    if event["agent"] in unfinished:
        unfinished.remove(event["agent"])
    # A fallback may be simulated where the run's own model is not.
    story["simulated"] |= bool(event.get("usage", {}).get("simulated"))
    kept = ("agent", "round", "step", "text", "writes", "usage", "duration_s", "error", "then")
    _visit(story, event)["agents"].append({name: event[name] for name in kept if name in event})


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
    "agent.finished": _agent,
    "agent.failed": _agent,
    "scores.merged": _scores,
    "stage.exited": _exited,
    "warning": _warning,
    "run.finished": _finished,
}
