"""Jinja that can neither reach Python objects nor make much of little.

Every operator, literal, call and filter yields at most 1 MiB: one step of C code can not be
interrupted, and doubling a string forty times takes only forty steps.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from functools import lru_cache, wraps
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentctl.channels.view import plain
from agentctl.workspace.checks.prompt import REFUSED_FILTERS

MAX_SIZE = 1 << 20
"""Characters; an entry of a list or mapping counts as eight."""
MAX_NUMBER = 10**15
GROWING = {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map", "join", "translate", "replace"}
"""Methods that make long strings of short ones; `replace` and `join` exist as filters too."""


class _Generator(CodeGenerator):
    """Compiles `~` and literals to calls that are measured, as operators are by interception."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.concat(str(part) for part in (")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _measured(self, visit: Callable[[Any, Frame], None], node: Any, frame: Frame) -> None:
        self.write("environment.measured(")
        visit(node, frame)
        self.write(")")

    def visit_List(self, node: nodes.List, frame: Frame) -> None:  # noqa: N802
        self._measured(super().visit_List, node, frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:  # noqa: N802
        self._measured(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:  # noqa: N802
        if node.ctx == "load":
            self._measured(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)


def joined(pieces: Iterable[str]) -> str:
    """All pieces as one text, which may be as long as a prompt."""
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_SIZE:
            raise _too_large()
        parts.append(piece)
    return "".join(parts)


class _Environment(ImmutableSandboxedEnvironment):
    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(joined)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int | float) and isinstance(right, int | float):
            largest = 1000 if operator == "**" else MAX_NUMBER
            if max(abs(left), abs(right)) > largest:
                raise SecurityError(f"{operator} takes small numbers only")
        elif operator != "+":
            raise SecurityError(f"{operator} takes small numbers only")
        elif isinstance(left, Sized) and isinstance(right, Sized) and len(left) + len(right) > MAX_SIZE:
            raise _too_large()
        return self.measured(super().call_binop(context, operator, left, right))

    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return self.measured(super().call(context, function, *args, **kwargs))

    def measured(self, value: Any) -> Any:
        """The value, unless it is too large."""
        _size(value)
        return value

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if (isinstance(obj, str | bytes) and attr in GROWING) or (isinstance(obj, int) and attr == "to_bytes"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Of a mapping as in expressions: the key if there is one, else None."""
        is_key = attribute not in ("get", "keys", "values", "items") and not attribute.startswith("_")
        if isinstance(obj, Mapping) and (is_key or attribute in obj):
            return obj.get(attribute)
        return super().getattr(obj, attribute)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja's safe `format` is safe for attributes, not for widths: `format` is refused instead."""


@lru_cache(1)
def environment() -> ImmutableSandboxedEnvironment:
    """The one environment of prompts and templated arguments."""
    # Not optimized: constant parts would be computed at compile time, when nothing bounds them.
    env = _Environment(undefined=StrictUndefined, autoescape=False, optimized=False)
    env.filters |= {"replace": _replace, "join": _join, "tojson": _to_json}
    env.filters |= {name: _refused(name) for name in REFUSED_FILTERS}
    env.filters = {name: _bounded(function) for name, function in env.filters.items()}
    env.globals.pop("lipsum", None)
    env.globals.update(len=len, min=min, max=max, sum=sum, any=any, all=all, round=round, abs=abs)
    return env


def _refused(name: str) -> Callable[..., Any]:
    def refuse(*_: object, **__: object) -> None:
        raise SecurityError(f"prompts have no filter {name!r}")

    return refuse


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        value = function(*args, **kwargs)
        if isinstance(value, Iterator):
            return _metered(value)
        _size(value)
        return value

    return bounded


def _metered(values: Iterable[Any]) -> Iterator[Any]:
    size = 0
    for value in values:
        size += _size(value)
        if size > MAX_SIZE:
            raise _too_large()
        yield value


def _size(value: object) -> int:
    """How large a value is, parts that it shares counted each time; a view of the state is one entry."""
    size, todo = -8, [value]
    while todo:
        item = todo.pop()
        size += 8
        if isinstance(item, str | bytes):
            size += len(item)
        elif isinstance(item, list | tuple | set | frozenset):
            todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
        if size + 8 * len(todo) > MAX_SIZE:
            raise _too_large()
    return size


def _too_large() -> SecurityError:
    return SecurityError("a value is over 1 MiB; show fewer entries of `history`")


def _replace(text: object, old: str, new: str, count: int | None = None) -> str:
    text, old, new = str(text), str(old), str(new)
    times = text.count(old) if count is None else min(count, text.count(old))
    if len(text) + times * len(new) > MAX_SIZE:
        raise _too_large()
    return text.replace(old, new, -1 if count is None else count)


def _join(values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    def parts() -> Iterator[str]:
        for number, value in enumerate(values):
            if number:
                yield str(separator)
            if attribute is None:
                yield str(value)
            elif isinstance(value, Mapping):
                yield str(value[attribute])

    return joined(parts())


def _to_json(value: object, indent: int | None = None) -> str:
    if indent is not None and indent > 8:
        raise SecurityError("`tojson` indents by at most 8")
    return json.dumps(plain(value), indent=indent, ensure_ascii=False)
