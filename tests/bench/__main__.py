"""Measure agentctl beside raw LangGraph, in one run: `python -m tests.bench [ROW ...]`.

Prints a Markdown table of medians and ratios; read the ratios, machines are noisy. Both sides
are byte-compiled first, and commands are run in turn, A B A B.
"""

import asyncio
import compileall
import gc
import os
import statistics
import sys
import tempfile
from pathlib import Path

import agentctl
from tests.bench.conversation import bench_idle, bench_overlap, bench_turns
from tests.bench.episodic import bench_episodic
from tests.bench.harness import (
    CLI,
    LANGGRAPH,
    PYTHON,
    at_once,
    chat_server,
    in_turn,
    row,
    rss_mb,
    seconds,
    timed,
    workspace,
)
from tests.bench.tools import bench_tools


def bench_help(root: Path) -> None:
    ours, other, ratio = in_turn([*CLI, "--help"], [*PYTHON, "-c", "import typer"], root, 15)
    row("`agentctl --help` / `import typer`", f"{ours * 1e3:.0f} ms", f"{other * 1e3:.0f} ms", ratio, "≤ 1.5 ×")


def bench_look(root: Path) -> None:
    for words in (["list"], ["validate", "cold"]):
        ours = statistics.median(seconds([*CLI, *words], root) for _ in range(9))
        row(f"`agentctl {words[0]}`", f"{ours * 1e3:.0f} ms", "", None, "< 300 ms")


def bench_load(root: Path) -> None:
    """200 workspaces of 10 agents with a prompt each."""
    for number in range(200):
        folder = root / "workspaces" / f"w{number}"
        (folder / "agents").mkdir(parents=True)
        roles = [f"a{role}" for role in range(10)]
        (folder / "workspace.yaml").write_text(f"version: 1\nstages: {{all: {{agents: {roles}}}}}\n")
        for role in roles:
            (folder / "agents" / f"{role}.yaml").write_text(f"prompt: |\n  {number} {role}: {{{{ task }}}}\n")
    ours = statistics.median(seconds([*CLI, "validate"], root) for _ in range(3))
    row("`agentctl validate` of 200 workspaces of 10 agents", f"{ours:.2f} s", "", None, "< 5 s")


def bench_cold(root: Path) -> None:
    ours, other, ratio = in_turn([*CLI, "run", "cold", "a task", "--quiet"], LANGGRAPH, root)
    row("`agentctl run`, cold, 3 offline agents / imports", f"{ours:.2f} s", f"{other:.2f} s", ratio, "≤ 1.4 ×")


async def bench_warm(root: Path) -> None:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from tests.bench import floor

    async def words(_: str) -> str:
        return "words"

    async with (
        agentctl.open(root) as hub,
        AsyncSqliteSaver.from_conn_string(str(root / "raw.db")) as saver,
    ):
        graph = floor.build(words, saver)
        ours, other = [], []
        for number in range(120):
            ours.append(await timed(lambda: hub.run("warm", "a task")))
            other.append(await timed(lambda number=number: floor.once(graph, str(number))))
        mine, raw = statistics.median(ours[20:]), statistics.median(other[20:])
    row(
        "warm run, 2 + 1 agents / raw + AsyncSqliteSaver",
        f"{mine * 1e3:.1f} ms",
        f"{raw * 1e3:.1f} ms",
        mine / raw,
        "≤ 1.5 ×",
    )


async def bench_many(root: Path) -> None:
    """50 runs at once over a server that answers after 200 ms."""
    from langchain_openai import ChatOpenAI
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from tests.bench import floor

    with chat_server() as url:
        model = f"{{name: 'openai:gpt-4o-mini', base_url: '{url}'}}"
        workspace(root, "chat", "{prompt: Say something.}", model)
        chat = ChatOpenAI(model="gpt-4o-mini", base_url=url, api_key="none", max_retries=0)

        async def ask(task: str) -> str:
            return str((await chat.ainvoke([("system", "Say something."), ("user", task)])).text)

        async with (
            agentctl.open(root) as hub,
            AsyncSqliteSaver.from_conn_string(str(root / "many.db")) as saver,
        ):
            bare, kept = floor.build(ask), floor.build(ask, saver)
            cpu: dict[str, list[float]] = {"ours": [], "bare": [], "kept": []}
            wall = []
            one = [await timed(lambda: hub.run("chat", "a task")) for _ in range(4)][1:]
            for turn in range(6):
                took, used = await at_once(lambda _: hub.run("chat", "a task"))
                cpu["ours"].append(used)
                wall.append(took)
                cpu["bare"].append((await at_once(lambda n: floor.once(bare, str(n))))[1])
                cpu["kept"].append((await at_once(lambda n, t=turn: floor.once(kept, f"{t}.{n}")))[1])
    mine, raw, checkpointed = [statistics.median(cpu[name][1:]) for name in ("ours", "bare", "kept")]
    cost = f"{mine * 1e3:.1f} ms"
    row(
        "CPU a run, 50 at once / raw + ChatOpenAI + AsyncSqliteSaver",
        cost,
        f"{checkpointed * 1e3:.1f} ms",
        mine / checkpointed,
        "≤ 1.3 ×",
    )
    row("the same / raw + ChatOpenAI, no checkpoints", cost, f"{raw * 1e3:.1f} ms", mine / raw, "")
    all_at_once, alone = statistics.median(wall[1:]), statistics.median(one)
    row(
        "wall time, 50 at once / one",
        f"{all_at_once:.2f} s",
        f"{alone:.2f} s",
        all_at_once / alone,
        "≤ 1.5 × where CPU allows",
    )


async def bench_memory(root: Path) -> None:
    """1,000 runs in one process: what grows, what stays open."""
    before = len(os.listdir("/proc/self/fd"))
    async with agentctl.open(root) as hub:
        for number in range(1000):
            if number == 100:
                gc.collect()
                base = rss_mb()
            await hub.run("warm", "a task")
        gc.collect()
        grown = rss_mb() - base
    left = len(os.listdir("/proc/self/fd")) - before
    tasks = len(asyncio.all_tasks()) - 1
    row("memory over runs 101 to 1,000", f"{grown:.1f} MB", "", None, "< 10 MB")
    row("left open after it: files, tasks", f"{left}, {tasks}", "", None, "0, 0")


ROWS = {
    "help": bench_help,
    "look": bench_look,
    "load": bench_load,
    "cold": bench_cold,
    "warm": bench_warm,
    "many": bench_many,
    "memory": bench_memory,
    "turns": bench_turns,
    "overlap": bench_overlap,
    "idle": bench_idle,
    "tools": bench_tools,
    "episodic": bench_episodic,
}


def main(names: list[str]) -> None:
    for package in {Path(agentctl.__file__).parent, Path(sys.prefix) / "lib"}:
        compileall.compile_dir(package, quiet=2, workers=0)
    os.environ.setdefault("OPENAI_API_KEY", "none")
    print("| What | agentctl | beside it | ratio | must |\n|---|--:|--:|--:|---|")
    for name in names or ROWS:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            workspace(root, "cold", "{prompt: Say something.}")
            workspace(root, "warm", "{kind: python, entry: 'say:say'}")
            result = ROWS[name](root)
            if result is not None:
                asyncio.run(result)


main(sys.argv[1:])
