"""Watch a run while it happens: one line for each event that is not a token."""

import asyncio
from pathlib import Path

import agentctl


async def main() -> None:
    async with agentctl.open(Path(__file__).parent.parent) as hub:
        async for event in hub.stream("debate", "Should a small team write tests first?", model="offline"):
            if event.type != "token":
                print(f"{event.seq:3} {event.type:15} {event.data.get('agent') or event.data.get('stage') or ''}")


asyncio.run(main())
