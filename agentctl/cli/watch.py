"""Show a run while it happens: live on a terminal, plain lines in a pipe, JSON Lines with `--json`."""

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TextIO

from agentctl.cli.aside import printing_aside, stdout_kept
from agentctl.cli.output import answer, complain
from agentctl.events import BufferedSink, Event, Sink
from agentctl.runtime import RunResult, WorkspaceHub

ANSWERED = ("done", "limited", "waiting")
"""Statuses whose output goes to stdout; half an answer of a failed run must not pass for one in a pipe."""
Start = Callable[[WorkspaceHub, Callable[[Event], None]], Awaitable[RunResult]]


async def run_and_show(root: Path | None, *, json: bool, quiet: bool, stream: bool | None, start: Start) -> int:
    """Start a run in a hub of its own, show it, print its answer; returns the exit code."""
    async with WorkspaceHub(root) as hub:
        os.chdir(hub.root)  # tools and agents work from the project's root
        with stdout_kept() as stdout:
            sink = _sink(stdout, json=json, quiet=quiet, stream=stream)
            shown = BufferedSink(sink)
            patience_s: float | None = 1  # whoever stops a run does not wait for a slow reader
            with printing_aside(getattr(sink, "show_print", None)):
                try:
                    result = await start(hub, shown.on_event)
                    patience_s = None
                finally:
                    shown.close(patience_s)
    if not json:
        _print_result(result)
    return result.exit_code


def _sink(stdout: TextIO, *, json: bool, quiet: bool, stream: bool | None) -> Sink:
    if json:
        from agentctl.cli.lines import JsonLines

        return JsonLines(stdout)
    if quiet:
        from agentctl.cli.lines import Silent

        return Silent()
    if sys.stderr.isatty() and stream is not False and os.environ.get("TERM") != "dumb":
        from agentctl.cli.live import LiveView

        return LiveView()
    from agentctl.cli.lines import PlainLines

    return PlainLines(stream=bool(stream))


def _print_result(result: RunResult) -> None:
    if result.output and result.status in ANSWERED:
        answer(result.output)
    if result.error:
        complain(f"error: {result.error['code']}: {result.error['message']}", result.error.get("hint", ""))
