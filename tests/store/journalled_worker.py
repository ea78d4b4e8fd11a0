"""A run to be killed: three agents in parallel, each making calls, then a delta.

Appends `run KEY NONCE` inside of a call and `ack KEY NONCE` once the journal has answered.
"""

import asyncio
import os
import sys
from pathlib import Path

from agentctl.store import CallKey, Journal, Store

CALLS = 25
AGENTS = ("optimistic", "critic", "devil")


def note(path: str, *words: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(file, (" ".join(words) + "\n").encode())
    os.close(file)


async def agent(journal: Journal, role: str, path: str) -> None:
    for number in range(CALLS):
        nonce = os.urandom(4).hex()
        name = f"{role}/{number}"

        async def perform(name: str = name, nonce: str = nonce) -> dict[str, str]:
            note(path, "run", name, nonce)
            return {"nonce": nonce}

        result, _ = await journal.call(CallKey(role, "s", 1, 1, number), "model", "m", {"n": number}, perform)
        note(path, "ack", name, result["nonce"])
    key = CallKey(role, "s", 1, 1)
    delta = await journal.find_delta(key)
    if delta is None:
        delta = {"nonce": os.urandom(4).hex()}
        await journal.put_delta(key, delta)
    note(path, "ack", f"{role}/delta", str(delta["nonce"]))


async def main(root: str, path: str) -> None:
    async with Store(Path(root)) as store:
        journal = await Journal.open(store, "run1", resumed=True)
        await asyncio.gather(*(agent(journal, role, path) for role in AGENTS))


asyncio.run(main(*sys.argv[1:]))
