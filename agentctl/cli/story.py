"""A run told afterwards, as `agentctl why` prints it."""

from collections.abc import Iterable, Iterator
from typing import Any

from agentctl.cli.output import cut, line, plural
from agentctl.cli.words import SHORT, came_of, conclusion, how_to_decide, invocation, label, named, utc, wish

Story = dict[str, Any]
"""Of a run, a visit, an agent's execution, a call or an approval, as `explain` folds them."""
_TOTALS = 5
"""Options whose totals a decision tells."""
_WHOLE = 100_000
"""Characters that are told of arguments where nothing is cut."""


def story_lines(story: Story, width: int | None) -> Iterator[str]:
    """The lines of a run.

    Args:
        width: what was said and called is cut to it; None: it is told whole.
    """
    yield f"run {story['run_id']} of {story['workspace']}, generation {story['generation']}"
    yield f"task: {line(story['task'])[:200]}"
    if story.get("simulated"):
        yield label(story)
    if story["resumed"]:
        yield f"resumed {plural(story['resumed'], 'time')}"
    for visit in story["visits"]:
        yield ""
        yield from _visit(visit, width)
    yield ""
    yield from _end(story)


def _end(story: Story) -> Iterator[str]:
    in_flight = [role for visit in story["visits"] for role in visit["unfinished"]]
    who = f" while {named(in_flight)} ran" if in_flight and story["status"] not in ("running", "waiting") else ""
    yield story["status"] + who + (f": winner {line(story['winner'])}" if story.get("winner") else "")
    pending = [asked for visit in story["visits"] for asked in visit["asked"] if asked["status"] == "pending"]
    for asked in pending:
        yield f"  {asked['agent']} needs approval of {wish(asked)} before {utc(asked['expires_at'])}"
        yield f"    {how_to_decide(asked['call_id'])}"
    if story["error"] and story["status"] != "waiting":
        yield f"  {story['error']['code']}: {line(story['error']['message'])}"
    if story["status"] in ("killed", "waiting"):
        yield f"  {'then ' if pending else ''}continue with `agentctl resume {story['run_id']}`"


def _visit(visit: Story, width: int | None) -> Iterator[str]:
    yield f"{visit['stage']}, visit {visit['visit']}, {plural(visit['rounds'], 'round')}"
    told = 1
    for agent in _together(visit):
        if agent["round"] != told:
            told = agent["round"]
            yield f"  round {told}"
        yield _head(agent)
        yield from _done(agent["calls"], agent["asked"], width)
        yield from _skipped(agent, width)
        yield from _said(agent, width)
    waiting = {asked["agent"] for asked in visit["asked"] if asked["status"] == "pending"}
    for role in visit["unfinished"]:
        yield f"  … {role} {'waits for a decision' if role in waiting else 'started and did not finish'}"
        yield from _done(_of(role, visit["calls"]), _of(role, visit["asked"]), width)
    for place, row in enumerate(visit["ranking"], 1):
        yield f"  {place}. {line(row['option'])}: {row['total']:.4g}"
    if visit["ranking"] and visit["weights"]:
        yield "  weights: " + ", ".join(f"{metric} {weight:g}" for metric, weight in visit["weights"].items())
    yield from (f"  warning: {line(warning)}" for warning in visit["warnings"])
    yield from _exit(visit)


def _exit(visit: Story) -> Iterator[str]:
    if visit["why"] is None:
        yield "  not left: the run stopped here"
        return
    yield f"  left because {visit['why']}"
    for test in visit["tested"]:
        taken = "taken" if test["result"] else "not taken"
        yield f"  → {test['to']} {taken}: {test['when']}"
        for name, value in test["values"].items():
            yield f"      {name} = {value!r}"
    if not any(test["result"] for test in visit["tested"]):
        yield f"  → {visit['to']} taken (no condition)"


def _together(visit: Story) -> Iterator[Story]:
    """The agents; those that failed in one round for one reason, which may name them, as one."""
    groups: dict[object, list[Story]] = {}
    for number, agent in enumerate(visit["agents"]):
        is_alone = "error" not in agent or agent["calls"] or agent["asked"]
        reason = number if is_alone else agent["error"]["message"].replace(repr(agent["agent"]), "")
        groups.setdefault((agent["round"], reason, agent.get("then")), []).append(agent)
    for group in groups.values():
        yield {**group[0], "who": named([agent["agent"] for agent in group])}


def _head(agent: Story) -> str:
    if "error" in agent:
        return f"  ✗ {agent['who']}: {line(agent['error']['message'])} → {agent['then']}"
    return f"  ✓ {agent['who']} (step {agent['step']}) wrote {', '.join(agent['writes']) or 'history'}"


def _said(agent: Story, width: int | None) -> Iterator[str]:
    """What it said: the first line cut to `width`, or all of it; and how it decided."""
    if "error" in agent:
        return
    said = conclusion(agent).strip()
    if said and width is not None:
        first, *more = said.splitlines()
        yield _fitted(line(first) + (" …" if more else ""), width)
    elif said:
        yield from ("      " + each for each in said.splitlines())
    decision = agent["writes"].get("decision")
    if isinstance(decision, dict) and decision.get("rule"):  # of a decision agent
        yield _fitted(_rule(decision), width)


def _rule(decision: Story) -> str:
    """By which rule was decided, and what it counted: `by majority: tea 2, coffee 1; b prefers coffee`."""
    ranked = sorted(decision["totals"].items(), key=lambda each: -each[1])
    totals = ", ".join(f"{line(option)} {total:.4g}" for option, total in ranked[:_TOTALS])
    told = [f"by {decision['rule']}" + (f": {totals}" if totals else "")]
    if len(ranked) > _TOTALS:
        told[0] += f" and {len(ranked) - _TOTALS:,} more"
    if decision["vetoed"]:
        told.append("vetoed: " + ", ".join(map(line, decision["vetoed"])))
    return "; ".join([*told, *(f"{each['agent']} prefers {line(each['option'])}" for each in decision["dissent"])])


def _done(calls: Iterable[Story], asked: Iterable[Story], width: int | None) -> Iterator[str]:
    """The calls of an execution, each with who approved it, and what else it asked people."""
    others = {each["call_id"]: each for each in asked if each["status"] != "void"}
    for call in calls:
        yield _fitted(_call(call, others.pop(call["call_id"], None), SHORT if width else _WHOLE), width)
        if width is None and call.get("status") == "ok":
            yield from ("        " + each for each in call["text"].splitlines())
    for each in others.values():
        yield _fitted(f"? {wish(each)}: {_judged(each)}", width)


def _skipped(agent: Story, width: int | None) -> Iterator[str]:
    """The calls that a condition left out."""
    for each in agent.get("skipped", ()):
        values = ", ".join(f"{name} = {value!r}" for name, value in each["values"].items())
        yield _fitted(f"· {each['tool']} left out: {each['when']} is false" + (f"; {values}" if values else ""), width)


def _call(call: Story, asked: Story | None, room: int) -> str:
    if "status" not in call:
        came = "did not return"
    elif asked and call["status"] == "denied":
        came = _judged(asked)
    else:
        came = came_of(call, room) + (f"; {_judged(asked)}" if asked else "")
    return f"{'·' if call.get('status') == 'ok' else '!'} {invocation(call, room)} {came}"


def _of(role: str, each: Iterable[Story]) -> list[Story]:
    return [one for one in each if one["agent"] == role]


def _judged(asked: Story) -> str:
    """What people made of an approval."""
    if asked["status"] not in ("approved", "denied"):
        return "nobody decided in time" if asked["status"] == "expired" else "not decided yet"
    by = f" by {line(asked['decided_by'])}" if asked["decided_by"] else ""
    edited = " with other arguments" if asked["edited"] is not None and asked["kind"] in ("call", "unknown") else ""
    return f"{asked['status']}{by}{edited}" + (f": {line(asked['reason'])}" if asked["reason"] else "")


def _fitted(text: str, width: int | None) -> str:
    """Indented, and cut to the terminal."""
    return "      " + (text if width is None else cut(text, max(20, width - 6)))
