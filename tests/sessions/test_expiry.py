"""Sessions that nobody uses go after a while, with everything that they own."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

import agentctl
from agentctl.sessions import Hub
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.sessions.talk import change, hanging

OWNERS = {"session_id", "run_id", "thread_id"}
LONG_AGO = "2020-01-01T00:00:00.000Z"
CODE = """
import asyncio
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

async def answer(state):
    if "hang" in str(state["messages"][-1].content):
        await asyncio.Event().wait()
    return {"messages": [AIMessage(str(len(state["messages"])))]}

graph = StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()

async def fail(state):
    if "fail" in state["task"]:
        raise RuntimeError("broken")
"""


@pytest.fixture
def root(write_workspace: WriteWorkspace, tmp_path: Path, database: str) -> Path:
    """A project whose workspace has an agent that remembers by itself."""
    (tmp_path / "note.txt").write_text("a note")
    agents = {"g": {"entry": "work:graph"}, "f": {"entry": "work:fail"}}
    memory = {"turns": {"max": 1}, "model": "offline"}
    return write_workspace("demo", workspace({"x": ["g"], "y": ["f"]}, agents, CODE, memory=memory))


async def talk(hub: Hub, name: str) -> str:
    """Three turns, the last of which fails, with a file and a summary; returns the session's id."""
    for task in ("one", "two", "fail"):
        result = await hub.run("demo", task, session=name, files=[hub.root / "note.txt"])
    return result.session_id


def owned(root: Path) -> dict[str, set[str]]:
    """Whose rows there are, in each table: ids of sessions, runs and threads."""
    found: dict[str, set[str]] = {}
    urls = [os.environ.get("AGENTCTL_DATABASE_URL", "").replace("postgresql:", "postgresql+psycopg:")]
    for url in filter(None, [*urls, *(f"sqlite:///{path}" for path in (root / ".agentctl").glob("*.db"))]):
        engine = create_engine(url)
        with engine.connect() as connection:
            look = inspect(connection)
            for table in look.get_table_names():
                for name in {column["name"] for column in look.get_columns(table)} & OWNERS:
                    rows = connection.execute(text(f"select distinct {name} from {table} where {name} is not null"))
                    found[f"{table}.{name}"] = {row[0].rpartition("#")[2] for row in rows}
        engine.dispose()
    return found


def age(root: Path, *session_ids: str) -> None:
    for session_id in session_ids:
        change(root, "update sessions set updated_at = :at where session_id = :id", at=LONG_AGO, id=session_id)


async def test_idle_sessions_go_with_all_that_they_own(root: Path) -> None:
    async with agentctl.open(root) as hub:
        fresh = await talk(hub, "fresh")
        kept = owned(root)
        assert {fresh} == kept["sessions.session_id"] == kept["summaries.session_id"] == kept["attachments.session_id"]
        assert fresh in kept["checkpoints.thread_id"]
        idle = [await talk(hub, f"idle {number}") for number in range(25)]
        assert owned(root) != kept
        age(root, *idle)

        assert await hub.sessions.expire() == 25
        assert owned(root) == kept
        assert await hub.sessions.expire() == 0


async def test_a_session_with_a_run_in_it_stays(root: Path) -> None:
    """However long ago it began; those behind it go all the same."""
    async with agentctl.open(root) as hub:
        running, run_id = await hanging(hub, "hang", session="busy")
        busy = (await hub.sessions.get("busy")).session_id
        waiting = await hub.run("demo", "one", session="waiting")
        idle = [await talk(hub, f"idle {number}") for number in range(3)]
        await hub.store.update_run(waiting.run_id, status="waiting")
        hold = "update sessions set active_run = :run where session_id = :session"
        change(root, hold, run=waiting.run_id, session=waiting.session_id)
        age(root, waiting.session_id, *idle)

        # One at a time: whoever waits is in nobody's way.
        counts = [len((await hub.store.sessions.expire(30, limit=1))[0]) for _ in range(2)]
        assert counts == [1, 1]
        age(root, busy)
        assert await hub.sessions.expire() == 1
        assert {row.session_id for row in await hub.sessions.newest()} == {busy, waiting.session_id}
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])
        assert (await hub.store.get_run(run_id)).status == "cancelled"


async def test_a_run_has_idle_sessions_swept_beside_it(root: Path) -> None:
    async with agentctl.open(root) as hub:
        idle = await talk(hub, "idle")
    age(root, idle)
    async with agentctl.open(root) as hub:
        await hub.run("demo", "one", session="fresh")
        while await hub.sessions.find(idle):
            await asyncio.sleep(0.01)


async def test_a_hub_that_closes_leaves_no_half_of_a_session(root: Path) -> None:
    """What agents remembered goes too, when the rows that name it have gone."""
    async with agentctl.open(root) as hub:
        fresh = await talk(hub, "fresh")
        kept = owned(root)
        idle = [await talk(hub, f"idle {number}") for number in range(3)]
    for session_id in idle:
        age(root, session_id)
        async with agentctl.open(root) as hub:
            sweeping = asyncio.create_task(hub.sessions.expire())
            while await hub.sessions.find(session_id):
                await asyncio.sleep(0)
            sweeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sweeping
    assert owned(root) == kept
    assert fresh in owned(root)["sessions.session_id"]
