"""One run at a time in a session: the next one waits, is refused, or stops the first."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import agentctl
from agentctl.errors import SessionBusy, StoreUnusable
from agentctl.runtime import RunResult
from agentctl.sessions import Hub
from tests.runtime.process import Project, events
from tests.sessions.talk import connected, hanging, heal, turns_of


async def test_the_next_one_waits_and_knows_the_first(root: Path) -> None:
    async with agentctl.open(root) as hub, agentctl.open(root) as other:
        running, run_id = await hanging(hub, "hang secret-1", session="one")
        waiting = [asyncio.create_task(each.run("demo", "secret-2", session="one")) for each in (hub, other)]
        await asyncio.sleep(0.1)
        assert [turn.run_id for turn in (await turns_of(other, "one"))[1]] == [run_id]

        running.cancel()

        assert sorted([len((await each).output.split()) for each in waiting]) == [2, 2]
        assert [turn.turn for turn in (await turns_of(hub, "one"))[1]] == [1, 2, 3]


async def test_turns_of_one_process_go_in_the_order_in_which_they_came(root: Path) -> None:
    async with agentctl.open(root) as hub:
        running, _ = await hanging(hub, "hang", session="one")
        waiting = []
        for number in range(5):
            waiting.append(asyncio.create_task(hub.run("demo", f"secret-{number}", session="one")))
            await asyncio.sleep(0.02)
        running.cancel()
        await asyncio.gather(*waiting)

        _, turns = await turns_of(hub, "one")
        assert [turn.user for turn in turns] == ["hang", *(f"secret-{number}" for number in range(5))]


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("options", [{"busy": "fail"}, {"wait_s": 0.2}])
async def test_a_run_is_refused_while_another_is_in(root: Path, elsewhere: bool, options: dict[str, object]) -> None:
    async with agentctl.open(root) as hub, agentctl.open(root) as other:
        running, run_id = await hanging(hub, "hang", session="one")
        with pytest.raises(SessionBusy, match=f"session one is busy: its run {run_id} is still running") as refused:
            await (other if elsewhere else hub).run("demo", "secret-2", session="one", **options)  # type: ignore[arg-type]

        assert refused.value.exit_code == 5
        assert [turn.run_id for turn in (await turns_of(hub, "one"))[1]] == [run_id]
        running.cancel()


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_run_that_is_stopped_for_another_has_a_result(root: Path, elsewhere: bool) -> None:
    """Whoever waits for it was not cancelled, and goes on."""
    async with agentctl.open(root) as hub, agentctl.open(root) as other:

        async def first() -> tuple[RunResult, int]:
            result = await hub.run("demo", "hang secret-1", session="one", on_event=lambda _: started.set())
            await asyncio.sleep(0)
            task = asyncio.current_task()
            assert task is not None
            return result, task.cancelling()

        started = asyncio.Event()
        running = asyncio.create_task(first())
        await started.wait()
        second = await (other if elsewhere else hub).run("demo", "secret-2", session="one", busy="cancel", wait_s=10)

        result, cancelling = await running
        assert (result.status, result.exit_code, cancelling) == ("cancelled", 130, 0)
        assert second.output == "secret-1 secret-2"
        assert [turn.status for turn in (await turns_of(hub, "one"))[1]] == ["cancelled", "done"]


async def test_whoever_is_cancelled_beside_a_stopped_run_stays_cancelled(root: Path) -> None:
    async with agentctl.open(root) as hub:
        running, run_id = await hanging(hub, "hang", session="one")
        hub.runtime.running.stop(run_id)
        running.cancel()

        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await turns_of(hub, "one"))[1][0].status == "cancelled"


async def test_nobody_else_is_stopped(root: Path) -> None:
    async with agentctl.open(root) as hub:
        running, _ = await hanging(hub, "hang", session="one")
        await hub.run("demo", "secret-2", session="two", busy="cancel")
        await hub.run("demo", "secret-2", session="two", busy="cancel")

        assert not running.done()
        running.cancel()


async def test_a_run_that_was_stopped_can_be_resumed(root: Path) -> None:
    """The wish to stop it does not outlive the attempt that it was meant for."""
    async with agentctl.open(root) as hub:
        running, run_id = await hanging(hub, "hang", session="one")
        await hub.run("demo", "secret-2", session="one", busy="cancel")
        assert (await running).status == "cancelled"

        again = asyncio.create_task(hub.resume(run_id))
        while not (await hub.store.get_run(run_id)).is_held:
            await asyncio.sleep(0.005)
        await asyncio.sleep(1.2)  # the store's thread looks every second
        assert not again.done()
        again.cancel()


@pytest.mark.slow
def test_a_command_is_stopped_by_another_process(project: Project, root: Path) -> None:
    first = project.start("run", "demo", "hang secret-1", "--session", "one", "--json")
    assert first.stdout is not None
    lines = [first.stdout.readline()]
    while '"agent.started"' not in lines[-1]:
        lines.append(first.stdout.readline())

    second = project.agentctl("run", "demo", "secret-2", "--session", "one", "--busy", "cancel", "--quiet")

    rest, _ = first.communicate(timeout=10)
    assert (first.returncode, second.returncode, second.stdout.strip()) == (130, 0, "secret-1 secret-2")
    last = events("".join(lines) + rest)[-1]
    assert (last["type"], last["status"], last["error"]["code"]) == ("run.finished", "cancelled", "cancelled")


@contextmanager
def refusing(root: Path, trigger: str) -> Iterator[None]:
    """A database that cannot be written, as far as `trigger` goes."""
    with connected(root) as connection:
        connection.exec_driver_sql(
            f"create trigger refuse before {trigger} begin select raise(abort, 'disk I/O error'); end"
        )
        yield
        connection.exec_driver_sql("drop trigger refuse")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("trigger", ["update on runs when new.status = 'done'", "update on runs"])
async def test_a_database_that_went_away_keeps_no_session_busy(root: Path, trigger: str) -> None:
    """The turn shows as killed once the database is back, in a process that lives on."""
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        with refusing(root, trigger), pytest.raises(StoreUnusable):
            await hub.run("demo", "secret-2", session="one")

        assert (await hub.run("demo", "secret-3", session="one", wait_s=5)).output == "secret-1 secret-3"
        _, turns = await turns_of(hub, "one")
        assert [(turn.turn, turn.status) for turn in turns] == [(1, "done"), (2, "killed"), (3, "done")]
        killed = turns[1].run_id
        assert killed is not None
        assert (await hub.resume(killed)).output == "secret-1 secret-2"


async def test_a_turn_that_is_under_way_cannot_be_forked(root: Path) -> None:
    """Nor does a fork of one that was killed hear how it ended."""
    async with agentctl.open(root) as hub:
        await hub.run("demo", "secret-1", session="one")
        running, run_id = await hanging(hub, "hang secret-2", session="one")
        session = await hub.sessions.get("one")
        with pytest.raises(SessionBusy):
            await hub.sessions.fork(session)
        early = await hub.sessions.fork(session, 1)
        running.cancel()
        await asyncio.wait([running])

        assert (await hub.run("demo", "secret-3", session=early.session_id)).output == "secret-1 secret-3"
        fork = await hub.sessions.fork(session)
        assert [turn.status for turn in await hub.sessions.turns(fork)] == ["done", "cancelled"]
        assert (await hub.store.get_run(run_id)).session_id == session.session_id


async def test_a_fork_of_a_killed_turn_stays_as_it_is(root: Path) -> None:
    async with agentctl.open(root) as hub:
        async with agentctl.open(root) as dying:
            failed = await dying.run("demo", "fail secret-1", session="one")
            await dying.store.sessions.reenter(failed.run_id)
        session = await hub.sessions.get("one")
        fork = await hub.sessions.fork(session)
        heal(root, failed.run_id)
        await hub.resume(failed.run_id)

        assert [turn.status for turn in await hub.sessions.turns(fork)] == ["killed"]
        assert [turn.status for turn in await hub.sessions.turns(session)] == ["done"]


async def test_a_resume_that_is_refused_holds_nothing(root: Path) -> None:
    async with agentctl.open(root) as hub:
        failed = await hub.run("demo", "fail", session="one")
        running, _ = await hanging(hub, "hang", session="one")
        with pytest.raises(SessionBusy):
            await hub.resume(failed.run_id)

        assert failed.run_id not in hub.store.holder.runs
        assert not (await hub.store.get_run(failed.run_id)).is_held
        running.cancel()


@pytest.mark.parametrize("steps", range(1, 10))
async def test_a_resume_that_is_cancelled_holds_nothing(root: Path, steps: int) -> None:
    async with agentctl.open(root) as hub:
        failed = await hub.run("demo", "fail secret-1", session="one")
        late = asyncio.create_task(hub.resume(failed.run_id))
        await pause(hub, steps)
        late.cancel()
        await asyncio.gather(late, return_exceptions=True)

        assert hub.store.holder.runs == {}
        assert not (await hub.store.get_run(failed.run_id)).is_held
        assert (await hub.run("demo", "secret-2", session="one", busy="fail")).status == "done"


async def pause(hub: Hub, steps: int) -> None:
    """Let others do so many steps with the store."""
    for _ in range(steps):
        await asyncio.sleep(0)
        await hub.store.list_runs(1)
