"""Rules: expressions, exits, routes and weights. They know nothing of files."""

from agentctl.rules.expression import Expression, ExpressionInvalid
from agentctl.rules.grammar import BUILTIN_NAMES, FUNCTIONS, METHODS
from agentctl.rules.weights import evaluate_weights

__all__ = ["BUILTIN_NAMES", "FUNCTIONS", "METHODS", "Expression", "ExpressionInvalid", "evaluate_weights"]
