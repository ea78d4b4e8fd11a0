"""Who may write which channel. Imports nothing, so that `validate` can ask."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentctl.errors import ChannelWriteDenied

Capability = Literal["reasoner", "synthesizer", "actor"]
ChannelType = Literal["last", "topic", "sum", "max", "min", "union", "merge", "options", "rewards", "lists", "counts"]
"""How writes merge; the last four are those of standard channels only."""


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A standard channel: how its writes merge, and who writes it, in words."""

    type: ChannelType
    writers: str


_SYNTHESIZERS = "agents with the capability synthesizer"
STANDARD: dict[str, ChannelKind] = {
    "task": ChannelKind("last", "the orchestrator"),
    "stage": ChannelKind("last", "the router"),
    "done": ChannelKind("last", "the router and the orchestrator"),
    "history": ChannelKind("topic", "any agent"),
    "options": ChannelKind("options", "agents with the capability reasoner or synthesizer"),
    "rewards": ChannelKind("rewards", "reasoners and synthesizers that declare `scores`"),
    "winner": ChannelKind("last", _SYNTHESIZERS),
    "decision": ChannelKind("last", _SYNTHESIZERS),
    "executed_agents_per_stage": ChannelKind("lists", "agentctl itself, once per execution"),
    "visits": ChannelKind("counts", "the router"),
}
"""Every channel that a run has without declaring it."""

_MAY: dict[Capability, frozenset[str]] = {
    "reasoner": frozenset({"history", "options", "rewards"}),
    "synthesizer": frozenset({"history", "options", "rewards", "winner", "decision"}),
    "actor": frozenset({"history"}),
}


def may_write(
    role: str, capability: Capability, has_scores: bool, declared: Mapping[str, Collection[str]]
) -> frozenset[str]:
    """Every channel that a role may write.

    Args:
        role: whose writes.
        capability: what it may write of the standard channels.
        has_scores: it declares `scores`; without them it may not write `rewards`.
        declared: declared channel → its `writers`.
    """
    standard = _MAY[capability] if has_scores else _MAY[capability] - {"rewards"}
    return standard | {channel for channel, writers in declared.items() if role in writers}


def writers_of(channel: str, declared: Mapping[str, Sequence[str]]) -> str:
    """Who may write `channel`, in words for a message."""
    if channel in declared:
        return ", ".join(declared[channel])
    return STANDARD[channel].writers if channel in STANDARD else "nobody: it does not exist"


def check_delta(
    role: str, delta: Iterable[str], allowed: Collection[str], declared: Mapping[str, Sequence[str]]
) -> None:
    """Refuse a delta that names a channel which its agent may not write.

    Raises:
        ChannelWriteDenied: with the agent, the channel and who may. Nothing of the delta is to be merged.
    """
    for channel in delta:
        if channel not in allowed:
            raise ChannelWriteDenied(role, channel, writers_of(channel, declared))
