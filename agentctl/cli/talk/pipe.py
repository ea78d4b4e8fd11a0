"""A chat without a terminal: one message a line comes in, one answer a line goes out."""

import asyncio
import sys
from typing import TextIO

from agentctl.cli.output import report, safe
from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.command import is_command, message, obey
from agentctl.cli.watch import ANSWERED, announcing, choose_sink, complain_of, watch
from agentctl.errors import AgentctlError


async def talk_in_lines(chat: Chat, stdout: TextIO, *, json: bool, quiet: bool, stream: bool | None) -> int:
    """Read messages to the end of stdin; returns the exit code of the last turn."""
    code = 0

    async def answered(text: str) -> str:
        nonlocal code
        sink = choose_sink(stdout, json=json, quiet=quiet, stream=stream)
        try:
            result = await watch(sink, lambda shown: chat.send(text, announcing(shown.on_event, quiet=quiet)))
        except AgentctlError as error:
            report(error)
            code = error.exit_code
            return ""
        code = result.exit_code
        if json:
            return ""
        complain_of(result, quiet=quiet)
        return safe(result.output).replace("\n", "\\n") if result.status in ANSWERED else ""

    while not chat.is_over and (line := await asyncio.to_thread(_read)):
        text = line.strip()
        if not text:
            continue
        if not is_command(text):
            said = await answered(message(text))
            # Also an empty line: answer n is that to message n. For JSON it finds out that the reader has gone.
            await asyncio.to_thread(print, said, end="" if json else "\n", file=stdout, flush=True)
            continue
        try:
            await obey(chat, text)
        except AgentctlError as error:
            report(error)
    return code


def _read() -> str:
    return "" if sys.stdin is None else sys.stdin.buffer.readline().decode(errors="replace")
