"""Records are kept and found, in a file as in Redis."""

import asyncio
import itertools
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentctl.errors import StoreUnusable
from agentctl.memory import MemoryManager, Query, Record
from agentctl.store.file import PrivateFile
from agentctl.workspace.spec import RecallSpec
from tests.memory.conftest import MakeRecord, OpenMemory

HOSTILE = ["a.b", "a/b", "*", "⛵🌊", "%s' OR 1=1 --", " ", "\x00", "ü", "u\u0308", "x" * 1000, "x" * 1001]


def local(root: Path) -> MemoryManager:
    return MemoryManager(partial(PrivateFile, root))


def ids(records: list[Record]) -> list[str]:
    return [record.run_id for record in records]


async def test_a_record_comes_back_as_it_was(open_memory: OpenMemory, make_record: MakeRecord) -> None:
    record = make_record(content={"text": "⛵ \ud800 \x00", "scores": {"a": {"risk": 0.5}}, "none": None})
    writing, reading = open_memory(), open_memory()
    await writing.put(record)

    assert await reading.find(Query(user="mia")) == [record]
    await writing.close()
    await reading.close()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, [6, 5, 4, 3, 2, 1]),
        ({"workspace": "other"}, [2]),
        ({"session_id": "s2"}, [3]),
        ({"run_ids": ["run1", "run4", "run4", "none"]}, [4, 1]),
        ({"run_ids": []}, []),
        ({"stage": "vote"}, [4]),
        ({"agent": "jury"}, [5]),
        ({"visit": 2, "round": 3}, [6]),
        ({"session_id": "s1", "agent": "critic", "kind": "critique", "stage": "talk", "visit": 1}, [2, 1]),
        ({"user": "ada"}, [7]),
        ({"user": "ada", "session_id": "s1", "run_ids": ["run1"]}, []),
    ],
)
async def test_records_are_found_by_what_they_are_of(
    memory: MemoryManager, make_record: MakeRecord, asked: dict[str, Any], expected: list[int]
) -> None:
    for own in (
        {}, {"workspace": "other"}, {"session_id": "s2"}, {"stage": "vote"}, {"agent": "jury"},
        {"visit": 2, "round": 3}, {"user": "ada"},
    ):  # fmt: skip
        await memory.put(make_record(**own))

    assert ids(await memory.find(Query(**{"user": "mia", **asked}))) == [f"run{number}" for number in expected]


async def test_the_newest_come_first_and_only_so_many(memory: MemoryManager, make_record: MakeRecord) -> None:
    records = [make_record() for _ in range(1200)]  # more than Redis is asked for at once
    await asyncio.gather(*(memory.put(record) for record in random.sample(records, len(records))))

    assert await memory.find(Query(user="mia"), 3) == records[:-4:-1]
    assert len(await memory.find(Query(user="mia"), None)) == 1200


async def test_a_record_that_is_written_again_stays_one(memory: MemoryManager, make_record: MakeRecord) -> None:
    record = make_record()
    await asyncio.gather(*(memory.put(record) for _ in range(20)))
    await memory.put(record)

    assert await memory.find(Query(user="mia")) == [record]


async def test_records_end_with_their_time(memory: MemoryManager, make_record: MakeRecord) -> None:
    await memory.put(make_record(ttl_s=-1))
    await memory.put(short := make_record(ttl_s=0.3))
    await memory.put(long := make_record())
    await memory.put(make_record(created_at=0.0))

    assert await memory.find(Query(user="mia")) == [long, short]
    await asyncio.sleep(0.4)
    assert await memory.find(Query(user="mia")) == [long]


async def test_what_is_forgotten_is_gone_and_the_rest_stays(memory: MemoryManager, make_record: MakeRecord) -> None:
    for run in ("a", "b", "c"):
        await memory.put(make_record(run_id=run))
    await memory.put(make_record(user="ada", run_id="d"))

    assert await memory.forget(Query(user="mia", run_ids=["b", "none"])) == 1
    assert ids(await memory.find(Query(user="mia"))) == ["c", "a"]
    assert await memory.forget(Query(user="mia")) == 2
    assert ids(await memory.find(Query(user="ada"))) == ["d"]


async def test_hostile_names_are_names_like_others(memory: MemoryManager, make_record: MakeRecord) -> None:
    names = [*HOSTILE, *(f"{a}:{b}" for a, b in itertools.permutations("ab"))]
    for name in names:
        await memory.put(make_record(user=name, workspace=name, session_id=name, run_id=name, agent=name, stage=name))

    for name in names:
        for of in ({}, {"workspace": name}, {"session_id": name}, {"run_ids": [name]}, {"agent": name, "stage": name}):
            assert ids(await memory.find(Query(user=name, **of))) == [name]  # type: ignore[arg-type]
        assert await memory.forget(Query(user=name)) == 1


async def test_what_is_recalled_fits_the_budget(memory: MemoryManager, make_record: MakeRecord) -> None:
    for text in ("too old", "small", "x" * 400, "also small"):
        await memory.put(make_record(content={"text": text}))
    of: dict[str, Any] = {"user": "mia", "workspace": "trip", "session_id": "s1", "run_ids": ()}

    told = await memory.recall(**of, spec=RecallSpec(max=3, max_tokens=90))

    assert [each["text"] for each in told] == ["small", "also small"]
    assert await memory.recall(**of, spec=RecallSpec(max=0)) == []
    assert await memory.recall(**{**of, "user": "ada"}, spec=RecallSpec()) == []


async def test_stats_count_what_there_is(memory: MemoryManager, make_record: MakeRecord) -> None:
    assert (await memory.stats(Query(user="mia")))["records"] == 0
    for own in ({}, {"agent": "jury", "kind": "decision"}, {"workspace": "other"}, {"user": "ada"}):
        await memory.put(make_record(**own))

    found = await memory.stats(Query(user="mia"))

    assert found["oldest"] < found["newest"]
    assert {name: found[name] for name in ("records", "workspaces", "agents", "kinds", "waiting")} == {
        "records": 3,
        "workspaces": {"trip": 2, "other": 1},
        "agents": {"critic": 2, "jury": 1},
        "kinds": {"critique": 2, "decision": 1},
        "waiting": 0,
    }


async def test_looking_leaves_nothing_behind(memory: MemoryManager, tmp_path: Path) -> None:
    await memory.find(Query(user="mia"))
    await memory.forget(Query(user="mia"))
    await memory.stats(Query(user="mia"))

    assert list(tmp_path.iterdir()) == []


async def test_the_file_is_its_owners(tmp_path: Path, make_record: MakeRecord) -> None:
    memory = local(tmp_path)
    await memory.put(make_record())

    assert {path.stat().st_mode & 0o777 for path in (tmp_path / ".agentctl").iterdir()} == {0o600}
    await memory.close()


async def test_a_damaged_file_is_said_and_left_as_it_is(tmp_path: Path, make_record: MakeRecord) -> None:
    (tmp_path / ".agentctl").mkdir()
    (tmp_path / ".agentctl" / "memory.db").write_bytes(b"no database" * 100)
    memory = local(tmp_path)

    with pytest.raises(StoreUnusable, match="damaged"):
        await memory.put(make_record())
    assert (tmp_path / ".agentctl" / "memory.db").read_bytes() == b"no database" * 100
    await memory.close()


async def test_a_newer_file_is_refused(tmp_path: Path, make_record: MakeRecord) -> None:
    connection = PrivateFile(tmp_path, "memory.db").open()
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    memory = local(tmp_path)

    with pytest.raises(StoreUnusable, match="newer agentctl"):
        await memory.put(make_record())
    await memory.close()
