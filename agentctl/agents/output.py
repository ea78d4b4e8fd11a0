"""From output fields to a delta: what an agent returned, put into the channels that it may write."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.channels.policy import STANDARD, check_delta
from agentctl.channels.shape import check_value
from agentctl.channels.view import plain
from agentctl.errors import AgentFailed, did_you_mean
from agentctl.workspace.spec import AgentSpec

Delta = dict[str, Any]
"""Channel name to the value that its merge takes; plain JSON."""

OWN_FIELDS = ("text", "options", "scores", "winner", "decision", "data")
MAPPING_CHANNELS = ("decision",)


@dataclass(frozen=True)
class Writer:
    """What `to_delta` must know of a role: its spec, the channels that it may write, and who may write each.

    `declared` is channel name to type of the workspace's own channels, `writers` to who may write it.
    """

    role: str
    spec: AgentSpec
    allowed: frozenset[str]
    writers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    declared: Mapping[str, str] = field(default_factory=dict)


def to_delta(writer: Writer, fields: Mapping[str, object], stage: str, round_: int) -> Delta:
    """Turn what an agent returned into a checked delta.

    Raises:
        AgentFailed: a field that nothing declares, or a value of the wrong shape.
        ChannelValueInvalid: a value that its channel cannot merge.
        ChannelWriteDenied: a field for a channel that the agent may not write.
    """
    given = _as_fields(writer.role, fields)
    _refuse_rewards(writer, given)
    delta: Delta = {}
    data: dict[str, Any] = dict(_expect(writer.role, "data", given.pop("data", None) or {}, Mapping))
    text = given.pop("text", None) if _channel_of(writer, "text") == "history" else None
    scores = given.pop("scores", None)
    for name, value in given.items():
        channel = _channel_of(writer, name)
        if channel == "history":
            data[name] = value
        elif name != channel and (channel in MAPPING_CHANNELS or writer.declared.get(channel) == "merge"):
            delta[channel] = {**_expect(writer.role, channel, delta.get(channel, {}), Mapping), name: value}
        elif channel in delta and isinstance(value, Mapping):
            delta[channel] = {**delta[channel], **value}
        else:
            delta[channel] = value
    if text is not None or data:
        told = _text(writer.role, text) if text is not None else _in_words(writer.role, data)
        delta["history"] = [{"agent": writer.role, "stage": stage, "round": round_, "text": told, "data": data}]
    if scores is not None and scores != {}:
        delta["rewards"] = _rewards(writer, scores)
    if "options" in delta:
        delta["options"] = _options(writer.role, delta["options"])
    check_delta(writer.role, delta, writer.allowed, writer.writers)
    for channel, value in delta.items():
        type_ = writer.declared.get(channel) or STANDARD[channel].type
        check_value(type_, value, agent=writer.role, channel=channel)
    return delta


def _as_fields(role: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """A copy: what is journalled and merged is never the agent's own object."""
    try:
        copied: dict[str, Any] = plain(fields)
    except RecursionError:
        raise AgentFailed(role, "its output contains itself", code="agent-output") from None
    return copied


def _refuse_rewards(writer: Writer, given: Mapping[str, object]) -> None:
    """Who may score writes `rewards`, but by `scores` only: those are checked, and its own."""
    if "rewards" in given and "rewards" in writer.allowed:
        raise AgentFailed(writer.role, "it returned 'rewards'", hint="give `scores` instead", code="agent-output")


def _expect(role: str, name: str, value: object, kind: type) -> Any:
    if isinstance(value, kind) and not (kind is Sequence and isinstance(value, str)):
        return value
    word = "a mapping" if kind is Mapping else "a list"
    raise AgentFailed(role, f"field {name!r} must be {word}, got {type(value).__name__}", code="agent-output")


def _channel_of(writer: Writer, name: str) -> str:
    """The channel a field goes to: as `output:` says, else the channel of its own name."""
    if name in writer.spec.output:
        return writer.spec.output[name].to
    if name == "text":
        return "history"
    if name in STANDARD or name in writer.declared:
        return name
    known = [*OWN_FIELDS, *writer.spec.output, *writer.declared]
    raise AgentFailed(
        writer.role,
        f"it returned the field {name!r}, which nothing declares{did_you_mean(name, known)}",
        hint="declare it under `output:` with the channel that it goes to",
        code="agent-output",
    )


def _in_words(role: str, data: Mapping[str, Any]) -> str:
    """What an agent says that gives fields and no text, so that its run does not end in silence."""
    values = list(data.values())
    check_value("merge", data, agent=role, channel="history")
    return values[0] if len(values) == 1 and isinstance(values[0], str) else json.dumps(data, ensure_ascii=False)


def _text(role: str, value: object) -> str:
    if isinstance(value, str):
        return value
    raise AgentFailed(role, f"field 'text' must be a string, got {type(value).__name__}", code="agent-output")


def _options(role: str, value: object) -> list[dict[str, str]]:
    options = []
    for item in _expect(role, "options", value, Sequence):
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str) or not item["id"]:
            raise AgentFailed(role, "each option needs an `id`, a `title` and a `text`", code="agent-output")
        extra = set(item) - {"id", "title", "text"}
        if extra:
            raise AgentFailed(role, f"an option has no field {min(extra)!r}", code="agent-output")
        options.append(
            {"id": item["id"], "title": str(item.get("title", item["id"])), "text": str(item.get("text", ""))}
        )
    return options


def _rewards(writer: Writer, scores: object) -> dict[str, dict[str, dict[str, float]]]:
    """`{metric: n}` counts for the option `main`; `{option: {metric: n}}` is taken as it is."""
    table = _expect(writer.role, "scores", scores, Mapping)
    if not any(isinstance(value, Mapping) for value in table.values()):
        table = {"main": table}
    rewards = {}
    for option, metrics in table.items():
        numbers = _expect(writer.role, f"scores.{option}", metrics, Mapping)
        rewards[option] = {writer.role: {metric: _score(writer, metric, n) for metric, n in numbers.items()}}
    return rewards


def _score(writer: Writer, metric: str, value: object) -> float:
    if metric not in writer.spec.scores:
        raise AgentFailed(
            writer.role,
            f"it scored the metric {metric!r}{did_you_mean(metric, writer.spec.scores)}",
            hint=f"list it under `scores:` of {writer.role}",
            code="agent-output",
        )
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise AgentFailed(
            writer.role, f"score {metric!r} must be a number from 0 to 1, got {value!r}", code="agent-output"
        )
    return float(value)
