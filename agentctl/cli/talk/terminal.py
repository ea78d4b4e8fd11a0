"""A chat on a terminal: a prompt, a live view of each turn, then who said what and what it took."""

import asyncio
import os
import sys
from functools import partial
from typing import Protocol, TextIO

from agentctl.cli.asking import choose_ask
from agentctl.cli.drive import STOPPED
from agentctl.cli.output import line, plural, report, safe, tell
from agentctl.cli.paint import paint
from agentctl.cli.talk.brake import AGAIN, Brake
from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.command import is_command, message, obey
from agentctl.cli.talk.journey import recall
from agentctl.cli.talk.reply import Reply
from agentctl.cli.watch import ANSWERED, OnEvent, choose_sink, complain_of, watch
from agentctl.errors import AgentctlError
from agentctl.events import Event


class Prompt(Protocol):
    """Asks the user for a line, or several."""

    async def ask(self) -> str:
        """What was typed.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C, twice in a row.
        """


async def talk_on_terminal(chat: Chat, brake: Brake, stdout: TextIO, *, quiet: bool, stream: bool | None) -> int:
    """Talk until the user leaves; returns the exit code."""
    prompt = _prompt(chat, brake)
    if not quiet:
        _welcome(chat)
    brake.engage()
    while not chat.is_over:
        try:
            text = (await prompt.ask()).strip()
        except EOFError:
            break
        except KeyboardInterrupt:
            return STOPPED
        brake.is_pressed = False
        try:
            if is_command(text):
                await brake.run(obey(chat, text))
            elif text:
                await _turn(chat, brake, message(text), stdout, quiet=quiet, stream=stream)
        except AgentctlError as error:
            report(error)
    return 0


def _prompt(chat: Chat, brake: Brake) -> Prompt:
    if os.environ.get("TERM") in ("dumb", "unknown", "", None):
        from agentctl.cli.talk.plain import PlainPrompt

        return PlainPrompt(chat, brake)
    from agentctl.cli.talk.prompt import RichPrompt

    return RichPrompt(chat, brake)


def _welcome(chat: Chat) -> None:
    """Say where this is, and how it stood."""
    if chat.session_id is not None:
        where = f"session {chat.word}, {plural(chat.turns, 'turn')}"
    else:
        where = f"new session {chat.name!r}" if chat.name else "new session"
    clients = chat.ready.clients.values()
    models = ", ".join(dict.fromkeys(client.name for client in clients))
    _say(" · ".join(filter(None, (line(chat.workspace), where, models))), "bold")
    if any(client.simulated for client in clients):
        _say("SIMULATED: the words are made up without a model", "yellow")
    _say("/help lists the commands, Ctrl-D leaves", "dim")
    recall(chat.past or [])


async def _turn(chat: Chat, brake: Brake, text: str, stdout: TextIO, *, quiet: bool, stream: bool | None) -> None:
    reply = Reply()
    sink = choose_sink(stdout, quiet=quiet, stream=stream, is_brief=True)

    def both(shown: OnEvent) -> OnEvent:
        def on_event(event: Event) -> None:
            reply.on_event(event)
            shown(event)

        return on_event

    ask = partial(choose_ask, chat.hub.store.approvals, sink, json=False, quiet=quiet)
    result = await brake.run(watch(sink, lambda shown: chat.send(text, both(shown.on_event), ask(shown))))
    if result is not None:
        if result.output and result.status in ANSWERED:
            for speaker, said in reply.parts(result.output):
                _say(speaker, "cyan")
                # In a thread: a terminal that is held by Ctrl-S takes its time.
                await asyncio.to_thread(print, safe(said), file=stdout, flush=True)
        complain_of(result)
    if not quiet:
        _say(reply.closing or "stopped before it began", "dim")
    tell(AGAIN if result is None else "")


def _say(text: str, style: str) -> None:
    """Print a line of ours to stderr."""
    print(paint(safe(text), style, sys.stderr), file=sys.stderr, flush=True)
