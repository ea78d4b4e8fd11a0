"""When agents and stages are done, where runs go, and what metrics count."""

import pytest

from agentctl.errors import ExpressionFailed, RunError
from agentctl.rules import Expression, evaluate_weights
from agentctl.rules.agent_exit import AgentExit, exited
from agentctl.rules.routes import Route, choose
from agentctl.rules.stage_exit import StageExit, why_exit

NAMES: dict[str, object] = {"decision": {"verdict": "revise"}, "visits": {"proposal": 2}, "votes": 1}


@pytest.mark.parametrize(
    ("exit", "this_visit", "this_run", "has_exited"),
    [
        (AgentExit(), 0, 3, False),
        (AgentExit(), 1, 1, True),
        (AgentExit(rule="once_per_stage"), 0, 3, False),
        (AgentExit(rule="once"), 0, 0, False),
        (AgentExit(rule="once"), 0, 1, True),
        (AgentExit(max_runs=2), 1, 5, False),
        (AgentExit(max_runs=2), 2, 2, True),
        (AgentExit(until=Expression.parse("votes > 0")), 1, 1, True),
        (AgentExit(until=Expression.parse("votes > 1")), 3, 3, False),
    ],
)
def test_an_agent_exits_by_its_own_rule(exit: AgentExit, this_visit: int, this_run: int, has_exited: bool) -> None:
    assert exited(exit, this_visit, this_run, NAMES) is has_exited


def test_until_is_not_tested_before_the_first_execution() -> None:
    assert exited(AgentExit(until=Expression.parse("nobody.knows")), 0, 2, NAMES) is False


@pytest.mark.parametrize(
    ("exit", "gone", "succeeded", "why"),
    [
        (StageExit(), {"a"}, {"a"}, None),
        (StageExit(), {"a", "b"}, {"a"}, "all agents have exited"),
        (StageExit(rule="any_agent"), set(), {"a"}, None),
        (StageExit(rule="any_agent"), {"b"}, {"a"}, "b has exited"),
        (StageExit(quorum=2), set(), {"a"}, None),
        (StageExit(quorum=2), set(), {"a", "b"}, "quorum of 2 reached"),
        (StageExit(quorum=1), set(), {"of another stage"}, None),
        (StageExit(quorum=2), {"a", "b"}, {"a"}, "nobody is left to run"),
        (StageExit(when=Expression.parse("votes == 1")), set(), set(), "`votes == 1` is true"),
        (StageExit(when=Expression.parse("votes == 2")), {"a"}, {"a"}, None),
        (StageExit(when=Expression.parse("votes == 2")), {"a", "b"}, set(), "nobody is left to run"),
    ],
)
def test_a_stage_is_left_for_a_reason(exit: StageExit, gone: set[str], succeeded: set[str], why: str | None) -> None:
    assert why_exit(exit, agents=["a", "b"], exited=gone, succeeded=succeeded, names=NAMES) == why


def test_the_first_open_route_is_taken_and_the_closed_ones_are_told() -> None:
    again = Route(Expression.parse("decision.verdict == 'revise' and visits.proposal < 2"), "proposal")
    book = Route(Expression.parse("decision.verdict == 'revise'"), "booking")
    done = Route(None, "final")

    choice = choose([again, book, done], NAMES)

    assert choice.to == "booking"
    assert [(test.to, test.result) for test in choice.tested] == [("proposal", False), ("booking", True)]
    assert choice.tested[0].values == {"decision.verdict": "revise", "visits.proposal": 2}
    assert choice.tested[0].when == "decision.verdict == 'revise' and visits.proposal < 2"


def test_a_route_without_a_condition_is_always_open() -> None:
    choice = choose([Route(Expression.parse("votes > 1"), "a"), Route(None, "final")], NAMES)

    assert choice.to == "final"
    assert [test.to for test in choice.tested] == ["a"]


def test_no_open_route_fails_the_run() -> None:
    with pytest.raises(RunError, match="`votes > 1` is false"):
        choose([Route(Expression.parse("votes > 1"), "a")], NAMES)


def test_weights_change_over_a_run() -> None:
    weights = {"novelty": 1.0, "risk": Expression.parse("-1.5 if visits.proposal < 2 else -0.5")}

    assert evaluate_weights(weights, {"visits": {"proposal": 1}}) == {"novelty": 1.0, "risk": -1.5}
    assert evaluate_weights(weights, {"visits": {"proposal": 2}}) == {"novelty": 1.0, "risk": -0.5}


@pytest.mark.parametrize("text", ["decision.verdict", "decision.nothing", "votes > 1"])
def test_a_weight_that_is_no_number_fails_the_run(text: str) -> None:
    with pytest.raises(ExpressionFailed, match="a weight must be a number"):
        evaluate_weights({"risk": Expression.parse(text)}, NAMES)
