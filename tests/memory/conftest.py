"""Memories over both backends, and records to put into them."""

import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from agentctl.memory import MemoryManager, Record
from agentctl.memory.record import record_id
from agentctl.store.file import PrivateFile

OpenMemory = Callable[[], MemoryManager]
MakeRecord = Callable[..., Record]


@pytest.fixture(params=["sqlite", "redis"])
def memory_url(request: pytest.FixtureRequest) -> str | None:
    """What REDIS_URL says: nothing, and a server that holds nothing."""
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else None


@pytest.fixture
def open_memory(tmp_path: Path, memory_url: str | None) -> OpenMemory:
    """Opens the test's memory, each time as another process would."""
    return lambda: MemoryManager(partial(PrivateFile, tmp_path), memory_url)


@pytest.fixture
async def memory(open_memory: OpenMemory) -> AsyncIterator[MemoryManager]:
    memory = open_memory()
    yield memory
    await memory.close()


@pytest.fixture
def make_record() -> MakeRecord:
    """A record, each a millisecond younger than the one before."""
    numbers, now = count(1), time.time()

    def make(ttl_s: float = 3600, **values: Any) -> Record:
        number = next(numbers)
        given: dict[str, Any] = {
            "workspace": "trip", "user": "mia", "session_id": "s1", "run_id": f"run{number}", "stage": "talk",
            "visit": 1, "round": 1, "agent": "critic", "kind": "critique", "content": {"text": f"no {number}"},
            "clear": "never", "created_at": now + number / 1000,
        } | values  # fmt: skip
        place = [given[name] for name in ("run_id", "stage", "visit", "round", "agent")]
        return Record(**{"id": record_id(*place), "expires_at": given["created_at"] + ttl_s, **given})

    return make
