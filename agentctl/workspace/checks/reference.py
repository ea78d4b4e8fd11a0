"""Names of agents, stages, channels and metrics."""

from collections.abc import Collection, Iterator

from agentctl.channels.policy import STANDARD
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.stages import FINAL


def check_references(draft: Draft) -> None:
    """Every name that something declares elsewhere."""
    roles = list(draft.parts)
    draft.strangers = {role for role, _ in _roles(draft)}.difference(roles)
    for role, part in _roles(draft):
        _check(draft, "E201", "agent", role, roles, part)
    stages = draft.declared("stages")
    for stage, part in _stages(draft):
        _check(draft, "E202", "stage", stage, stages if part.loc == ("start",) else [*stages, FINAL], part)
    channels = [*STANDARD, *draft.declared("channels")]
    for channel, part in _channels(draft):
        _check(draft, "E203", "channel", channel, channels, part)
    _check_metrics(draft)
    _check_repeats(draft)
    _check_fallbacks(draft)
    _check_unused(draft)


def _check(draft: Draft, code: str, word: str, name: str, known: Collection[str], part: Part) -> None:
    if name not in known and not draft.is_broken(f"{word}s"):
        # A weight's metric is a key; every other name is a value.
        at = part.key if "weights" in part.loc else part.value
        draft.report.add(code, at, f"{part.name}: unknown {word} {name!r}{draft.report.suggest(name, known)}")


def _roles(draft: Draft) -> Iterator[tuple[str, Part]]:
    for name, stage in draft.stages.items():
        for index, role in enumerate(stage.agents):
            yield role, draft.main / "stages" / name / "agents" / index
    for channel, spec in (draft.spec.channels if draft.spec else {}).items():
        for index, role in enumerate(spec.writers):
            yield role, draft.main / "channels" / channel / "writers" / index
    for role, agent in draft.agents.items():
        if agent.on_error.fallback is not None:
            yield agent.on_error.fallback, draft.parts[role] / "on_error" / "fallback"


def _stages(draft: Draft) -> Iterator[tuple[str, Part]]:
    if draft.spec is not None and draft.spec.start is not None:
        yield draft.spec.start, draft.main / "start"
    for name, stage in draft.stages.items():
        for index, route in enumerate(stage.next):
            yield route.to, draft.main / "stages" / name / "next" / index / "to"


def _channels(draft: Draft) -> Iterator[tuple[str, Part]]:
    for role, agent in draft.agents.items():
        part = draft.parts[role]
        for index, channel in enumerate(agent.reads or []):
            yield channel, part / "reads" / index
        for field, output in agent.output.items():
            yield output.to, part / "output" / field / "to"


def _check_metrics(draft: Draft) -> None:
    # An agent that could not be read may be the one that gives the metric.
    if any(draft.is_broken("agents", role, "scores") for role in draft.parts):
        return
    known = list(dict.fromkeys(metric for agent in draft.agents.values() for metric in agent.scores))
    for name, stage in draft.stages.items():
        for metric in stage.weights:
            part = draft.main / "stages" / name / "weights" / metric
            _check(draft, "E205", "metric", metric, known, part)
    for role, agent in draft.agents.items():
        if agent.veto is not None:
            _check(draft, "E205", "metric", agent.veto.metric, known, draft.parts[role] / "veto" / "metric")


def _check_repeats(draft: Draft) -> None:
    for name, stage in draft.stages.items():
        for index, role in enumerate(stage.agents):
            if role in stage.agents[:index]:
                part = draft.main / "stages" / name / "agents" / index
                draft.report.add("E209", part.value, f"{part.name}: {role!r} is listed twice")


def _check_fallbacks(draft: Draft) -> None:
    for role in draft.agents:
        chain = in_turn(draft, role)
        if draft.agents[chain[-1]].on_error.fallback == role:
            part = draft.parts[role] / "on_error" / "fallback"
            way = " → ".join([*chain, role])
            draft.report.add("E210", part.value, f"{part.name}: the fallbacks lead back to {role!r}: {way}")


def in_turn(draft: Draft, role: str) -> list[str]:
    """The role and its fallbacks, which run in its place with their own writes."""
    chain: list[str] = []
    at: str | None = role
    while at in draft.agents and at not in chain:
        chain.append(at)
        at = draft.agents[at].on_error.fallback
    return chain


def _check_unused(draft: Draft) -> None:
    if draft.strangers or not draft.is_whole("stages", "agents"):
        return
    used = {role for role, _ in _roles(draft)}
    for role in draft.agents:
        if role not in used:
            message = f"agent {role!r} is in no stage, and nobody's fallback"
            draft.report.add("E211", draft.parts[role].key, message, severity="warning")
