"""Redis comes and goes; runs go on, and no record is lost or doubled."""

import asyncio
import logging
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import ServiceUnavailable, UsageError
from agentctl.events import Event
from agentctl.memory import MemoryManager, Query, spill
from agentctl.memory.redis import TIMEOUT_S
from agentctl.store.file import PrivateFile
from agentctl.workspace.spec import RecallSpec
from tests.conftest import WriteWorkspace
from tests.memory.conftest import MakeRecord
from tests.runs import workspace
from tests.services import REDIS_PASSWORD, RedisServer

RUNS = 200
MIA = Query(user="mia")
CODE = """
async def propose(state, ctx):
    return {"text": f"{ctx.run_id} {ctx.agent} {len(ctx.memories)}", "options": [{"id": "x"}]}
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """One that keeps what it has over its end."""
    (folder := tmp_path / "redis").mkdir()
    server = RedisServer(folder, keeps=True)
    yield server
    server.kill()


@pytest.fixture
def opened(tmp_path: Path, redis: RedisServer) -> Callable[[], MemoryManager]:
    return lambda: MemoryManager(partial(PrivateFile, tmp_path), redis.url)


async def until(holds: Callable[[], Awaitable[bool]], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not await holds():
            await asyncio.sleep(0.05)


async def delivered(memory: MemoryManager) -> bool:
    try:
        return (await memory.stats(MIA))["waiting"] == 0
    except ServiceUnavailable:
        return False


@pytest.mark.timeout(60)
async def test_redis_stops_and_starts_during_200_runs(
    write_workspace: WriteWorkspace, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis.url)
    memory = {"record": "proposal", "recall": ["episodic"]}
    agents = {role: {"entry": "work:propose", "memory": memory} for role in ("a", "b")}
    root = write_workspace(files=workspace({"one": ["a", "b"], "two": ["a"]}, agents, CODE))
    told: list[Event] = []
    gate = asyncio.Semaphore(10)
    begun = 0

    async def run(hub: Any, number: int) -> str:
        nonlocal begun
        async with gate:
            begun += 1
            if begun == RUNS // 4:
                redis.kill()
            if begun == RUNS // 2:
                await asyncio.to_thread(redis.start)
            session = f"s{number % 20}"
            return str((await hub.run("demo", "x", session=session, user="mia", on_event=told.append)).status)

    async with agentctl.open(root) as hub:
        statuses = await asyncio.gather(*(run(hub, number) for number in range(RUNS)))
        await until(lambda: delivered(hub.runtime.memory))
        found = await hub.runtime.memory.find(MIA, None)

    assert Counter(statuses) == {"done": RUNS}
    assert Counter(Counter(record.run_id for record in found).values()) == {3: RUNS}
    [warning] = [event.data["message"] for event in told if event.type == "warning"]
    assert "cannot be asked" in warning
    assert REDIS_PASSWORD not in warning


async def test_the_next_process_delivers_what_one_had_to_leave(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord
) -> None:
    redis.kill()
    first = opened()
    records = [make_record() for _ in range(600)]
    await asyncio.gather(*(first.put(record) for record in records))
    await first.close()
    redis.start()
    second = opened()
    await second.put(make_record(run_id="later"))
    await until(lambda: delivered(second))
    await second.close()

    third = opened()
    assert len(await third.find(MIA, None)) == 601
    await third.close()


async def test_what_is_on_its_way_is_found_recalled_and_forgotten(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "PROBE_S", 60)
    memory = opened()
    await memory.put(make_record(run_id="before"))
    redis.kill()
    await memory.put(make_record(run_id="during"))
    of: Any = {"user": "mia", "workspace": "trip", "session_id": "s1", "run_ids": ()}
    recalled = await memory.recall(**of, spec=RecallSpec())

    assert [each["run_id"] for each in recalled] == ["during"]
    with pytest.raises(ServiceUnavailable, match=r"Redis at 127\.0\.0\.1"):
        await memory.find(MIA)
    redis.start()
    assert [record.run_id for record in await memory.find(MIA)] == ["during", "before"]
    assert await memory.forget(Query(user="mia", run_ids=["during"])) == 1
    assert [record.run_id for record in await memory.find(MIA)] == ["before"]
    await memory.close()


async def test_each_outage_is_told_once(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord, caplog: pytest.LogCaptureFixture
) -> None:
    memory = opened()
    told = []
    for _ in range(2):
        redis.kill()
        for _ in range(3):
            await memory.put(make_record())
            told.append(memory.take_warning())
        redis.start()
        await until(lambda: delivered(memory))
        await asyncio.sleep(0.05)
    await memory.close()

    assert [bool(warning) for warning in told] == [True, False, False, True, False, False]
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) == 2


async def test_what_waits_is_bounded_and_the_oldest_go(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spill, "MOST", 5)
    memory = opened()
    redis.kill()
    for _ in range(8):
        await memory.put(make_record())
    assert "the oldest are dropped" in memory.take_warning()
    redis.start()
    await until(lambda: delivered(memory))
    await memory.put(make_record())

    assert [record.run_id for record in await memory.find(MIA)] == ["run9", "run8", "run7", "run6", "run5", "run4"]
    await memory.close()


async def test_records_end_while_they_wait(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord
) -> None:
    memory = opened()
    redis.kill()
    await memory.put(make_record(ttl_s=0.1))
    await asyncio.sleep(0.2)
    redis.start()
    await until(lambda: delivered(memory))

    assert await memory.find(MIA) == []
    await memory.close()


async def test_every_key_in_redis_expires_and_tells_no_name(
    redis_url: str, tmp_path: Path, make_record: MakeRecord
) -> None:
    from redis import Redis

    memory = MemoryManager(partial(PrivateFile, tmp_path), redis_url)
    for ttl_s in (100, 10, 50):
        await memory.put(make_record(ttl_s=ttl_s))
    await memory.close()
    with Redis.from_url(redis_url, decode_responses=True) as client:
        left = {name: client.pttl(name) for name in client.scan_iter()}

    assert len(left) == 3 + 3 + 3  # records; runs; user, workspace and session
    assert all(ms > 5_000 for ms in left.values())
    assert sum(ms > 90_000 for ms in left.values()) == 5
    assert not [name for name in left if "mia" in name or "trip" in name]


async def test_a_url_that_is_none_is_told_without_its_password(tmp_path: Path, make_record: MakeRecord) -> None:
    memory = MemoryManager(partial(PrivateFile, tmp_path), "redis://u:hunter2@host:port")

    with pytest.raises(UsageError, match="REDIS_URL cannot be read") as refused:
        await memory.put(make_record())
    assert "hunter2" not in f"{refused.value}{refused.value.__cause__}"
    await memory.close()


@pytest.mark.slow
async def test_a_frozen_redis_holds_nobody_up_and_doubles_nothing(
    opened: Callable[[], MemoryManager], redis: RedisServer, make_record: MakeRecord
) -> None:
    """A reply that comes too late: Redis has the record, and so has the file."""
    memory = opened()
    await memory.put(make_record())
    redis.process.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(3 * TIMEOUT_S):
        await memory.put(make_record())
    redis.process.send_signal(signal.SIGCONT)
    await until(lambda: delivered(memory))

    assert [record.run_id for record in await memory.find(MIA)] == ["run2", "run1"]
    await memory.close()


async def test_a_session_is_deleted_while_its_records_cannot_be(
    write_workspace: WriteWorkspace, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis.url)
    agents = {"a": {"entry": "work:propose", "memory": {"record": "proposal"}}}
    async with agentctl.open(write_workspace(files=workspace({"one": ["a"]}, agents, CODE))) as hub:
        await hub.run("demo", "x", session="s", user="mia")
        session = await hub.sessions.get("s", user="mia")
        redis.kill()
        with pytest.raises(ServiceUnavailable) as refused:
            await hub.sessions.delete([session])
        redis.start()

        assert f"agentctl memory forget --session {session.session_id}" in refused.value.hint
        assert await hub.sessions.find("s", user="mia") is None
        assert await hub.runtime.memory.forget(Query(user="mia", session_id=session.session_id)) == 1
