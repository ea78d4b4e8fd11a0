"""Prompts: sandboxed Jinja, rendered off the loop, bounded in time and size.

A template is written by whoever wrote the workspace and reads what models said, so it can
neither reach Python objects nor run for ever: its thread is interrupted at the deadline.
"""

import asyncio
import ctypes
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, Undefined, nodes
from jinja2.environment import TemplateExpression

from agentctl.agents.sandbox import environment, joined
from agentctl.channels.view import MappingView, SequenceView, plain
from agentctl.errors import RunError
from agentctl.workspace.checks.prompt import free_names

MAX_SECONDS = 1.0
QUICK = {"abs", "default", "first", "int", "last", "length", "lower", "round", "title", "tojson", "trim", "upper"}
"""Filters that do not visit each entry of what they get in Python."""
Fill = Callable[[dict[str, object]], Any]
"""Makes something of the names that a template reads."""


class PromptFailed(RunError):
    """A prompt could not be rendered on the values of this run."""

    code = "prompt-failed"


@lru_cache(1024)
def _template(text: str) -> tuple[Any, frozenset[str], bool]:
    """The compiled template, the names that it reads, and whether it repeats anything."""
    env = environment()
    tree = env.parse(text)
    slow = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Call, nodes.Assign, nodes.AssignBlock, nodes.Filter)
    repeats = any(not isinstance(node, nodes.Filter) or node.name not in QUICK for node in tree.find_all(slow))
    return env.from_string(text), frozenset(free_names(tree)), repeats


@lru_cache(1024)
def _expression(text: str) -> TemplateExpression | None:
    """What computes the value of a template that is one `{{ … }}`; None for any other one."""
    env = environment()
    match env.parse(text).body:
        case [nodes.Output(nodes=[value])] if not isinstance(value, nodes.TemplateData):
            # As `compile_expression` does, which takes the text within the braces.
            body: list[nodes.Node] = [nodes.Assign(nodes.Name("result", "store"), value, lineno=1)]
            return TemplateExpression(env.from_string(nodes.Template(body, lineno=1)), undefined_to_none=False)
    return None


def names_read(text: str) -> frozenset[str]:
    """The names that a template reads, by its text alone.

    Raises:
        PromptFailed: it does not parse.
    """
    return _parsed(text)[1]


def _parsed(text: str) -> tuple[Any, frozenset[str], bool]:
    try:
        return _template(text)
    except (TemplateError, RecursionError) as error:
        raise PromptFailed(f"a prompt does not parse: {error}") from None


async def render(text: str, names: Mapping[str, object]) -> str:
    """Fill the template `text`, off the event loop if it has a loop of its own.

    Raises:
        PromptFailed: it does not parse, names what is not there, is over 1 MiB or takes over 1 s.
    """
    template = _parsed(text)[0]
    filled: str = await _fill("a prompt", text, names, lambda given: joined(template.generate(given)))
    return filled


async def render_value(text: str, names: Mapping[str, object]) -> Any:
    """Fill a template as `render` does; one that is a single `{{ … }}` gives its value, as plain JSON.

    Raises:
        PromptFailed: as `render`, or the value is none that JSON can say.
    """
    template, *_ = _parsed(text)
    value = _expression(text)
    return await _fill(
        "a template", text, names, lambda given: _json(value(given)) if value else joined(template.generate(given))
    )


def _json(value: object) -> Any:
    return json.loads(joined([json.dumps(value, default=_jsonable, allow_nan=False, ensure_ascii=False)]))


def _jsonable(value: object) -> object:
    if isinstance(value, MappingView | SequenceView):
        return plain(value)
    if isinstance(value, Iterator | range | Undefined):  # to look into the last raises what is undefined
        return list(value)
    raise TypeError(f"its value has a {type(value).__name__} in it, which JSON cannot say")


async def _fill(what: str, text: str, names: Mapping[str, object], fill: Fill) -> Any:
    _, read, repeats = _parsed(text)
    if repeats:
        return await asyncio.to_thread(_filled, what, read, names, fill, _Interrupt())
    return _filled(what, read, names, fill, nullcontext())


def _filled(
    what: str,
    read: frozenset[str],
    names: Mapping[str, object],
    fill: Fill,
    limit: AbstractContextManager[object],
) -> Any:
    try:
        # Only what is read is looked up: `ranking` is computed, and may fail, when somebody asks for it.
        given = {name: names[name] for name in read if name in names}
        with limit:
            return fill(given)
    except _TooSlow:
        raise PromptFailed(f"{what} took over {MAX_SECONDS:g} s to render", hint="shorten its loops") from None
    except (
        TemplateError,
        TypeError,
        ValueError,
        ArithmeticError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        raise PromptFailed(f"{what} could not be rendered{where}: {error}") from None


class _TooSlow(BaseException):
    """Raised inside a rendering thread by its timer."""


class _Interrupt:
    """Raise `_TooSlow` in a thread at the deadline; Jinja has no hook that every loop passes."""

    def __init__(self) -> None:
        self._thread_id, self._lock, self._over = 0, threading.Lock(), False
        self._timer = threading.Timer(MAX_SECONDS, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._thread_id = threading.get_ident()
        self._timer.start()

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._over = True
        self._timer.cancel()

    def _fire(self) -> None:
        with self._lock:
            if not self._over:
                set_exception: Callable[..., int] = ctypes.pythonapi.PyThreadState_SetAsyncExc
                set_exception(ctypes.c_ulong(self._thread_id), ctypes.py_object(_TooSlow))
