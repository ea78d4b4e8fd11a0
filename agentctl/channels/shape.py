"""Whether a value is one that its channel can merge, asked before it reaches the merge."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from agentctl.channels.policy import STANDARD
from agentctl.errors import ChannelValueInvalid

MAX_DEPTH = 100
_OVERWRITE = "__overwrite__"


def check_value(type: str, value: object, *, agent: str, channel: str) -> None:
    """Refuse a write that its channel could not merge, or a checkpoint could not keep.

    Args:
        type: the channel's type, as in `STANDARD[channel].type` or in `channels:`.
        value: plain JSON (see `view.plain`), as the agent wrote it.
        agent: whose write it is; only for the message.
        channel: where it goes; only for the message.

    Raises:
        ChannelValueInvalid: the value has another shape. Nothing was merged.
    """
    expected = _expected(type, value, channel)
    if expected:
        raise ChannelValueInvalid(agent, channel, expected, value)


def is_word(value: int) -> bool:
    """Whether a whole number has at most 64 bits, which is what checkpoints hold."""
    return -(1 << 63) <= value < 1 << 64


def is_tool_entry(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `history` is what a tool said, not an agent."""
    return "tool" in entry["data"] and "call_id" in entry["data"]


def _expected(type: str, value: object, channel: str) -> str:
    if not _is_json(value):
        return "JSON (mappings with string keys, lists, strings, finite numbers, true, false, null)"
    if channel == "history":
        return "" if _is_history(value) else "an entry {agent, stage, round, text, data}, or a list of them"
    if channel == "decision":
        return "" if isinstance(value, Mapping) else "a mapping"
    if channel in ("task", "stage", "winner") and channel in STANDARD:
        return "" if value is None or isinstance(value, str) else "a string"
    words, fits = _SHAPES.get(type, ("", lambda _: True))
    return "" if fits(value) else words


def _is_json(value: object, depth: int = 0) -> bool:
    if isinstance(value, int):
        return is_word(value)
    if value is None or isinstance(value, str):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if depth > MAX_DEPTH:
        return False
    if type(value) is list:
        return all(_is_json(item, depth + 1) for item in value)
    # LangGraph takes a mapping with this key for an order to replace the whole channel.
    return (
        type(value) is dict
        and all(isinstance(key, str) and key != _OVERWRITE for key in value)
        and value.get("type") != _OVERWRITE
        and all(_is_json(item, depth + 1) for item in value.values())
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_history(value: object) -> bool:
    return all(isinstance(entry, Mapping) for entry in (value if isinstance(value, list) else [value]))


def _is_options(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(option, Mapping) and isinstance(option.get("id"), str) and option["id"] for option in value
    )


def _is_rewards(value: object) -> bool:
    return _maps(value, lambda agents: _maps(agents, lambda scores: _maps(scores, _is_number)))


def _maps(value: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, Mapping) and all(fits(item) for item in value.values())


_SHAPES: dict[str, tuple[str, Callable[[object], bool]]] = {
    "sum": ("a number", _is_number),
    "max": ("a number", _is_number),
    "min": ("a number", _is_number),
    "merge": ("a mapping", lambda value: isinstance(value, Mapping)),
    "options": ("a list of {id, title, text}", _is_options),
    "rewards": ("a mapping {option: {agent: {metric: number}}}", _is_rewards),
    "lists": ("a mapping of lists", lambda value: _maps(value, lambda entries: isinstance(entries, list))),
    "counts": ("a mapping of numbers", lambda value: _maps(value, _is_number)),
}
