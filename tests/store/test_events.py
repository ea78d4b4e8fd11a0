import json
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agentctl.logs import mask
from agentctl.store import Store
from tests.store.conftest import MakeRun, OpenStore

FIXTURES_ARE_SHARED = [HealthCheck.function_scoped_fixture]


def event(seq: int, kind: str = "stage.entered", run_id: str = "r1", **more: object) -> dict[str, object]:
    return {"type": kind, "seq": seq, "run_id": run_id, **more}


async def test_events_see_what_was_just_put(store: Store) -> None:
    store.put_event(event(1, stage="proposal"))
    store.put_event(event(2, stage="final", text="🗺️\x1b"))
    store.put_event(event(1, run_id="r2"))

    assert await store.events("r1") == [event(1, stage="proposal"), event(2, stage="final", text="🗺️\x1b")]


async def test_tokens_are_not_kept(store: Store) -> None:
    store.put_event(event(0, "token", text="a"))

    assert await store.events("r1") == []


async def test_the_names_of_told_facts_are_known(store: Store) -> None:
    store.put_event(event(1), "entered:proposal:1")
    store.put_event(event(2))

    assert await store.event_keys("r1") == {"entered:proposal:1"}


async def test_a_run_knows_its_last_event(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run())
    for seq in (1, 2, 3):
        store.put_event(event(seq, run_id=row.run_id))

    assert (await store.get_run(row.run_id)).seq == 3


async def test_an_event_is_kept_as_it_was_when_put(store: Store) -> None:
    scores = {"a": 1.0}
    store.put_event(event(1, scores=scores))
    scores["a"] = 2.0

    assert await store.events("r1") == [event(1, scores={"a": 1.0})]


async def test_events_are_on_disk_before_a_later_write_returns(
    store: Store, open_store: OpenStore, make_run: MakeRun
) -> None:
    store.put_event(event(1))
    await store.create_run(make_run())

    async with open_store() as other:
        assert len(await other.events("r1")) == 1


async def test_secrets_are_taken_out_of_events(open_store: OpenStore) -> None:
    async with open_store(mask=partial(mask, secrets=['pa"ssword'])) as store:
        store.put_event(event(1, error={"message": 'key pa"ssword refused'}, data=[{'pa"ssword': 'pa"ssword'}]))

        stored = json.dumps(await store.events("r1"))
        assert "ssword" not in stored
        assert stored.count("***") == 3


@settings(max_examples=20, deadline=None, suppress_health_check=FIXTURES_ARE_SHARED)
@given(steps=st.lists(st.sampled_from(["put", "write", "read"]), max_size=30))
async def test_whatever_the_order_every_event_is_stored_once(
    tmp_path_factory: pytest.TempPathFactory, make_run: MakeRun, steps: list[str]
) -> None:
    async with Store(tmp_path_factory.mktemp("p")) as store:
        row = await store.create_run(make_run())
        put = 0
        for step in steps:
            if step == "put":
                put += 1
                store.put_event(event(put, run_id=row.run_id))
            elif step == "write":
                await store.update_run(row.run_id, active_s=float(put))
            else:
                assert len(await store.events(row.run_id)) == put

        assert [each["seq"] for each in await store.events(row.run_id)] == list(range(1, put + 1))
