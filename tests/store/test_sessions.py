"""What is left of a session, and what is not, when turns are cut, copied or taken back; and how it is found."""

import asyncio
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from agentctl.errors import SessionNotFound, UsageError
from agentctl.store import CallKey, Entry, Journal, RunRow, SessionRow, Store, new_id
from tests.store.conftest import MakeRun

BODIES = {"d1": b"one", "d2": b"two"}


async def talk(
    store: Store, make_run: MakeRun, session: SessionRow, task: str, files: str = "", **ended: object
) -> RunRow:
    """One turn, with what a run leaves behind; it is given the files of these digests."""
    digests = files.split()
    entry = Entry(bodies={each: BODIES[each] for each in digests}, attachments=[{"digest": each} for each in digests])
    begun = await store.sessions.begin(make_run(session_id=session.session_id, task=task), session, entry)
    run_id = begun.run.run_id
    store.put_event({"type": "run.started", "seq": 1, "run_id": run_id, "task": task})
    await (await Journal.open(store, run_id)).put_delta(CallKey("a", "s", 1, 1), {"said": task})
    await store.update_run(run_id, **({"status": "done"} | ended))  # type: ignore[arg-type]
    return begun.run


@pytest.fixture
async def session(store: Store) -> SessionRow:
    row = SessionRow(session_id=new_id(), user_id="u1", workspace="trip", name="one")
    return await store.sessions.create(row)


def fork_of(session: SessionRow, name: str) -> SessionRow:
    return replace(session, session_id=new_id(), name=name)


async def left(store: Store, session: SessionRow) -> Mapping[str, bytes]:
    return await store.sessions.bodies(session.session_id, list(BODIES))


async def test_a_rewind_leaves_nothing_of_the_turns_that_it_cut(
    store: Store, session: SessionRow, make_run: MakeRun
) -> None:
    kept = await talk(store, make_run, session, "kept", "d1")
    cut = await talk(store, make_run, session, "cut", "d1 d2", status="failed", threads={"g": ["g#elsewhere", "c"]})

    assert await store.sessions.rewind(session.session_id, 1) == [cut.run_id]

    assert [row.run_id for row in await store.list_runs()] == [kept.run_id]
    assert (await store.events(cut.run_id), await store.calls(cut.run_id)) == ([], [])
    assert [event["task"] for event in await store.events(kept.run_id)] == ["kept"]
    assert await left(store, session) == {"d1": b"one"}


async def test_a_rewind_leaves_what_a_fork_has(store: Store, session: SessionRow, make_run: MakeRun) -> None:
    run = await talk(store, make_run, session, "both", "d2")
    fork = await store.sessions.fork(session.session_id, 1, fork_of(session, "fork"))

    assert await store.sessions.rewind(session.session_id, 0) == []
    assert [event["task"] for event in await store.events(run.run_id)] == ["both"]
    assert (await left(store, session), await left(store, fork)) == ({}, {"d2": b"two"})

    await store.sessions.rewind(fork.session_id, 0)
    assert (await store.list_runs(), await left(store, fork)) == ([], {})


async def test_a_rewind_gives_the_threads_of_agents_that_were_cut_short(
    store: Store, session: SessionRow, make_run: MakeRun
) -> None:
    old, new = f"old#{session.session_id}", f"new#{session.session_id}"
    await talk(store, make_run, session, "kept", threads={"old": [old, "c1"]})
    begun = await store.sessions.begin(make_run(session_id=session.session_id), session)
    journal = await Journal.open(store, begun.run.run_id)
    for role in ("old", "new"):
        with pytest.raises(OSError, match="gone"):
            await journal.call(CallKey(role, "s", 1, 1), "graph", role, {}, gone)
    await store.update_run(begun.run.run_id, status="failed")
    fork = await store.sessions.fork(session.session_id, 2, fork_of(session, "fork"))

    assert await store.sessions.rewind(session.session_id, 1) == []
    assert set(await store.sessions.rewind(fork.session_id, 1)) == {begun.run.run_id, new}


async def gone() -> None:
    raise OSError("gone")


async def test_a_fork_has_the_files_of_its_turns_only(store: Store, session: SessionRow, make_run: MakeRun) -> None:
    await talk(store, make_run, session, "first", "d1")
    await talk(store, make_run, session, "second", "d2")

    fork = await store.sessions.fork(session.session_id, 1, fork_of(session, "fork"))

    assert await left(store, fork) == {"d1": b"one"}


async def test_a_change_that_was_decided_on_an_old_view_is_refused(
    store: Store, session: SessionRow, make_run: MakeRun
) -> None:
    for number in range(3):
        await talk(store, make_run, session, str(number))
    await store.sessions.rewind(session.session_id, 2, expected_turns=3)

    for last, expected in ((1, 3), (3, None)):
        with pytest.raises(UsageError, match="the session has 2 turns now"):
            await store.sessions.rewind(session.session_id, last, expected)
    with pytest.raises(UsageError):
        await store.sessions.fork(session.session_id, 3, fork_of(session, "fork"))
    assert len(await store.sessions.turns(session.session_id)) == 2

    await store.sessions.delete([session.session_id])
    with pytest.raises(SessionNotFound):
        await store.sessions.rewind(session.session_id, 0)
    with pytest.raises(SessionNotFound):
        await store.sessions.fork(session.session_id, 0, fork_of(session, "fork"))


async def test_a_run_that_is_taken_back_leaves_no_session_that_began_with_it(store: Store, make_run: MakeRun) -> None:
    unnamed = SessionRow(session_id=new_id(), user_id="u1", workspace="trip")
    made = await store.sessions.create(replace(unnamed, session_id=new_id(), created_at="2020-01-01T00:00:00.000Z"))
    named = replace(unnamed, session_id=new_id(), name="named")
    for session in (unnamed, made, named):
        entry = Entry(bodies=BODIES, attachments=[{"digest": "d1"}])
        begun = await store.sessions.begin(make_run(session_id=session.session_id), session, entry)
        await store.sessions.abandon(begun.run.run_id)

    rows = await store.sessions.newest("u1")
    assert {row.session_id for row in rows} == {made.session_id, named.session_id}
    assert [await left(store, row) for row in rows] == [{}, {}]
    assert (await store.list_runs(), [row.turns for row in rows]) == ([], [0, 0])


async def test_false_hits_do_not_take_the_place_of_real_ones(
    store: Store, session: SessionRow, make_run: MakeRun
) -> None:
    await talk(store, make_run, session, "snb \x00 is it")
    await talk(store, make_run, session, "ask", result={"output": "ΣNBÄ \ud800"})
    for _ in range(5):
        await talk(store, make_run, session, "a\nb")

    assert [turn.turn for turn in await store.sessions.search("u1", "NB", limit=3)] == [2, 1]
    assert [turn.turn for turn in await store.sessions.search("u1", "σnbä")] == [2]
    assert len(await store.sessions.search("u1", "a\nb", limit=3)) == 3
    assert await store.sessions.search("u1", "none") == []


async def test_tags_and_metadata_are_compared_whole(store: Store) -> None:
    given = {
        "quoted": (['a"b'], {'k"x': 'v"w'}),
        "listed": (['x,"b",y', '["b"'], {"a": ',"k":"v"', "z": '{"k":"v"'}),
        "upper": (["B"], {"K": "v"}),
        "right": (["a", "b"], {"j": "u", "k": "v"}),
    }
    for name, (tags, metadata) in given.items():
        row = SessionRow(session_id=new_id(), user_id="u1", workspace="trip", name=name, tags=tags, metadata=metadata)
        await store.sessions.create(row)

    assert [row.name for row in await store.sessions.newest("u1", tags=["b"])] == ["right"]
    assert [row.name for row in await store.sessions.newest("u1", metadata={"k": "v"})] == ["right"]
    for name, (tags, metadata) in given.items():
        assert [row.name for row in await store.sessions.newest("u1", tags=tags, metadata=metadata)] == [name]


async def test_where_memories_stand_is_found_without_reading_every_turn(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await store.flush()
    query = "SELECT threads FROM turns WHERE session_id = 's' AND turn < 9 AND threads IS NOT NULL ORDER BY turn DESC"

    def plan() -> str:
        with sqlite3.connect(tmp_path / ".agentctl" / "state.db") as connection:
            return str(connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall())

    assert "ix_turns_threads" in await asyncio.to_thread(plan)
