"""Expressions: the conditions and weights of a workspace, as text, checked, and evaluated."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from agentctl.errors import ExpressionFailed
from agentctl.rules import grammar
from agentctl.rules.check import Check, Refused
from agentctl.rules.evaluator import Evaluator, Fault
from agentctl.rules.shorten import shorten

_idle: list[Evaluator] = []
"""Evaluators that wait for their next use: making one costs more than most evaluations."""


class ExpressionInvalid(ValueError):
    """A text that is refused when it is read.

    `offset` counts characters from 0 into the text of the expression.
    """

    def __init__(self, sentence: str, offset: int = 0, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.offset, self.hint = sentence, offset, hint


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. It keeps no run state, so one instance serves many runs."""

    text: str
    names: frozenset[str]
    """The names that it reads: channels and built-in ones."""
    reads_channels: frozenset[str]
    """The channels that it reads, by name or as a constant key of `state`."""
    _source: str = field(repr=False, compare=False)
    _tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read and check an expression.

        Args:
            text: up to 4,096 characters; a line break counts as a space.

        Raises:
            ExpressionInvalid: it does not parse, or is not allowed.
        """
        if len(text) > grammar.MAX_LENGTH:
            raise ExpressionInvalid(
                f"an expression has at most {grammar.MAX_LENGTH:,} characters, this has {len(text):,}",
                hint="split the rule, or decide in an agent",
            )
        source = text if "#" in text else re.sub(r"\s", " ", text)
        tree = _parse(source)
        check = Check()
        try:
            check.walk(tree)
            _try_constants(tree)
        except Refused as refused:
            raise ExpressionInvalid(refused.sentence, _offset(source, refused.node), hint=refused.hint) from None
        except Fault as fault:
            raise ExpressionInvalid(f"can never be evaluated: {fault.reason}", _offset(source, fault.node)) from None
        return cls(text, frozenset(check.names), frozenset(check.reads), source, tree)

    def evaluate(self, names: Mapping[str, object]) -> object:
        """The value of the expression.

        Args:
            names: a value for each of `self.names`, plain or a view; nothing is changed.

        Raises:
            ExpressionFailed: it has no value for these names, or takes too long.
        """
        try:
            return _evaluate(self._tree, names)
        except Fault as fault:
            values = self._explain(fault.node, names)
            raise ExpressionFailed(self.text, _offset(self._source, fault.node), fault.reason, values) from None

    def is_true(self, names: Mapping[str, object]) -> bool:
        """Whether the value counts as true, as in Python."""
        return bool(self.evaluate(names))

    def explain(self, names: Mapping[str, object]) -> dict[str, object]:
        """What it read: `visits.proposal`, `len(history)` and the like → the value, as short plain JSON."""
        return self._explain(self._tree, names)

    def _explain(self, node: ast.AST, names: Mapping[str, object]) -> dict[str, object]:
        values: dict[str, object] = {}
        for read in _reads(node, frozenset()):
            try:
                values[ast.get_source_segment(self._source.strip(), read) or ""] = shorten(_evaluate(read, names))
            except Fault:
                continue
        return values


def _evaluate(tree: ast.expr, names: Mapping[str, object]) -> object:
    # Taken and given back, and not one for all: threads evaluate at once, and looking
    # up a name may evaluate another expression.
    try:
        evaluator = _idle.pop()
    except IndexError:
        evaluator = Evaluator()
    try:
        return evaluator.evaluate(tree, names)
    finally:
        _idle.append(evaluator)


def _parse(source: str) -> ast.expr:
    if not source.strip():
        raise ExpressionInvalid("an expression cannot be empty")
    try:
        return ast.parse(source.strip(), mode="eval").body
    except SyntaxError as error:
        offset = _place(source, error.lineno or 1, max((error.offset or 1) - 1, 0))
        raise ExpressionInvalid(f"does not parse: {error.msg}", offset, hint=_syntax_hint(source)) from None
    except (ValueError, MemoryError, RecursionError) as error:
        raise ExpressionInvalid(f"does not parse: {error or 'it is nested too deep'}") from None


def _syntax_hint(source: str) -> str:
    if re.search(r"(?<![=!<>])=(?!=)", source):
        return "compare with `==`"
    if re.search(r"&&|\|\||!(?!=)", source):
        return "write `and`, `or`, `not`"
    return "an expression is written as in Python; see docs/expressions.md"


def _offset(source: str, node: ast.AST) -> int:
    """Where `node` begins in `source`, in characters; `ast` counts bytes."""
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    text = source.strip().split("\n")[line - 1]
    return _place(source, line, len(text.encode()[:column].decode(errors="ignore")))


def _place(source: str, line: int, column: int) -> int:
    """A line (from 1) and column (from 0) of the stripped source as an offset into all of it."""
    margin = len(source) - len(source.lstrip())
    before = sum(len(text) + 1 for text in source.strip().split("\n")[: line - 1])
    return min(margin + before + column, len(source))


def _try_constants(tree: ast.expr) -> None:
    """Evaluate what no name can change, so that `9**9**9` is refused with its line and not at run time."""
    parts: list[ast.AST] = [tree]
    while parts:
        part = parts.pop()
        if not isinstance(part, (ast.BinOp, ast.UnaryOp)) or any(isinstance(node, ast.Name) for node in ast.walk(part)):
            parts.extend(ast.iter_child_nodes(part))
        else:
            _evaluate(part, {})


def _reads(node: ast.AST, bound: frozenset[str]) -> Iterator[ast.expr]:
    """The largest parts of `node` that only read: no operators, nothing of a comprehension's own names."""
    if isinstance(node, ast.expr) and _is_read(node, bound):
        yield node
        return
    if isinstance(node, grammar.COMPREHENSIONS):
        targets = (generator.target for generator in node.generators)
        bound |= {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    for child in ast.iter_child_nodes(node):
        yield from _reads(child, bound)


def _is_read(node: ast.expr, bound: frozenset[str]) -> bool:
    match node:
        case ast.Name(id=name, ctx=ast.Load()):
            return name not in bound and name not in grammar.FUNCTIONS
        case ast.Attribute(value=value):
            return _is_read(value, bound)
        case ast.Subscript(value=value, slice=ast.Constant()):
            return _is_read(value, bound)
        case ast.Call(func=ast.Name(id="len"), args=[value]):
            return _is_read(value, bound)
        case ast.Call(func=ast.Attribute(value=value, attr="get"), args=args):
            return _is_read(value, bound) and all(_is_literal(arg) for arg in args)
    return False


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, (ast.Constant, ast.List, ast.Dict)) and not any(
        isinstance(part, ast.Name) for part in ast.walk(node)
    )
