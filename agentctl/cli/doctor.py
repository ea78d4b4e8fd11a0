"""`agentctl doctor`: what is installed, usable and configured, each problem with its fix."""

import typer

from agentctl.cli.options import Json, Root

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("PROBLEM", "red")}
_INDENT = 24
"""Columns before what was found."""


def doctor(json: Json = False, root: Root = None) -> None:
    """Examine this installation and this project; names keys, never shows them."""
    from dataclasses import asdict

    from agentctl.cli.examine import examine
    from agentctl.cli.output import answer_json
    from agentctl.errors import ServiceUnavailable

    findings = examine(root)
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
    width = max(20, shutil.get_terminal_size().columns - _INDENT) if sys.stdout.isatty() else sys.maxsize
    told = [*textwrap.wrap(line(found), width), *(textwrap.wrap(f"fix: {line(fix)}", width) if fix else [])]
    print(f"{paint(f'{word:<8}', style)} {check:<14} " + f"\n{'':<{_INDENT}}".join(told))
