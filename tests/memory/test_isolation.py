"""Nobody is told what is another's: canaries of many users and sessions, in random order."""

import asyncio
import random
import re
from pathlib import Path

import pytest

import agentctl
from agentctl.memory import MemoryManager, Query
from agentctl.workspace.spec import RecallSpec
from tests.conftest import WriteWorkspace
from tests.memory.conftest import MakeRecord
from tests.runs import workspace

USERS, SESSIONS, TURNS = 50, 4, 20
AT_ONCE = 25
SPEC = RecallSpec(max=5, max_tokens=1000)
ECHO = """
async def echo(state, ctx):
    told = " ".join(each["text"] for each in ctx.memories)
    return {"text": f"{state['task']} {told}", "options": [{"id": state["task"]}]}
"""


async def test_4000_turns_recall_their_own_canaries_only(memory: MemoryManager, make_record: MakeRecord) -> None:
    turns = [(user, session) for user in range(USERS) for session in range(SESSIONS)] * TURNS
    random.Random(7).shuffle(turns)
    planted: dict[tuple[int, int], list[str]] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    locks = {place: asyncio.Lock() for place in turns}

    async def turn(number: int, user: int, session: int) -> bool:
        place, own = (user, session), planted.setdefault((user, session), [])
        async with gate, locks[place]:
            # The ids of sessions are alike, so that nothing but the user keeps them apart.
            name, of = f"user{user}", f"session{session}"
            told = await memory.recall(user=name, workspace="trip", session_id=of, run_ids=(), spec=SPEC)
            right = [each["text"] for each in told] == own[-SPEC.max :]
            own.append(f"canary-{user}-{session}-{number}")
            content = {"text": own[-1]}
            await memory.put(make_record(user=name, session_id=of, run_id=str(number), content=content))
            return right

    assert all(await asyncio.gather(*(turn(number, *place) for number, place in enumerate(turns))))
    for user in range(USERS):
        found = await memory.find(Query(user=f"user{user}"), None)
        assert {record.content["text"].split("-")[1] for record in found} == {str(user)}
        assert len(found) == SESSIONS * TURNS


async def test_runs_recall_their_own_canaries_only(
    write_workspace: WriteWorkspace, memory_url: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    if memory_url:
        monkeypatch.setenv("REDIS_URL", memory_url)
    agents = {"a": {"entry": "work:echo", "memory": {"record": "proposal", "recall": ["episodic"]}}}
    root = write_workspace(files=workspace({"talk": ["a"]}, agents, ECHO))
    turns = [(user, session) for user in range(5) for session in range(2)] * 4
    random.Random(7).shuffle(turns)

    async with agentctl.open(root) as hub:
        answers = await asyncio.gather(
            *(
                hub.run("demo", f"canary-{user}-{session}-{number}", user=f"user{user}", session=f"s{session}")
                for number, (user, session) in enumerate(turns)
            )
        )

    told = [re.findall(r"canary-(\d)-(\d)", answer.output) for answer in answers]
    assert [set(canaries) for canaries in told] == [{(str(user), str(session))} for user, session in turns]
    assert max(map(len, told)) > 2  # something was recalled
