"""What scores add up to, and how decisions are made of them."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.channels.decision import Rule, decide, vetoed
from agentctl.channels.merge import Rewards
from agentctl.channels.scores import metric_sums, ranking, totals

TABLE: Rewards = {
    "main": {
        "optimistic": {"novelty": 0.9, "confidence": 0.7, "quality": 0.8, "risk": 0.2},
        "critic": {"novelty": 0.3, "confidence": 0.9, "quality": 0.85, "risk": 0.8},
        "devil": {"novelty": 0.1, "confidence": 0.6, "quality": 0.7, "risk": 1.0},
    }
}
OPTIONS = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
CLASH: Rewards = {  # a polarizes, b is everybody's second, c is the favourite of two
    "c": {"x": {"q": 1.0}, "y": {"q": 0.9}, "z": {"q": 0.0}, "w": {"q": 0.0}, "v": {"q": 0.0}},
    "b": {"x": {"q": 0.8}, "y": {"q": 0.8}, "z": {"q": 0.6}, "w": {"q": 0.6}, "v": {"q": 0.6}},
    "a": {"x": {"q": 0.0}, "y": {"q": 0.0}, "z": {"q": 0.7}, "w": {"q": 0.7}, "v": {"q": 0.7}},
}


def test_the_table_of_three_agents_adds_up() -> None:
    assert str(metric_sums(TABLE)) == "{'main': {'novelty': 1.3, 'confidence': 2.2, 'quality': 2.35, 'risk': 2.0}}"


def test_the_table_adds_up_in_every_order() -> None:
    orders = [{"main": dict(order)} for order in permutations(TABLE["main"].items())]

    assert all(metric_sums(order) == metric_sums(TABLE) for order in orders)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, 7.85),
        ({"novelty": 1, "confidence": 1, "quality": 2, "risk": -1.5}, 5.2),
        ({"risk": -1}, -2.0),
        ({"unknown": 9}, 0),
    ],
)
def test_totals_follow_the_weights(weights: dict[str, float], expected: float) -> None:
    assert totals(TABLE, weights) == {"main": expected}


def test_ranking_is_best_first_and_ties_go_by_proposal() -> None:
    rewards: Rewards = {
        "c": {"x": {"q": 0.5}},
        "b": {"x": {"q": 0.5}},
        "main": {"x": {"q": 0.5}},
        "a": {"x": {"q": 0.9}},
    }

    assert ranking(rewards, OPTIONS, {}) == [
        {"option": "a", "total": 0.9},
        {"option": "b", "total": 0.5},
        {"option": "c", "total": 0.5},
        {"option": "main", "total": 0.5},
    ]


def test_an_option_nobody_scored_is_not_ranked() -> None:
    """It would win with 0 over options whose risk outweighs all else."""
    assert ranking({"b": {"x": {"risk": 1}}}, OPTIONS, {"risk": -1}) == [{"option": "b", "total": -1}]


@pytest.mark.parametrize(
    ("rule", "winner", "counted", "dissent"),
    [
        ("weighted", "b", {"a": 2.1, "b": 3.4, "c": 1.9}, "xyzwv"),
        ("majority", "a", {"a": 3, "b": 0, "c": 2}, "xy"),
        ("borda", "a", {"a": 6, "b": 5, "c": 4}, "xy"),
    ],
)
def test_each_rule_decides_in_its_own_way(rule: Rule, winner: str, counted: dict[str, float], dissent: str) -> None:
    verdict = decide(rule, CLASH, OPTIONS, {})

    assert verdict.option == winner
    assert verdict.totals == counted
    assert [entry["agent"] for entry in verdict.dissent] == list(dissent)
    assert f"{winner} has the most by {rule}" in verdict.reason


def test_dissent_names_what_each_agent_would_have_taken() -> None:
    assert decide("majority", CLASH, OPTIONS, {}).dissent == [
        {"agent": "x", "option": "c"},
        {"agent": "y", "option": "c"},
    ]


@pytest.mark.parametrize("rule", ["weighted", "majority", "borda"])
def test_ties_go_to_the_option_proposed_first(rule: Rule) -> None:
    tied: Rewards = {option: {agent: {"q": 0.5} for agent in "xyz"} for option in "cba"}

    assert decide(rule, tied, OPTIONS, {}).option == "a"


@pytest.mark.parametrize("rule", ["weighted", "majority", "borda"])
def test_a_struck_option_cannot_win(rule: Rule) -> None:
    verdict = decide(rule, CLASH, OPTIONS, {}, struck=["a", "b"])

    assert (verdict.option, verdict.vetoed) == ("c", ["a", "b"])
    assert list(verdict.totals) == ["c"]
    assert {entry["option"] for entry in verdict.dissent} == {"a"}


def test_one_agent_can_veto() -> None:
    assert vetoed(CLASH, "q", 0.7) == ["c", "b"]
    assert vetoed(CLASH, "q", 1.0) == []
    assert vetoed(CLASH, "risk", 0.0) == []


@pytest.mark.parametrize(
    ("rewards", "struck", "quorum", "reason"),
    [
        (CLASH, (), 6, "a quorum of 6 scoring agents was not reached: 5 scored"),
        (CLASH, "abc", None, "every option was vetoed"),
        ({}, (), None, "no option has been scored"),
        ({}, (), 1, "a quorum of 1 scoring agents was not reached: 0 scored"),
    ],
)
def test_no_winner_is_told_with_its_reason(rewards: Rewards, struck: str, quorum: int | None, reason: str) -> None:
    verdict = decide("weighted", rewards, OPTIONS, {}, struck=struck, quorum=quorum)

    assert (verdict.option, verdict.reason) == (None, reason)


def test_an_agent_that_scored_a_single_option_votes_for_it() -> None:
    rewards: Rewards = {"a": {"x": {"q": 0.9}, "y": {}}, "b": {"z": {"q": 0.1}, "y": {"q": 0.2}}}

    assert decide("majority", rewards, OPTIONS, {}).totals == {"a": 1, "b": 2}
    assert decide("borda", rewards, OPTIONS, {}).totals == {"a": 1, "b": 2}
    assert decide("majority", rewards, OPTIONS, {}, struck=["b"]).totals == {"a": 1}


scores = st.dictionaries(st.sampled_from("qr"), st.decimals(0, 1, places=2).map(float))
many = st.dictionaries(st.sampled_from("abcd"), st.dictionaries(st.sampled_from("xyz"), scores, min_size=1))


@given(many, st.sampled_from(["weighted", "majority", "borda"]), st.randoms())
def test_a_decision_does_not_depend_on_who_wrote_first(rewards: Rewards, rule: Rule, random: object) -> None:
    options = [{"id": option} for option in "abcd"]
    shuffled = {option: dict(reversed(rewards[option].items())) for option in reversed(rewards)}

    one, other = decide(rule, rewards, options, {"q": 1, "r": -2}), decide(rule, shuffled, options, {"q": 1, "r": -2})

    assert (one.option, one.totals) == (other.option, other.totals)
    assert one.option is None or one.option in rewards
