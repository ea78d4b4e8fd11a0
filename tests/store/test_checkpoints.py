import stat
import threading
from pathlib import Path
from typing import TypedDict

from langgraph.graph import START, StateGraph

from agentctl.store import open_checkpointer


class State(TypedDict):
    number: int


def graph_of(saver: object):
    builder = StateGraph(State)
    builder.add_node("more", lambda state: {"number": state["number"] + 1})
    builder.add_edge(START, "more")
    return builder.compile(checkpointer=saver)  # type: ignore[arg-type]


async def test_a_thread_is_found_by_the_next_process(tmp_path: Path) -> None:
    config = {"configurable": {"thread_id": "run1"}}
    async with open_checkpointer(tmp_path) as saver:
        await graph_of(saver).ainvoke({"number": 1}, config, durability="exit")

    async with open_checkpointer(tmp_path) as saver:
        assert (await graph_of(saver).aget_state(config)).values == {"number": 2}
        await saver.adelete_thread("run1")
        assert (await graph_of(saver).aget_state(config)).values == {}


async def test_the_file_is_private_and_closed_afterwards(tmp_path: Path) -> None:
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
