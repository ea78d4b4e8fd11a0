"""simpleeval's walk over a checked tree, metered, over values that it cannot change.

Its attribute access, calls and comprehensions are replaced: nothing here uses `getattr` on a
value, so no Python object but the values themselves can be reached.
"""

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simpleeval import EvalWithCompoundTypes, InvalidExpression  # type: ignore[import-untyped]

from agentctl.rules import grammar, values
from agentctl.rules.methods import call_method

_FAILURES = (TypeError, ValueError, LookupError, ArithmeticError, InvalidExpression, values.Exhausted, RecursionError)

_BINARY: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: values.add,
    ast.Sub: values.arithmetic("-", operator.sub),
    ast.Mult: values.arithmetic("*", operator.mul),
    ast.Div: values.arithmetic("/", operator.truediv),
    ast.FloorDiv: values.arithmetic("//", operator.floordiv),
    ast.Mod: values.arithmetic("%", operator.mod),
    ast.Pow: values.arithmetic("**", values.power),
    ast.Eq: values.equal,
    ast.NotEq: lambda meter, left, right: not values.equal(meter, left, right),
    ast.Lt: values.ordering("<", operator.lt),
    ast.LtE: values.ordering("<=", operator.le),
    ast.Gt: values.ordering(">", operator.gt),
    ast.GtE: values.ordering(">=", operator.ge),
    ast.In: values.contains,
    ast.NotIn: lambda meter, left, right: not values.contains(meter, left, right),
    ast.Is: lambda _, left, right: left is right,
    ast.IsNot: lambda _, left, right: left is not right,
}
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.Not: operator.not_,
    ast.USub: lambda value: -values.number(value, "-"),
    ast.UAdd: lambda value: +values.number(value, "+"),
}


class Fault(Exception):
    """Why an evaluation stopped, and at which node."""

    def __init__(self, node: ast.AST, reason: str) -> None:
        super().__init__(reason)
        self.node, self.reason = node, reason


class Evaluator(EvalWithCompoundTypes):  # type: ignore[misc]
    """Evaluates one tree at a time; keeps nothing between two."""

    nodes: dict[type[ast.AST], Callable[[Any], Any]]

    def __init__(self) -> None:
        super().__init__(operators={}, functions={}, names={})
        comprehensions = dict.fromkeys(grammar.COMPREHENSIONS, self._eval_comprehension)
        self.nodes = {type: run for type, run in {**self.nodes, **comprehensions}.items() if type in grammar.NODES}
        self._meter = values.Meter()
        self._bound: dict[str, Any] = {}

    def evaluate(self, tree: ast.expr, names: Mapping[str, object]) -> Any:
        """The value of `tree`.

        Raises:
            Fault: it has none, for these values of `names`.
        """
        self.names, self._meter, self._bound = names, values.Meter(), {}
        try:
            return self._eval(tree)
        finally:
            self.names, self._bound = {}, {}

    def _eval(self, node: ast.AST) -> Any:
        meter = self._meter
        meter.left -= 1
        try:
            if meter.left < 0:
                meter.pay(0)
            return self.nodes[type(node)](node)
        except _FAILURES as error:
            raise Fault(node, _reason(error)) from error

    def _eval_name(self, node: ast.Name) -> Any:
        if node.id in self._bound:
            return self._bound[node.id]
        try:
            return self.names[node.id]
        except KeyError:
            raise LookupError(f"{node.id!r} has no value here") from None

    def _eval_unaryop(self, node: ast.UnaryOp) -> Any:
        return _UNARY[type(node.op)](self._eval(node.operand))

    def _eval_binop(self, node: ast.BinOp) -> Any:
        return _BINARY[type(node.op)](self._meter, self._eval(node.left), self._eval(node.right))

    def _eval_compare(self, node: ast.Compare) -> bool:
        left = self._eval(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._eval(comparator)
            if not _BINARY[type(op)](self._meter, left, right):
                return False
            left = right
        return True

    def _eval_subscript(self, node: ast.Subscript) -> Any:
        return values.subscript(self._meter, self._eval(node.value), self._eval(node.slice))

    def _eval_attribute(self, node: ast.Attribute) -> Any:
        return values.attribute(self._eval(node.value), node.attr)

    def _eval_call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute):
            target = self._eval(node.func.value)
            return call_method(self._meter, target, node.func.attr, [self._eval(arg) for arg in node.args])
        assert isinstance(node.func, ast.Name)
        arguments = [self._eval(arg) for arg in node.args]
        named = {str(keyword.arg): self._eval(keyword.value) for keyword in node.keywords}
        return values.FUNCTIONS[node.func.id](self._meter, *arguments, **named)

    def _eval_set(self, node: ast.Set) -> set[Any]:
        return {self._key(item) for item in node.elts}

    def _eval_dict(self, node: ast.Dict) -> dict[Any, Any]:
        pairs = zip(node.keys, node.values, strict=True)
        return {self._key(key): self._eval(value) for key, value in pairs if key}

    def _eval_comprehension(self, node: grammar.Comprehension) -> Any:
        """simpleeval's own ignores a wrong number of names, and has no sets."""
        outer = self._bound
        self._bound = dict(outer)
        try:
            if isinstance(node, ast.DictComp):
                return {self._key(node.key): self._eval(node.value) for _ in self._turns(node)}
            if isinstance(node, ast.SetComp):
                return {self._key(node.elt) for _ in self._turns(node)}
            return [self._eval(node.elt) for _ in self._turns(node)]
        finally:
            self._bound = outer

    def _key(self, node: ast.expr) -> Any:
        return values.key(self._meter, self._eval(node))

    def _turns(self, node: grammar.Comprehension, depth: int = 0) -> Iterator[None]:
        """Stop at each turn of the loops, with its names bound."""
        if depth == len(node.generators):
            yield
            return
        generator = node.generators[depth]
        for item in values.items(self._meter, self._eval(generator.iter)):
            self._bind(generator.target, item)
            if all(self._eval(condition) for condition in generator.ifs):
                yield from self._turns(node, depth + 1)

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self._bound[target.id] = value
        else:
            assert isinstance(target, (ast.Tuple, ast.List))
            parts = values.unpack(self._meter, value, len(target.elts))
            for part, inner in zip(target.elts, parts, strict=True):
                self._bind(part, inner)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the values are nested too deep"
    if isinstance(error, ZeroDivisionError):
        return "division by zero"
    return str(error.args[0]) if error.args else type(error).__name__
