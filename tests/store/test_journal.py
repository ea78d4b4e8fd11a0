import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from agentctl.errors import JournalMismatch, ModelFailed, StoreUnusable, UnknownOutcome
from agentctl.store import CallKey, Journal, Store
from tests.store.conftest import OpenStore

KEY = CallKey("critic", "proposal", 1, 1, 1)
ARGUMENTS = {"city": "Lisbon", "days": 5}


class Calls:
    """Counts the calls that were really made."""

    def __init__(self) -> None:
        self.made = 0

    def returning(self, value: object) -> Callable[[], Awaitable[object]]:
        async def perform() -> object:
            self.made += 1
            if isinstance(value, BaseException):
                raise value
            return value

        return perform


async def reopened(store: Store) -> Journal:
    return await Journal.open(store, "run1", resumed=True)


async def test_a_finished_call_is_answered_from_the_journal(store: Store) -> None:
    calls, journal = Calls(), await Journal.open(store, "run1")
    answer = {"text": "🗺️ \ud800", "scores": [0.1, None, True]}

    assert await journal.call(KEY, "tool", "find", ARGUMENTS, calls.returning(answer)) == (answer, False)
    assert await journal.call(KEY, "tool", "find", ARGUMENTS, calls.returning(0)) == (answer, True)
    assert await (await reopened(store)).call(KEY, "tool", "find", ARGUMENTS, calls.returning(0)) == (answer, True)
    assert calls.made == 1


async def test_the_order_of_arguments_makes_no_other_call(store: Store) -> None:
    journal = await Journal.open(store, "run1")
    await journal.call(KEY, "tool", "find", {"a": 1, "b": 2}, Calls().returning(1))

    assert await journal.call(KEY, "tool", "find", {"b": 2, "a": 1}, Calls().returning(2)) == (1, True)


@pytest.mark.parametrize(("name", "arguments"), [("find", {"city": "Porto"}), ("book", ARGUMENTS)])
async def test_another_call_in_its_place_is_an_error(store: Store, name: str, arguments: object) -> None:
    calls, journal = Calls(), await Journal.open(store, "run1")
    await journal.call(KEY, "tool", "find", ARGUMENTS, calls.returning(1))

    with pytest.raises(JournalMismatch, match=rf"'critic' made another call 1 \({name}\)"):
        await (await reopened(store)).call(KEY, "tool", name, arguments, calls.returning(2))
    assert calls.made == 1


async def interrupt(journal: Journal, kind: str) -> None:
    """Leave a call that has started and has no result."""
    started = asyncio.Event()

    async def perform() -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.ensure_future(journal.call(KEY, kind, "find", ARGUMENTS, perform))  # type: ignore[arg-type]
    await started.wait()
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize("kind", ["model", "graph"])
async def test_an_interrupted_model_is_asked_again(store: Store, kind: str) -> None:
    await interrupt(await Journal.open(store, "run1"), kind)

    journal = await reopened(store)
    assert await journal.call(KEY, kind, "find", ARGUMENTS, Calls().returning(1)) == (1, False)  # type: ignore[arg-type]
    assert await (await reopened(store)).call(KEY, kind, "find", ARGUMENTS, Calls().returning(2)) == (1, True)  # type: ignore[arg-type]


async def test_an_interrupted_tool_is_not_called_again(store: Store) -> None:
    calls, journal = Calls(), await Journal.open(store, "run1")
    await interrupt(journal, "tool")

    for each in (journal, await reopened(store)):
        with pytest.raises(UnknownOutcome, match="'critic' had called 'find'"):
            await each.call(KEY, "tool", "find", ARGUMENTS, calls.returning(1))
    assert calls.made == 0


async def test_a_failed_call_is_made_again(open_store: OpenStore) -> None:
    async with open_store(mask=lambda text: text.replace("sekret", "***")) as store:
        failure = ModelFailed("m", "bad key sekret", code="model-auth")
        with pytest.raises(ModelFailed):
            await (await Journal.open(store, "run1")).call(KEY, "tool", "t", 1, Calls().returning(failure))
        rows = await store.calls("run1")
        assert (rows[0]["status"], rows[0]["error"]) == (
            "failed",
            "ModelFailed: model 'm' failed: bad key *** after 1 attempt",
        )

        again = await (await reopened(store)).call(KEY, "tool", "t", 1, Calls().returning(1))

        assert again == (1, False)
        rows = await store.calls("run1")
        assert (rows[0]["status"], rows[0]["error"]) == ("done", None)


async def test_nothing_is_called_that_cannot_be_written_down(tmp_path: Path) -> None:
    (tmp_path / ".agentctl").write_text("no folder")
    calls = Calls()
    async with Store(tmp_path) as store:
        journal = await Journal.open(store, "run1")
        with pytest.raises(StoreUnusable):
            await journal.call(KEY, "tool", "t", 1, calls.returning(1))

    assert calls.made == 0


async def test_a_start_is_on_disk_before_the_call(store: Store, open_store: OpenStore) -> None:
    async def perform() -> list[object]:
        async with open_store() as other:
            return [row["status"] for row in await other.calls("run1")]

    journal = await Journal.open(store, "run1")

    assert await journal.call(KEY, "tool", "t", 1, perform) == (["started"], False)


async def test_it_is_known_beforehand_what_will_be_answered(store: Store) -> None:
    journal = await Journal.open(store, "run1")
    assert not journal.has_result(KEY)
    await interrupt(journal, "model")
    assert not (await reopened(store)).has_result(KEY)

    await journal.call(KEY, "model", "find", ARGUMENTS, Calls().returning(1))

    assert journal.has_result(KEY)
    assert (await reopened(store)).has_result(KEY)


async def test_a_delta_is_kept_beside_the_calls(store: Store) -> None:
    journal = await Journal.open(store, "run1")
    first = CallKey("critic", "proposal", 1, 1)
    assert await journal.find_delta(first) is None

    await journal.call(first, "model", "m", {}, Calls().returning(1))
    await journal.put_delta(first, {"history": [{"text": "x"}]})

    journal = await reopened(store)
    assert await journal.find_delta(first) == {"history": [{"text": "x"}]}
    assert await journal.find_delta(CallKey("critic", "proposal", 1, 2)) is None


async def test_the_first_delta_of_an_execution_stays(store: Store) -> None:
    journal = await Journal.open(store, "run1")
    await journal.put_delta(KEY, {"n": 1})
    await journal.put_delta(KEY, {"n": 2})

    assert await (await reopened(store)).find_delta(KEY) == {"n": 1}


async def test_a_caller_cancelled_before_the_commit_has_made_its_call(store: Store) -> None:
    """The result is on its way to the disk; a retry in this process must find it, not call again."""
    calls, journal = Calls(), await Journal.open(store, "run1")
    task: asyncio.Task[object]

    async def perform() -> str:
        asyncio.get_running_loop().call_soon(task.cancel)
        return await calls.returning("paid")()  # type: ignore[return-value]

    task = asyncio.ensure_future(journal.call(KEY, "tool", "pay", 1, perform))
    await asyncio.wait([task])
    assert task.cancelled()

    assert await journal.call(KEY, "tool", "pay", 1, calls.returning("again")) == ("paid", True)
    assert calls.made == 1


class JournalMachine(RuleBasedStateMachine):
    """Calls, failures, interruptions and re-openings in any order: what finished is never made again."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.finished: dict[int, int] = {}
        self.made = 0

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.open()

    def open(self) -> None:
        self.store = Store(Path(self.folder.name))
        self.journal = self.runner.run(Journal.open(self.store, "run1", resumed=True))

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.store.close())
        self.open()

    @rule(ordinal=st.integers(0, 3), outcome=st.sampled_from(["return", "raise", "cancel"]))
    def call(self, ordinal: int, outcome: str) -> None:
        async def perform() -> int:
            self.made += 1
            if outcome == "raise":
                raise OSError("no")
            if outcome == "cancel":
                raise asyncio.CancelledError
            return self.made

        async def attempt() -> tuple[int, bool] | None:
            try:
                return await self.journal.call(CallKey("a", "s", 1, 1, ordinal), "model", "m", ordinal, perform)
            except (OSError, asyncio.CancelledError):
                return None

        before = self.made
        got = self.runner.run(attempt())

        if ordinal in self.finished:
            assert (got, self.made) == ((self.finished[ordinal], True), before)
        else:
            assert self.made == before + 1
            if got is not None:
                assert got == (self.made, False)
                self.finished[ordinal] = got[0]

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.runner.run(self.store.close())
            self.folder.cleanup()
        self.runner.close()


TestJournalMachine = pytest.mark.slow(JournalMachine.TestCase)
TestJournalMachine.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
