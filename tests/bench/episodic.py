"""What it costs to record what an agent produced, and to recall it."""

import json
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from agentctl.memory import MemoryManager, Record
from agentctl.sessions import Hub
from agentctl.settings import Settings
from agentctl.store.file import PrivateFile
from agentctl.workspace.spec import RecallSpec
from tests.bench.harness import row, timed, workspace

Bare = Callable[[int], Awaitable[None]]
TIMES = 600
CONTENT = {"text": "words " * 40, "scores": {"tea": {"risk": 0.25}, "milk": {"risk": 0.5}}}
OPTIONS = "async def say(state):\n    return {'text': 'words ' * 40, 'options': [{'id': 'x'}]}\n"


async def bench_episodic(root: Path) -> None:
    """One record after the other; the raw client writes the same text, with no index."""
    await _bench_file(root)
    if shutil.which("redis-server"):
        with _redis(root) as url:
            await _bench_redis(root, url)


async def _bench_file(root: Path) -> None:
    raw = PrivateFile(root, "raw.db").open()
    raw.execute("CREATE TABLE records (id PRIMARY KEY, text)")

    async def bare(number: int) -> None:
        raw.execute("INSERT INTO records VALUES (?, ?)", (number, json.dumps(CONTENT)))

    await _bench(root, "SQLite", None, bare, "< 0.5 ms")
    raw.close()


async def _bench_redis(root: Path, url: str) -> None:
    from redis.asyncio import Redis

    async with Redis.from_url(url) as client:

        async def bare(number: int) -> None:
            await client.set(f"raw:{number}", json.dumps(CONTENT), px=3_600_000)

        await _bench(root, "Redis", url, bare, "< 1 ms")


async def _bench(root: Path, name: str, url: str | None, bare: Bare, must: str) -> None:
    memory = MemoryManager(partial(PrivateFile, root), url)
    ours, other, recalls = [], [], []
    for number in range(TIMES):
        record = _record(number)
        ours.append(await timed(lambda record=record: memory.put(record)))
        other.append(await timed(lambda number=number: bare(number)))
    for _ in range(TIMES):
        recalls.append(await timed(lambda: _recall(memory)))
    await memory.close()
    mine, raw = statistics.median(ours[100:]), statistics.median(other[100:])
    row(f"write of a record, {name} / raw client", f"{mine * 1e3:.2f} ms", f"{raw * 1e3:.2f} ms", mine / raw, must)
    row(f"recall of 5, {name}", f"{statistics.median(recalls[100:]) * 1e3:.2f} ms", "", None, "< 5 ms")
    added = await _added(root, url)
    row(f"added to an agent's step by its record, {name}", f"{added * 1e3:.2f} ms", "", None, must)


async def _added(root: Path, url: str | None) -> float:
    """Of runs of three agents, with and without their records, in turn."""
    for name, record in (("bare", ""), ("kept", ", memory: {record: proposal}")):
        with suppress(FileExistsError):
            workspace(root, name, f"{{kind: python, entry: 'say:say'{record}}}")
        (root / "workspaces" / name / "say.py").write_text(OPTIONS)
    async with Hub(root, settings=replace(Settings.load(root), redis_url=url)) as hub:
        took = [[await timed(lambda name=name: hub.run(name, "x")) for name in ("bare", "kept")] for _ in range(160)]
    return statistics.median((kept - bare) / 3 for bare, kept in took[20:])


def _record(number: int) -> Record:
    now = time.time()
    return Record(
        id=f"{number:024x}", workspace="w", user="u", session_id="s", run_id=f"r{number // 3}", stage="t", visit=1,
        round=1, agent="a", kind="critique", content=CONTENT, clear="never", created_at=now, expires_at=now + 3600,
    )  # fmt: skip


async def _recall(memory: MemoryManager) -> None:
    told = await memory.recall(
        user="u", workspace="w", session_id="s", run_ids=(), spec=RecallSpec(max=5, max_tokens=1000)
    )
    assert len(told) == 5


@contextmanager
def _redis(root: Path) -> Iterator[str]:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(root)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait()
