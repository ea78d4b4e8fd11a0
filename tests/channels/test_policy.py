"""Who may write what, and which values a channel takes."""

import pytest

from agentctl.channels.policy import STANDARD, check_delta, may_write, writers_of
from agentctl.channels.shape import check_value
from agentctl.errors import ChannelValueInvalid, ChannelWriteDenied

DECLARED = {"votes": ["critic", "devil"], "bookings": ["booking"]}


@pytest.mark.parametrize(
    ("role", "capability", "has_scores", "allowed"),
    [
        ("critic", "reasoner", True, {"history", "options", "rewards", "votes"}),
        ("critic", "reasoner", False, {"history", "options", "votes"}),
        ("judge", "synthesizer", True, {"history", "options", "rewards", "winner", "decision"}),
        ("judge", "synthesizer", False, {"history", "options", "winner", "decision"}),
        ("booking", "actor", True, {"history", "bookings"}),
    ],
)
def test_a_capability_says_what_may_be_written(role: str, capability: str, has_scores: bool, allowed: set[str]) -> None:
    assert may_write(role, capability, has_scores, DECLARED) == allowed


def test_a_denied_write_names_agent_channel_and_writers() -> None:
    allowed = may_write("optimist", "reasoner", True, DECLARED)
    check_delta("optimist", {"history": [], "rewards": {}}, allowed, DECLARED)

    with pytest.raises(ChannelWriteDenied, match=r"'optimist' may not write channel 'votes'.*by critic, devil"):
        check_delta("optimist", {"history": [], "votes": 1}, allowed, DECLARED)
    with pytest.raises(ChannelWriteDenied, match=r"'winner'.*capability synthesizer"):
        check_delta("optimist", {"winner": "a"}, allowed, DECLARED)


def test_every_channel_can_tell_its_writers() -> None:
    assert all(writers_of(channel, DECLARED) for channel in [*STANDARD, *DECLARED])
    assert writers_of("nope", DECLARED) == "nobody: it does not exist"


FITS: list[tuple[str, str, object]] = [
    ("sum", "votes", 1),
    ("max", "votes", 0.5),
    ("merge", "facts", {"a": [1, None, {"b": "c"}]}),
    ("union", "tags", ["a"]),
    ("union", "tags", "a"),
    ("topic", "notes", [1, 2]),
    ("last", "note", None),
    ("topic", "history", {"text": "a"}),
    ("topic", "history", [{"text": "a"}]),
    ("last", "decision", {}),
    ("last", "winner", None),
    ("options", "options", [{"id": "a", "text": "b"}]),
    ("rewards", "rewards", {"main": {"critic": {"risk": 1}}}),
    ("lists", "executed_agents_per_stage", {"a": ["critic"]}),
    ("counts", "visits", {"a": 1}),
]
DOES_NOT_FIT: list[tuple[str, str, object, str]] = [
    ("sum", "votes", "three", "takes a number"),
    ("sum", "votes", True, "takes a number"),
    ("min", "votes", None, "takes a number"),
    ("max", "votes", float("nan"), "takes JSON"),
    ("merge", "facts", [1], "takes a mapping"),
    ("topic", "history", "text", "takes an entry"),
    ("topic", "history", ["text"], "takes an entry"),
    ("last", "decision", "book", "takes a mapping"),
    ("last", "winner", 3, "takes a string"),
    ("options", "options", [{"title": "no id"}], "takes a list of {id, title, text}"),
    ("options", "options", {"id": "a"}, "takes a list of {id, title, text}"),
    ("rewards", "rewards", {"main": {"risk": 1}}, "takes a mapping {option: {agent: {metric: number}}}"),
    ("rewards", "rewards", {"main": {"critic": {"risk": "high"}}}, "takes a mapping"),
    ("last", "note", {1, 2}, "takes JSON"),
    ("last", "note", {1: 2}, "takes JSON"),
    ("last", "note", object(), "takes JSON"),
    ("last", "note", [[float("inf")]], "takes JSON"),
    ("merge", "facts", {"__overwrite__": {}}, "takes JSON"),
    ("merge", "facts", {"type": "__overwrite__", "value": {}}, "takes JSON"),
]


@pytest.mark.parametrize(("type", "channel", "value"), FITS)
def test_a_value_that_can_be_merged_passes(type: str, channel: str, value: object) -> None:
    check_value(type, value, agent="critic", channel=channel)


@pytest.mark.parametrize(("type", "channel", "value", "expected"), DOES_NOT_FIT)
def test_a_value_that_cannot_be_merged_names_agent_and_channel(
    type: str, channel: str, value: object, expected: str
) -> None:
    with pytest.raises(ChannelValueInvalid) as refusal:
        check_value(type, value, agent="critic", channel=channel)

    assert str(refusal.value).startswith("agent 'critic' wrote ")
    assert f"to channel {channel!r}, which {expected}" in str(refusal.value)


def test_a_value_without_end_is_refused() -> None:
    endless: list[object] = []
    endless.append(endless)

    with pytest.raises(ChannelValueInvalid):
        check_value("last", endless, agent="critic", channel="note")


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ChannelValueInvalid) as refusal:
        check_value("sum", "x" * 10_000, agent="critic", channel="votes")

    assert len(str(refusal.value)) < 200
