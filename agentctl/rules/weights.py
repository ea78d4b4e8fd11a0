"""What each metric counts, which may change over a run."""

import math
from collections.abc import Mapping

from agentctl.errors import ExpressionFailed
from agentctl.rules.expression import Expression


def evaluate_weights(weights: Mapping[str, float | Expression], names: Mapping[str, object]) -> dict[str, float]:
    """Each metric's weight now.

    Raises:
        ExpressionFailed: a weight has no value, or one that is not a finite number.
    """
    return {metric: _number(weight, names) for metric, weight in weights.items()}


def _number(weight: float | Expression, names: Mapping[str, object]) -> float:
    if not isinstance(weight, Expression):
        return weight
    value = weight.evaluate(names)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ExpressionFailed(weight.text, 0, "a weight must be a number", weight.explain(names))
    return float(value)
