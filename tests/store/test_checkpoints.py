import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TypedDict

import pytest
from langgraph.graph import START, StateGraph

from agentctl.store import open_checkpointer
from tests.store.conftest import Kick

ROOT = Path(__file__).parents[2]
CONFIG = {"configurable": {"thread_id": "run1"}}


class State(TypedDict):
    number: int
    text: str
    share: float


def graph_of(saver: object):
    builder = StateGraph(State)
    builder.add_node("more", lambda state: {"number": state["number"] + 1})
    builder.add_edge(START, "more")
    return builder.compile(checkpointer=saver)  # type: ignore[arg-type]


async def test_a_thread_is_found_by_the_next_process(tmp_path: Path, url: str | None) -> None:
    async with open_checkpointer(tmp_path, url) as saver:
        await graph_of(saver).ainvoke({"number": 1}, CONFIG, durability="exit")

    async with open_checkpointer(tmp_path, url) as saver:
        assert (await graph_of(saver).aget_state(CONFIG)).values == {"number": 2}
        await saver.adelete_thread("run1")
        assert (await graph_of(saver).aget_state(CONFIG)).values == {}


async def test_every_text_and_number_is_kept_at_every_step(tmp_path: Path, url: str | None) -> None:
    """The database's own JSON refuses NUL and infinity."""
    given = {"number": 1, "text": "🗺️ \x00 \x1b", "share": float("inf")}
    async with open_checkpointer(tmp_path, url) as saver:
        graph = graph_of(saver)
        await graph.ainvoke(given, CONFIG)
        await graph.ainvoke({"number": 7}, CONFIG)

        assert (await graph.aget_state(CONFIG)).values == {**given, "number": 8}
        told = [state.values.get("text") async for state in graph.aget_state_history(CONFIG)]
        assert told == [given["text"]] * 5 + [None]


async def test_a_lone_surrogate_does_no_harm(tmp_path: Path, url: str | None) -> None:
    async with open_checkpointer(tmp_path, url) as saver:
        await graph_of(saver).ainvoke({"number": 1, "text": "\ud800"}, CONFIG)

        assert (await graph_of(saver).aget_state(CONFIG)).values["number"] == 2


OPEN = """
import asyncio, sys
from pathlib import Path
from agentctl.store import open_checkpointer
import agentctl.store.saver

async def main():
    async with open_checkpointer(Path("."), sys.argv[1]) as saver:
        await saver.adelete_thread("nothing")

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main())
"""


@pytest.mark.slow
def test_three_processes_create_the_tables_of_a_server_at_once(postgres_url: str) -> None:
    command = [sys.executable, "-c", OPEN, postgres_url]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    openers = [
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for opener in openers:
        assert opener.stdout is not None
        assert opener.stdout.readline() == b"ready\n"
    told = [opener.communicate(b"go\n", timeout=30) for opener in openers]

    assert [(opener.returncode, said[1]) for opener, said in zip(openers, told, strict=True)] == [(0, b"")] * 3


async def test_a_server_that_comes_back_is_used_again(
    tmp_path: Path, postgres_url: str, kick: Kick, capfd: pytest.CaptureFixture[str]
) -> None:
    async with open_checkpointer(tmp_path, postgres_url) as saver:
        graph = graph_of(saver)
        await graph.ainvoke({"number": 1}, CONFIG)
        kick(postgres_url)

        await graph.ainvoke({"number": 5}, CONFIG)
        assert (await graph.aget_state(CONFIG)).values == {"number": 6}

    assert capfd.readouterr() == ("", "")


async def test_the_file_is_private_and_closed_afterwards(tmp_path: Path) -> None:
    """SQLite only: Postgres has no files of ours."""
    before = set(threading.enumerate())
    async with open_checkpointer(tmp_path) as saver:
        await graph_of(saver).ainvoke({"number": 1}, {"configurable": {"thread_id": "run1"}})
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / ".agentctl").iterdir()}
        ours = [thread for thread in set(threading.enumerate()) - before if "_connection_worker" in thread.name]
    for thread in ours:
        thread.join(5)

    assert modes == {0o600}
    assert [thread.is_alive() for thread in ours] == [False]
    assert not (tmp_path / ".agentctl" / "checkpoints.db-wal").exists()  # gone with its last connection
