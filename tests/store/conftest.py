from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agentctl.store import RunRow, Store, new_id

MakeRun = Callable[..., RunRow]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(tmp_path) as store:
        yield store


@pytest.fixture
def make_run() -> MakeRun:
    def make(**values: object) -> RunRow:
        facts = {
            "run_id": new_id(), "session_id": "s1", "user_id": "u1", "workspace": "trip", "generation": "0" * 12,
            "task": "go",
        }  # fmt: skip
        return RunRow(**(facts | values))

    return make
