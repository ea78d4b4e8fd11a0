"""Show a run while it happens: live on a terminal, plain lines in a pipe, JSON Lines with `--json`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TextIO

from agentctl.cli.aside import printing_aside, stdout_kept
from agentctl.cli.asking import choose_ask
from agentctl.cli.lines import JsonLines, PlainLines, Silent
from agentctl.cli.output import answer, complain, tell
from agentctl.cli.words import what_waits
from agentctl.events import BufferedSink, Event, Sink
from agentctl.graph.approvals import Ask
from agentctl.runtime import RunResult
from agentctl.sessions import Hub

ANSWERED = ("done", "limited", "waiting")
"""Statuses whose output goes to stdout; half an answer of a failed run must not pass for one in a pipe."""
OnEvent = Callable[[Event], None]
Start = Callable[[Hub, OnEvent, Ask | None], Awaitable[RunResult]]


async def run_and_show(
    root: Path | None, *, json: bool, quiet: bool, stream: bool | None, wait: bool, start: Start
) -> int:
    """Start a run in a hub of its own, show it, print its answer; returns the exit code."""
    async with Hub(root) as hub:
        os.chdir(hub.root)  # tools and agents work from the project's root
        with stdout_kept() as stdout:
            sink = choose_sink(stdout, json=json, quiet=quiet, stream=stream)
            ask = partial(choose_ask, hub.store.approvals, sink, json=json, quiet=quiet, wait=wait)
            result = await watch(sink, lambda shown: start(hub, shown.on_event, ask(shown)))
    if not json:
        if result.output and result.status in ANSWERED:
            answer(result.output)
        complain_of(result, quiet=quiet)
    return result.exit_code


async def watch(sink: Sink, start: Callable[[BufferedSink], Awaitable[RunResult]]) -> RunResult:
    """Start a run and show its events, with what the workspace's own code prints beside them."""
    shown = BufferedSink(sink)
    patience_s: float | None = 1  # whoever stops a run does not wait for a slow reader
    begun = start(shown)  # who asks meanwhile asks at the real terminal, so not within what follows
    with printing_aside(getattr(sink, "show_print", None)):
        try:
            result = await begun
            patience_s = None
        finally:
            await asyncio.to_thread(shown.close, patience_s)
    return result


def announcing(on_event: OnEvent, *, quiet: bool) -> OnEvent:
    """As `on_event`, and says on stderr when a named session begins: the name may be a slip."""

    def announce(event: Event) -> None:
        if not quiet and event.type == "run.started" and event.data["session"] and event.data["new"]:
            tell(f"new session {event.data['session']!r}")
        on_event(event)

    return announce


def choose_sink(
    stdout: TextIO, *, json: bool = False, quiet: bool = False, stream: bool | None = None, is_brief: bool = False
) -> Sink:
    """What fits the terminal or pipe.

    Args:
        is_brief: leave it to the caller to tell how the run ended.
    """
    if json:
        return JsonLines(stdout)
    if quiet:
        return Silent()
    if sys.stderr.isatty() and stream is not False and os.environ.get("TERM") != "dumb":
        from agentctl.cli.live import LiveView

        return LiveView(is_brief=is_brief)
    return PlainLines(stream=bool(stream), is_brief=is_brief)


def complain_of(result: RunResult, *, quiet: bool) -> None:
    """Print what kept a run from being done, if anything did; that it waits is nobody's fault, and said at its end."""
    if result.error and result.status == "waiting":
        if quiet:
            tell(what_waits(result.error))
    elif result.error:
        complain(f"error: {result.error['code']}: {result.error['message']}", result.error.get("hint", ""))
