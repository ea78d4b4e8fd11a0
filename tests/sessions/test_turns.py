"""Turns go on where the last one was, many at once, in one process and in several, and none is lost."""

import asyncio
import gc
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import QueueFull, SessionNotFound
from agentctl.sessions import Hub
from agentctl.store import SessionRow, new_id
from tests.conftest import WriteWorkspace
from tests.fakes import ChatServer
from tests.runs import workspace
from tests.sessions.talk import answer, connected, hanging, turns_of

WORKER = Path(__file__).with_name("alternating.py")
CHECKOUT = Path(__file__).parents[2]
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def test_the_second_question_knows_the_first(root: Path) -> None:
    async with agentctl.open(root) as hub:
        first = await hub.run("demo", "secret-1", session="one")
        second = await hub.run("demo", "secret-2", session="one")
        other = await hub.run("demo", "secret-3", session="two")

        assert (first.output, second.output, other.output) == ("secret-1", "secret-1 secret-2", "secret-3")
        session, turns = await turns_of(hub, "one")
    assert [(t.turn, t.run_id, t.user, t.answer, t.status) for t in turns] == [
        (1, first.run_id, "secret-1", "secret-1", "done"),
        (2, second.run_id, "secret-2", "secret-1 secret-2", "done"),
    ]
    assert (session.turns, session.active_run) == (2, None)


async def test_without_a_name_each_run_is_a_session(root: Path) -> None:
    async with agentctl.open(root) as hub:
        one, other = await hub.run("demo", "secret-1"), await hub.run("demo", "secret-2")

        assert (one.output, other.output) == ("secret-1", "secret-2")
        assert (await hub.run("demo", "secret-3", session=one.session_id[:10])).output == "secret-1 secret-3"


async def test_what_a_turn_came_to_is_kept_with_it(write_workspace: WriteWorkspace, database: str) -> None:
    judge = {"entry": "work:judge", "capability": "synthesizer"}
    code = "\ndef judge(state): return {'text': 'x it is', 'winner': 'x', 'decision': {'option': 'x', 'text': 'x!'}}\n"
    root = write_workspace("demo", workspace({"talk": ["a"], "end": ["j"]}, {"j": judge}, code))
    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "x or y?", session="one")
        _, [turn] = await turns_of(hub, "one")

    assert (turn.winner, turn.decision, turn.stages) == ("x", result.decision, ["talk", "end"])
    assert (turn.usage, turn.generation, turn.answer) == (result.usage, result.generation, result.output)
    assert turn.started_at <= (turn.finished_at or "")


async def test_a_fork_is_not_changed_by_what_its_source_does(root: Path) -> None:
    """Its turns name the source's runs, and resuming one of these changes the source alone."""
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        failed = await hub.run("demo", "fail secret-2", session="one")
        source, before = await turns_of(hub, "one")
        await hub.sessions.fork(source, name="two")
        (root / "healed").mkdir()
        (root / "healed" / failed.run_id).touch()
        await hub.resume(failed.run_id)

        _, turns = await turns_of(hub, "two")
        assert [(t.turn, t.status, t.answer) for t in turns] == [(t.turn, t.status, t.answer) for t in before]
        assert (await hub.run("demo", "secret-3", session="two")).output == "secret-1 secret-3"
        assert (await hub.run("demo", "secret-4", session="one")).output == "secret-1 secret-2 secret-4"


async def test_a_session_that_was_deleted_does_not_come_back(root: Path) -> None:
    """A turn may have waited for it; it would begin one with none of its turns."""
    async with agentctl.open(root) as hub:
        first = await hub.run("demo", "secret-1", session="one")
        run = await hub.store.get_run(first.run_id)
        session = await hub.sessions.get("one")
        await hub.sessions.delete([session])

        with pytest.raises(SessionNotFound, match="session 'one' has been deleted"):
            await hub.store.sessions.begin(replace(run, run_id=new_id()), session)
        assert await hub.sessions.find("one") is None


def asked(body: dict[str, Any]) -> str:
    """A model that answers with the secrets it is shown."""
    return answer(re.findall(r"secret-\d+", str([message["content"] for message in body["messages"]])))


@pytest.fixture
def model(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """Behind the workspace `model`; takes half a second to answer."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake")
    with ChatServer(delay_s=0.5, replies=[asked]) as server:
        choice = {"name": "openai:gpt-4o-mini", "base_url": server.url}
        write_workspace("model", workspace({"talk": ["a"]}, {"a": {"prompt": "Answer."}}, model=choice))
        yield server


@pytest.mark.slow
async def test_two_hundred_sessions_at_once_are_not_mixed(root: Path, model: ChatServer) -> None:
    async with agentctl.open(root) as hub:

        async def talk(number: int) -> tuple[str, str]:
            options = {"session": f"s{number}", "user": f"u{number % 7}"}
            await hub.run("model", f"My number is secret-{number}.", **options)
            result = await hub.run("model", "What is my number?", **options)
            return result.session_id, result.output

        said = await asyncio.gather(*(talk(number) for number in range(200)))

    assert [output for _, output in said] == [f"secret-{number}" for number in range(200)]
    assert len({session_id for session_id, _ in said}) == 200
    assert model.most_open > 50


@pytest.mark.slow
async def test_sessions_do_not_wait_for_each_other(root: Path, model: ChatServer) -> None:
    async with agentctl.open(root) as hub:
        await asyncio.gather(*(hub.run("model", "hello", session=f"s{number}") for number in range(4)))

    assert model.most_open == 4


@ON_SQLITE
@pytest.mark.slow
async def test_a_hundred_tasks_lose_and_double_no_turn(root: Path) -> None:
    """A thousand turns of one session; each is told of those right before it."""
    async with agentctl.open(root) as hub:

        async def ten(number: int) -> list[str]:
            tasks = [f"{number}-{n}" for n in range(10)]
            return [(await hub.run("plain", task, session="one", wait_s=50)).output for task in tasks]

        said = await asyncio.gather(*(ten(number) for number in range(100)))
        session, turns = await turns_of(hub, "one")

    told = [int(text) for each in said for text in each]
    assert sorted(told) == [min(number, 50) for number in range(1000)]
    assert [turn.turn for turn in turns] == list(range(1, 1001))
    assert {turn.user for turn in turns} == {f"{number}-{n}" for number in range(100) for n in range(10)}
    assert (session.turns, {turn.status for turn in turns}, session.active_run) == (1000, {"done"}, None)


@pytest.mark.slow
def test_twenty_threads_lose_and_double_no_turn(root: Path) -> None:
    def ask(number: int) -> str:
        return agentctl.run("plain", f"task {number}", session=f"s{number % 5}", root=root, wait_s=50).session_id

    with ThreadPoolExecutor(20) as threads:
        sessions = list(threads.map(ask, range(200)))

    async def kept() -> list[list[tuple[int, str, str | None]]]:
        async with agentctl.open(root) as hub:
            found = [await turns_of(hub, f"s{number}") for number in range(5)]
        return [[(turn.turn, turn.user, turn.answer) for turn in turns] for _, turns in found]

    by_session = asyncio.run(kept())
    assert [[number for number, _, _ in turns] for turns in by_session] == [list(range(1, 41))] * 5
    assert [[said for _, _, said in turns] for turns in by_session] == [[str(n) for n in range(40)]] * 5
    assert {task for turns in by_session for _, task, _ in turns} == {f"task {number}" for number in range(200)}
    assert len(set(sessions)) == 5


@pytest.mark.slow
def test_turns_alternate_over_three_processes(root: Path) -> None:
    """Each sees what the others did, though it has been open all the while."""
    command = [sys.executable, str(WORKER), str(root)]
    env = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    pipes: dict[str, Any] = {"env": env, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    said = []
    for number in range(12):
        worker = workers[number % 3]
        assert worker.stdin is not None
        assert worker.stdout is not None
        print(f"s{number % 2} secret-{number:02}", file=worker.stdin, flush=True)
        said.append(worker.stdout.readline().strip())
    for worker in workers:
        worker.communicate("\n", timeout=20)

    assert said == [answer(f"secret-{n:02}" for n in range(number % 2, number + 1, 2)) for number in range(12)]


async def test_idle_sessions_are_kept_nowhere_in_the_process(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="warm")
        before = tracked(hub)
        for _ in range(10):
            rows = [SessionRow(session_id=new_id(), user_id="u", workspace="demo") for _ in range(1000)]
            await asyncio.gather(*(hub.store.sessions.create(row) for row in rows))
            del rows
        names = [f"s{number}" for number in range(20)]
        await asyncio.gather(*(hub.run("demo", "secret-2", session=name) for name in names))

        assert tracked(hub) - before < 1000
        assert hub._doors._locks == {}
        assert not hub._doors._standing
        assert not hub.store.holder.runs


def tracked(hub: Hub) -> int:
    gc.collect()
    return len(gc.get_objects())


async def test_a_run_that_finds_no_room_leaves_no_turn(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that is refused, nor one that is cancelled or stopped while it waits for its place."""
    monkeypatch.setenv("AGENTCTL_MAX_RUNS", "1")
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        running, _ = await hanging(hub, "hang", session="other")
        waiting = asyncio.create_task(hub.run("demo", "secret-2", session="one"))
        await begun(hub, "one", 2)
        with pytest.raises(QueueFull):
            await hub.run("demo", "secret-3", session="third")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        again = asyncio.create_task(hub.run("demo", "secret-4", session="one"))
        await begun(hub, "one", 2)
        last = asyncio.create_task(hub.run("demo", "secret-5", session="one", busy="cancel"))
        stopped = await again
        running.cancel()

        assert (stopped.status, stopped.exit_code) == ("cancelled", 130)
        assert (await last).output == "secret-1 secret-5"
        session, turns = await turns_of(hub, "one")
        assert ([turn.user for turn in turns], session.turns) == (["secret-1", "secret-5"], 2)
        assert (await hub.sessions.get("third")).turns == 0
        assert len(await hub.store.list_runs(session_id=session.session_id)) == 2


async def begun(hub: Hub, name: str, turn: int) -> None:
    """Wait until the session has that turn."""
    while (await hub.sessions.get(name)).turns < turn:
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("steps", range(1, 12))
async def test_a_run_cancelled_while_it_begins_leaves_the_session_free(root: Path, steps: int) -> None:
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        late = asyncio.create_task(hub.run("demo", "hang secret-2", session="one"))
        for _ in range(steps):
            await hub.store.list_runs(1)
        await cancelled(late)

        said = (await hub.run("demo", "secret-3", session="one", busy="fail")).output
        session, kept = await turns_of(hub, "one")
        assert said in ("secret-1 secret-3", "secret-1 secret-2 secret-3")
        assert [turn.turn for turn in kept] == list(range(1, session.turns + 1))
        assert {turn.status for turn in kept} <= {"done", "cancelled"}
        assert hub.store.holder.runs == {}


async def test_a_run_cancelled_on_its_way_into_the_session_leaves_no_turn(root: Path) -> None:
    """The store lets it in when the database is free again, and nobody is there any more."""
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        with connected(root) as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("begin immediate")
            else:
                connection.exec_driver_sql("begin; lock table turns in exclusive mode")
            late = asyncio.create_task(hub.run("demo", "hang secret-2", session="one"))
            await asyncio.sleep(0.2)
            late.cancel()
            await asyncio.sleep(0)
            connection.exec_driver_sql("rollback")
        await cancelled(late)

        assert (await hub.run("demo", "secret-3", session="one", busy="fail")).output == "secret-1 secret-3"
        assert [turn.turn for turn in (await turns_of(hub, "one"))[1]] == [1, 2]


async def cancelled(task: "asyncio.Task[Any]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
