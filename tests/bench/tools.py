"""What it costs to call a function as a tool."""

import asyncio
import statistics
import time
from contextlib import suppress
from pathlib import Path

import agentctl
from tests.bench.harness import row, timed
from tests.runs import workspace as agent_files
from tests.tools.box import one, toolbox

CODE = """
async def echo(n: int) -> dict:
    return {"n": n}
def blocking(n: int) -> dict:
    return {"n": n}
"""
MANY = """
import statistics, time

async def many(state, ctx):
    took = []
    for n in range(400):
        start = time.perf_counter()
        await ctx.call_tool("echo", n=n)
        took.append(time.perf_counter() - start)
    return str(statistics.median(took))
"""


async def bench_tools(root: Path) -> None:
    """One call after the other, and 1,000 at once, through the client that a generation shares."""
    async with toolbox(root, one(CODE)) as box:
        names: dict[str, object] = {}
        exec(CODE, names)
        for name in ("echo", "blocking"):
            ours = [await timed(lambda name=name: box.call(name, {"n": 1})) for _ in range(600)][100:]
            bare = [_bare(names[name]) for _ in range(500)]
            mine, other = statistics.median(ours), statistics.median(bare)
            what = f"a call of a tool, {'async' if name == 'echo' else 'in a thread'} / of its function"
            row(what, f"{mine * 1e3:.2f} ms", f"{other * 1e6:.1f} µs", None, "≤ 1.5 ms over it")
        start = time.perf_counter()
        await asyncio.gather(*(box.call("echo", {"n": n}) for n in range(1000)))
        row("1,000 calls at once", f"{time.perf_counter() - start:.2f} s", "", None, "")
    agents = {"many": {"entry": "work:many", "tools": ["echo"]}}
    files = {
        **agent_files({"talk": ["many"]}, agents, MANY, tools={"approve": {"echo": "never"}}),
        "tools/work.py": CODE,
    }
    for path, text in files.items():
        (root / "workspaces" / "run" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "workspaces" / "run" / path).write_text(text)
    async with agentctl.open(root) as hub:
        result = await hub.run("run", "a task")
    row("a call in a run: journalled, told, kept", f"{float(result.output) * 1e3:.2f} ms", "", None, "")


def _bare(function: object) -> float:
    assert callable(function)
    start = time.perf_counter()
    made = function(n=1)
    if hasattr(made, "send"):
        with suppress(StopIteration):
            made.send(None)
    return time.perf_counter() - start
