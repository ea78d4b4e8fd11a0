"""Commands that tell what holds here: agents, memory, cost, files."""

import asyncio

from agentctl.cli.output import table, tell
from agentctl.cli.talk.chat import Chat
from agentctl.workspace import load_workspace


async def show_agents(chat: Chat, argument: str) -> None:
    """List the agents with kind, model and stages."""
    spec, clients = chat.ready.live.workspace.spec, chat.ready.clients
    stages = {role: [name for name, stage in spec.stages.items() if role in stage.agents] for role in spec.agents}
    tell(
        table(
            (role, agent.kind, clients[role].name if role in clients else "-", ", ".join(stages[role]))
            for role, agent in spec.agents.items()
        )
    )
    if any(client.simulated for client in clients.values()):
        tell("SIMULATED: offline makes words up without a model")


async def show_memory(chat: Chat, argument: str) -> None:
    """Tell what a message is told of the earlier ones."""
    turns = chat.ready.live.workspace.spec.memory.turns
    tell(
        f"a message is told the last {turns.max} turns (up to {turns.max_tokens:,} tokens) and notes on those before; "
        "nothing is remembered across conversations yet"
    )


async def show_cost(chat: Chat, argument: str) -> None:
    """Tell what this conversation has used, from its record."""
    await chat.reckon()
    tell(f"this conversation: {chat.spent}, model calls: {chat.spent.model_calls:,}")


async def check_files(chat: Chat, argument: str) -> None:
    """Validate what is on disk, and tell that this chat does not take it."""
    found = await asyncio.to_thread(load_workspace, chat.hub.root, chat.workspace)
    kept = chat.ready.live.workspace.generation
    if found.generation == kept:
        tell(f"the files are valid, and as this chat knows them: generation {kept}")
    else:
        tell(f"the files are valid: generation {found.generation}; this chat keeps {kept}, a new one takes them")
