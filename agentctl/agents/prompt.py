"""Prompts: sandboxed Jinja, rendered off the loop, bounded in time and size.

A template is written by whoever wrote the workspace and reads what models said, so it can
neither reach Python objects nor run for ever: its thread is interrupted at the deadline.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError, nodes

from agentctl.agents.sandbox import environment, joined
from agentctl.errors import RunError
from agentctl.workspace.checks.prompt import free_names

MAX_SECONDS = 1.0
QUICK = {"abs", "default", "first", "int", "last", "length", "lower", "round", "title", "tojson", "trim", "upper"}
"""Filters that do not visit each entry of what they get in Python."""


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
    template, read, repeats = _parsed(text)
    if repeats:
        return await asyncio.to_thread(_render, template, read, names, _Interrupt())
    return _render(template, read, names, nullcontext())


def _render(
    template: Any, read: frozenset[str], names: Mapping[str, object], limit: AbstractContextManager[object]
) -> str:
    try:
        # Only what is read is looked up: `ranking` is computed, and may fail, when somebody asks for it.
        given = {name: names[name] for name in read if name in names}
        with limit:
            return joined(template.generate(given))
    except _TooSlow:
        raise PromptFailed(f"a prompt took over {MAX_SECONDS:g} s to render", hint="shorten its loops") from None
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
        raise PromptFailed(f"a prompt could not be rendered{where}: {error}") from None


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
