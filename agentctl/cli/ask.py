"""Asks a person whether to go on."""

import asyncio
import sys

from agentctl.cli.output import safe
from agentctl.errors import UsageError


async def confirmed(question: str, *, is_needed: bool) -> None:
    """Return if the person at the terminal says yes.

    Args:
        is_needed: without a terminal, refuse; else take nobody's silence for a yes.

    Raises:
        UsageError: the answer is no, or nobody can be asked.
    """
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        if is_needed:
            raise UsageError("there is no terminal to ask at, so nothing is done", hint="say `--yes` if you mean it")
        return
    print(safe(f"{question} [y/N] "), end="", file=sys.stderr, flush=True)
    # In a thread, so that Ctrl-C ends the command and need not wait for the answer.
    said = await asyncio.to_thread(sys.stdin.readline)
    if said.strip().lower() not in ("y", "yes"):
        raise UsageError("nothing is done", hint="answer `y`, or say `--yes`")
