"""Decision agents, through runs."""

from typing import Any

import pytest

from tests.conftest import WriteWorkspace
from tests.runs import run, workspace

CODE = """
SCORES = {scores!r}
def score(state, ctx):
    by_round = SCORES[ctx.agent]
    now = by_round[ctx.round - 1] if isinstance(by_round, list) else by_round
    return {{"options": [{{"id": i, "title": i.upper(), "text": "the " + i}} for i in {order!r}], "scores": now}}
"""


def jury(
    scores: dict[str, Any], order: str = "xyz", weights: Any = None, rounds: int = 1, **rule: Any
) -> dict[str, str]:
    """Agents that score, then a judge with `rule`; a list of scores has one entry a round."""
    metrics = ["fit", "risk"]
    agents: dict[str, Any] = {
        role: {"entry": "work:score", "scores": metrics, "exit": {"max_runs": rounds}} for role in scores
    }
    agents["judge"] = {"kind": "decision", **rule}
    stages = {"talk": list(scores), "judge": {"agents": ["judge"], "weights": weights or {}}}
    return workspace(stages, agents, CODE.format(scores=scores, order=list(order)))


def fit(**options: float) -> dict[str, dict[str, float]]:
    """Scores of one agent for one metric."""
    return {option: {"fit": n} for option, n in options.items()}


MAJORITY = {"a": fit(x=0.6, y=0.5), "b": fit(x=0.6, y=0.5), "c": fit(x=0.1, y=1.0)}
BORDA = {"a": fit(x=1, y=0.9, z=0), "b": fit(z=1, y=0.9, x=0), "c": fit(y=0.5, x=0.4, z=0.3)}


@pytest.mark.parametrize(
    ("scores", "rule", "winner"),
    [
        (MAJORITY, "weighted", "y"),
        (MAJORITY, "majority", "x"),
        (BORDA, "borda", "y"),
        ({"a": fit(x=0.5, y=0.5)}, "weighted", "x"),
        ({"a": fit(y=0.5, x=0.5), "b": fit(y=0.5, x=0.5)}, "majority", "x"),
        ({"a": fit(y=1, x=0), "b": fit(x=1, y=0)}, "borda", "x"),
    ],
)
async def test_a_rule_decides(write_workspace: WriteWorkspace, scores: Any, rule: str, winner: str) -> None:
    result = await run(write_workspace("demo", jury(scores, rule=rule)))

    assert (result.winner, result.decision["option"], result.decision["rule"]) == (winner, winner, rule)
    assert (result.decision["title"], result.output) == (winner.upper(), f"the {winner}")


async def test_a_tie_goes_to_the_option_proposed_first(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", jury({"a": fit(x=0.5, y=0.5, z=0.5)}, order="zyx")))

    assert result.winner == "z"


async def test_the_stages_weights_decide(write_workspace: WriteWorkspace) -> None:
    scores = {"a": {"x": {"fit": 0.9, "risk": 0.9}, "y": {"fit": 0.5, "risk": 0.1}}}
    result = await run(write_workspace("demo", jury(scores, weights={"fit": 1, "risk": -1})))

    assert (result.winner, result.decision["totals"]) == ("y", {"x": 0, "y": 0.4})


async def test_dissent_names_who_wanted_what(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", jury(MAJORITY, rule="majority")))

    assert result.decision["dissent"] == [{"agent": "c", "option": "y"}]


async def test_a_veto_strikes_an_option(write_workspace: WriteWorkspace) -> None:
    scores = {"a": {"x": {"fit": 1, "risk": 0.95}, "y": {"fit": 0.1, "risk": 0.2}}}
    veto = {"metric": "risk", "above": 0.9}
    result = await run(write_workspace("demo", jury(scores, weights={"fit": 1}, veto=veto)))

    assert (result.winner, result.decision["vetoed"]) == ("y", ["x"])


async def test_a_veto_means_one_score_and_not_the_sum_of_rounds(write_workspace: WriteWorkspace) -> None:
    """x has a risk of .5 twice, 1.0 in sum; y had .95 once."""
    calm = {"x": {"fit": 1, "risk": 0.5}, "y": {"fit": 1, "risk": 0.1}}
    scores = {"a": [calm, calm], "b": [{"y": {"risk": 0.95}}, {"y": {"risk": 0}}]}
    veto = {"metric": "risk", "above": 0.9}
    result = await run(write_workspace("demo", jury(scores, rounds=2, weights={"fit": 1}, veto=veto)))

    assert result.rewards["x"]["a"]["risk"] == 1.0
    assert (result.winner, result.decision["vetoed"]) == ("x", ["y"])


async def test_without_a_quorum_nobody_wins(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", jury({"a": fit(x=1), "b": {}}, quorum=2)))

    assert (result.status, result.winner) == ("done", None)
    assert result.output == "no option won: a quorum of 2 scoring agents was not reached: 1 scored"


async def test_when_all_are_struck_nobody_wins(write_workspace: WriteWorkspace) -> None:
    scores = {"a": {"x": {"fit": 1, "risk": 1}}}
    result = await run(write_workspace("demo", jury(scores, veto={"metric": "risk", "above": 0.5})))

    assert (result.winner, result.output) == (None, "no option won: every option was vetoed")


async def test_a_decision_may_read_less(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", jury({"a": fit(x=1)}, reads=["rewards"])))

    assert (result.status, result.winner) == ("done", "x")
