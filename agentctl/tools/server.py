"""External MCP servers: one connection each, shared by every generation that declares it alike."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentctl.fetch import shown
from agentctl.logs.mask import mask
from agentctl.tools.engine import load_fastmcp
from agentctl.tools.server_call import (
    CALL,
    Answer,
    Call,
    OnElicit,
    Question,
    ServerAway,
    failed,
    foreign,
    was_never_sent,
    words,
)
from agentctl.tools.server_tool import MAX_TOOLS, ServerTool, usable_tools
from agentctl.workspace.diagnostics import escaped
from agentctl.workspace.mcp_config import Expanded, ServerConfig, expand

if TYPE_CHECKING:
    from fastmcp import Client
    from mcp_types import Tool

    from agentctl.tools.server_transport import HttpTransport, ProcessTransport

UP = "up"
AT_ONCE = 32
"""Calls in flight at one server; more wait."""
_CONNECT_S = 30.0
_LOGIN_S = 300.0
_PING_S = 2.0
_CLOSE_S = 8.0
_LOUD = ("mcp", "client", "httpx2", "httpcore2")
"""Loggers of the MCP library and below: without a handler of the application's they would write to the terminal."""


class Servers:
    """The external servers of a process; equal declarations share one connection or child.

    Args:
        on_login: told the address where the user logs in to a server with `auth: oauth`;
            without it, such a server is away until there is a token.
        token_folder: keeps OAuth tokens, for this user only; without it, they are forgotten.
    """

    def __init__(self, *, on_login: Callable[[str], None] | None = None, token_folder: Path | None = None) -> None:
        self._on_login, self._token_folder = on_login, token_folder
        self._held: dict[str, tuple[Server, int]] = {}

    async def acquire(self, config: ServerConfig, env: Mapping[str, str], log_folder: Path) -> "Server":
        """The server, up or with the reason why not in its `status`; give it back with `release`.

        Args:
            config: as `declared_servers` gives it.
            env: for `${…}`, and for the few variables that a child inherits.
            log_folder: takes `<server>.log`, what the server says on its standard error.
        """
        whole = expand(config.spec, env)
        key = f"{config.name}\n{config.cwd}\n{log_folder}\n{env.get('PATH')}\n{whole.spec.model_dump_json()}"
        server, count = self._held.get(key) or (Server(config, whole, env, log_folder, self), 0)
        self._held[key] = (server, count + 1)
        server.key = key
        try:
            if server.status != UP and not config.spec.disabled:
                await server.probe()
        except BaseException:
            await self.release(server)
            raise
        return server

    async def release(self, server: "Server") -> None:
        """Give a server back; the last to do so closes it."""
        _, count = self._held.get(server.key, (server, 0))
        if count > 1:
            self._held[server.key] = (server, count - 1)
        elif self._held.pop(server.key, None):
            await server.close()

    async def close(self) -> None:
        """Close all that are still held."""
        held = [server for server, _ in self._held.values()]
        self._held.clear()
        await asyncio.gather(*(server.close() for server in held))

    def transport(self, server: "Server") -> "ProcessTransport | HttpTransport":
        """A new way to a server, not yet opened."""
        from agentctl.tools.server_transport import HttpTransport, Login, ProcessTransport, ServerLog, child_env

        spec = server.whole.spec
        if spec.command is not None:
            log = ServerLog(server.log_path, server.whole.secrets)
            return ProcessTransport([spec.command, *spec.args], child_env(server.env, spec.env), server.config.cwd, log)
        url = spec.url or ""
        if not url.startswith(("http://", "https://")):
            raise ServerAway(f"{shown(url)!r} is no http:// or https:// URL")
        auth = Login(url, self._on_login, self._token_folder) if spec.auth == "oauth" else spec.auth
        return HttpTransport(url, spec.headers, auth)

    @property
    def has_login(self) -> bool:
        """Whether there is somebody who can log in."""
        return self._on_login is not None


class Server:
    """One external server. It is started when it is first needed, and again when it is needed after a crash."""

    def __init__(
        self, config: ServerConfig, whole: Expanded, env: Mapping[str, str], log_folder: Path, servers: Servers
    ) -> None:
        self.config, self.whole, self.env, self._servers = config, whole, env, servers
        self.name = config.name
        self.log_path = log_folder / f"{config.name}.log"
        self.key = ""
        self.status = "it is disabled in mcp.json" if config.spec.disabled else "not started"
        self.tools: tuple[ServerTool, ...] = ()
        self.left_out: Mapping[str, str] = {}
        """Tools that it has and that cannot be offered, and why."""
        self._client: Client[Any] | None = None
        self._transport: ProcessTransport | HttpTransport | None = None
        self._connecting: asyncio.Task[Client[Any]] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._free = asyncio.Semaphore(AT_ONCE)
        self._calls: set[Call] = set()
        self._is_suspect = self._is_closed = False

    @property
    def limit_s(self) -> float | None:
        """What its entry in `mcp.json` says of the time for one answer."""
        return self.config.spec.timeout / 1000 if self.config.spec.timeout else None

    async def probe(self) -> str:
        """Start or reach it if need be, and list its tools anew; `up`, or the reason why not."""
        before, limit_s = self._client, self.limit_s or _CONNECT_S
        try:
            client = await self._connected()
            if client is before:
                async with asyncio.timeout(limit_s):
                    await self._list(client)
        except TimeoutError:
            await self._drop()
            self.status = f"it did not answer within {limit_s:g} s"
        except ServerAway as error:
            self.status = str(error)
        except foreign() as error:
            self.status = self._why(error, self._transport)
            await self._drop()
        return self.status

    async def call(
        self,
        tool: str,
        args: Mapping[str, Any],
        *,
        timeout_s: float,
        meta: Mapping[str, Any] | None = None,
        on_elicit: OnElicit | None = None,
    ) -> Answer:
        """Call a tool once; a server that has crashed is started anew before. Never raises for what a server does.

        Args:
            tool: `ServerTool.name`, or `remote`.
            args: sent as they are; the server checks them.
            timeout_s: for all of it, also to start the server; a question to the user does not count.
            meta: goes along as `_meta` of the request.
            on_elicit: takes what the server asks the user; without it, the server is told that nobody answers.
        """
        clock = asyncio.timeout(min(timeout_s, self.limit_s or timeout_s))
        call = Call(tool, on_elicit, clock)
        try:
            async with clock, self._free:
                answer = await self._called(call, args, meta)
                # It was restarted meanwhile, and has done nothing as it knew nothing of us: once more.
                answer = answer or await self._called(call, args, meta)
                return answer or failed("away", f"server {self.name!r} is away: it forgets its sessions")
        except ServerAway as error:
            self.status = str(error)
            return failed("away", f"server {self.name!r} is away: {error}")
        except TimeoutError:
            if not call.is_sent:
                return failed("away", f"server {self.name!r} was not ready within {timeout_s:g} s")
            self._is_suspect = True
            return failed("timeout", f"server {self.name!r} gave no answer to {tool!r} within {timeout_s:g} s")

    async def close(self) -> None:
        """End the connection, and the child if it is one."""
        self._is_closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait({self._connecting})
        await self._drop()
        self.status = "closed"

    async def _called(self, call: Call, args: Mapping[str, Any], meta: Mapping[str, Any] | None) -> Answer | None:
        """None if the server did not know the connection any more."""
        client = await self._connected()
        remote = next((tool.remote for tool in self.tools if call.tool in (tool.name, tool.remote)), None)
        if remote is None:
            return failed("refused", f"server {self.name!r} has no tool {call.tool!r}")
        transport, token = self._transport, CALL.set(call)
        call.is_sent = True
        self._calls.add(call)
        try:
            return Answer(await client.call_tool_mcp(remote, dict(args), meta=dict(meta or {})))
        except foreign() as error:
            return await self._failure(error, client, transport, call)
        finally:
            self._calls.discard(call)
            CALL.reset(token)
            call.end()

    async def _failure(self, error: Exception, client: "Client[Any]", transport: Any, call: Call) -> Answer | None:
        """What an error of the connection means for one call."""
        from mcp import MCPError
        from mcp_types import CONNECTION_CLOSED

        from agentctl.tools.server_transport import TOO_LARGE

        # Of an event stream, the library says it in its own words.
        if "byte limit" in str(error) or TOO_LARGE in f"{error}{transport.fault}":
            return failed("too_large", f"server {self.name!r}: {TOO_LARGE}")
        is_forgotten = "Session terminated" in str(error)
        is_whole = transport.is_open and isinstance(error, MCPError) and "Connection closed" not in str(error)
        if is_whole and not is_forgotten:
            said = transport.fault if "Server returned an error" in str(error) else self._clean(words(error))
            is_lost = isinstance(error, MCPError) and error.code == CONNECTION_CLOSED
            sentence = f"server {self.name!r} answered {call.tool!r} with an error: {said}"
            return failed("lost" if is_lost else "refused", sentence)
        if client is self._client or self._client is None:
            await self._drop()
        if is_forgotten:
            return None
        self.status = self._why(error, transport)
        if was_never_sent(error):
            raise ServerAway(self.status)
        return failed("lost", f"server {self.name!r} was lost while {call.tool!r} ran: {self.status}")

    async def _connected(self) -> "Client[Any]":
        if self._is_closed or self.config.spec.disabled:
            raise ServerAway("it was closed" if self._is_closed else "it is disabled in mcp.json")
        if self._is_suspect and self._client is not None and not self._calls:
            await self._suspect(self._client)
        if self._client is not None and self._transport is not None and self._transport.is_open:
            return self._client
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            return await asyncio.shield(self._connecting)
        except asyncio.CancelledError:
            if self._connecting.cancelled():
                raise ServerAway("it was closed") from None
            raise

    async def _suspect(self, client: "Client[Any]") -> None:
        """After a call without an answer: one that hangs is ended, so that it is started anew."""
        self._is_suspect = False
        try:
            async with asyncio.timeout(_PING_S):
                await client.list_tools_mcp()
        except foreign():  # a TimeoutError too
            await self._drop()

    async def _connect(self) -> "Client[Any]":
        await self._drop()
        if self.whole.missing:
            names = ", ".join(self.whole.missing)
            raise ServerAway(f"{names} {'is' if len(self.whole.missing) == 1 else 'are'} not set in the environment")
        await asyncio.to_thread(_load)
        from fastmcp import Client

        waits_for_login = self.whole.spec.auth == "oauth" and self._servers.has_login
        limit_s = _LOGIN_S if waits_for_login else self.limit_s or _CONNECT_S
        transport = self._transport = self._servers.transport(self)
        client = Client(transport, init_timeout=0, elicitation_handler=self._elicit, log_handler=_ignore)
        opening = asyncio.create_task(self._open(client))
        try:
            await asyncio.wait({opening}, timeout=limit_s)
        finally:
            if not opening.done():
                # Once only, which a time limit around it would not keep to: a second one leaves the child unreaped.
                opening.cancel()
                await asyncio.wait({opening})
            if opening.cancelled() or opening.exception():
                await self._close(client)
        if opening.cancelled():
            raise ServerAway(transport.fault or f"it did not answer within {limit_s:g} s")
        try:
            opening.result()
        except foreign() as error:
            raise ServerAway(self._why(error, transport)) from error
        self._client = client
        return client

    async def _open(self, client: "Client[Any]") -> None:
        await client.__aenter__()  # type: ignore[no-untyped-call]
        await self._list(client)

    async def _list(self, client: "Client[Any]") -> None:
        found, cursor = list["Tool"](), None
        while len(found) <= MAX_TOOLS:
            page = await client.list_tools_mcp(cursor=cursor)
            found += page.tools
            cursor = page.next_cursor
            if not cursor or not page.tools:
                break
        self.tools, self.left_out = await asyncio.to_thread(usable_tools, self.name, found)
        self.status = UP

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._closing = asyncio.create_task(self._close(client))
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self, client: "Client[Any]") -> None:
        with suppress(*foreign()):  # a TimeoutError too
            async with asyncio.timeout(_CLOSE_S):
                await client.close()  # type: ignore[no-untyped-call]

    async def _elicit(self, message: str, _: object, params: Any, __: object) -> Any:
        """Hand on what a server asks, to the call that it belongs to."""
        from fastmcp.client.elicitation import ElicitResult

        call = CALL.get()
        if call not in self._calls:
            # Over pipes, an older server does not say which of its calls asks.
            call = next(iter(self._calls)) if len(self._calls) == 1 else None
        if call is None:
            return ElicitResult(action="decline")
        schema, url = getattr(params, "requested_schema", None), getattr(params, "url", None)
        reply = await call.ask(Question(self.name, call.tool, message, schema, url))
        content = dict(reply.content) if reply.content is not None and reply.action == "accept" else None
        return ElicitResult(action=reply.action, content=content)

    def _why(self, error: Exception, transport: "ProcessTransport | HttpTransport | None") -> str:
        """One sentence on what is wrong with the connection, without secrets."""
        fault = transport.fault if transport and not was_never_sent(error) else ""
        reason = fault or self._clean(words(error))
        return f"{reason}; see {self.log_path}" if self.config.spec.command and self.log_path.exists() else reason

    def _clean(self, text: str) -> str:
        url = self.whole.spec.url
        text = text.replace(url, shown(url)) if url else text
        return escaped(mask(text, self.whole.secrets))[:500]


async def _ignore(_: object) -> None:
    """What a server logs through the protocol; by default it would go to our terminal."""


def _load() -> None:
    load_fastmcp()
    for name in _LOUD:
        logger = logging.getLogger(name)
        if not logger.handlers:
            logger.addHandler(logging.NullHandler())
    import agentctl.tools.server_transport  # noqa: F401
