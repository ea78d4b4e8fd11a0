"""`/tools`: what the agents may call, and the optional ones of it on and off."""

from collections.abc import Iterator

from agentctl.cli.output import tell
from agentctl.cli.talk.chat import Chat
from agentctl.errors import UsageError


async def tools(chat: Chat, argument: str) -> None:
    """List the tools of the agents, or switch an optional one for the turns to come.

    Raises:
        UsageError: no agent has an optional tool of that name, or it is not on.
    """
    verb, _, name = argument.partition(" ")
    name = name.strip()
    if not argument:
        tell("\n".join(_listing(chat)) or "no agent of this workspace declares a tool")
    elif verb == "on" and name:
        await chat.hub.runtime.prepare(chat.workspace, chat.model, [*chat.tools, name])  # as a turn would refuse it
        chat.tools |= {name}
        tell(f"{name} is on in the turns to come")
    elif verb == "off" and name in chat.tools:
        chat.tools -= {name}
        tell(f"{name} is off")
    else:
        what = f"{name!r} is not on" if verb == "off" and name else f"`/tools` does not take {argument!r}"
        raise UsageError(what, hint="type `/tools`, `/tools on X` or `/tools off X`")


def _listing(chat: Chat) -> Iterator[str]:
    """One line an agent, then what is away."""
    from agentctl.runtime.tools import patterns

    box = chat.ready.offer.toolbox
    if box is None:
        return
    for role, agent in chat.ready.live.workspace.spec.agents.items():
        infos = box.select(patterns(agent), box.tools)
        words = [f"{info.name} ({_state(info.name, chat)})" if info.optional else info.name for info in infos]
        if words:
            yield f"{role}: {', '.join(words)}"
    yield from chat.ready.offer.warnings


def _state(name: str, chat: Chat) -> str:
    return "optional, on" if name in chat.tools else "optional, off"
