"""A process of its own, that runs its tasks in the session `one`; prints each run, and what became of it."""

import asyncio
import json
import sys
import time

import agentctl
from agentctl.errors import LeaseLost
from agentctl.events import Event
from agentctl.sessions import Hub


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)


async def announce(hub: Hub, run_id: str) -> None:
    """Once the store's thread is at rest for a while: whoever stands still in a transaction holds up everybody."""
    while not 0.2 < time.monotonic() - hub.store._writer._ticked < 0.5:
        await asyncio.sleep(0.01)
    say(run_id=run_id)


async def main(root: str, lease_s: str, *tasks: str) -> None:
    started: list[Event] = []
    waiting: list[asyncio.Task[None]] = []

    def note(event: Event) -> None:
        if event.type == "run.started":
            started.append(event)
        if event.type == "agent.started" and event.data["agent"] == "a" and started[-1].data["task"] == "wait":
            waiting.append(asyncio.create_task(announce(hub, event.run_id)))

    async with agentctl.open(root) as hub:
        hub.store.holder.lease_s = float(lease_s)
        for task in tasks:
            try:
                result = await hub.run("demo", task, session="one", on_event=note)
            except LeaseLost:
                say(error="LeaseLost", run_id=started[-1].run_id)
            else:
                say(status=result.status, turn=started[-1].data["turn"])


asyncio.run(main(*sys.argv[1:]))
