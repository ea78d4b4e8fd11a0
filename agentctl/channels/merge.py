"""How two writes of one channel become one: pure functions, their inputs are never changed.

LangGraph hands the same objects to checkpoints and to agents, so every function returns a
new value; parts that did not change are shared.
"""

import json
from collections.abc import Callable, Mapping, Sequence

Number = int | float
Options = Sequence[Mapping[str, object]]
Rewards = Mapping[str, Mapping[str, Mapping[str, float]]]
"""`{option: {agent: {metric: score}}}`."""

DIGITS = 12


def add(left: Number, right: Number) -> Number:
    """The sum of two numbers; of floats to 12 decimals.

    On that grid addition is exact up to sums of about 1,000, so neither the order of merges
    nor their grouping shows, and .9 + .3 + .1 prints as 1.3.
    """
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return round(round(left, DIGITS) + round(right, DIGITS), DIGITS)


def highest(left: Number | None, right: Number | None) -> Number | None:
    """The larger number; `None` is a channel that nobody has written."""
    return max((number for number in (left, right) if number is not None), default=None)


def lowest(left: Number | None, right: Number | None) -> Number | None:
    """The smaller number; `None` is a channel that nobody has written."""
    return min((number for number in (left, right) if number is not None), default=None)


def union(left: Sequence[object], right: object) -> list[object]:
    """The entries of both, each once, in order of first appearance; `right` may be one entry."""
    added = right if isinstance(right, list) else [right]
    by_identity: dict[str, object] = {}
    for entry in [*left, *added]:
        by_identity.setdefault(_identity(entry), entry)
    return list(by_identity.values())


def merge_mappings(left: Mapping[str, object], right: Mapping[str, object]) -> dict[str, object]:
    """Both, the later value per key."""
    return {**left, **right}


def merge_options(left: Options, right: Options) -> list[Mapping[str, object]]:
    """Options by id: the last title and text, in order of first proposal."""
    by_id = {option["id"]: option for option in left}
    for option in right:
        by_id[option["id"]] = {**by_id.get(option["id"], {}), **option}
    return list(by_id.values())


def merge_rewards(left: Rewards, right: Rewards) -> Rewards:
    """Scores summed per option, agent and metric."""
    return _merge_scores(left, right, merge_sums)


def merge_peaks(left: Rewards, right: Rewards) -> Rewards:
    """The highest single score per option, agent and metric."""
    return _merge_scores(left, right, lambda old, new: {**old, **{m: max(n, old.get(m, n)) for m, n in new.items()}})


Scores = Mapping[str, float]


def _merge_scores(left: Rewards, right: Rewards, combine: Callable[[Scores, Scores], dict[str, float]]) -> Rewards:
    merged = dict(left)
    for option, by_agent in right.items():
        agents = dict(merged.get(option, {}))
        for agent, scores in by_agent.items():
            agents[agent] = combine(agents.get(agent, {}), scores)
        merged[option] = agents
    return merged


def merge_sums(left: Mapping[str, float], right: Mapping[str, float]) -> dict[str, float]:
    """Numbers added per key: the visits of each stage, one agent's scores."""
    merged = dict(left)
    for key, number in right.items():
        merged[key] = add(merged[key], number) if key in merged else number
    return merged


def merge_lists(left: Mapping[str, Sequence[str]], right: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """Entries appended per key: the roles that ran in each stage."""
    merged = dict(left)
    for key, entries in right.items():
        merged[key] = [*merged.get(key, ()), *entries]
    return merged


def _identity(entry: object) -> str:
    """What makes an entry the same one; mappings and lists are unhashable, and True is not 1."""
    return json.dumps(entry, sort_keys=True, ensure_ascii=False)


OPERATORS: dict[str, Callable[..., object]] = {
    "sum": add,
    "max": highest,
    "min": lowest,
    "union": union,
    "merge": merge_mappings,
    "options": merge_options,
    "rewards": merge_rewards,
    "lists": merge_lists,
    "counts": merge_sums,
}
"""The merge of each channel type that is neither `last` nor `topic`."""
