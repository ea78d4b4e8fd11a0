"""How parallel writes become one value, and what LangGraph makes of it."""

import copy
import math
from functools import reduce
from typing import Annotated, TypedDict, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.graph import StateGraph

from agentctl.channels import merge
from agentctl.channels.build import build_channel, build_channels, initial_state, initial_value
from agentctl.channels.policy import STANDARD, ChannelType
from agentctl.workspace.spec import ChannelSpec

scores = st.decimals(0, 1, places=3).map(float)
rewards = st.dictionaries(
    st.sampled_from("xyz"), st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from("mn"), scores))
)
options = st.lists(st.fixed_dictionaries({"id": st.sampled_from("xyz"), "text": st.text(max_size=3)}), max_size=4)
entries = st.one_of(st.integers(0, 3), st.booleans(), st.text(max_size=1), st.lists(st.integers(0, 1), max_size=2))

OPTIMISTIC = {"novelty": 0.9, "confidence": 0.7, "quality": 0.8, "risk": 0.2}
CRITIC = {"novelty": 0.3, "confidence": 0.9, "quality": 0.85, "risk": 0.8}
DEVIL = {"novelty": 0.1, "confidence": 0.6, "quality": 0.7, "risk": 1.0}


@given(rewards, rewards, rewards)
def test_rewards_come_out_the_same_in_every_order_and_grouping(
    a: merge.Rewards, b: merge.Rewards, c: merge.Rewards
) -> None:
    both = merge.merge_rewards
    assert both(both(a, b), c) == both(a, both(b, c))
    assert both(a, b) == both(b, a)
    assert both(a, {}) == a


@given(st.lists(st.floats(0, 1), max_size=30))
def test_sums_are_right_to_eleven_digits(numbers: list[float]) -> None:
    assert math.isclose(reduce(merge.add, numbers, 0), math.fsum(numbers), abs_tol=1e-10)


@given(options, options, options)
def test_options_keep_the_order_of_proposal_and_the_last_text(
    a: merge.Options, b: merge.Options, c: merge.Options
) -> None:
    both = merge.merge_options
    merged = both(both(a, b), c)

    assert merged == both(a, both(b, c))
    assert [option["id"] for option in merged] == list(dict.fromkeys(option["id"] for option in [*a, *b, *c]))
    assert all(option == [o for o in [*a, *b, *c] if o["id"] == option["id"]][-1] for option in merged)


def test_an_option_keeps_the_title_that_a_later_text_leaves_out() -> None:
    merged = merge.merge_options([{"id": "x", "title": "X", "text": "old"}], [{"id": "x", "text": "new"}])

    assert merged == [{"id": "x", "title": "X", "text": "new"}]


@given(st.lists(entries), st.lists(entries), st.lists(entries))
def test_a_union_holds_each_entry_once_in_order(a: list[object], b: list[object], c: list[object]) -> None:
    merged = merge.union(merge.union(merge.union([], a), b), c)

    assert merged == merge.union(merge.union([], a), merge.union(merge.union([], b), c))
    assert [repr(entry) for entry in merged] == list(dict.fromkeys(repr(entry) for entry in [*a, *b, *c]))


@given(st.sampled_from(sorted(merge.OPERATORS)), st.data())
def test_no_merge_changes_what_it_was_given(name: str, data: st.DataObject) -> None:
    by_name = {
        "sum": st.integers(),
        "max": st.integers(),
        "min": st.integers(),
        "union": st.lists(entries),
        "merge": st.dictionaries(st.text(max_size=1), entries),
        "options": options,
        "rewards": rewards,
        "lists": st.dictionaries(st.sampled_from("xy"), st.lists(st.sampled_from("ab"))),
        "counts": st.dictionaries(st.sampled_from("xy"), st.integers()),
    }
    left, right = data.draw(by_name[name]), data.draw(by_name[name])
    before = copy.deepcopy((left, right))

    merge.OPERATORS[name](left, right)

    assert (left, right) == before


def test_scores_are_kept_by_agent() -> None:
    channel = build_channel("rewards", "rewards")
    channel.update([{"main": {"optimistic": OPTIMISTIC}}, {"main": {"critic": CRITIC}}, {"main": {"devil": DEVIL}}])

    assert channel.get() == {"main": {"optimistic": OPTIMISTIC, "critic": CRITIC, "devil": DEVIL}}


def test_scores_of_two_rounds_add_up() -> None:
    channel = build_channel("rewards", "rewards")
    channel.update([{"x": {"critic": {"risk": 0.1}}}])
    channel.update([{"x": {"critic": {"risk": 0.2, "novelty": 1}}}])

    assert channel.get() == {"x": {"critic": {"risk": 0.3, "novelty": 1}}}


@given(rewards, rewards)
def test_peaks_hold_the_highest_single_score(a: merge.Rewards, b: merge.Rewards) -> None:
    peaks = merge.merge_peaks(a, b)

    both = merge.merge_rewards(a, b)
    assert {option: {agent: set(peaks[option][agent]) for agent in peaks[option]} for option in peaks} == {
        option: {agent: set(both[option][agent]) for agent in both[option]} for option in both
    }
    for option, agent, metric in [(o, a, m) for o in peaks for a in peaks[o] for m in peaks[o][a]]:
        single = [side.get(option, {}).get(agent, {}).get(metric, 0) for side in (a, b)]
        assert peaks[option][agent][metric] == max(single)


@pytest.mark.parametrize(
    ("type", "writes", "value"),
    [
        ("sum", [1, 2, 0.5], 3.5),
        ("sum", [0.1, 0.2], 0.3),
        ("sum", [], 0),
        ("max", [-3, -1, -2], -1),
        ("min", [3, 1, 2], 1),
        ("max", [], None),
        ("min", [], None),
        ("union", [["a", "b"], ["b", {"c": 1}], {"c": 1}, "d"], ["a", "b", {"c": 1}, "d"]),
        ("union", [[1, True, "1"]], [1, True, "1"]),
        ("merge", [{"a": 1, "b": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ("topic", [1, [2, 3], [], {"x": 1}], [1, [2, 3], [], {"x": 1}]),
        ("topic", [], []),
        ("last", ["x"], "x"),
    ],
)
def test_a_declared_channel_merges_as_its_type_says(type: ChannelType, writes: list[object], value: object) -> None:
    channel = build_channel("votes", type)
    channel.update([initial_value(type)] if type not in ("topic", "last") else [])
    channel.update(writes)

    assert channel.get() == value


def test_history_takes_one_entry_or_a_list_of_them() -> None:
    channel = build_channel("history", "topic")
    channel.update([{"text": "a"}, [{"text": "b"}, {"text": "c"}]])

    assert channel.get() == [{"text": "a"}, {"text": "b"}, {"text": "c"}]


def test_a_checkpoint_of_the_history_does_not_grow_afterwards() -> None:
    channel = build_channel("history", "topic")
    channel.update([{"text": "a"}])
    checkpoint = channel.checkpoint()
    resumed = channel.from_checkpoint(checkpoint)
    channel.update([{"text": "b"}])
    resumed.update([{"text": "c"}])

    assert checkpoint == [{"text": "a"}]
    assert channel.copy().get() == [{"text": "a"}, {"text": "b"}]
    assert resumed.get() == [{"text": "a"}, {"text": "c"}]


def test_a_second_write_to_a_last_channel_in_one_step_is_refused() -> None:
    with pytest.raises(InvalidUpdateError, match="winner"):
        build_channel("winner", "last").update(["a", "b"])


DECLARABLE = get_args(ChannelSpec.model_fields["type"].annotation)
DECLARED: dict[str, ChannelType] = {f"my_{type}": type for type in DECLARABLE}


async def test_a_graph_starts_at_the_initial_values_and_keeps_what_is_written() -> None:
    fields = {name: Annotated[object, channel] for name, channel in build_channels(DECLARED).items()}
    graph = StateGraph(TypedDict("State", fields))
    seen: list[dict[str, object]] = []
    writes = {"my_topic": [1, 2], "my_union": ["a"], "my_sum": 1, "my_max": 1, "history": [{"text": "a"}]}
    for role in ("critic", "devil"):
        graph.add_node(role, lambda state: (seen.append(dict(state)), writes)[1])
        graph.add_edge("__start__", role)
    compiled = graph.compile(checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "a"}}

    end = await compiled.ainvoke(initial_state("a task", ["proposal"], "proposal", DECLARED), thread)

    empty = {"last": None, "topic": [], "sum": 0, "max": None, "min": None, "union": [], "merge": {}}
    assert {name: seen[0][f"my_{name}"] for name in DECLARABLE} == empty
    assert set(seen[0]) == {*STANDARD, *DECLARED}
    assert (seen[0]["history"], seen[0]["visits"], seen[0]["winner"]) == ([], {"proposal": 0}, None)
    assert (end["my_topic"], end["my_union"], end["my_sum"]) == ([[1, 2], [1, 2]], ["a"], 2)
    assert (await compiled.aget_state(thread)).values == end
