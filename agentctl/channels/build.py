"""Channels as LangGraph sees them. The only module of this package that imports LangGraph."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

from langgraph.channels import BinaryOperatorAggregate, LastValue, Topic
from langgraph.channels.base import BaseChannel

from agentctl.channels.merge import OPERATORS
from agentctl.channels.policy import STANDARD, ChannelType

Channel = BaseChannel[Any, Any, Any]

_EMPTY: dict[ChannelType, type] = {
    **dict.fromkeys(("topic", "union", "options"), list),
    **dict.fromkeys(("last", "max", "min"), type(None)),
    "sum": int,
}
"""What an empty channel of the type holds, where that is not a mapping."""


class History(Topic[object]):
    """A Topic that accumulates, is an empty list until written, and shares no list with its checkpoints.

    A stock Topic is absent from the state while empty, and hands out the list that it goes on
    growing: a checkpoint that is written in the background would hold entries of later steps.
    """

    def __init__(self, typ: type[object] = object, accumulate: bool = True) -> None:
        super().__init__(typ, accumulate)

    def checkpoint(self) -> list[object]:
        """A copy of the entries."""
        return list(self.values)

    def from_checkpoint(self, checkpoint: list[object]) -> Self:
        """A channel that starts from a copy of `checkpoint`."""
        return super().from_checkpoint(list(checkpoint) if isinstance(checkpoint, list) else checkpoint)

    def get(self) -> list[object]:
        """The entries, oldest first; empty if there are none."""
        return list(self.values)

    def is_available(self) -> bool:
        """Always: an empty history is a value too."""
        return True


class Entries(History):
    """A declared topic: each write is one entry, also when it is a list (a stock Topic would splice it)."""

    def update(self, values: Sequence[object]) -> bool:
        """Append each write as it is."""
        self.values.extend(values)
        return bool(values)


def build_channel(name: str, type: ChannelType) -> Channel:
    """The LangGraph channel for a standard or declared channel.

    A write to `history` is one entry or a list of entries; a write to a declared topic is one entry.
    """
    if type == "last":
        return LastValue(object, name)
    if type == "topic":
        channel: Channel = History() if name in STANDARD else Entries()
    else:
        channel = BinaryOperatorAggregate(_EMPTY.get(type, dict), OPERATORS[type])
    channel.key = name
    return channel


def build_channels(declared: Mapping[str, ChannelType]) -> dict[str, Channel]:
    """Every channel of a workspace: the standard ones, and those that it declares."""
    types = {name: kind.type for name, kind in STANDARD.items()} | dict(declared)
    return {name: build_channel(name, type) for name, type in types.items()}


def initial_state(
    task: str, stages: Iterable[str], start: str, declared: Mapping[str, ChannelType] | None = None
) -> dict[str, object]:
    """What a run is seeded with: every channel at its initial value.

    Declared topics are left out: they start empty of themselves, and a write of `[]` would be an entry.

    Args:
        task: as the user wrote it.
        stages: every stage, `final` excluded.
        start: the stage where the run begins.
        declared: declared channel → its type.
    """
    standard: dict[str, object] = {
        "task": task,
        "stage": start,
        "done": False,
        "history": [],
        "options": [],
        "rewards": {},
        "winner": None,
        "decision": {},
        "executed_agents_per_stage": {},
        "visits": dict.fromkeys(stages, 0),
    }
    return standard | {name: initial_value(type) for name, type in (declared or {}).items() if type != "topic"}


def initial_value(type: ChannelType) -> object:
    """What a declared channel holds until somebody writes it."""
    return _EMPTY.get(type, dict)()
