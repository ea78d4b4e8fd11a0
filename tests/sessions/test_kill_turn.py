"""`kill -9` in the middle of a turn, at any moment: the session opens and goes on, and nothing written is lost."""

import asyncio
import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

import agentctl
from agentctl.events import Event
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.sessions.talk import answer, turns_of

KILLS = int(os.environ.get("AGENTCTL_TEST_KILLS", "20"))
LONGEST_S = 0.2
"""From the first turn of a process on: a few turns."""
CODE = """
import asyncio, random, re

async def remember(state, ctx):
    ctx.emit("thinking")
    await asyncio.sleep(random.random() * 0.02)
    told = [turn["user"] for turn in ctx.turns] + [state["task"]]
    return " ".join(sorted(set(re.findall("secret-[0-9]+", " ".join(told)))))
"""
Said = dict[str, tuple[str, str, str]]
"""Of each run that was seen to begin: its task, its status (`""`: none was heard) and its output."""


@pytest.fixture
def root(write_workspace: WriteWorkspace, database: str) -> Path:
    agents = {role: {"entry": "work:remember"} for role in ("a", "b", "last")}
    files = workspace({"x": ["a", "b"], "y": ["last"]}, agents, CODE, memory={"turns": {"max": 1000}})
    return write_workspace("demo", files)


@pytest.fixture(scope="module")
def processes() -> Iterator[multiprocessing.context.ForkServerContext]:
    """Processes that have imported everything, so that a kill meets a turn and no import."""
    context = multiprocessing.get_context("forkserver")
    heavy = ["agentctl.sessions", "agentctl.store.database", "langgraph.graph", "langgraph.checkpoint.sqlite.aio"]
    context.set_forkserver_preload([*heavy, "agentctl.graph.manager", __name__])
    return context


def talk(root: str, env: dict[str, str], start: int, pipe: Connection) -> None:
    """Run turns for ever; tell when one begins, and what it comes to."""
    os.environ.clear()  # the fork server has those of whichever test came first, its database among them
    os.environ.update(env)

    def note(event: Event) -> None:
        if event.type == "run.started":
            pipe.send((event.run_id, event.data["task"], "", ""))

    async def turns() -> None:
        async with agentctl.open(root) as hub:
            for number in range(start, start + 1000):
                result = await hub.run("demo", f"secret-{number}", session="one", on_event=note)
                pipe.send((result.run_id, f"secret-{number}", result.status, result.output))

    asyncio.run(turns())


def killed_at_random(processes: multiprocessing.context.ForkServerContext, root: Path, start: int) -> Said:
    """Kill such a process a random time after its first turn has begun; what it told until then."""
    ours, theirs = processes.Pipe()
    worker = processes.Process(target=talk, args=(str(root), dict(os.environ), start, theirs))
    worker.start()
    theirs.close()
    said: Said = {}
    ours.poll(20)
    time.sleep(random.random() * LONGEST_S)
    worker.kill()
    worker.join()
    with suppress(EOFError, ConnectionResetError):
        while True:
            run_id, *what = ours.recv()
            said[run_id] = tuple(what)
    ours.close()
    worker.close()
    return said


async def go_on(root: Path, said: Said, number: int) -> None:
    """What is there after a kill is what was told; then either the killed turn goes on, or a new one begins."""
    async with agentctl.open(root) as hub:
        session, turns = await turns_of(hub, "one")
        assert [turn.turn for turn in turns] == list(range(1, session.turns + 1))
        for turn in turns:
            task, status, output = said.get(turn.run_id or "", (turn.user, "", ""))
            assert turn.user == task
            assert not status or (turn.status, turn.answer) == (status, output)
        assert {turn.status for turn in turns[:-1]} <= {"done", "killed"}
        assert said.keys() <= {turn.run_id for turn in turns}

        last = turns[-1]
        known = [turn.user for turn in turns[:-1] if turn.status == "done"]
        assert last.status in ("killed", "done")
        if last.status == "killed" and random.random() < 0.5:
            assert last.run_id is not None
            result = await hub.resume(last.run_id)
            expected = [*known, last.user]
        else:
            result = await hub.run("demo", f"secret-{number}", session="one", busy="fail")
            expected = [*known, *([last.user] if last.status == "done" else []), f"secret-{number}"]
        assert (result.status, result.output) == ("done", answer(expected))
        said[result.run_id] = (expected[-1], result.status, result.output)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_session_goes_on_after_any_kill(
    root: Path, processes: multiprocessing.context.ForkServerContext
) -> None:
    said: Said = {}
    for kill in range(KILLS):
        told = await asyncio.to_thread(killed_at_random, processes, root, kill * 2000)
        assert told
        said.update(told)
        await go_on(root, said, kill * 2000 + 1999)

    async with agentctl.open(root) as hub:
        _, turns = await turns_of(hub, "one")
    counted = [turn.status for turn in turns]
    assert counted.count("done") >= KILLS
    assert set(counted) <= {"done", "killed"}
    print(f"{len(turns)} turns, {counted.count('killed')} of them left as killed")
