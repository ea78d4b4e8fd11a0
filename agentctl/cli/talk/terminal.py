"""A chat on a terminal: a prompt, a live view of each turn, then who said what and what it took."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TextIO

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
from agentctl.errors import AgentctlError, RunHeld, SessionBusy
from agentctl.events import Event
from agentctl.graph.approvals import Ask
from agentctl.runtime import RunResult


async def talk_on_terminal(chat: Chat, brake: Brake, stdout: TextIO, *, quiet: bool, stream: bool | None) -> int:
    """Talk until the user leaves; returns the exit code."""
    ask, turns = _prompt(chat, brake), Turns(chat, brake, stdout, quiet=quiet, stream=stream)
    if not quiet:
        _welcome(chat)
    brake.engage()
    opened: str | None = None
    while not chat.is_over:
        try:
            if chat.session_id != opened:
                opened = chat.session_id
                await turns.settle()
            text = (await ask()).strip()
        except EOFError:  # Ctrl-D
            break
        except KeyboardInterrupt:  # Ctrl-C, twice in a row
            return STOPPED
        except AgentctlError as error:
            report(error)
            continue
        brake.is_pressed = False
        try:
            if is_command(text):
                await brake.run(obey(chat, text))
            elif text:
                await turns.send(text)
                opened = chat.session_id
        except AgentctlError as error:
            report(error)
    return 0


def _prompt(chat: Chat, brake: Brake) -> Callable[[], Awaitable[str]]:
    if os.environ.get("TERM") in ("dumb", "unknown", "", None):
        from agentctl.cli.talk.plain import PlainPrompt

        return PlainPrompt(chat, brake).ask
    from agentctl.cli.talk.prompt import RichPrompt

    return RichPrompt(chat, brake).ask


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


@dataclass(frozen=True)
class Turns:
    """Runs the turns of a chat and shows them."""

    chat: Chat
    brake: Brake
    stdout: TextIO
    quiet: bool
    stream: bool | None

    async def send(self, text: str) -> None:
        """Send what was typed, once the turn before it waits no more; until then it is kept for the next prompt."""
        chat = self.chat
        chat.draft = text
        if not await self.settle():
            return
        chat.draft = ""
        try:
            await self._show(partial(chat.send, message(text)))
        except SessionBusy:
            chat.draft = text
            raise

    async def settle(self) -> bool:
        """Go on with a turn that waits for approvals, so that they are asked for here; whether none waits now."""
        run_id = await self.chat.waiting()
        if run_id is None:
            return True
        wanted = await self.chat.hub.store.approvals.list(user=None, run_id=run_id)
        asked = ", ".join(f"{row.id[:8]}: {row.tool}" for row in wanted)
        tell(f"the last turn waits for approval {asked}" if asked else "the last turn goes on: it has its approvals")
        try:
            result = await self._show(partial(self.chat.resume, run_id))
        except RunHeld:  # somebody was quicker; the next message waits for it
            return True
        return result is not None and result.status != "waiting"

    async def _show(self, start: Callable[[OnEvent, Ask | None], Awaitable[RunResult]]) -> RunResult | None:
        """Run a turn, show it, print its answer; None if Ctrl-C stopped it."""
        reply = Reply()
        sink = choose_sink(self.stdout, quiet=self.quiet, stream=self.stream, is_brief=True)

        def both(shown: OnEvent) -> OnEvent:
            def on_event(event: Event) -> None:
                reply.on_event(event)
                shown(event)

            return on_event

        ask = partial(choose_ask, self.chat.hub.store.approvals, sink, json=False, quiet=self.quiet)
        result = await self.brake.run(watch(sink, lambda shown: start(both(shown.on_event), ask(shown))))
        if result is not None:
            if result.output and result.status in ANSWERED:
                await self._answer(reply, result.output)
            complain_of(result, quiet=self.quiet)
        if not self.quiet:
            _say(reply.closing or "stopped before it began", "dim")
        tell(AGAIN if result is None else "")
        return result

    async def _answer(self, reply: Reply, output: str) -> None:
        for speaker, said in reply.parts(output):
            if speaker:
                _say(speaker, "cyan")
            # In a thread: a terminal that is held by Ctrl-S takes its time.
            await asyncio.to_thread(print, safe(said), file=self.stdout, flush=True)


def _say(text: str, style: str) -> None:
    """Print a line of ours to stderr."""
    print(paint(safe(text), style, sys.stderr), file=sys.stderr, flush=True)
