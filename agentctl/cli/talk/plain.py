"""A prompt for a terminal that can only print: the terminal edits the line itself."""

import asyncio
import sys

from agentctl.cli.output import line
from agentctl.cli.talk.brake import AGAIN, Brake
from agentctl.cli.talk.chat import Chat


class PlainPrompt:
    """Reads one line at a time. Ctrl-C comes as a signal here, and the terminal drops the line."""

    def __init__(self, chat: Chat, brake: Brake) -> None:
        self._chat, self._brake = chat, brake

    async def ask(self) -> str:
        """What was typed.

        Raises:
            EOFError: Ctrl-D.
        """
        draft, self._chat.draft = self._chat.draft, ""
        if draft:
            _print(f"it says: {line(draft)}\n")
        _print("> ")
        self._brake.on_idle = lambda: _print(f"\n{AGAIN}\n> ")
        try:
            text: bytes = await asyncio.to_thread(sys.stdin.buffer.readline)
        except asyncio.CancelledError:
            _print("\n")
            raise
        finally:
            self._brake.on_idle = None
        if not text:
            _print("\n")
            raise EOFError
        return text.decode(errors="replace")


def _print(text: str) -> None:
    print(text, end="", file=sys.stderr, flush=True)
