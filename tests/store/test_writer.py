"""How ops share a transaction: what one refuses, and how long one waits for another."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from agentctl.errors import LeaseLost, NameTaken, StoreUnusable, UsageError
from agentctl.events import Event, EventBus
from agentctl.runtime.outbox import Outbox
from agentctl.store import CallKey, Journal, SessionRow, Store, new_id
from agentctl.store.database import Database
from agentctl.store.holder import Holder
from agentctl.store.writer import Op, Writer
from tests.store.conftest import MakeRun, OpenStore

KEY = CallKey("a", "s", 1, 1)


def session(name: str) -> SessionRow:
    return SessionRow(session_id=new_id(), user_id="u1", workspace="trip", name=name, created_at="t", updated_at="t")


async def test_what_one_op_refuses_is_undone_alone_and_nothing_is_done_twice(tmp_path: Path, url: str | None) -> None:
    applied: Counter[str] = Counter()

    def op(name: str, refusal: Exception | None = None) -> Op:
        def apply(db: Database, _: Sequence[object]) -> str:
            applied[name] += 1
            db.sessions.insert(session(name))
            if refusal is not None:
                raise refusal
            return name

        return Op(apply, waiter=asyncio.get_running_loop().create_future())

    writer = Writer(tmp_path, url, Holder())
    ops = [op("first"), op("refused", UsageError("no")), op("last")]
    # The first of them opens the database, so that the others are one batch.
    for each in [Op(lambda db, _: None), *ops]:
        writer.put(each)
    told = await asyncio.gather(*(each.waiter for each in ops if each.waiter), return_exceptions=True)
    writer.close()

    assert [str(each) for each in told] == ["first", "no", "last"]
    assert applied == {"first": 1, "refused": 1, "last": 1}
    async with Store(tmp_path, url=url) as store:
        assert {row.name for row in await store.sessions.newest("u1")} == {"first", "last"}


@pytest.mark.slow
async def test_the_lease_is_renewed_between_many_ops(open_store: OpenStore, make_run: MakeRun) -> None:
    async with open_store(lease_s=2.0) as store, open_store() as other:
        row = await store.create_run(make_run())
        work = [asyncio.ensure_future(store.sessions._write(lambda db: time.sleep(0.005))) for _ in range(900)]
        await asyncio.sleep(0)
        seen = []
        while not work[-1].done():
            await asyncio.sleep(0.3)
            seen.append((await other.get_run(row.run_id)).is_held)

    assert len(seen) > 5
    assert all(seen)


async def test_what_was_committed_before_closing_is_not_called_lost(open_store: OpenStore) -> None:
    for number in range(20):
        store = open_store()
        await store.flush()
        task = asyncio.ensure_future(store.sessions.create(session(f"s{number}")))
        await asyncio.sleep(0)
        await store.close()

        assert (await task).name == f"s{number}"


async def test_an_earlier_claim_of_the_same_store_writes_nothing_more(open_store: OpenStore, make_run: MakeRun) -> None:
    """As an agent that clings to its run, while the same process has resumed that."""
    shown: list[Event] = []

    class Sink:
        def on_event(self, event: Event) -> None:
            shown.append(event)

        def close(self) -> None:
            pass

    async with open_store(lease_s=0.0) as store:  # anybody may claim at once
        row = await store.create_run(make_run())
        head = {"workspace": "trip", "session_id": row.session_id, "run_id": row.run_id}
        journal, outbox = await Journal.open(store, row.run_id), Outbox(store, EventBus([Sink()]), head)
        again, _ = await store.sessions.reenter(row.run_id)
        assert (row.lease, again.run.lease) == (1, 2)

        for late in (journal.put_delta(KEY, {"late": 1}), store.update_run(row.run_id, fence=1, status="failed")):
            with pytest.raises(LeaseLost):
                await late
        outbox.tell("run.started", {"task": "late"})
        outbox.tell("token", {"agent": "a", "text": "late"})
        await store.let_go(row.run_id, 1)
        await store.flush()

        assert (await store.events(row.run_id), await store.calls(row.run_id), shown) == ([], [], [])
        assert store.holder.runs == {row.run_id: 2}
        await (await Journal.open(store, row.run_id)).put_delta(KEY, {"mine": 1})
        await store.update_run(row.run_id, fence=2, status="done")
        assert (await store.get_run(row.run_id)).status == "done"


async def test_what_a_run_that_was_taken_put_is_no_failure_of_closing(open_store: OpenStore, make_run: MakeRun) -> None:
    async with open_store(lease_s=0.0) as store, open_store() as other:
        row = await store.create_run(make_run())
        await other.sessions.reenter(row.run_id)
        store.put_event({"type": "warning", "seq": 1, "run_id": row.run_id})

    async with open_store() as store:
        assert await store.events(row.run_id) == []


async def test_a_project_may_be_called_anything(tmp_path: Path, make_run: MakeRun) -> None:
    for name in ("what?", "a?timeout=abc", "50%41", "a#b", "a b"):
        root = tmp_path / name
        async with Store(root) as store:
            row = await store.create_run(make_run())
            assert await store.get_run(row.run_id) == row
        assert (root / ".agentctl" / "state.db").stat().st_size


async def test_a_project_that_cannot_be_opened_for_any_reason_is_one_error(make_run: MakeRun) -> None:
    async with Store(Path("/nul\0")) as store:
        with pytest.raises(StoreUnusable, match="it cannot be used"):
            await store.create_run(make_run())


async def test_a_name_that_is_taken_is_said_to_one_of_many(store: Store) -> None:
    rows = [session(f"s{number % 30}") for number in range(60)]

    done = await asyncio.gather(*(store.sessions.create(row) for row in rows), return_exceptions=True)

    assert Counter(type(each) for each in done) == {SessionRow: 30, NameTaken: 30}
