"""A project of workspaces without models, and the real command that serves one of them."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport

import agentctl
from agentctl.server import workspace_server
from agentctl.store import RunRow
from tests.conftest import WriteWorkspace

REPOSITORY = Path(agentctl.__file__).parents[1]
ERAS: tuple[Literal["auto", "legacy"], ...] = ("auto", "legacy")
PYTHON = """\
version: 1
description: {about}
stages: {{only: {{agents: [worker]}}}}
agents: {{worker: {{kind: python, entry: "work:{entry}"}}}}
"""
WORK = '''\
import asyncio
import os
import subprocess
import sys
from pathlib import Path

print("imported")
print("half a line", end="")


async def answer(state, ctx):
    """Say how many turns there were; print in all ways there are."""
    print("from the run")
    sys.stdout.write("half a line more")
    sys.stdout.buffer.write(b"bytes")
    os.write(1, b"raw\\n")
    subprocess.run(["echo", "a child's"])
    return f"{len(ctx.turns)} before: {state['task']}"


async def wait(state, ctx):
    """Wait for ever, or until the file that the task names is there."""
    name, _, other = state["task"].partition(" ")
    Path(name).touch()
    while not (other and Path(other).exists()):
        await asyncio.sleep(0.01)
    return f"{name} met {other}"


def fail(state, ctx):
    raise ValueError("the wheel came off")


def odd(state, ctx):
    return "half of a pair: \\ud800"
'''
BOOKING = """\
version: 1
description: Books a trip.
model: scripted:replies.yaml
stages: {only: {agents: [booker]}}
agents: {booker: {prompt: "{{ task }}", tools: [book]}}
"""
REPLIES = """\
replies:
  - {tool_calls: [{name: book, args: {city: Oslo}}]}
  - {text: "That was it.", repeat: true}
"""
TOOLS = '''\
from pathlib import Path


def book(city: str) -> str:
    """Book a city."""
    with Path("booked").open("a") as file:
        file.write(city + "\\n")
    return "booked " + city
'''


@pytest.fixture
def project(write_workspace: WriteWorkspace) -> Path:
    """Workspaces `talk`, `slow-one`, `broken-wheel`, `odd`, `booking`, and `invalid`."""
    for name, entry in {"talk": "answer", "slow-one": "wait", "broken-wheel": "fail", "odd": "odd"}.items():
        write_workspace(name, {"workspace.yaml": PYTHON.format(about=f"It is {name}.", entry=entry), "work.py": WORK})
    write_workspace("booking", {"workspace.yaml": BOOKING, "replies.yaml": REPLIES, "tools/trips.py": TOOLS})
    return write_workspace("invalid", "version: 1\nstages: {}\n")


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AGENTCTL_", "FASTMCP_"))}
    return kept | {"PYTHONPATH": str(REPOSITORY)}


def command(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "agentctl", "mcp", *words, "--root", str(root)]


def over_stdio(root: Path, *words: str, **options: Any) -> Client[StdioTransport]:
    """A client that starts the command, and ends it when it is left."""
    executable, *rest = command(root, *words)
    transport = StdioTransport(executable, rest, env=environment(), keep_alive=False, log_file=root / "stderr")
    return Client(transport, **options)


class Served:
    """The command as a process."""

    def __init__(self, process: subprocess.Popen[bytes], url: str = "") -> None:
        self.process, self.url = process, url

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


Connect = Callable[..., Awaitable[Client[Any]]]


@contextmanager
def over_http(root: Path, *words: str) -> Iterator[Served]:
    """The command serving HTTP on a free port; killed at the end if it still runs."""
    process = subprocess.Popen(command(root, *words, "--http"), env=environment(), stderr=subprocess.PIPE)
    try:
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"http://\S+$", line.decode()) for line in process.stderr)), None)
        assert found, "it ended before it served"
        yield Served(process, found[0])
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def connected(wire: str, root: Path, workspace: str, mode: str = "auto") -> AsyncIterator[Client[Any]]:
    """A client of the command over `stdio` or `http`."""
    if wire == "stdio":
        async with over_stdio(root, workspace, mode=mode) as client:
            yield client
        return
    with over_http(root, workspace) as served:
        async with Client(served.url, mode=mode) as client:
            yield client


@pytest.fixture
async def connect(project: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Connect]:
    """Clients of servers in this process, for what the wires do not change: `await connect("talk", user="ada")`."""
    monkeypatch.chdir(project)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(agentctl.open(project))

        async def make(workspace: str, *, user: str | None = None, **options: Any) -> Client[Any]:
            server = await workspace_server(hub, workspace, user=user)
            return await stack.enter_async_context(Client(server, **options))

        yield make


async def runs_of(root: Path) -> list[RunRow]:
    """The runs of the project, the newest first."""
    async with agentctl.open(root) as hub:
        return await hub.store.list_runs(None)


async def until(is_so: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come about"
        await asyncio.sleep(0.01)
