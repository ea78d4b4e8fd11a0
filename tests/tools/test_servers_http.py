"""External servers over streamable HTTP on loopback: FastMCP's own, and one that misbehaves."""

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from agentctl.tools.server import Server, Servers
from agentctl.tools.server_call import Question, Reply
from agentctl.workspace.mcp_config import ServerConfig, ServerSpec
from tests.tools.server_scripts import ENV, FASTMCP

OAUTH = """
import sys
from fastmcp import FastMCP
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server.auth.settings import ClientRegistrationOptions

url = f"http://127.0.0.1:{sys.argv[1]}"
auth = InMemoryOAuthProvider(base_url=url, client_registration_options=ClientRegistrationOptions(enabled=True))
mcp = FastMCP("locked", auth=auth)


@mcp.tool
def echo(text: str) -> str:
    return text


mcp.run("http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="error")
"""
TOOLS = [
    {"name": name, "inputSchema": {"type": "object"}}
    for name in ("echo", "big", "stream", "packed", "ask", "hang", "fail")
]


class Vicious(BaseHTTPRequestHandler):
    """The handshake era of MCP over HTTP, in plain Python; each tool has its own vice."""

    protocol_version = "HTTP/1.1"
    session = "one"
    token = ""
    seen: ClassVar[list[dict[str, str]]]
    answered: ClassVar[list[Any]]
    answer: threading.Event
    url: str

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        self.reply(405, b"")

    def do_DELETE(self) -> None:
        self.reply(405, b"")

    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).seen.append({name.lower(): value for name, value in self.headers.items()})
        method, id_ = message.get("method"), message.get("id")
        if self.token and self.headers.get("authorization") != f"Bearer {self.token}":
            self.reply(401, b"who are you")
        elif method == "initialize":
            info = {"name": "v", "version": "1"}
            result = {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info}
            self.json(id_, result, session=self.session)
        elif method == "server/discover":
            self.json(id_, None, status=400)
        elif self.headers.get("mcp-session-id") != self.session:
            self.reply(404, b"")
        elif method is None:
            type(self).answered.append(message["result"])
            self.answer.set()
            self.reply(202, b"")
        elif id_ is None:
            self.reply(202, b"")
        elif method == "tools/list":
            self.json(id_, {"tools": TOOLS})
        else:
            getattr(self, message["params"]["name"])(id_)

    def text(self, words: str) -> dict[str, object]:
        return {"content": [{"type": "text", "text": words}]}

    def json(self, id_: object, result: object, *, status: int = 200, session: str = "") -> None:
        body: dict[str, object] = {"jsonrpc": "2.0", "id": id_, "result": result}
        if result is None:
            body = {"jsonrpc": "2.0", "id": id_, "error": {"code": -32601, "message": "unknown"}}
        self.reply(status, json.dumps(body).encode(), **({"mcp-session-id": session} if session else {}))

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def event(self, message: dict[str, object]) -> None:
        try:
            self.wfile.write(f"event: message\ndata: {json.dumps({'jsonrpc': '2.0', **message})}\n\n".encode())
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()

    def echo(self, id_: object) -> None:
        self.json(id_, self.text("hi"))

    def big(self, id_: object) -> None:
        self.json(id_, self.text("x" * 50_000_000))

    def stream(self, id_: object) -> None:
        self.begin_stream()
        self.event({"id": id_, "result": self.text("x" * 50_000_000)})

    def packed(self, id_: object) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": id_, "result": self.text("x" * 50_000_000)}).encode()
        self.reply(200, gzip.compress(body, 1), content_encoding="gzip")

    def ask(self, id_: object) -> None:
        self.begin_stream()
        params = {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}}
        self.event({"id": "q", "method": "elicitation/create", "params": params})
        self.answer.wait(10)
        self.event({"id": id_, "result": self.text(json.dumps(self.answered[-1]))})

    def hang(self, id_: object) -> None:
        time.sleep(3)
        self.json(id_, self.text("late"))

    def fail(self, id_: object) -> None:
        self.reply(500, f"the token is {self.headers.get('authorization')}".encode())


@pytest.fixture
def vicious() -> Iterator[type[Vicious]]:
    """A running server; `url` says where."""
    handler: Any = type("Handler", (Vicious,), {"seen": [], "answered": [], "answer": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.url = f"http://127.0.0.1:{server.server_port}/mcp"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler
    server.shutdown()
    server.server_close()


@pytest.fixture
async def reach(servers: Servers, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async def acquire(url: str, **keys: object) -> Server:
        spec = ServerSpec.model_validate({"url": url, **keys})
        return await servers.acquire(ServerConfig("h", spec, tmp_path), ENV | {"TOKEN": "s3cret-of-h"}, tmp_path)

    yield acquire


@contextmanager
def serving(script: str, folder: Path, port: int) -> Iterator[str]:
    (folder / "served.py").write_text(script)
    process = subprocess.Popen([sys.executable, str(folder / "served.py"), str(port)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.mark.slow
async def test_a_server_over_http_is_called_and_called_again_after_its_restart(
    reach: Callable[..., Any], tmp_path: Path
) -> None:
    port = free_port()
    with serving(FASTMCP, tmp_path, port) as url:
        server = await reach(url)
        first = await server.call("h_pid", {}, timeout_s=10)
        together = await asyncio.gather(*(server.call("h_echo", {"text": str(n)}, timeout_s=20) for n in range(100)))
        nap = asyncio.create_task(server.call("h_nap", {"s": 30}, timeout_s=60))
        await asyncio.sleep(0.3)
    assert [answer.said for answer in together] == [str(n) for n in range(100)]
    assert (await nap).failure == "lost"
    assert (await server.call("h_pid", {}, timeout_s=10)).failure == "away"

    with serving(FASTMCP, tmp_path, port):
        second = await server.call("h_pid", {}, timeout_s=10)

        assert (second.failure, second.said != first.said) == ("", True)


async def test_a_token_goes_to_the_server_and_into_no_error(reach: Callable[..., Any], vicious: type[Vicious]) -> None:
    vicious.token = "s3cret-of-h"
    server = await reach(vicious.url, auth="${TOKEN}", headers={"X-Key": "${TOKEN}-too"})

    assert server.status == "up"
    assert {seen["x-key"] for seen in vicious.seen} == {"s3cret-of-h-too"}
    failed = await server.call("h_fail", {}, timeout_s=5)
    assert failed.said == "server 'h' answered 'h_fail' with an error: it answered with status 500"


async def test_a_server_that_does_not_know_us_is_away_with_its_status(
    reach: Callable[..., Any], vicious: type[Vicious]
) -> None:
    vicious.token = "another"

    server = await reach(vicious.url + "?key=s3cret-of-h", auth="${TOKEN}")

    assert server.status == "it answered with status 401"


@pytest.mark.parametrize("tool", ["h_big", "h_stream"])
async def test_an_answer_of_50_mb_over_http_is_dropped(
    reach: Callable[..., Any], vicious: type[Vicious], tool: str
) -> None:
    server = await reach(vicious.url)

    answer = await server.call(tool, {}, timeout_s=20)

    assert answer.failure == "too_large"
    assert (await server.call("h_echo", {}, timeout_s=5)).said == "hi"


async def test_a_packed_answer_is_refused_before_it_unpacks(reach: Callable[..., Any], vicious: type[Vicious]) -> None:
    server = await reach(vicious.url)

    answer = await server.call("h_packed", {}, timeout_s=20)

    assert answer.failure == "refused" and "packed" in answer.said
    assert (await server.call("h_echo", {}, timeout_s=5)).said == "hi"


async def test_a_server_that_forgot_its_session_is_reached_anew_within_the_call(
    reach: Callable[..., Any], vicious: type[Vicious]
) -> None:
    server = await reach(vicious.url)
    vicious.session = "two"

    assert (await server.call("h_echo", {}, timeout_s=5)).said == "hi"


async def test_a_question_over_http_reaches_the_call_that_it_belongs_to(
    reach: Callable[..., Any], vicious: type[Vicious]
) -> None:
    server = await reach(vicious.url)
    asked = list[Question]()

    async def answer(question: Question) -> Reply:
        asked.append(question)
        return Reply("accept", {})

    slow = asyncio.create_task(server.call("h_hang", {}, timeout_s=9))
    await asyncio.sleep(0.1)
    found = await server.call("h_ask", {}, timeout_s=5, on_elicit=answer)

    assert json.loads(found.said)["action"] == "accept"
    assert [question.tool for question in asked] == ["h_ask"]
    assert (await slow).said == "late"


@pytest.mark.slow
async def test_a_question_in_the_modern_era_reaches_the_caller(reach: Callable[..., Any], tmp_path: Path) -> None:
    with serving(FASTMCP, tmp_path, free_port()) as url:
        server = await reach(url)

        async def answer(question: Question) -> Reply:
            return Reply("accept", {"ok": question.message == "Sure?"})

        found = await server.call("h_ask", {}, timeout_s=10, on_elicit=answer)
        declined = await server.call("h_ask", {}, timeout_s=10)

    assert (found.said, declined.said) == ("accept {'ok': True}", "decline None")


def log_in(url: str) -> None:
    """As a browser would, once the page to come back to is served."""
    back = httpx2.get(url).headers["location"]
    for _ in range(100):
        try:
            httpx2.get(back)
        except httpx2.ConnectError:
            time.sleep(0.05)
        else:
            return


@pytest.mark.slow
async def test_a_user_logs_in_once_by_oauth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With `%s` Python waits for the browser; without, it drops the running process with a warning.
    monkeypatch.setenv("BROWSER", "true %s")
    visited = list[str]()

    def visit(url: str) -> None:
        visited.append(url)
        threading.Thread(target=log_in, args=(url,)).start()

    with serving(OAUTH, tmp_path, free_port()) as url:
        config = ServerConfig("h", ServerSpec(url=url, auth="oauth"), tmp_path)
        nobody, somebody = Servers(token_folder=tmp_path / "t"), Servers(on_login=visit, token_folder=tmp_path / "t")
        try:
            refused = (await nobody.acquire(config, ENV, tmp_path)).status
            server = await somebody.acquire(config, ENV, tmp_path)
            again = await Servers(token_folder=tmp_path / "t").acquire(config, ENV, tmp_path)

            assert refused == "it wants a login in a browser"
            assert (server.status, again.status) == ("up", "up")
            assert len(visited) == 1
            assert (tmp_path / "t").stat().st_mode & 0o077 == 0
            await again.close()
        finally:
            await asyncio.gather(nobody.close(), somebody.close())
