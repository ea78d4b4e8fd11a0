"""What the merged scores add up to under a stage's weights."""

import math
from collections.abc import Iterable, Mapping
from typing import TypedDict

from agentctl.channels.merge import DIGITS, Options, Rewards


class Ranked(TypedDict):
    """One row of `ranking`."""

    option: str
    total: float


def total(numbers: Iterable[float]) -> float:
    """The sum of floats, in whatever order they come, to 12 decimals: it prints as 1.3 and not as 1.2999…."""
    return round(math.fsum(numbers), DIGITS)


def metric_sums(rewards: Rewards) -> dict[str, dict[str, float]]:
    """Option → metric → the sum over agents, metrics in order of appearance."""
    return {option: _sums(by_agent) for option, by_agent in rewards.items()}


def _sums(by_agent: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    metrics = dict.fromkeys(metric for scores in by_agent.values() for metric in scores)
    return {metric: total(scores.get(metric, 0) for scores in by_agent.values()) for metric in metrics}


def weighted(scores: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """One agent's scores as one number. A metric without a weight counts 0; no weights at all, each 1."""
    return total(score * (weights.get(metric, 0) if weights else 1) for metric, score in scores.items())


def totals(rewards: Rewards, weights: Mapping[str, float]) -> dict[str, float]:
    """Option → the sum over agents of their weighted scores."""
    return {option: weighted(sums, weights) for option, sums in metric_sums(rewards).items()}


def ranking(rewards: Rewards, options: Options, weights: Mapping[str, float]) -> list[Ranked]:
    """Every scored option with its total, best first, ties by order of proposal.

    An option that nobody has scored has no total, so it does not stand here.
    """
    by_option = totals(rewards, weights)
    best_first = sorted(in_order(rewards, options), key=lambda option: -by_option[option])
    return [Ranked(option=option, total=by_option[option]) for option in best_first]


def in_order(rewards: Rewards, options: Options) -> list[str]:
    """The scored options by order of proposal; those that were scored and never proposed come last."""
    proposed = [str(option["id"]) for option in options if option["id"] in rewards]
    return list(dict.fromkeys([*proposed, *rewards]))
