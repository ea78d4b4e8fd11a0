"""What a command prints: answers to stdout, everything else to stderr, nothing that a terminal obeys."""

import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from agentctl.errors import AgentctlError, WorkspaceInvalid

T = TypeVar("T")

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
# Overrides and isolates of direction make a line read as another one; letters that run from right to left need none.
CONTROLS |= {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
# JSON spells out the controls below U+0020 itself; these a terminal would obey, too.
_JSON_CONTROLS = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}


def safe(text: str) -> str:
    """The text with control characters spelt out: model text can move no cursor and set no title."""
    return text.replace("\r\n", "\n").translate(CONTROLS)


def line(text: str) -> str:
    """The text on one line, safe: nobody's text may look like a line of ours."""
    return safe(" ".join(text.split()))


def json_text(value: object, indent: int | None = None) -> str:
    """The value as JSON that a terminal does not obey."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str).translate(_JSON_CONTROLS)


def table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as aligned columns; on a terminal, the last column is cut at its edge.

    Args:
        rows: of the same length each; every cell becomes one line.
    """
    cells = [[line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    return "\n".join(
        cut("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), edge)
        for row in cells
    )


def cut(text: str, width: int) -> str:
    """The text, cut to `width` characters, the last of them then `…`."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def answer(text: str) -> None:
    """Print to stdout, for a person or a pipe."""
    print(safe(text), flush=True)


def answer_json(value: object) -> None:
    """Print one JSON value to stdout."""
    print(json_text(value, indent=2), flush=True)


def answer_either(value: object, lines: Iterable[str], *, json: bool) -> None:
    """Print a value as JSON, or else the lines that tell it to people."""
    if json:
        answer_json(value)
    else:
        answer("\n".join(lines))


def answer_rows(rows: Sequence[T], cells: Callable[[T], Sequence[str]], nothing: str, *, json: bool) -> None:
    """Print rows as JSON, or else as a table; where there are none, tell people so."""
    if json:
        answer_json(rows)
    elif rows:
        answer(table(map(cells, rows)))
    else:
        tell(nothing)


def tell(text: str) -> None:
    """Print progress or a warning to stderr."""
    print(safe(text), file=sys.stderr, flush=True)


def complain(text: str, hint: str = "") -> None:
    """Print an error and its hint to stderr."""
    tell(text)
    if hint:
        tell(f"hint: {hint}")


def report(error: AgentctlError, hint: str | None = None) -> None:
    """Print an error with every problem that it carries.

    Args:
        hint: in place of its own.
    """
    if isinstance(error, WorkspaceInvalid):
        for problem in error.problems:
            complain(str(problem), problem.hint)
    complain(f"error: {error}", error.hint if hint is None else hint)


def plural(count: int, noun: str) -> str:
    """`1 agent`, `2 agents`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
