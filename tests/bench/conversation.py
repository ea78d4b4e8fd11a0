"""What a conversation costs: as it grows, beside others, and when nobody is in it."""

import asyncio
import gc
import os
import statistics
import time
from pathlib import Path
from typing import Annotated, Any, TypedDict

import agentctl
from agentctl.store import SessionRow, new_id
from tests.bench.harness import chat_server, row, rss_mb, timed, workspace

WORDS = "so many words that a line is full " * 15
"""About half a kilobyte: an answer."""


async def bench_turns(root: Path) -> None:
    """1,000 turns of one session, and the same conversation in a checkpointed channel."""
    folder = root / "workspaces" / "talk"
    folder.mkdir(parents=True)
    agents = "agents: {speaker: {kind: python, entry: 'say:say'}}"
    (folder / "workspace.yaml").write_text(f"version: 1\nstages: {{talk: {{agents: [speaker]}}}}\n{agents}\n")
    (folder / "say.py").write_text(f"async def say(state):\n    return {WORDS!r}\n")
    async with agentctl.open(root) as hub:
        took = []
        sizes = {}
        for turn in range(1, 1011):
            took.append(await timed(lambda: hub.run("talk", "a question", session="long")))
            if turn in (100, 1000):
                sizes[turn] = _size(root)
    # Twenty turns from the tenth on, and as many from the thousandth: at the first, all is still being loaded.
    early, late = statistics.median(took[9:29]), statistics.median(took[990:1010])
    row("turn 1,000 of a session / turn 10", _ms(late), _ms(early), late / early, "≤ 1.1 ×")
    text = len(WORDS) + len("a question")
    grown = (sizes[1000] - sizes[100]) / 900
    row("database, a turn, beside its text", f"{(grown - text) / 1e3:.1f} kB", f"{text / 1e3:.1f} kB", None, "< 10 kB")
    first, last = await _channel(root, 300)
    row("turn 300 / turn 10, history in a checkpointed channel", "", f"{_ms(last)} / {_ms(first)}", last / first, "")


async def _channel(root: Path, turns: int) -> tuple[float, float]:
    """The trap: `add_messages` and a checkpointer, one thread a conversation."""
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import END, START, StateGraph, add_messages

    class State(TypedDict):
        messages: Annotated[list[Any], add_messages]

    async def speak(state: State) -> dict[str, Any]:
        return {"messages": [("ai", WORDS)]}

    graph: Any = StateGraph(State)
    graph.add_node("speak", speak)
    graph.add_edge(START, "speak")
    graph.add_edge("speak", END)
    async with AsyncSqliteSaver.from_conn_string(str(root / "channel.db")) as saver:
        compiled = graph.compile(checkpointer=saver)
        config = {"configurable": {"thread_id": "long"}}
        took = [
            await timed(lambda: compiled.ainvoke({"messages": [("user", "a question")]}, config)) for _ in range(turns)
        ]
    return statistics.median(took[9:29]), statistics.median(took[-20:])


async def bench_overlap(root: Path) -> None:
    """Sessions at once over a model that takes its time."""
    for count, delay_s, must in ((4, 1.0, "≤ 1.1 ×"), (200, 0.5, "")):
        with chat_server(delay_s) as url:
            name = f"model{count}"
            workspace(root, name, "{prompt: Say something.}", f"{{name: 'openai:gpt-4o-mini', base_url: '{url}'}}")
            async with agentctl.open(root) as hub:
                await hub.run(name, "a task")
                one = statistics.median([await timed(lambda name=name: hub.run(name, "a task")) for _ in range(3)])
                start = time.perf_counter()
                await asyncio.gather(*(hub.run(name, "a task", session=f"{name}-{each}") for each in range(count)))
                both = time.perf_counter() - start
        what = f"{count} sessions at once, a model of {delay_s:g} s / one"
        row(what, f"{both:.2f} s", f"{one:.2f} s", both / one, must)


async def bench_idle(root: Path) -> None:
    """Sessions that nobody is in."""
    async with agentctl.open(root) as hub:
        await hub.run("warm", "a task")
        gc.collect()
        before = rss_mb()
        for number in range(100):
            await _fill(hub, number, 100)
        gc.collect()
        row("memory, 10,000 idle sessions", f"{rss_mb() - before:.1f} MB", "", None, "none")
        for number in range(100, 190):
            await _fill(hub, number, 1000)
        took = [await timed(lambda: hub.sessions.newest(limit=50)) for _ in range(20)]
        row("newest 50 of 100,000 sessions", _ms(statistics.median(took)), "", None, "< 100 ms")


async def _fill(hub: Any, block: int, count: int) -> None:
    user = (await hub.sessions.newest(limit=1))[0].user_id
    rows = [
        SessionRow(session_id=new_id(), user_id=user, workspace="warm", name=f"b{block}n{number}")
        for number in range(count)
    ]
    await asyncio.gather(*(hub.store.sessions.create(each) for each in rows))


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms"


def _size(root: Path) -> int:
    """Bytes of the project's database files."""
    return sum(os.path.getsize(file) for file in (root / ".agentctl").glob("*.db*"))
