"""The wires: stdin and stdout, or HTTP on loopback."""

import asyncio
import io
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

import uvicorn
from fastmcp import FastMCP
from mcp.server.stdio import stdio_server

from agentctl.errors import ServiceUnavailable

LOOPBACK = "127.0.0.1"
PATH = "/mcp"


async def serve_stdio(server: FastMCP[None], stdin: TextIO, stdout: TextIO) -> None:
    """Serve one client over two pipes until it closes them.

    Args:
        stdin, stdout: nothing else may read or write them; detached from their buffers.
    """
    reading, writing = cast("Any", _Pipe(stdin)), cast("Any", _Pipe(stdout))
    try:
        # FastMCP's own `run_stdio_async` takes none but the process's, where anybody's `print` would get in between.
        async with stdio_server(reading, writing) as (reader, writer):
            await server._mcp_server.run(reader, writer, server._mcp_server.create_initialization_options())
    except* (BrokenPipeError, ConnectionResetError):
        pass  # the client has gone


async def serve_http(server: FastMCP[None], port: int, on_ready: Callable[[str], None]) -> None:
    """Serve any number of clients over streamable HTTP on loopback, until cancelled.

    Requests that a browser sends on behalf of a foreign page are refused, by their `Host` and `Origin`.

    Args:
        port: 0 takes a free one.
        on_ready: told the URL.

    Raises:
        ServiceUnavailable: the port cannot be had.
    """
    try:
        listening = socket.create_server((LOOPBACK, port))
    except OSError as error:
        what = f"port {port} cannot be had: {error.strerror or error}"
        raise ServiceUnavailable(what, hint="name another with `--port`, or leave it out for a free one") from error
    with listening:
        app = server.http_app(path=PATH, host_origin_protection=True, allowed_hosts=[LOOPBACK, "localhost"])
        # Whoever wants the server to end wants its runs to end: there is nothing to wait for.
        config = uvicorn.Config(app, log_config=None, lifespan="on", ws="none", timeout_graceful_shutdown=0)
        http = _Http(config)
        serving = asyncio.ensure_future(http.serve([listening]))
        on_ready(f"http://{LOOPBACK}:{listening.getsockname()[1]}{PATH}")
        try:
            await asyncio.shield(serving)
        finally:
            http.should_exit = True
            await asyncio.wait([serving])


class _Http(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


class _Pipe:
    """An end of a pipe, as UTF-8 whatever the terminal's encoding; whoever gives up waiting for it is not held up."""

    def __init__(self, file: TextIO) -> None:
        self._file = io.TextIOWrapper(cast("io.TextIOWrapper", file).buffer, encoding="utf-8", errors="replace")

    async def write(self, text: str) -> None:
        await asyncio.to_thread(self._file.write, text)

    async def flush(self) -> None:
        await asyncio.to_thread(self._file.flush)

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await asyncio.to_thread(self._file.readline):
            yield line
