"""Check the tree of an expression when its workspace is loaded, before anything is evaluated."""

import ast
import math
from collections.abc import Iterator, Sequence

from agentctl.errors import did_you_mean
from agentctl.rules import grammar


class Refused(Exception):
    """A node that may not stand in an expression; `parse` turns its place into an offset."""

    def __init__(self, node: ast.AST, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.node, self.sentence, self.hint = node, sentence, hint


class Check:
    """One walk over one tree. Afterwards `names` are its free names and `reads` the channels it reads."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.reads: set[str] = set()
        self._bound: frozenset[str] = frozenset()

    def walk(self, node: ast.AST, depth: int = 0, loops: int = 0) -> None:
        """Check `node` and all in it.

        Raises:
            Refused: at the first thing that is not allowed.
        """
        if depth > grammar.MAX_DEPTH:
            raise Refused(node, f"is nested more than {grammar.MAX_DEPTH} deep")
        if not isinstance(node, grammar.NODES):
            word, hint = grammar.REFUSED.get(type(node), (f"`{type(node).__name__}`", ""))
            raise Refused(node, f"{word} is not allowed in an expression", hint)
        _check_node(node)
        self._note_reads(node)
        if isinstance(node, grammar.COMPREHENSIONS):
            self._comprehension(node, depth + 1, loops + len(node.generators))
            return
        for child in _children(node):
            self.walk(child if hasattr(child, "lineno") else _at(child, node), depth + 1, loops)

    def _note_reads(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name) and node.id not in self._bound:
            self.names.add(node.id)
            self.reads |= {node.id} - grammar.NOT_CHANNELS
        channel = grammar.key_read(node, ("state",))
        if channel is not None and "state" not in self._bound:
            self.reads.add(channel)

    def _comprehension(self, node: grammar.Comprehension, depth: int, loops: int) -> None:
        if loops > grammar.MAX_LOOPS:
            raise Refused(node, "comprehensions are nested more than once", "split the rule, or decide in an agent")
        outer = self._bound
        for generator in node.generators:
            if generator.is_async:
                raise Refused(node, "`async` is not allowed in an expression")
            self.walk(generator.iter, depth, loops)
            self._bound |= frozenset(_targets(generator.target))
            for condition in generator.ifs:
                self.walk(condition, depth, loops)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.walk(part, depth, loops)
        self._bound = outer


def _at(operator: ast.AST, node: ast.AST) -> ast.AST:
    """An operator has no place of its own; it gets that of the node it stands in."""
    return ast.copy_location(operator, node) if hasattr(node, "lineno") else operator


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """All parts, but for the name of a function or method that is called."""
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute):
            yield node.func.value
        yield from node.args
        yield from node.keywords
    else:
        yield from ast.iter_child_nodes(node)


def _targets(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        _public(target, target.id)
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _targets(part)
    else:
        raise Refused(target, "a comprehension can only bind names")


def _check_node(node: ast.AST) -> None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            _public(node, name)
        case ast.Call():
            _call(node)
        case ast.Constant(value=value):
            _constant(node, value)
        case ast.BinOp():
            _no_text_arithmetic(node)
        case ast.Compare(ops=ops, comparators=others):
            _identity(ops, others)
        case ast.Dict(keys=keys) if None in keys:
            raise Refused(node, "`**` before a value is not allowed in an expression")


def _public(node: ast.AST, name: str) -> None:
    if name.startswith("_"):
        raise Refused(node, f"{name!r} begins with an underscore, which no name of a rule may")


def _call(node: ast.Call) -> None:
    match node.func:
        case ast.Name(id=name):
            kind, allowed = "function", grammar.FUNCTIONS
        case ast.Attribute(attr=name):
            kind, allowed = "method", grammar.METHODS
        case _:
            raise Refused(node, "only functions and methods can be called")
    _public(node, name)
    if name not in allowed:
        near = did_you_mean(name, list(allowed))
        raise Refused(node, f"unknown {kind} {name!r}{near}", f"{kind}s are {', '.join(allowed)}")
    for keyword in node.keywords:
        if keyword.arg != "default" or name not in ("min", "max"):
            raise Refused(node, f"`{name}` takes no argument `{keyword.arg or '**'}`")
    _arity(node, name, *allowed[name])


def _arity(node: ast.Call, name: str, fewest: int, most: int) -> None:
    if not fewest <= len(node.args) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        raise Refused(node, f"`{name}` takes {wanted} argument{'s' if most != 1 else ''}, not {len(node.args)}")


def _constant(node: ast.AST, value: object) -> None:
    if isinstance(value, int) and abs(value) > grammar.MAX_INTEGER:
        raise Refused(node, "the number is too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused(node, "the number is too large")
    if value is not None and not isinstance(value, (str, int, float)):
        raise Refused(node, f"a {type(value).__name__} is not allowed in an expression")


def _identity(ops: Sequence[ast.cmpop], others: Sequence[ast.expr]) -> None:
    """A view is made per read, so `is` would be false even of a thing with itself."""
    for op, other in zip(ops, others, strict=True):
        value = other.value if isinstance(other, ast.Constant) else ...
        if isinstance(op, (ast.Is, ast.IsNot)) and value is not None and not isinstance(value, bool):
            raise Refused(other, "`is` compares with None, True or False only", "compare with `==`")


def _no_text_arithmetic(node: ast.BinOp) -> None:
    """Formatting and repetition are refused for values too; for literals that is known now."""
    for side in (node.left, node.right):
        is_text = isinstance(side, ast.Constant) and isinstance(side.value, str)
        if isinstance(node.op, ast.Mod) and is_text:
            raise Refused(node, "text cannot be formatted with `%` in an expression")
        if isinstance(node.op, ast.Mult) and (is_text or isinstance(side, (ast.List, ast.Tuple))):
            raise Refused(node, "texts and lists cannot be repeated with `*` in an expression")
