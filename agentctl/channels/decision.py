"""How a `decision` agent decides: rules over the merged scores, without a model."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from agentctl.channels.merge import Options, Rewards
from agentctl.channels.scores import in_order, total, totals, weighted

Rule = Literal["weighted", "majority", "borda"]
Ballots = dict[str, dict[str, float]]
"""Agent → option → that agent's own weighted score, options by order of proposal."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided; `option` is `None` if nothing was, and `reason` says why."""

    option: str | None
    totals: dict[str, float]
    """Option → what the rule counted for it: weighted score, votes or points. Struck options have none."""
    dissent: list[dict[str, str]]
    """`{agent, option}` of each agent whose own best is another option, a struck one included."""
    vetoed: list[str]
    reason: str


def vetoed(rewards: Rewards, metric: str, above: float) -> list[str]:
    """The options that any agent scores above `above` for `metric`.

    `rewards` is summed over rounds: give the scores of one round where agents score repeatedly.
    """
    return [
        option
        for option, by_agent in rewards.items()
        if any(scores.get(metric, above) > above for scores in by_agent.values())
    ]


def decide(
    rule: Rule,
    rewards: Rewards,
    options: Options,
    weights: Mapping[str, float],
    *,
    struck: Collection[str] = (),
    quorum: int | None = None,
) -> Verdict:
    """Apply a rule to the scores. Ties go to the option proposed first.

    Args:
        rule: `weighted`: most weighted score; `majority`: most agents' own best;
            `borda`: most points, where an agent's last option gets 0, the next 1 and so on.
        rewards: `{option: {agent: {metric: score}}}`.
        options: in order of proposal.
        weights: metric → weight; empty: each counts 1.
        struck: options that may not win (see `vetoed`).
        quorum: scoring agents that are needed for a winner.
    """
    order = in_order(rewards, options)
    out = [option for option in order if option in struck]
    standing = [option for option in order if option not in struck]
    ballots = _ballots(rewards, order, weights)
    if rule == "weighted":
        by_option = totals(rewards, weights)
        counted = {option: by_option[option] for option in standing}
    else:
        counted = (_count_votes if rule == "majority" else _count_points)(ballots, standing)
    reason = _why_none(len(ballots), quorum, order, standing)
    if reason:
        return Verdict(None, counted, [], out, reason)
    winner = max(standing, key=lambda option: counted[option])
    own_best = {agent: _best(ballot, order) for agent, ballot in ballots.items()}
    dissent = [{"agent": agent, "option": best} for agent, best in own_best.items() if best and best != winner]
    return Verdict(winner, counted, dissent, out, f"{winner} has the most by {rule}: {counted[winner]:g}")


def _why_none(scoring: int, quorum: int | None, order: list[str], standing: list[str]) -> str:
    if quorum is not None and scoring < quorum:
        return f"a quorum of {quorum} scoring agents was not reached: {scoring} scored"
    if not order:
        return "no option has been scored"
    return "" if standing else "every option was vetoed"


def _ballots(rewards: Rewards, order: list[str], weights: Mapping[str, float]) -> Ballots:
    ballots: Ballots = {}
    for option in order:
        for agent, scores in rewards[option].items():
            if scores:
                ballots.setdefault(agent, {})[option] = weighted(scores, weights)
    return ballots


def _best(ballot: Mapping[str, float], among: list[str]) -> str | None:
    # `max` keeps the first of equals, and `among` is in order of proposal.
    return max((option for option in among if option in ballot), key=lambda option: ballot[option], default=None)


def _count_votes(ballots: Ballots, standing: list[str]) -> dict[str, float]:
    votes = [_best(ballot, standing) for ballot in ballots.values()]
    return {option: float(votes.count(option)) for option in standing}


def _count_points(ballots: Ballots, standing: list[str]) -> dict[str, float]:
    """An option that an agent has not scored gets nothing from it."""
    points = dict.fromkeys(standing, 0.0)
    for ballot in ballots.values():
        scored = sorted((option for option in standing if option in ballot), key=lambda option: -ballot[option])
        for place, option in enumerate(scored, 1):
            points[option] = total((points[option], len(standing) - place))
    return points
