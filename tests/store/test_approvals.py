"""What people are asked: rows that outlive processes, decided once, for one call."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentctl.errors import ApprovalNotFound, LeaseLost, RunNotFound, SessionBusy, UsageError
from agentctl.store import Approval, Decision, Journal, RunRow, SessionRow, Store, new_id
from agentctl.store.database import Database
from agentctl.store.row import CallKey
from tests.store.conftest import MakeRun, OpenStore

LONG_AGO = "2026-01-01T00:00:00.000Z"
YES, NO = Decision(approve=True), Decision(approve=False, reason="too dear")


def wanted(run: RunRow, id_: str = "abcdef0123456789", **values: Any) -> Approval:
    facts = {
        "run_id": run.run_id, "session_id": run.session_id, "user_id": run.user_id, "workspace": run.workspace,
        "agent": "booker", "stage": "book", "round": 1, "kind": "call", "tool": "book_trip",
        "args": {"to": "Rome \x00 \ud800", "days": 3}, "digest": "d1", "why": "it books \x00", "id": id_,
    }  # fmt: skip
    return Approval(**(facts | values))


async def age(store: Store, id_: str, **values: object) -> None:
    await store._change(lambda db: db.approvals.update(id_, values))


async def in_session(store: Store, make_run: MakeRun, name: str = "one", user: str = "u1") -> RunRow:
    """A run in a session of its own that waits."""
    row = make_run(session_id=new_id(), user_id=user)
    session = SessionRow(session_id=row.session_id, user_id=user, workspace="trip", name=name)
    begun = await store.sessions.begin(row, await store.sessions.create(session))
    return begun.run


async def test_what_is_wanted_comes_back_as_it_was(store: Store, open_store: OpenStore, make_run: MakeRun) -> None:
    run = await store.create_run(make_run(tools=["search"]))
    first, second = wanted(run), wanted(run, "bcdef01234567890", kind="graph", args=None)

    stored = await store.approvals.request([second, first], 60)

    assert [row.id for row in stored] == [second.id, first.id]
    assert replace(stored[1], requested_at="", expires_at="") == first
    assert stored[0].requested_at < stored[0].expires_at
    async with open_store() as other:
        assert sorted(await other.approvals.of_run(run.run_id), key=lambda row: row.id) == stored[::-1]
        assert (await other.get_run(run.run_id)).tools == ["search"]
    assert await store.approvals.request([], 60) == []
    assert await store.approvals.of_run("nothing") == []


async def test_a_decision_is_made_once(store: Store, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    [stored] = await store.approvals.request([wanted(run)], 60)
    edited = Decision(approve=True, reason="fewer", args={"to": "Rome", "days": 2})

    decided = await store.approvals.decide("ABCDEF", edited, user="u1")

    assert (decided.status, decided.decided_by, decided.reason) == ("approved", "u1", "fewer")
    assert decided.edited == {"to": "Rome", "days": 2}
    assert decided.args == stored.args
    assert decided.decided_at is not None
    with pytest.raises(UsageError, match=rf"was approved by u1 at {decided.decided_at}"):
        await store.approvals.decide(stored.id, NO, user="u1")
    assert await store.approvals.request([wanted(run)], 60) == [decided]
    assert await store.approvals.of_run(run.run_id) == [decided]


async def test_of_two_that_decide_at_once_one_is_told(store: Store, open_store: OpenStore, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    await store.approvals.request([wanted(run)], 60)
    async with open_store() as other:
        said = await asyncio.gather(
            *(each.approvals.decide("abcdef", what, user=None) for each, what in ((store, YES), (other, NO))),
            return_exceptions=True,
        )
    kept = [each for each in said if isinstance(each, Approval)]
    assert [type(each) for each in said if each not in kept] == [UsageError]
    assert await store.approvals.of_run(run.run_id) == kept


@pytest.mark.parametrize("answer", [True, False, 0, "later", [1], {"a": None}])
async def test_a_graph_may_be_answered_with_any_json(store: Store, make_run: MakeRun, answer: object) -> None:
    run = await store.create_run(make_run())
    await store.approvals.request([wanted(run, kind="graph")], 60)
    await store.approvals.decide("abcdef", Decision(approve=True, args=answer), user=None)

    [row] = await store.approvals.of_run(run.run_id)

    assert row.edited == answer
    assert type(row.edited) is type(answer)
    assert row.decided_by == "u1"  # whose run it is, where nobody is named


@pytest.mark.parametrize(
    ("kind", "decision", "message"),
    [
        ("call", Decision(approve=True, args=[1]), "arguments of a call must be a JSON object"),
        ("unknown", Decision(approve=True, args="x"), "arguments of a call must be a JSON object"),
        ("question", Decision(approve=True, args=False), "answer to a question must be a JSON object"),
        ("unknown", Decision(approve=True, always=True), "once for all"),
        ("call", Decision(approve=True, always=True, args={}), "once for all"),
        ("call", Decision(approve=False, always=True), "once for all"),
    ],
)
async def test_what_can_be_no_decision_leaves_it_undecided(
    store: Store, make_run: MakeRun, kind: Any, decision: Decision, message: str
) -> None:
    run = await store.create_run(make_run())
    stored = await store.approvals.request([wanted(run, kind=kind)], 60)

    with pytest.raises(UsageError, match=message):
        await store.approvals.decide("abcdef", decision, user="u1")

    assert await store.approvals.of_run(run.run_id) == stored


async def test_an_approval_is_named_by_the_beginning_of_its_id(store: Store, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    await store.approvals.request([wanted(run, "abcdef0000000000"), wanted(run, "abcdef0000000001")], 60)
    await store.approvals.request([wanted(run, "fedcba0000000000", user_id="u2")], 60)

    with pytest.raises(UsageError, match="several approvals begin with 'abcdef': abcdef0000000000, abcdef0000000001"):
        await store.approvals.decide("abcdef", YES, user="u1")
    with pytest.raises(ApprovalNotFound, match="did you mean 'abcdef0000000001'"):
        await store.approvals.decide("abcdef000000001", YES, user="u1")
    for short, message in {"": "too short", "abcde": "too short", "%%%%%%": "no approval", "______": "no app"}.items():
        with pytest.raises(ApprovalNotFound, match=message):
            await store.approvals.decide(short, YES, user=None)
    with pytest.raises(ApprovalNotFound, match="approval 'fedcba' is not u1's") as refused:
        await store.approvals.decide("fedcba", YES, user="u1")
    assert refused.value.exit_code == 2
    assert (await store.approvals.decide("fedcba", YES, user="u2")).status == "approved"
    assert (await store.approvals.find("abcdef0000000001", user="u1")).status == "pending"


async def test_what_nobody_decides_in_time_has_expired(store: Store, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    [row] = await store.approvals.request([wanted(run)], 0)

    assert row.status == "expired"
    assert [each.status for each in await store.approvals.of_run(run.run_id)] == ["expired"]
    assert await store.approvals.list(user="u1") == []
    with pytest.raises(UsageError, match="has expired"):
        await store.approvals.decide(row.id, YES, user="u1")
    [again] = await store.approvals.request([wanted(run)], 60)
    assert again == row  # a resume gives nobody more time


async def test_what_nobody_waits_for_is_void_until_it_is_wanted_again(store: Store, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    ids = [f"{number}" * 16 for number in range(4)]
    await store.approvals.request([wanted(run, id_) for id_ in ids], 60)
    await store.approvals.decide(ids[0], YES, user=None)

    await store.approvals.withdraw(run.run_id, [ids[1]])

    rows = {row.id: row.status for row in await store.approvals.of_run(run.run_id)}
    assert list(rows.values()) == ["approved", "pending", "void", "void"]
    with pytest.raises(UsageError, match="nobody waits"):
        await store.approvals.decide(ids[2], YES, user=None)
    await age(store, ids[2], expires_at=LONG_AGO)
    [again] = await store.approvals.request([wanted(run, ids[2])], 60)
    assert (again.status, again.expires_at > LONG_AGO) == ("pending", True)
    await store.approvals.withdraw(run.run_id, [])
    assert {row.status for row in await store.approvals.of_run(run.run_id)} == {"approved", "void"}


async def test_a_list_says_what_can_be_decided(store: Store, make_run: MakeRun) -> None:
    mine, theirs = await store.create_run(make_run()), await store.create_run(make_run(user_id="u2"))
    ids = [f"{number}" * 16 for number in range(4)]
    await store.approvals.request([wanted(mine, ids[0])], 60)
    await store.approvals.request([wanted(theirs, ids[1])], 60)
    await store.approvals.request([wanted(mine, ids[2])], 0)
    await store.approvals.request([wanted(mine, ids[3])], 60)
    await store.approvals.decide(ids[3], NO, user=None)

    async def listed(**options: Any) -> list[str]:
        return [row.id[0] for row in await store.approvals.list(**options)]

    assert await listed(user=None) == ["0", "1"]
    assert await listed(user="u1") == ["0"]
    assert await listed(user="u1", undecided=False) == ["0", "2", "3"]
    assert await listed(user=None, run_id=theirs.run_id) == ["1"]
    assert await listed(user="u1", run_id=theirs.run_id) == []


async def test_once_for_all_means_one_call_in_one_session(store: Store, make_run: MakeRun) -> None:
    run = await store.create_run(make_run())
    await store.approvals.request([wanted(run), wanted(run, "b" * 16, digest="d2")], 60)
    assert not await store.approvals.is_always("s1", "d1")

    await store.approvals.decide("abcdef", Decision(approve=True, always=True), user=None)
    await store.approvals.decide("bbbbbb", YES, user=None)

    asked = [("s1", "d1"), ("s1", "d2"), ("s2", "d1")]
    assert [await store.approvals.is_always(*each) for each in asked] == [True, False, False]


async def test_who_has_lost_the_run_wants_nothing(store: Store, open_store: OpenStore, make_run: MakeRun) -> None:
    async with open_store() as first:
        run = await in_session(first, make_run)
        await first.let_go(run.run_id)
        first.holder.runs[run.run_id] = run.lease
        await store.sessions.reenter(run.run_id)

        with pytest.raises(LeaseLost):
            await first.approvals.request([wanted(run)], 60)
    assert await store.approvals.of_run(run.run_id) == []


async def test_a_waiting_run_keeps_its_session_until_nobody_can_decide(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    ids = ["a" * 16, "b" * 16]
    await store.approvals.request([wanted(run, id_) for id_ in ids], 60)
    await store.update_run(run.run_id, status="waiting")
    session = (await store.sessions.of_ids([run.session_id]))[run.session_id]

    async def let_in() -> None:
        await store.sessions.begin(make_run(session_id=run.session_id), session)

    with pytest.raises(SessionBusy, match="session one waits for approvals aaaaaaaa: book_trip, bbbb") as busy:
        await let_in()
    assert busy.value.hint.startswith(f"go on with `agentctl approvals approve {ids[0]}` or `deny`, then")
    assert busy.value.hint.endswith("; `--busy cancel` drops it")
    assert busy.value.is_waiting

    await age(store, ids[0], expires_at=LONG_AGO)
    with pytest.raises(SessionBusy, match=r"waits for approval bbbbbbbb: book_trip$"):
        await let_in()
    assert await store.sessions.expire(-1) == ([], [])

    await age(store, ids[1], expires_at=LONG_AGO)
    await let_in()
    assert (await store.sessions.turns(run.session_id))[-1].turn == 2


async def test_a_run_that_has_its_decision_keeps_its_session(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run), wanted(run, "b" * 16)], 60)
    await store.update_run(run.run_id, status="waiting")
    await store.approvals.decide("abcdef", YES, user=None)
    await age(store, "b" * 16, expires_at=LONG_AGO)

    session = (await store.sessions.of_ids([run.session_id]))[run.session_id]
    with pytest.raises(SessionBusy, match="waits to be resumed") as busy:
        await store.sessions.begin(make_run(session_id=run.session_id), session)
    assert busy.value.hint.startswith(f"go on with `agentctl resume {run.run_id}`;")


async def test_a_run_that_waits_is_dropped_for_another_one(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 60)
    await store.update_run(run.run_id, status="waiting", result={"status": "waiting", "output": "half"})
    assert await store.sessions.waiting(run.session_id) == run.run_id

    assert await store.sessions.cancel(run.session_id) is None

    assert await store.sessions.waiting(run.session_id) is None
    row = await store.get_run(run.run_id)
    assert row.status == "cancelled"
    assert row.result is not None
    assert (row.result["status"], row.result["error"]["code"]) == ("cancelled", "cancelled")  # type: ignore[index]
    [turn] = await store.sessions.turns(run.session_id)
    assert (turn.status, turn.answer) == ("cancelled", "half")
    [asked] = await store.approvals.of_run(run.run_id)
    assert asked.status == "void"
    again, _ = await store.sessions.reenter(run.run_id)
    assert again.run.status == "running"


@pytest.mark.parametrize("how", ["delete", "rewind"])
async def test_a_run_that_waits_goes_with_its_turn(store: Store, make_run: MakeRun, how: str) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 60)
    await store.update_run(run.run_id, status="waiting")

    gone = store.sessions.delete([run.session_id]) if how == "delete" else store.sessions.rewind(run.session_id, 0)
    assert run.run_id in await gone

    assert await store.approvals.of_run(run.run_id) == []
    with pytest.raises(RunNotFound):
        await store.sessions.reenter(run.run_id)


async def test_a_fork_of_a_session_that_waits_does_not_wait(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 60)
    await store.update_run(run.run_id, status="waiting")
    fork = SessionRow(session_id=new_id(), user_id="u1", workspace="trip", name="fork")

    fork = await store.sessions.fork(run.session_id, 1, fork)

    assert [turn.status for turn in await store.sessions.turns(fork.session_id)] == ["killed"]
    await store.sessions.begin(make_run(session_id=fork.session_id), fork)
    assert await store.sessions.waiting(run.session_id) == run.run_id
    assert [row.status for row in await store.approvals.of_run(run.run_id)] == ["pending"]


async def test_a_session_in_which_a_run_waited_in_vain_expires(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 0)
    await store.update_run(run.run_id, status="waiting")

    assert len((await store.sessions.expire(-1))[0]) == 1
    assert await store.approvals.of_run(run.run_id) == []


async def test_what_was_decided_before_it_waits_keeps_nobody_out(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 60)
    await store.approvals.decide("abcdef", YES, user=None)
    await asyncio.sleep(0.01)
    await store.approvals.request([wanted(run, "b" * 16)], 0)
    await store.update_run(run.run_id, status="waiting")

    assert len((await store.sessions.expire(-1))[0]) == 1


async def test_what_expired_stays_denied_when_the_run_ends(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 0)
    await store.approvals.withdraw(run.run_id, [])

    assert [row.status for row in await store.approvals.of_run(run.run_id)] == ["expired"]


@pytest.mark.parametrize("forget", ["delete", "rewind"])
async def test_approvals_go_with_their_run(store: Store, make_run: MakeRun, forget: str) -> None:
    gone, stays = [await in_session(store, make_run, name) for name in ("gone", "stays")]
    for number, run in enumerate((gone, stays)):
        await store.approvals.request([wanted(run, f"{number}" * 16)], 60)
        await store.approvals.decide(f"{number}" * 16, Decision(approve=True, always=True), user=None)
        await store.update_run(run.run_id, status="failed")

    if forget == "delete":
        await store.sessions.delete([gone.session_id])
    else:
        await store.sessions.rewind(gone.session_id, 0)

    assert [row.run_id for row in await store.approvals.list(user=None, undecided=False)] == [stays.run_id]


async def test_the_journal_of_a_waiting_run_is_kept_while_somebody_may_decide(store: Store, make_run: MakeRun) -> None:
    async def perform() -> int:
        return 1

    old = {"pending": {}, "decided": {}, "decided long ago": {}, "expired": {}, "one of two": {}}
    runs = {}
    for number, kind in enumerate(old):
        runs[kind] = run = await store.create_run(make_run())
        await (await Journal.open(store, run.run_id)).call(CallKey("a", "s", 1, 1), "model", "m", {}, perform)
        first, second = await store.approvals.request([wanted(run, f"{number}{side}" * 8) for side in "ab"], 60)
        await age(store, second.id, expires_at=LONG_AGO)
        if kind in ("expired", "decided", "decided long ago"):
            await age(store, first.id, expires_at=LONG_AGO)
        if kind.startswith("decided"):
            at = {"decided_at": LONG_AGO} if "ago" in kind else {"decided_at": "2099-01-01T00:00:00.000Z"}
            await age(store, first.id, status="approved", always=True, **at)
        await store.update_run(run.run_id, status="waiting")
        await store._change(lambda db, run=run: db.runs.update(run.run_id, {"updated_at": LONG_AGO}))

    expired = await store.prune(days=7)

    assert {kind for kind, run in runs.items() if run.run_id in expired} == {"expired", "decided long ago"}
    assert await store.approvals.of_run(runs["expired"].run_id) == []
    assert await store.approvals.is_always("s1", "d1")  # that is the session's, and outlives a journal
    assert {kind for kind, run in runs.items() if not await store.calls(run.run_id)} == {"expired", "decided long ago"}


async def test_a_waiting_run_without_a_journal_keeps_nobody_out(store: Store, make_run: MakeRun) -> None:
    run = await in_session(store, make_run)
    await store.approvals.request([wanted(run)], 60)
    await store.approvals.decide("abcdef", Decision(approve=True, always=True), user=None)
    await store.update_run(run.run_id, status="waiting")
    await age(store, "abcdef0123456789", decided_at=LONG_AGO)
    await store._change(lambda db: db.runs.update(run.run_id, {"updated_at": LONG_AGO}))

    assert await store.prune(days=7) == [run.run_id]
    await store.sessions.delete([run.session_id])


async def test_an_approval_of_no_run_is_a_contradiction(
    store: Store, make_run: MakeRun, tmp_path: Path, url: str | None
) -> None:
    run = await store.create_run(make_run())
    await store.approvals.request([wanted(run)], 60)
    await store._change(lambda db: db.runs.drop(run.run_id))

    database = await asyncio.to_thread(Database.open, tmp_path, url)
    assert await asyncio.to_thread(database.contradictions) == [f"1 approvals of no run, as of {run.run_id}"]
    await asyncio.to_thread(database.close)
