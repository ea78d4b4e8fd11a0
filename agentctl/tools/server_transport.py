"""How an external server is reached: a child process on its pipes, or streamable HTTP.

Both bound what a server may send before it is parsed. FastMCP's own stdio transport does not:
it collects a line without end (and copies it for each piece that arrives), and logs every line
that is no message to the terminal.
"""

import asyncio
import os
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import httpx2
import mcp_types
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from fastmcp.client.auth.oauth import OAuth
from fastmcp.client.transports.base import ClientTransport, TransportOptions
from fastmcp.client.transports.http import StreamableHttpTransport
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from typing_extensions import override

from agentctl.logs.file import append, locked
from agentctl.logs.mask import mask
from agentctl.workspace.diagnostics import escaped

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""One message of a server: enough for an image of 6 MB."""
TOO_LARGE = f"it sent an answer of over {MAX_MESSAGE_BYTES:,} bytes, which was dropped"
_STOP_S = 1.0
_LAST_WORDS_S = 0.5
"""For what a server that has ended said last: mostly why."""
_CHUNK = 65_536
_LOG_BYTES = 1_000_000
_AT_ONCE, _PAUSE_S = 100, 0.05
"""A server that floods is read at 2,000 messages a second, and waits in its own pipe for the rest."""
_INHERITED = ("PATH", "HOME", "LANG", "TERM", "USER")
_ID = re.compile(rb'"id"\s*:\s*(\d{1,18}|"[^"\\]{1,80}")')
# The server's whole process group is killed when our end of a pipe closes, however we die:
# one that ignores the end of its input, or is a grandchild, would outlive a `kill -9` of ours.
_GUARD = '(read -r _ <"/dev/fd/$0"; kill -KILL 0) </dev/null >/dev/null 2>&1 & exec "$@"'

Incoming = MemoryObjectSendStream[SessionMessage | Exception]


class Session(ClientSession):
    """A session that passes on what a tool returned, whether or not it fits the schema its server gives."""

    @override
    async def validate_tool_result(self, name: str, result: mcp_types.CallToolResult) -> None:
        """Nothing is checked: the answer belongs to who asked, and listing the tools for it costs a call."""


class ServerLog:
    """What a server says beside the protocol, masked, in a rotated file."""

    def __init__(self, path: Path, secrets: Sequence[str]) -> None:
        self.path, self._secrets = path, secrets

    async def write(self, data: bytes) -> None:
        """Add lines; secrets and control characters are taken out."""
        lines = mask(data.decode(errors="replace"), self._secrets).splitlines()
        await asyncio.to_thread(self._append, "".join(f"{escaped(line)}\n" for line in lines).encode())

    def _append(self, data: bytes) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self.path.parent):
            append(self.path, data, max_bytes=_LOG_BYTES)


class ProcessTransport(ClientTransport):
    """One child process; used once. `fault` says what became of it, as far as that is known."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], cwd: Path, log: ServerLog) -> None:
        self._words, self._cwd, self._log = words, cwd, log
        self._env = env
        self.is_open = self._has_hung_up = False
        self._is_said = anyio.Event()
        self.fault = ""

    @override
    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: TransportOptions | None = None, **session_kwargs: Any
    ) -> AsyncIterator[ClientSession]:
        incoming, to_session = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        from_session, outgoing = anyio.create_memory_object_stream[SessionMessage](0)
        async with (
            incoming,
            to_session,
            from_session,
            outgoing,
            self._running() as process,
            anyio.create_task_group() as tasks,
        ):
            assert process.stdin is not None and process.stdout is not None and process.stderr is not None
            tasks.start_soon(self._read, process.stdout, incoming)
            tasks.start_soon(self._write, process.stdin, outgoing)
            tasks.start_soon(self._keep, process.stderr)
            try:
                async with Session(to_session, from_session, **session_kwargs) as session:
                    yield session
            finally:
                self.is_open = False
                with anyio.move_on_after(_LAST_WORDS_S if self._has_hung_up else 0, shield=True):
                    await self._is_said.wait()
                tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        command = self._words[0]
        found = shutil.which(self._cwd / command if "/" in command else command, path=self._env.get("PATH"))
        if found is None:
            self.fault = f"command {command!r} is not found"
            raise FileNotFoundError(self.fault)
        theirs, ours = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *("/bin/sh", "-c", _GUARD, str(theirs), found, *self._words[1:]),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._env,
                cwd=self._cwd,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self.is_open = True
        try:
            yield process
        finally:
            try:
                with anyio.CancelScope(shield=True):
                    await _stop(process)
            finally:
                os.close(ours)
                # Nothing public closes the pipes that a surviving descendant holds open.
                process._transport.close()  # type: ignore[attr-defined]
                if self._has_hung_up and not self.fault:
                    self.fault = _end(process.returncode)

    async def _read(self, stdout: asyncio.StreamReader, incoming: Incoming) -> None:
        # Closing `incoming` is what tells the session, and each call in flight, that nothing more comes.
        async with incoming:
            with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                await self._pass_on(stdout, incoming)
                self._has_hung_up = True
            self.is_open = False

    async def _pass_on(self, stdout: asyncio.StreamReader, incoming: Incoming) -> None:
        count, since = 0, time.monotonic()
        async for line, is_whole in _lines(stdout):
            message = _message(line) if is_whole else _refusal(line)
            if message is not None:
                await incoming.send(message)
            elif not is_whole:
                self.fault = TOO_LARGE
                return
            elif line.strip():
                await self._log.write(line)
            count += 1
            if count % _AT_ONCE == 0:
                await asyncio.sleep(max(0.0, since + _PAUSE_S - time.monotonic()))
                since = time.monotonic()

    async def _write(self, stdin: asyncio.StreamWriter, outgoing: MemoryObjectReceiveStream[SessionMessage]) -> None:
        with suppress(OSError):
            async for sent in outgoing:
                stdin.write(sent.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await stdin.drain()

    async def _keep(self, stderr: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stderr.read(_CHUNK):
            lines, newline, rest = (rest + chunk).rpartition(b"\n")
            if len(rest) > _CHUNK:
                lines, rest = lines + newline + rest, b""
            with suppress(OSError):  # a full disk does not end a server
                await self._log.write(lines)
            if len(chunk) > _CHUNK // 2:
                await asyncio.sleep(_PAUSE_S)
        if rest:
            with suppress(OSError):
                await self._log.write(rest)
        self._is_said.set()


class HttpTransport(StreamableHttpTransport):
    """Streamable HTTP; `fault` is the last refusal of the server."""

    is_open = True
    """Whether it is cannot be told before something is sent."""

    def __init__(self, url: str, headers: Mapping[str, str], auth: OAuth | str | None) -> None:
        super().__init__(url, headers=dict(headers), auth=auth)
        self.fault = ""

    @override
    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: TransportOptions | None = None, **session_kwargs: Any
    ) -> AsyncIterator[ClientSession]:
        headers = {"accept-encoding": "identity", **self.headers}
        async with (
            httpx2.AsyncClient(
                headers=headers,
                auth=self.auth,
                timeout=httpx2.Timeout(30, read=None),
                event_hooks={"response": [self._capture_session_id, self._limit]},
            ) as http,
            streamable_http_client(self.url, http_client=http, max_sse_event_size=MAX_MESSAGE_BYTES) as streams,
            Session(*streams, **session_kwargs) as session,
        ):
            yield session

    async def _limit(self, response: httpx2.Response) -> None:
        self.fault = f"it answered with status {response.status_code}" if response.status_code >= 400 else ""
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            assert isinstance(response.stream, httpx2.AsyncByteStream)
            response.stream = _Limited(response.stream, response.headers.get("content-encoding", "identity"))


class _Limited(httpx2.AsyncByteStream):
    """A body that is given up when it grows too large; packed ones at once, as they may unpack to anything."""

    def __init__(self, stream: httpx2.AsyncByteStream, encoding: str) -> None:
        self._stream, self._encoding = stream, encoding

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._encoding != "identity":
            raise httpx2.StreamError("it packed its answer, which was not asked for")
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MAX_MESSAGE_BYTES:
                raise httpx2.StreamError(TOO_LARGE)
            yield piece

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()


class Login(OAuth):
    """OAuth in the user's browser, if there is somebody to be told where to log in."""

    def __init__(self, url: str, on_login: Callable[[str], None] | None, token_folder: Path | None) -> None:
        store = None
        if token_folder is not None:
            from key_value.aio.stores.filetree import FileTreeStore, FileTreeV1KeySanitizationStrategy

            token_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Its keys are URLs, which it would take for paths.
            keys = FileTreeV1KeySanitizationStrategy(token_folder)
            store = FileTreeStore(data_directory=token_folder, key_sanitization_strategy=keys)
        super().__init__(url, client_name="agentctl", token_storage=store)
        self._on_login = on_login

    @override
    async def redirect_handler(self, authorization_url: str) -> None:
        if self._on_login is None:
            raise httpx2.TransportError("it wants a login in a browser")
        await super().redirect_handler(authorization_url)  # opens it, too, where there is a browser
        self._on_login(authorization_url)


def child_env(env: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """What a child sees: of ours only what every program needs, and what its entry says."""
    return {**{name: env[name] for name in _INHERITED if name in env}, **own}


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bool]]:
    """Each line, and whether it is whole; of one that is too large, the beginning."""
    held, is_skipping = bytearray(), False
    while chunk := await stream.read(_CHUNK):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            if is_skipping:
                yield bytes(held[:_CHUNK]), False
            else:
                yield bytes(held + end), True
            held, is_skipping = bytearray(), False
        if not is_skipping:
            held += rest
            is_skipping = len(held) > MAX_MESSAGE_BYTES
            if is_skipping:
                del held[_CHUNK:]


def _message(line: bytes) -> SessionMessage | None:
    if not line.lstrip().startswith(b"{"):
        return None
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


def _refusal(head: bytes) -> SessionMessage | None:
    """The answer in the place of one that is too large, if its beginning says which call it is for."""
    found = _ID.search(head[:1024].partition(b'"result"')[0])
    if found is None:
        return None
    id_: str | int = found[1][1:-1].decode(errors="replace") if found[1][:1] == b'"' else int(found[1])
    error = mcp_types.ErrorData(code=mcp_types.PARSE_ERROR, message=TOO_LARGE)
    return SessionMessage(mcp_types.JSONRPCError(jsonrpc="2.0", id=id_, error=error))


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Close its input, then ask its whole group to end; who does not is killed with the guard's pipe."""
    assert process.stdin is not None
    process.stdin.close()
    if not await _has_ended(process, _STOP_S):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        if not await _has_ended(process, _STOP_S):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await _has_ended(process, _STOP_S)


async def _has_ended(process: asyncio.subprocess.Process, within_s: float) -> bool:
    """Not `process.wait()`: that waits for pipes too, which a grandchild may hold."""
    deadline = time.monotonic() + within_s
    while process.returncode is None and time.monotonic() < deadline:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.01)
    return process.returncode is not None


def _end(status: int | None) -> str:
    return f"it was killed by signal {-status}" if status and status < 0 else f"it ended with exit status {status}"
