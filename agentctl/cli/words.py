"""Events in words, the same in a pipe, in the live view and in `why`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.cli.output import cut, json_text, line, plural
from agentctl.events import Event

SHOWN = 8
"""Agents that are named in one line."""
SHORT = 60
"""Characters that the arguments of a call take in one line, or the reason why it failed."""


def describe(event: Event) -> str:
    """One line for a person; empty for what needs none."""
    said = _LINES.get(event.type)
    return said(event.as_dict()) if said else ""


def closing_line(event: Event) -> str:
    """How the run ended, what it took, and where to read or go on."""
    data, usage = event.data, event.data["usage"]
    assert isinstance(usage, Mapping)
    status = str(data["status"])
    spent = took(usage["duration_s"])
    if usage["model_calls"]:
        spent += f", {usage['input_tokens'] + usage['output_tokens']:,} tokens, {money(usage['cost_usd'])}"
    if usage["tool_calls"]:
        spent += f", {plural(usage['tool_calls'], 'tool call')}"
    if status == "waiting":
        error = data["error"]
        assert isinstance(error, Mapping)
        return what_waits(error, spent)
    return " · ".join([f"{status} in {spent}", *(way.format(event.run_id) for way in _WAYS[status])])


_WAYS = {
    "done": ["agentctl why {}"],
    "failed": ["agentctl why {}", "agentctl resume {}"],
    # A run keeps the limits that it started with, so going on would end at once.
    "limited": ["raise the limit and start a new run", "agentctl why {}"],
    "cancelled": ["agentctl resume {}"],
}


def what_waits(error: Mapping[str, str], spent: str = "") -> str:
    """How a run ended that waits: for what, and the two commands that it takes; `error` is that of its result."""
    what = "waiting " + error["message"].removeprefix("it waits ") + (f" · {spent}" if spent else "")
    return what + "\n" + error["hint"].replace(", then ", ",\nthen ")


def lineup(agents: Sequence[str], order: str) -> str:
    """The agents of a stage in one line: `a → b` one after the other, `a ∥ b` at once."""
    return named(agents, " → " if order == "sequential" else " ∥ ")


def named(agents: Sequence[str], joint: str = ", ") -> str:
    """Agents in one line, a few of many."""
    shown = joint.join(agents[:SHOWN])
    return shown if len(agents) <= SHOWN else f"{shown} and {len(agents) - SHOWN:,} more"


def invocation(data: Mapping[str, Any], room: int = SHORT) -> str:
    """A call in one line: `book_trip(id="L2", days=3)`.

    Args:
        data: `tool`, and `args` if they are known; both may be anything that a model wrote.
        room: characters for the arguments.
    """
    args = data.get("args", {})
    pairs = [f"{name}={json_text(value)}" for name, value in args.items()] if isinstance(args, Mapping) else [str(args)]
    return f"{cut(line(str(data['tool'])), SHORT)}({cut(line(', '.join(pairs)), room)})"


def came_of(data: Mapping[str, Any], room: int = SHORT) -> str:
    """What came of a call, in one line: `ok in 320 ms`, `denied: the user did not allow it`."""
    word = "UNKNOWN outcome" if data["status"] == "unknown" else str(data["status"])
    spent = f" in {took(data['duration_s'])}" if data.get("duration_s") else ""
    return word + spent + ("" if word == "ok" else f": {cut(line(data['text']), 2 * room)}")


def wish(data: Mapping[str, Any]) -> str:
    """What somebody is asked to decide, in one line: a call, or the question of a graph or a server."""
    return invocation(data) if data["kind"] in _CALLS else cut(line(data["why"]), 2 * SHORT)


def how_to_decide(id_: str) -> str:
    """Which command decides an approval."""
    return f"decide with `agentctl approvals approve {id_}` or `deny`"


_CALLS = ("call", "unknown")
"""Kinds of approvals that are about a call itself."""


def took(seconds: float) -> str:
    """A duration as people read it."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1e3:.0f} ms"


def utc(moment: str) -> str:
    """A time of ours as people read it, to the second; the `Z` says that it is UTC."""
    return f"{moment[:19]}Z"


def since(moment: str) -> float:
    """Seconds since a time of ours; negative if it is to come."""
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()


def span(seconds: float) -> str:
    """A length of time in one unit, rounded down: `23 h`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def short_ids(ids: Iterable[str]) -> dict[str, str]:
    """As few first characters of each id as tell it from the others, at least 8."""
    known, size = set(ids), 8
    while len({id_[:size] for id_ in known}) < len(known):
        size += 1
    return {id_: id_[:size] for id_ in known}


def money(cost_usd: float | None) -> str:
    """A cost as people read it; an unknown price is said to be unknown."""
    if cost_usd is None:
        return "cost unknown"
    return f"${cost_usd:.4f}" if 0 < cost_usd < 1 else f"${cost_usd:.2f}"


def label(data: Mapping[str, Any]) -> str:
    """The line that says that words are made up, for a run or an agent's usage; empty if they are not."""
    reason = f" ({data['why_simulated']})" if data.get("why_simulated") else ""
    made_up = f"SIMULATED: the words are made up without a model{reason}" if data.get("simulated") else ""
    if not data.get("replay"):
        return made_up
    return f"REPLAY: all answers are from {data['replay']}, and nothing is called" + (f"; {made_up}" if made_up else "")


def _started(data: Mapping[str, Any]) -> str:
    doing = "resuming" if data.get("resumed") else "running"
    models = ", ".join(dict.fromkeys(data["models"].values()))
    first = f"{doing} {data['workspace']}{f' with {models}' if models else ''}, generation {data['generation']}"
    return f"{first}\n{label(data)}".rstrip()


def _failed(data: Mapping[str, Any]) -> str:
    hint = data["error"].get("hint")
    return f"  ✗ {data['agent']}: {data['error']['message']} → {data['then']}" + (f" (hint: {hint})" if hint else "")


def conclusion(data: Mapping[str, Any]) -> str:
    """What an `agent.finished` says: the agent's text, behind the winner that it named."""
    writes = data["writes"]
    text = str(data["text"] or (writes.get("decision") or {}).get("text", ""))
    winner = writes.get("winner")
    if not winner:
        return text
    return f"winner {winner}" if text in ("", winner) else f"winner {winner}: {text}"


def _finished(data: Mapping[str, Any]) -> str:
    text = " ".join(conclusion(data).split())
    simulated = " [simulated]" if data.get("usage", {}).get("simulated") else ""
    return f"  ✓ {data['agent']}{simulated}" + (f": {text[:100]}{'…' if len(text) > 100 else ''}" if text else "")


def _returned(data: Mapping[str, Any]) -> str:
    return f"  {'·' if data['status'] == 'ok' else '!'} {data['agent']}: {invocation(data)} {came_of(data)}"


def _asked(data: Mapping[str, Any]) -> str:
    what = f" for {invocation(data)}" if data["kind"] in _CALLS else ""
    why = cut(line(data["why"]), 2 * SHORT)
    # Of all others the run's end tells that; here it goes on only when somebody has answered.
    how = f"\n    {how_to_decide(data['call_id'])}" if data["kind"] == "question" else ""
    return f"  ? {data['agent']} asks{what}: {why}{how}"


def _scores(data: Mapping[str, Any]) -> str:
    ranked = [f"{row['option']} {row['total']:.3g}" for row in data["ranking"]]
    return f"  scores: {' > '.join(ranked)}" if ranked else ""


def _exited(data: Mapping[str, Any]) -> str:
    because = [f" because {test['when']}" for test in data["tested"] if test["result"] and test["when"]]
    return f"  {data['why']} → {data['to']}{''.join(because)}"


_LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "run.started": _started,
    "stage.entered": lambda data: f"{data['stage']}{_again(data['visit'])}: {lineup(data['agents'], data['order'])}",
    "agent.finished": _finished,
    "agent.failed": _failed,
    "tool.returned": _returned,
    "approval.requested": _asked,
    "scores.merged": _scores,
    "stage.exited": _exited,
    "limit.reached": lambda data: f"limit: {data['message']}",
    "warning": lambda data: f"warning: {data['message']}",
}


def _again(visit: int) -> str:
    return f" (visit {visit})" if visit > 1 else ""
