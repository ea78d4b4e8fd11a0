"""The prompt of a terminal that can draw: several lines, history, completion, a line below that says where one is."""

import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter, ThreadedCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import create_output
from prompt_toolkit.styles import Style

from agentctl.cli.output import cut, plural, tell
from agentctl.cli.talk.brake import AGAIN, Brake
from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.command import COMMANDS
from agentctl.cli.talk.journey import known_words
from agentctl.cli.talk.past import columns
from agentctl.errors import AgentctlError

_STYLE = Style.from_dict({"prompt": "bold", "bottom-toolbar": "noreverse ansibrightblack"})


class RichPrompt:
    """Asks with prompt-toolkit, on stderr: stdout carries answers only."""

    def __init__(self, chat: Chat, brake: Brake) -> None:
        self._chat, self._brake = chat, brake
        self._session: PromptSession[str] = PromptSession(
            [("class:prompt", "> ")],
            multiline=True,
            prompt_continuation="  ",
            completer=Completions(chat),
            complete_while_typing=Condition(lambda: self._session.default_buffer.text.startswith("/")),
            key_bindings=_keys(),
            bottom_toolbar=self._toolbar,
            style=_STYLE,
            output=create_output(sys.stderr),
        )

    async def ask(self) -> str:
        """What was typed.

        Raises:
            EOFError: Ctrl-D.
            KeyboardInterrupt: Ctrl-C on an empty line, right after another one.
        """
        while True:
            self._recall()
            with suppress(AgentctlError):  # what is sent next will tell
                await self._chat.refresh()
            draft, self._chat.draft = self._chat.draft, ""
            try:
                return await self._session.prompt_async(default=draft, set_exception_handler=False, handle_sigint=False)
            except KeyboardInterrupt:
                if self._brake.is_pressed and not self._session.default_buffer.text:
                    raise
            self._brake.is_pressed = True
            self._chat.stop_editing()
            tell(AGAIN)

    def _recall(self) -> None:
        """Let the Up key find what was said in the session that is open now."""
        if self._chat.past is not None:
            said = [turn.user for turn in self._chat.past]
            self._session.history = self._session.default_buffer.history = InMemoryHistory(said)
            self._chat.past = None

    def _toolbar(self) -> str:
        chat = self._chat
        told = [chat.workspace, chat.name or ("" if chat.turns else "new session")]
        if chat.turns:
            told.append(plural(chat.turns, "turn"))
        if chat.spent.tokens:
            told.append(str(chat.spent))
        if chat.editing is not None:
            told.insert(0, f"editing turn {chat.editing}")
        elif chat.files:
            told.insert(0, plural(len(chat.files), "file") + " attached")
        return cut(" · ".join(filter(None, told)), columns())


class Completions(Completer):
    """Completes slash commands and what may follow them."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._files = ThreadedCompleter(PathCompleter(get_paths=lambda: [str(chat.here)], expanduser=True))

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """Not used: what may follow is looked up in the database."""
        return ()

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        """Offer what the word before the cursor may become."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, blank, begun = text[1:].partition(" ")
        if not blank:
            for each in COMMANDS:
                if each.name.startswith(name):
                    yield Completion(each.name, -len(name), display=each.usage, display_meta=each.help)
            return
        kind = {each.name: each.completes for each in COMMANDS}.get(name, "")
        if kind == "file":
            async for found in self._files.get_completions_async(Document(begun), complete_event):
                yield found
        elif kind:
            with suppress(AgentctlError):  # sending the line will tell what is wrong
                for word, about in await known_words(self._chat, kind):
                    if word.startswith(begun):
                        yield Completion(word, -len(begun), display_meta=about)


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter")
    @keys.add("c-j")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys
