"""`agentctl doctor`: what is installed, usable and configured, each problem with its fix."""

from typing import TYPE_CHECKING

import typer

from agentctl.cli.options import Json, Root

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentctl.cli.finding import Finding

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "red")}
_INDENT = 24
"""Columns before what was found."""
_NARROW = 64
"""A terminal of fewer columns has what was found on lines of its own."""


def doctor(json: Json = False, root: Root = None) -> None:
    """Examine this installation and this project.

    Names keys, never shows them.
    """
    from agentctl.cli.examine import examine

    report(examine(root), json=json)


def report(findings: "Sequence[Finding]", *, json: bool) -> None:
    """Print what was found; a problem is exit 5."""
    from dataclasses import asdict

    from agentctl.cli.output import answer_json
    from agentctl.errors import ServiceUnavailable

    if json:
        answer_json([asdict(finding) for finding in findings])
    for finding in [] if json else findings:
        _print(finding.check, finding.status, finding.found, finding.fix)
    if any(finding.status == "problem" for finding in findings):
        raise typer.Exit(ServiceUnavailable.exit_code)


def _print(check: str, status: str, found: str, fix: str) -> None:
    """One finding; on a terminal, long ones are wrapped under their own column."""
    import shutil
    import sys
    import textwrap

    from agentctl.cli.output import line
    from agentctl.cli.paint import paint

    word, style = MARKS[status]
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    indent = _INDENT if columns >= _NARROW else 4
    texts = [line(found), *([f"fix: {line(fix)}"] if fix else [])]
    # A path that is cut cannot be copied; a terminal wraps it by itself.
    wrapper = textwrap.TextWrapper(columns - indent, break_long_words=False, break_on_hyphens=False)
    told = [row for text in texts for row in wrapper.wrap(text)]
    head = f"{paint(f'{word:<8}', style)} {check:<14} " if indent == _INDENT else f"{paint(word, style)} {check}\n    "
    print(head + f"\n{'':<{indent}}".join(told))
