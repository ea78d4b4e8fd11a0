"""What the benchmarks share: workspaces, clocks, a model's server, a table's rows."""

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = [sys.executable, "-X", "frozen_modules=on"]
CLI = [*PYTHON, "-m", "agentctl"]
LANGGRAPH = [*PYTHON, "-c", "import langgraph.graph, langgraph.checkpoint.sqlite.aio"]
ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

DUO = """\
version: 1
model: {model}
stages:
  proposal: {{agents: [a, b], next: synthesis}}
  synthesis: {{agents: [c], next: final}}
agents:
  a: {agent}
  b: {agent}
  c: {agent}
"""


def workspace(root: Path, name: str, agent: str, model: str = "offline") -> None:
    folder = root / "workspaces" / name
    folder.mkdir(parents=True)
    (folder / "workspace.yaml").write_text(DUO.format(agent=agent, model=model))
    (folder / "say.py").write_text("async def say(state):\n    return 'words'\n")


def seconds(command: list[str], root: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=root, env={**ENV, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    return time.perf_counter() - start


def in_turn(ours: list[str], theirs: list[str], root: Path, times: int = 9) -> tuple[float, float, float]:
    """Medians of both commands, and of the ratios pair by pair."""
    pairs = [(seconds(ours, root), seconds(theirs, root)) for _ in range(times + 1)][1:]
    mine, other = [statistics.median(side) for side in zip(*pairs, strict=True)]
    return mine, other, statistics.median(a / b for a, b in pairs)


def row(what: str, ours: str, other: str, ratio: float | None, must: str) -> None:
    shown = f"{ratio:.2f}" if ratio is not None else ""
    print(f"| {what} | {ours} | {other} | {shown} | {must} |", flush=True)


def rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


async def timed(what: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await what()
    return time.perf_counter() - start


async def at_once(what: Callable[[int], Awaitable[object]], count: int = 50) -> tuple[float, float]:
    """Wall seconds of `count` calls at once, and CPU seconds of one."""
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(what(number) for number in range(count)))
    return time.perf_counter() - wall, (time.process_time() - cpu) / count


@contextmanager
def chat_server(delay_s: float = 0.2) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.fakes", "--port", "0", "--delay", str(delay_s)]
    server = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.communicate("")
