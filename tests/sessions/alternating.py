"""A process of its own, that runs a turn for each line `SESSION TASK` on its stdin, and prints the answer."""

import asyncio
import sys

import agentctl


async def main(root: str) -> None:
    async with agentctl.open(root) as hub:
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            session, _, task = line.partition(" ")
            print((await hub.run("demo", task, session=session)).output, flush=True)


asyncio.run(main(sys.argv[1]))
