"""Real MCP servers for the tests: one of plain Python with every vice, and one of FastMCP."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from agentctl.tools.server import Server, Servers
from agentctl.workspace.mcp_config import ServerConfig, ServerSpec

ENV = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "SECRET_OF_OURS": "not-for-children"}

PLAIN = r'''
"""Speaks the handshake era of MCP in plain Python; `argv[1]` names its vice."""
import json, os, signal, subprocess, sys, threading, time

VICE = sys.argv[1] if len(sys.argv) > 1 else ""
OUT = threading.Lock()


def send(**message):
    if VICE == "backwards" and "id" in message:
        message["id"] = message.pop("id")
    with OUT:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def schema(**properties):
    return {"type": "object", "properties": properties}


TOOLS = [
    {"name": "echo", "description": "Says it.", "inputSchema": schema(text={"type": "string"})},
    {"name": "pid", "inputSchema": schema(), "annotations": {"readOnlyHint": True}},
    {"name": "env", "inputSchema": schema()},
    {"name": "die", "inputSchema": schema()},
    {"name": "nap", "inputSchema": schema(s={"type": "number"})},
    {"name": "hang", "inputSchema": schema()},
    {"name": "big", "inputSchema": schema(n={"type": "integer"})},
    {"name": "shout", "inputSchema": schema(n={"type": "integer"})},
    {"name": "chatter", "inputSchema": schema(n={"type": "integer"})},
    {"name": "ask", "inputSchema": schema()},
    {"name": "fail", "inputSchema": schema()},
    {"name": "meta", "inputSchema": schema()},
]
if VICE == "lies":
    TOOLS += [
        {"name": "echo", "inputSchema": schema()},
        {"name": "a.b", "inputSchema": schema()},
        {"name": "a/b", "inputSchema": schema()},
        {"name": "x\u001b[31m y", "inputSchema": schema()},
        {"name": "n" * 80, "inputSchema": schema()},
        {"name": "typed", "inputSchema": schema(x={"type": 5})},
        {"name": "remote", "inputSchema": schema(x={"$ref": "http://127.0.0.1:9/x.json"})},
        {"name": "huge", "inputSchema": schema(x={"description": "x" * 100_000})},
        {"name": "wrong", "inputSchema": schema(), "outputSchema": schema(n={"type": "integer"})},
    ]
ANSWERS, ASKED = {}, []


def text(words):
    return {"content": [{"type": "text", "text": words}]}


def call(id, name, args, meta):
    if name == "echo":
        result = text(args["text"])
    elif name == "pid":
        result = text(str(os.getpid()))
    elif name == "env":
        result = text(json.dumps(dict(os.environ)))
    elif name == "die":
        os._exit(3)
    elif name == "nap":
        time.sleep(args["s"])
        result = text("rested")
    elif name == "big":
        result = text("x" * args["n"])
    elif name == "shout":
        for _ in range(args["n"]):
            sys.stderr.write("y" * 999 + "\n")
        sys.stderr.write("the key is " + os.environ.get("KEY", "") + "\n")
        result = text("done")
    elif name == "chatter":
        for _ in range(args["n"]):
            sys.stdout.write("this is no message\n")
        result = text("done")
    elif name == "ask":
        key = f"q{len(ASKED)}"
        ASKED.append(key)
        ANSWERS[key] = threading.Event()
        form = schema(ok={"type": "boolean"})
        send(id=key, method="elicitation/create", params={"message": "Sure?", "requestedSchema": form})
        ANSWERS[key].wait()
        result = text(json.dumps(ANSWERS[key].said))
    elif name == "fail":
        return send(id=id, error={"code": -32603, "message": "no, with " + os.environ.get("KEY", "")})
    elif name == "meta":
        result = text(json.dumps(meta))
    elif name == "wrong":
        result = {**text("lie"), "structuredContent": {"n": "seven"}}
    send(id=id, result=result)


def hear(message):
    method, id, params = message.get("method"), message.get("id"), message.get("params") or {}
    if method is None and id in ANSWERS:
        ANSWERS[id].said = message.get("result") or message.get("error")
        ANSWERS[id].set()
    elif method == "initialize":
        info = {"name": "p", "version": "1"}
        send(id=id, result={"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": info})
    elif method == "tools/list":
        if VICE == "nonsense":
            return send(id=id, result={"tools": [{"name": 5}]})
        if VICE == "endless":
            return send(id=id, result={"tools": TOOLS, "nextCursor": "more"})
        send(id=id, result={"tools": TOOLS})
    elif method == "tools/call":
        if params["name"] == "hang":
            time.sleep(1000)
        words = (id, params["name"], params.get("arguments") or {}, params.get("_meta"))
        threading.Thread(target=call, args=words, daemon=True).start()
    elif id is not None:
        send(id=id, error={"code": -32601, "message": "unknown"})


if VICE == "dies":
    sys.exit("cannot start without its config")
if VICE in ("silent", "stubborn"):
    if VICE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
        sys.stderr.write(f"{os.getpid()} {child.pid}\n")
        sys.stderr.flush()
    time.sleep(1000)
if VICE == "flood":
    def flood():
        while True:
            send(method="notifications/message", params={"level": "info", "data": "x" * 200})

    threading.Thread(target=flood, daemon=True).start()
if VICE == "asks":
    send(id="s", method="sampling/createMessage", params={"messages": [], "maxTokens": 1})
    send(id="r", method="roots/list")
for line in sys.stdin:
    hear(json.loads(line))
'''

FASTMCP = r"""
import os, sys
from fastmcp import Context, FastMCP
import asyncio

mcp = FastMCP("fast")


@mcp.tool(annotations={"readOnlyHint": True, "destructiveHint": False})
async def echo(text: str) -> str:
    return text


@mcp.tool
async def pid() -> int:
    return os.getpid()


@mcp.tool
async def die() -> str:
    os._exit(3)


@mcp.tool
async def big(n: int) -> str:
    return "x" * n


@mcp.tool
async def nap(s: float) -> str:
    await asyncio.sleep(s)
    return "rested"


@mcp.tool
async def ask(ctx: Context) -> object:
    from mcp_types import ElicitRequest, ElicitRequestFormParams, InputRequiredResult

    replies = ctx.input_responses
    if replies:
        return f"{replies['q'].action} {replies['q'].content}"
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}}
    params = ElicitRequestFormParams(message="Sure?", requested_schema=schema)
    return InputRequiredResult(input_requests={"q": ElicitRequest(params=params)}, request_state="asked")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        mcp.run("http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False, log_level="error")
    else:
        mcp.run(show_banner=False)
"""

Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    opened = Servers()
    yield opened
    await opened.close()


@pytest.fixture
def plain(tmp_path: Path) -> Callable[..., ServerConfig]:
    """A declared server of plain Python with one vice."""

    def declare(vice: str = "", *, name: str = "p", timeout: int | None = None, **keys: object) -> ServerConfig:
        (tmp_path / "plain.py").write_text(PLAIN)
        args = ["-S", "-E", str(tmp_path / "plain.py"), vice]
        spec = ServerSpec.model_validate({"command": sys.executable, "args": args, "timeout": timeout, **keys})
        return ServerConfig(name, spec, tmp_path)

    return declare


@pytest.fixture
def start(servers: Servers, plain: Callable[..., ServerConfig], tmp_path: Path) -> Start:
    """A running server of plain Python."""

    async def acquire(vice: str = "", **more: object) -> Server:
        return await servers.acquire(plain(vice, **more), ENV | {"KEY_OF_P": "s3cret-of-p"}, tmp_path / "logs")

    return acquire
