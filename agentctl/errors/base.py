"""What every error of agentctl has: one sentence, one hint, one code."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar, Literal


class AgentctlError(Exception):
    """Base of them all: one sentence of what happened, and one hint of what to do.

    `code` is the stable word that `run.finished` carries as `error.code`.
    """

    exit_code: ClassVar[int] = 1
    code: str = "bug"

    def __init__(self, what: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.hint = hint
        if code:
            self.code = code


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault in one file of a workspace.

    `path` is relative to the project root; `line` and `col` count from 1 in the user's
    own file. `code` reads `E101 unknown-key`; each has its section in `docs/errors.md`.
    """

    path: str
    line: int
    col: int
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.col}: {self.code}: {self.message}"


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """`, did you mean 'x'?` for the nearest of `known`, or an empty string."""
    near = get_close_matches(name, known, n=1)
    return f", did you mean {near[0]!r}?" if near else ""
