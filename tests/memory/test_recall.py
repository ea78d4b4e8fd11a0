"""What agents recall of their session, and what sessions forget, on both backends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.memory import Query
from agentctl.memory.manager import timestamp
from agentctl.sessions import Hub
from tests.conftest import WriteWorkspace
from tests.runs import workspace

CODE = """
import os

async def note(state, ctx):
    if state["task"] == "die" and not os.path.exists(ctx.run_id):
        open(ctx.run_id, "w").close()
        raise ValueError("died")
    return {"text": " ".join(each["text"] for each in ctx.memories) or "nothing", "options": [{"id": state["task"]}]}

async def blind(state, ctx):
    return str(len(ctx.memories))

async def task(state):
    return {"text": "did " + state["task"], "options": [{"id": "x"}]}
"""


@pytest.fixture
def root(
    write_workspace: WriteWorkspace, memory_url: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    """A project whose agent `doer` is recorded, and whose agent `a` says what it recalls."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    if memory_url:
        monkeypatch.setenv("REDIS_URL", memory_url)
    agents: dict[str, Any] = {
        "doer": {"entry": "work:task", "memory": {"record": "proposal"}},
        "a": {"entry": "work:note", "memory": {"recall": ["episodic"]}},
        "blind": {"entry": "work:blind"},
    }
    stages = {"do": ["doer"], "see": ["blind"], "say": ["a"]}
    write_workspace("other", workspace(stages, agents, CODE))
    return write_workspace(files=workspace(stages, agents, CODE, memory={"recall": {"max": 3}}))


async def say(hub: Hub, session: str | None, *tasks: str, **options: Any) -> str:
    """Take turns; the last answer."""
    for task in tasks:
        result = await hub.run("demo", task, session=session, **{"user": "mia", **options})
    return result.output


async def test_a_session_recalls_its_last_records_oldest_first(root: Path) -> None:
    async with agentctl.open(root) as hub:
        first = await say(hub, "s", "1")
        fifth = await say(hub, "s", "2", "3", "4", "5")

    assert (first, fifth) == ("nothing", "did 2 did 3 did 4")


async def test_nobody_recalls_what_is_another_sessions_users_or_workspaces(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1")
        await say(hub, "s", "2", user="ada")
        await hub.run("other", "3", session="o", user="mia")

        assert await say(hub, "t", "4", "5") == "did 4"
        assert await say(hub, "s", "6", user="ada") == "did 2"
        assert await say(hub, None, "7") == "nothing"


async def test_an_agent_that_recalls_nothing_is_shown_nothing(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1")
        events = [event.as_dict() async for event in hub.stream("demo", "2", session="s", user="mia")]

    assert {e["agent"]: e["text"] for e in events if e["type"] == "agent.finished"} == {
        "doer": "did 2", "blind": "0", "a": "did 1",
    }  # fmt: skip


async def test_prompts_see_memories(root: Path, write_workspace: WriteWorkspace) -> None:
    hit = "{contains: '1 proposal by doer: did one', text: right, repeat: true}"
    script = f"replies:\n  - {hit}\n  - {{text: wrong, repeat: true}}\n"
    prompt = "{% for m in memories %}{{ loop.index }} {{ m.kind }} by {{ m.agent }}: {{ m.text }}{% endfor %}"
    agents: dict[str, Any] = {
        "doer": {"entry": "work:task", "memory": {"record": "proposal"}},
        "b": {"prompt": prompt, "memory": {"recall": ["episodic"]}},
    }
    files = workspace({"do": ["doer"], "say": ["b"]}, agents, CODE, model="scripted:replies.yaml")
    write_workspace("asked", {**files, "replies.yaml": script})
    async with agentctl.open(root) as hub:
        answers = [(await hub.run("asked", task, session="p", user="mia")).output for task in ("one", "two")]

    assert answers == ["wrong", "right"]


async def test_a_resumed_run_recalls_what_it_recalled_and_is_recorded_once(root: Path) -> None:
    """By then its session's records are gone: what agents are told, and so the journal, stays the same."""
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1")
        died = await hub.run("demo", "die", session="s", user="mia")
        await hub.runtime.memory.forget(Query(user="mia", agent="doer", stage="do", workspace="demo"))
    async with agentctl.open(root) as hub:
        again = await hub.resume(died.run_id, user="mia")
        found = await hub.runtime.memory.find(Query(user="mia"))

    assert (died.status, again.status, again.output) == ("failed", "done", "did 1")
    assert [(record.run_id, record.agent) for record in found] == [(died.run_id, "doer")]


async def test_a_fork_recalls_the_turns_that_it_shares(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1", "2", "3")
        source = await hub.sessions.get("s", user="mia")
        await hub.sessions.fork(source, 2, name="fork")

        assert await say(hub, "fork", "4") == "did 1 did 2"
        assert await say(hub, "fork", "5") == "did 1 did 2 did 4"
        assert await say(hub, "s", "6") == "did 1 did 2 did 3"


async def test_what_is_rewound_is_recalled_no_more(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1", "2", "3")
        await hub.sessions.rewind(await hub.sessions.get("s", user="mia"), 1)

        assert len(await hub.runtime.memory.find(Query(user="mia"))) == 1
        assert await say(hub, "s", "4") == "did 1"


async def test_a_deleted_session_leaves_no_record(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1", "2")
        await say(hub, "t", "3")
        await hub.sessions.delete([await hub.sessions.get("s", user="mia")])
        found = await hub.runtime.memory.find(Query(user="mia"))

    assert [record.content["text"] for record in found] == ["did 3"]


@pytest.mark.parametrize(("clear", "left"), [("session", 0), ("never", 1)])
async def test_an_expired_session_takes_its_records_where_the_workspace_says_so(
    root: Path, write_workspace: WriteWorkspace, clear: str, left: int
) -> None:
    agents = {"doer": {"entry": "work:task", "memory": {"record": "proposal"}}}
    write_workspace(files=workspace({"do": ["doer"]}, agents, CODE, memory={"episodic": {"clear": clear}}))
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1")
        assert await hub.sessions.expire(days=-1) == 1

        assert len(await hub.runtime.memory.find(Query(user="mia"))) == left


async def test_a_time_to_live_beyond_all_dates_is_for_ever(root: Path, write_workspace: WriteWorkspace) -> None:
    agents = {"doer": {"entry": "work:task", "memory": {"record": "proposal"}}}
    write_workspace(files=workspace({"do": ["doer"]}, agents, CODE, memory={"episodic": {"ttl_s": 1e300}}))
    async with agentctl.open(root) as hub:
        await say(hub, "s", "1")
        [record] = await hub.runtime.memory.find(Query(user="mia"))

    assert timestamp(record.expires_at).startswith("9999-12-31")


async def test_sessions_at_once_keep_to_their_own(root: Path) -> None:
    async with agentctl.open(root) as hub:
        names = [(f"u{user}", f"s{session}") for user in range(5) for session in range(2)]
        for turn in range(3):
            answers = await asyncio.gather(*(say(hub, s, f"{u}/{s}/{turn}", user=u) for u, s in names))

    assert answers == [f"did {u}/{s}/0 did {u}/{s}/1" for u, s in names]
