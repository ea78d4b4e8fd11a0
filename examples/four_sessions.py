"""Four conversations at once in one process: each knows its own past, and none another's."""

import asyncio
import tempfile
from pathlib import Path

import agentctl
from agentctl.sessions import Hub

TALKS = {
    "sea": ("A week of beaches in July for 1500 euros, no booking", "The same for half the money"),
    "art": ("Three days of museums in February for 500 euros, no booking", "Make it five days for 900 euros"),
    "walks": ("Ten days of nature in September for 2500 euros, no booking", "The same, with good food"),
    "moon": ("A weekend on the moon for 10 euros", "Just plan three days of food in May for 700 euros"),
}


async def talk(hub: Hub, name: str, messages: tuple[str, ...]) -> None:
    for message in messages:
        result = await hub.run("trip-planner", message, session=name)
        print(f"{name}: {message}\n    → {result.output.splitlines()[0]}")


async def main() -> None:
    project = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder:  # a project of its own, so that these sessions do not stay
        (Path(folder) / "workspaces").symlink_to(project / "workspaces")
        async with agentctl.open(folder) as hub:
            await asyncio.gather(*(talk(hub, name, messages) for name, messages in TALKS.items()))
            for session in await hub.sessions.newest():
                print(f"{session.name}: {session.turns} turns")


asyncio.run(main())
