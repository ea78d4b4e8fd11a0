"""How the command begins and ends: stdout is the protocol's, and no run outlives its server."""

import asyncio
import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import Client

from tests.server.conftest import command, environment, over_http, runs_of, until

pytestmark = pytest.mark.slow
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}


def request(number: int, method: str, **params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def call(number: int, tool: str, task: str) -> bytes:
    return request(number, "tools/call", name=tool, arguments={"task": task})


READY = b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n'


def start(root: Path, *words: str) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command(root, *words), env=environment(), **pipes)  # type: ignore[call-overload,no-any-return]


def send(process: subprocess.Popen[bytes], *messages: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(b"".join(messages))
    process.stdin.flush()


def test_a_workspace_that_prints_says_nothing_on_the_wire(project: Path) -> None:
    process = start(project, "talk")
    send(process, request(1, "initialize", **HELLO), READY, call(2, "run_talk", "hello"))
    assert process.stdout is not None
    lines = [process.stdout.readline(), process.stdout.readline()]
    rest, errors = process.communicate(timeout=10)

    assert [json.loads(line)["id"] for line in lines] == [1, 2]
    assert (rest, process.returncode) == (b"", 0)
    for printed in ("imported", "half a line", "from the run", "half a line more", "bytes", "raw", "a child's"):
        assert printed in errors.decode()


def test_the_end_of_the_input_is_the_end(project: Path) -> None:
    process = start(project, "talk")
    out, errors = process.communicate(timeout=20)

    assert (process.returncode, out) == (0, b"")
    assert errors == b"imported\nhalf a line\n"  # the workspace's own


async def test_a_client_that_goes_takes_its_run_along(project: Path) -> None:
    process = start(project, "slow-one")
    send(process, request(1, "initialize", **HELLO), READY, call(2, "run_slow_one", "started"))
    await until((project / "started").exists, "the run")
    process.communicate(timeout=10)

    assert process.returncode == 0
    assert [run.status for run in await runs_of(project)] == ["cancelled"]


async def test_ctrl_c_stops_the_runs(project: Path) -> None:
    """Though the client still holds its end of the pipe."""
    process = start(project, "slow-one")
    send(process, request(1, "initialize", **HELLO), READY, call(2, "run_slow_one", "started"))
    await until((project / "started").exists, "the run")
    process.send_signal(signal.SIGINT)
    code = process.wait(10)
    process.communicate()

    assert code == 130
    assert [run.status for run in await runs_of(project)] == ["cancelled"]


async def test_sigterm_stops_the_runs_over_http(project: Path) -> None:
    """Though the client still waits for its answer."""
    with over_http(project, "slow-one") as served:
        async with Client(served.url) as client:
            waiting = asyncio.create_task(client.call_tool_mcp("run_slow_one", {"task": "started"}))
            await until((project / "started").exists, "the run")
            code = await asyncio.to_thread(served.stop)
            waiting.cancel()
            await asyncio.wait([waiting])

    assert code == 130
    assert [run.status for run in await runs_of(project)] == ["cancelled"]


async def test_a_killed_server_s_run_is_nobody_s(project: Path) -> None:
    process = start(project, "slow-one")
    send(process, request(1, "initialize", **HELLO), READY, call(2, "run_slow_one", "started"))
    await until((project / "started").exists, "the run")
    process.kill()
    process.communicate(timeout=10)

    assert [(run.status, run.is_held) for run in await runs_of(project)] == [("running", False)]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("invalid",), 3, "error"),
        (("talkk",), 3, "did you mean 'talk'"),
        (("talk", "--port", "8000"), 2, "--port is of --http"),
    ],
)
def test_what_cannot_be_served_is_refused_at_once(project: Path, words: tuple[str, ...], code: int, said: str) -> None:
    process = start(project, *words)
    out, errors = process.communicate(timeout=20)

    assert (process.returncode, out) == (code, b"")
    assert said in errors.decode()


def test_a_port_that_is_taken_is_named(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(project, "odd", "--http", "--port", str(port))
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 5
    assert f"port {port} cannot be had: Address already in use" in errors.decode()


def test_a_foreign_page_is_refused(project: Path) -> None:
    with over_http(project, "odd") as served:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        accept = {"accept": "application/json, text/event-stream"}
        codes = [
            httpx2.post(served.url, json=body, headers={**accept, **headers}).status_code
            for headers in ({}, {"host": "evil.example"}, {"origin": "https://evil.example"})
        ]

    assert codes == [200, 421, 403]
    assert served.url.startswith("http://127.0.0.1:")
