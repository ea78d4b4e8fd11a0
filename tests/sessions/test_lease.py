"""Who holds a session: a process that lives, for as long as it renews its lease; nobody writes after that."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import LeaseLost, RunHeld, SessionBusy
from agentctl.store import RunRow, Store, TurnRow, new_id
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.sessions.talk import change, turns_of

WORKER = Path(__file__).with_name("holding.py")
CHECKOUT = Path(__file__).parents[2]
SHORT_S = 2.5
CODE = """
import asyncio
from pathlib import Path

async def wait(state, ctx):
    while "wait" in state["task"] and not (Path({root!r}) / "go").exists():
        await asyncio.sleep(0.01)
    return f"{{len(ctx.turns)}} {{state['task']}}"
"""
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def root(write_workspace: WriteWorkspace, tmp_path: Path, database: str) -> Path:
    """A project whose agent waits for a file `go` if the task says so."""
    files = workspace({"x": ["a"], "y": ["b"]}, {"a": {"entry": "work:wait"}}, CODE.format(root=str(tmp_path)))
    return write_workspace("demo", files)


@pytest.fixture
def start(root: Path) -> Iterator[Start]:
    """Start a process that runs turns of the session `one`, and print what became of each."""
    workers = []

    def started(*tasks: str, lease_s: float = 15) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER), str(root), str(lease_s), *tasks]
        env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
        worker = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
        workers.append(worker)
        return worker

    yield started
    for worker in workers:
        with suppress(ProcessLookupError):
            worker.send_signal(signal.SIGCONT)
            worker.kill()
        worker.communicate()


def line(worker: subprocess.Popen[str]) -> dict[str, Any]:
    """What the worker says next."""
    assert worker.stdout is not None
    said: dict[str, Any] = json.loads(worker.stdout.readline())
    return said


def brief(turns: list[TurnRow]) -> list[tuple[int, str, str | None]]:
    return [(turn.turn, turn.status, turn.answer) for turn in turns]


@pytest.mark.slow
async def test_turns_of_two_processes_never_overlap(root: Path, start: Start) -> None:
    """Whichever comes first: each waits for the other, and is told of what it said."""
    workers = [start(*(f"{name}{number}" for number in range(25))) for name in "ab"]
    said = [json.loads(text) for worker in workers for text in worker.communicate(timeout=60)[0].splitlines()]

    async with agentctl.open(root) as hub:
        session, turns = await turns_of(hub, "one")
    spans = [(turn.started_at, turn.finished_at or "") for turn in turns]
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert [turn.turn for turn in turns] == list(range(1, 51))
    assert {turn.user for turn in turns} == {f"{name}{number}" for name in "ab" for number in range(25)}
    assert sorted(one["turn"] for one in said if one["status"] == "done") == list(range(1, 51))
    assert (session.turns, session.active_run) == (50, None)


@pytest.mark.slow
async def test_a_killed_holder_frees_its_session_at_once(root: Path, start: Start) -> None:
    worker = start("wait")
    run_id = line(worker)["run_id"]
    async with agentctl.open(root) as hub:
        with pytest.raises(SessionBusy):
            await hub.run("demo", "mine", session="one", busy="fail")
        with pytest.raises(RunHeld, match=f"still running in process {worker.pid}"):
            await hub.resume(run_id)
        worker.kill()
        worker.wait()

        assert (await turns_of(hub, "one"))[1][0].status == "killed"
        assert (await hub.run("demo", "mine", session="one", busy="fail")).status == "done"
        (root / "go").touch()
        assert (await hub.resume(run_id)).status == "done"
        _, turns = await turns_of(hub, "one")
    assert brief(turns) == [(1, "done", "b1"), (2, "done", "b1")]


@pytest.mark.slow
async def test_a_holder_that_stands_still_writes_nothing_more(root: Path, start: Start) -> None:
    worker = start("wait", "later", lease_s=SHORT_S)
    run_id = line(worker)["run_id"]
    worker.send_signal(signal.SIGSTOP)
    async with agentctl.open(root) as hub:
        with pytest.raises(SessionBusy):  # it may be about to go on
            await hub.run("demo", "mine", session="one", busy="fail")

        mine = await hub.run("demo", "mine", session="one", wait_s=20)
        before = await hub.store.events(run_id), await hub.store.calls(run_id)
        (root / "go").touch()
        worker.send_signal(signal.SIGCONT)

        assert line(worker) == {"error": "LeaseLost", "run_id": run_id}
        assert line(worker)["turn"] == 3  # the process itself goes on
        _, turns = await turns_of(hub, "one")
        assert (await hub.store.events(run_id), await hub.store.calls(run_id)) == before
        assert [(turn.turn, turn.status) for turn in turns] == [(1, "killed"), (2, "done"), (3, "done")]
        assert turns[1].run_id == mine.run_id
        assert (await hub.store.get_run(run_id)).result is None
    assert worker.wait(10) == 0


@pytest.mark.slow
async def test_a_holder_that_stands_still_loses_a_run_to_a_resume(root: Path, start: Start) -> None:
    worker = start("wait", lease_s=SHORT_S)
    run_id = line(worker)["run_id"]
    worker.send_signal(signal.SIGSTOP)
    (root / "go").touch()
    async with agentctl.open(root) as hub:
        while (await hub.store.get_run(run_id)).is_held:
            await asyncio.sleep(0.05)
        mine = await hub.resume(run_id)
        worker.send_signal(signal.SIGCONT)

        assert line(worker) == {"error": "LeaseLost", "run_id": run_id}
        row, [turn] = await hub.store.get_run(run_id), (await turns_of(hub, "one"))[1]
        kept = [event["type"] for event in await hub.store.events(run_id)]
    assert (mine.status, row.status, row.lease, turn.status, turn.answer) == ("done", "done", 2, "done", "b1")
    assert (kept.count("run.finished"), kept.count("agent.finished"), kept[-1]) == (1, 2, "run.finished")


@pytest.mark.slow
async def test_a_holder_that_lives_keeps_its_session_past_its_lease(root: Path, start: Start) -> None:
    worker = start("wait", lease_s=SHORT_S)
    line(worker)
    async with agentctl.open(root) as hub:
        with pytest.raises(SessionBusy):
            await hub.run("demo", "mine", session="one", wait_s=SHORT_S + 1.5)
    (root / "go").touch()
    assert line(worker) == {"status": "done", "turn": 1}


@pytest.mark.slow
async def test_a_holder_on_another_host_is_left_alone_until_its_lease_ends(root: Path, start: Start) -> None:
    """Whether it is dead cannot be seen from here."""
    worker = start("wait", lease_s=SHORT_S)
    run_id = line(worker)["run_id"]
    change(root, "update holders set host = 'elsewhere'")
    worker.kill()
    worker.wait()
    async with agentctl.open(root) as hub:
        with pytest.raises(RunHeld, match="on elsewhere"):
            await hub.resume(run_id)
        with pytest.raises(SessionBusy):
            await hub.run("demo", "mine", session="one", busy="fail")

        assert (await hub.run("demo", "mine", session="one", wait_s=20)).status == "done"
        assert [turn.status for turn in (await turns_of(hub, "one"))[1]] == ["killed", "done"]


@pytest.mark.slow
async def test_a_run_that_writes_nothing_is_held_all_the_same(tmp_path: Path, database: str) -> None:
    """As while a model makes the session's notes: the store's thread renews by itself."""
    row = RunRow(run_id=new_id(), session_id="s", user_id="u", workspace="w", generation="0" * 12, task="t")
    url = os.environ.get("AGENTCTL_DATABASE_URL")
    async with AsyncExitStack() as stack:
        for _ in range(10):
            store = await stack.enter_async_context(Store(tmp_path, url=url, lease_s=SHORT_S))
            await store.create_run(replace(row, run_id=new_id()))
        await asyncio.sleep(SHORT_S + 0.5)
        async with Store(tmp_path, url=url) as other:
            assert [each.is_held for each in await other.list_runs()] == [True] * 10


async def test_what_was_put_before_a_run_was_lost_is_refused_too(tmp_path: Path, database: str) -> None:
    """Though the run is not looked after any more when the store's thread comes to it."""
    row = RunRow(run_id=new_id(), session_id="s", user_id="u", workspace="w", generation="0" * 12, task="t")
    url = os.environ.get("AGENTCTL_DATABASE_URL")
    async with Store(tmp_path, url=url, lease_s=0) as first, Store(tmp_path, url=url) as second:
        await first.create_run(row)
        await first.flush()
        taken, _ = await second.sessions.reenter(row.run_id)
        first.put_event({"type": "warning", "seq": 1, "run_id": row.run_id})
        late = asyncio.create_task(first.update_run(row.run_id, status="failed"))
        await asyncio.sleep(0)
        first.holder.release(row.run_id)

        with pytest.raises(LeaseLost):
            await late
        assert (taken.run.lease, (await second.get_run(row.run_id)).status) == (2, "running")
        assert await second.events(row.run_id) == []
        await first.flush()  # it was said once


async def test_a_lost_run_is_not_taken_back_from_its_new_holder(root: Path) -> None:
    """A turn that waited for its place while another process took the session leaves that as it is."""
    async with agentctl.open(root) as hub, agentctl.open(root) as other:
        await hub.run("demo", "first", session="one")
        session = await hub.sessions.get("one")
        row = await hub.store.get_run((await turns_of(hub, "one"))[1][0].run_id or "")
        begun = await hub.store.sessions.begin(RunRow(**{**facts(row), "run_id": new_id()}), session)
        change(root, "update holders set expires_at = 0 where holder = :name", name=hub.store.holder.name)
        await other.run("demo", "second", session="one")

        with pytest.raises(LeaseLost):
            await hub.store.sessions.abandon(begun.run.run_id)
        assert [turn.turn for turn in (await turns_of(other, "one"))[1]] == [1, 2, 3]


def facts(row: RunRow) -> dict[str, Any]:
    names = ("session_id", "user_id", "workspace", "generation", "task")
    return {name: getattr(row, name) for name in names}
