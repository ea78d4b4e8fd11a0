"""What an expression may be made of. What is not listed here does not run."""

import ast
from collections.abc import Collection
from typing import Final

MAX_LENGTH: Final = 4096
MAX_DEPTH: Final = 60
MAX_LOOPS: Final = 2
"""`for`s within each other: a comprehension may be nested once."""
MAX_INTEGER: Final = 2**60

FUNCTIONS: Final[dict[str, tuple[int, int]]] = {
    "len": (1, 1),
    "min": (1, 20),
    "max": (1, 20),
    "sum": (1, 2),
    "any": (1, 1),
    "all": (1, 1),
    "round": (1, 2),
    "abs": (1, 1),
}
"""Function → fewest and most arguments."""

METHODS: Final[dict[str, tuple[int, int]]] = {
    "get": (1, 2),
    "keys": (0, 0),
    "values": (0, 0),
    "items": (0, 0),
    "count": (1, 1),
    "index": (1, 1),
    "lower": (0, 0),
    "upper": (0, 0),
    "strip": (0, 1),
    "split": (0, 2),
    "startswith": (1, 1),
    "endswith": (1, 1),
}
"""Method → fewest and most arguments."""

BUILTIN_NAMES: Final = frozenset({"state", "stage", "visits", "rounds", "executed_agents_per_stage", "ranking"})
"""Names that every expression may read, beside the channels."""

NOT_CHANNELS: Final = frozenset({"state", "rounds", "ranking"})
"""Those of `BUILTIN_NAMES` that are no channels."""

COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

NODES: Final[tuple[type[ast.AST], ...]] = (
    *(ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Call, ast.keyword, ast.Constant, ast.Name),
    *(ast.Attribute, ast.Subscript, ast.Slice, ast.List, ast.Tuple, ast.Dict, ast.Set, *COMPREHENSIONS),
    *(ast.And, ast.Or, ast.Not, ast.UAdd, ast.USub, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
    *(ast.Pow, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn, ast.Load),
)

REFUSED: Final[dict[type[ast.AST], tuple[str, str]]] = {
    ast.Lambda: ("a lambda", ""),
    ast.NamedExpr: ("an assignment", "compare with `==`"),
    ast.JoinedStr: ("an f-string", ""),
    ast.Await: ("`await`", ""),
    ast.Yield: ("`yield`", ""),
    ast.YieldFrom: ("`yield`", ""),
    ast.Starred: ("`*` before a value", ""),
    ast.BitAnd: ("`&`", "write `and`"),
    ast.BitOr: ("`|`", "write `or`"),
    ast.Invert: ("`~`", "write `not`"),
    ast.BitXor: ("`^`", "write `!=`"),
    ast.LShift: ("`<<`", "multiply instead"),
    ast.RShift: ("`>>`", "divide with `//` instead"),
    ast.MatMult: ("`@`", ""),
}
"""What people try, in words, and what to write instead."""


def key_read(node: ast.AST, mappings: Collection[str]) -> str | None:
    """The key that `m['key']`, `m.key` or `m.get('key')` reads, if the name `m` is one of `mappings`."""
    match node:
        case (
            ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key)))
            | ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="get"), args=[ast.Constant(value=str(key)), *_])
            | ast.Attribute(value=ast.Name(id=name), attr=key)
        ) if name in mappings:
            return key
    return None
