"""Collects the problems of one workspace, in the words of somebody who writes YAML."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from agentctl.errors import Problem
from agentctl.workspace.codes import CODES

MAX_PROBLEMS = 500
"""Per workspace: a machine-made file of a million faults is still one short report."""

MAX_SUGGESTIONS = 50
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    """`text` on one line, without anything that could steer a terminal or break an encoder."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def shown(value: object) -> str:
    """A value as a message quotes it: short, on one line, in YAML's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[0]


def listed(words: Collection[str], joint: str = "or") -> str:
    """`a, b or c`."""
    *head, last = words
    return f"{', '.join(head)} {joint} {last}" if head else last


@dataclass(frozen=True, slots=True)
class Place:
    """A point in a user's file, counted from 1; `path` is relative to the workspace."""

    path: str
    line: int = 1
    col: int = 1


class Diagnostics:
    """Takes problems as they are found and gives them back in file order.

    `prefix` is put before every path: the workspace's folder relative to the project.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._found: dict[tuple[str, int, int, str, str], Problem] = {}
        self._suggestions = 0

    def like(self) -> "Diagnostics":
        """An empty one for other files of the workspace."""
        return Diagnostics(self._prefix)

    def add(
        self, code: str, at: Place, message: str, hint: str = "", severity: Literal["error", "warning"] = "error"
    ) -> None:
        """Note one problem; the same one at the same place is noted once."""
        path = escaped(f"{self._prefix}/{at.path}")
        text = escaped(message)
        if len(self._found) < MAX_PROBLEMS:
            hint = escaped(hint or CODES[code].hint)
            problem = Problem(path, at.line, at.col, str(CODES[code]), text, hint, severity)
            self._found.setdefault((path, at.line, at.col, code, text), problem)

    def nearest(self, name: str, known: Collection[str]) -> str:
        """The known name that was probably meant, for the first problems of a report: matching is slow."""
        if self._suggestions >= MAX_SUGGESTIONS or len(name) > 80:
            return ""
        self._suggestions += 1
        return next(iter(get_close_matches(name, known, n=1)), "")

    def suggest(self, name: str, known: Collection[str]) -> str:
        """`, did you mean 'x'?`, or an empty string."""
        near = self.nearest(name, known)
        return f", did you mean {near!r}?" if near else ""

    @property
    def problems(self) -> list[Problem]:
        """All of them, warnings too, by file, line and column."""
        return sorted(self._found.values())

    @property
    def has_errors(self) -> bool:
        """Whether the workspace cannot be used."""
        return any(problem.severity == "error" for problem in self._found.values())
