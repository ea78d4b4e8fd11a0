"""Nothing is shown before it is kept, and no number that was shown is used again."""

from pathlib import Path

import pytest

from agentctl.events import Event, EventBus
from agentctl.runtime.outbox import BLOCK, Outbox
from agentctl.store import RunRow, Store


class Shown:
    """A sink that keeps what it is shown, and what was stored at that moment."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        pass

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(event.type, event.seq) for event in self.events]


HEAD = {"workspace": "w", "session_id": "s", "run_id": "r"}


async def make(store: Store) -> None:
    await store.create_run(RunRow(run_id="r", session_id="s", user_id="u", workspace="w", generation="0", task="t"))


async def test_events_are_shown_in_order_once_they_are_kept(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await make(store)
        shown = Shown()
        outbox = Outbox(store, EventBus([shown]), HEAD)
        for type_ in ("run.started", "token", "token", "agent.finished", "token"):
            outbox.tell(type_, {})  # type: ignore[arg-type]
        before = list(shown.told)
        await store.flush()

        assert before == []
        assert shown.told == [("run.started", 1), ("token", 2), ("token", 3), ("agent.finished", 4), ("token", 5)]


async def test_tokens_need_not_wait_once_numbers_are_reserved(tmp_path: Path) -> None:
    async with Store(tmp_path) as store:
        await make(store)
        shown = Shown()
        outbox = Outbox(store, EventBus([shown]), HEAD)
        outbox.tell("token", {})
        await store.flush()
        outbox.tell("token", {})

        assert shown.told == [("token", 1), ("token", 2)]


@pytest.mark.parametrize("tokens", [0, 1, BLOCK, BLOCK + 2, 3 * BLOCK])
async def test_a_killed_run_leaves_no_number_to_be_used_again(tmp_path: Path, tokens: int) -> None:
    async with Store(tmp_path) as store:
        await make(store)
        outbox = Outbox(store, EventBus(), HEAD)
        outbox.tell("run.started", {})
        for _ in range(tokens):
            outbox.tell("token", {})
        await store.flush()
        row = (await store.list_runs())[0]

        assert row.seq == 1
        assert tokens == 0 if row.reserved == 0 else 1 + tokens <= row.reserved <= 1 + tokens + BLOCK
