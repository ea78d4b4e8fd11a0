"""The slash commands: one table, which `/help` and completion read too."""

import textwrap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from agentctl.cli.output import tell
from agentctl.cli.talk import facts, journey
from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.past import columns
from agentctl.cli.talk.tools import tools
from agentctl.errors import UsageError, did_you_mean

_COLUMN = 20
_REST = "Anything else is sent; // begins a message with /. Alt-Enter or Ctrl-J begins a new line."


@dataclass(frozen=True)
class Command:
    """`argument` is what `/help` shows of it: empty if it takes none, in brackets if it can be left out."""

    name: str
    argument: str
    help: str
    run: Callable[[Chat, str], Awaitable[None]]
    completes: Literal["", "session", "turn", "file"] = ""

    @property
    def usage(self) -> str:
        """How it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


def is_command(text: str) -> bool:
    """Whether a line is for the chat itself; two slashes begin a message that begins with one."""
    return text.startswith("/") and not text.startswith("//")


def message(text: str) -> str:
    """What a line that is no command says."""
    return text.removeprefix("/")


async def obey(chat: Chat, text: str) -> None:
    """Run the command that the line names.

    Raises:
        UsageError: there is none of that name, or its argument is missing or too much.
        AgentctlError: as the command says.
    """
    name, _, argument = text[1:].strip().partition(" ")
    command = {each.name: each for each in COMMANDS}.get(name)
    if command is None:
        near = did_you_mean(f"/{name.lower()}", [f"/{each.name}" for each in COMMANDS])
        what = f"no command {'/' + name!r}{near}"
        raise UsageError(what, hint="`/help` lists them; a message that begins with / is sent with //")
    argument = argument.strip()
    if argument and not command.argument:
        raise UsageError(f"`/{name}` takes nothing after it", hint="see `/help`")
    if not argument and command.argument and not command.argument.startswith("["):
        raise UsageError(f"`/{name}` needs {command.argument}", hint=f"type `{command.usage}`; see `/help`")
    await command.run(chat, argument)


async def show_help(chat: Chat, argument: str) -> None:
    """List the commands."""
    width, indent = max(columns() - 1, 2 * _COLUMN), " " * _COLUMN
    for each in COMMANDS:
        lead = f"{each.usage} ".ljust(_COLUMN)
        tell(textwrap.fill(each.help, width, initial_indent=lead, subsequent_indent=indent))
    tell(textwrap.fill(_REST, width))


async def leave(chat: Chat, argument: str) -> None:
    """End the chat."""
    chat.is_over = True


COMMANDS = (
    Command("help", "", "this list", show_help),
    Command("sessions", "[TEXT]", "your conversations, or the turns that say TEXT", journey.list_sessions),
    Command("session", "[X]", "go to another conversation; a new name begins one", journey.go_to, "session"),
    Command("name", "NAME", "name this conversation", journey.rename),
    Command("turns", "[TURN]", "what was said so far, or one turn whole", journey.show_turns, "turn"),
    Command("edit", "TURN", "change an old message, and go on from there in a fork", journey.edit, "turn"),
    Command("fork", "[TURN]", "go on in a copy that ends after TURN, or after the last", journey.fork, "turn"),
    Command("rewind", "TURN", "forget every turn after TURN", journey.rewind, "turn"),
    Command("attach", "[FILE|URL]", "send a file with the next message", journey.attach, "file"),
    Command("agents", "", "who works here, with which model", facts.show_agents),
    Command("tools", "[on|off X]", "what the agents may call; or an optional tool on or off", tools),
    Command("memory", "", "what a message is told of the earlier ones", facts.show_memory),
    Command("cost", "", "tokens and money so far", facts.show_cost),
    Command("reload", "", "check the files of the workspace", facts.check_files),
    Command("exit", "", "leave; so does Ctrl-D", leave),
)
