"""Functions as tools: one FastMCP server in this process, and the one client that all of its calls share."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Protocol

from agentctl.tools.deadline import current_deadline, deadline
from agentctl.tools.functions import Function
from agentctl.tools.result import failure, to_result
from agentctl.tools.server_call import Answer, failed
from agentctl.workspace.code import said

if TYPE_CHECKING:
    from fastmcp import Client
    from fastmcp.tools import Tool

    from agentctl.tools.server_call import OnElicit

CLOSE_S = 2.0
"""For calls that are still under way; a coroutine that swallows its cancellation is left behind."""


class InThread(Protocol):
    """Calls a blocking function in a thread that nobody has to wait for; `on_start` when there is one."""

    def __call__(self, function: Callable[[], Any], *, on_start: Callable[[], None]) -> Awaitable[Any]:
        """Return its result or raise its exception."""
        ...


class LocalServer:
    """The tools of this process. Open it before a call; it serves any number at once."""

    def __init__(self) -> None:
        self._client: Client[Any] | None = None
        self._stack = AsyncExitStack()

    async def open(self, tools: "Iterable[Tool]") -> None:
        """Serve `tools`, and connect the client."""
        from fastmcp import Client, FastMCP

        server: FastMCP[Any] = FastMCP("agentctl")
        for tool in tools:
            server.add_tool(tool)
        client = await self._stack.enter_async_context(Client(server))
        # Else each of the first calls would ask for the list, to look whether its tool declares a result.
        await client.list_tools()
        self._client = client

    async def close(self) -> None:
        """End the calls under way and disconnect."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stack.aclose(), CLOSE_S)

    async def call(
        self,
        tool: str,
        args: Mapping[str, Any],
        *,
        timeout_s: float,
        meta: Mapping[str, Any],
        on_elicit: "OnElicit | None" = None,
    ) -> Answer:
        """Call a tool once, as an external server's; to wait for a thread takes none of its time."""
        assert self._client is not None
        try:
            async with deadline(timeout_s):
                return Answer(await self._client.call_tool_mcp(tool, dict(args), meta=dict(meta)))
        except TimeoutError:
            return failed("timeout", f"{tool} gave no answer within {timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - what a tool makes the protocol say is no fault of the caller's
            return failed("refused" if self._client.is_connected() else "lost", f"{tool} failed: {said(error)}")


def as_tool(function: Function, in_thread: InThread, max_bytes: int) -> "Tool":
    """A function as FastMCP takes it: an async one whose results and exceptions are told already.

    FastMCP would run a blocking function in one of anyio's 40 threads, and wait for it at exit.

    Raises:
        Exception: its parameters are none that a schema can describe; the type is pydantic's or FastMCP's choice.
    """
    from fastmcp.tools import Tool

    call = _called(function.call, in_thread, max_bytes)

    async def guarded(arguments: Mapping[str, Any]) -> Any:
        try:
            return await call(arguments)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a tool may raise anything, and SystemExit would end the loop
            return failure(error)

    async def run(**arguments: Any) -> Any:
        try:
            # In a task of its own, which is all that it can cancel: this one drives the connection.
            return await asyncio.create_task(guarded(arguments))
        except asyncio.CancelledError as error:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
            return failure(error)  # the tool raised it itself

    functools.update_wrapper(run, function.call)
    # FastMCP would make a schema of what is returned, and both sides would check each result by it.
    run.__signature__ = inspect.signature(function.call).replace(  # type: ignore[attr-defined]
        return_annotation=inspect.Signature.empty
    )
    run.__annotations__ = {
        name: kind for name, kind in getattr(function.call, "__annotations__", {}).items() if name != "return"
    }
    return Tool.from_function(run, name=function.name, output_schema=None)


def _called(
    call: Callable[..., Any], in_thread: InThread, max_bytes: int
) -> Callable[[Mapping[str, Any]], Coroutine[Any, Any, Any]]:
    """The function as a coroutine function that gives a result of MCP."""
    if inspect.iscoroutinefunction(call):

        async def awaited(arguments: Mapping[str, Any]) -> Any:
            return _told(await call(**arguments), max_bytes)

        return awaited

    async def threaded(arguments: Mapping[str, Any]) -> Any:
        deadline = current_deadline()
        if deadline:
            deadline.pause()

        def work() -> Any:
            try:
                value = call(**arguments)
                return value if inspect.isawaitable(value) else _told(value, max_bytes)
            except BaseException as error:  # noqa: BLE001 - as in `run`; here, where the traceback is short
                return failure(error)

        result = await in_thread(work, on_start=deadline.start if deadline else lambda: None)
        return _told(await result, max_bytes) if inspect.isawaitable(result) else result

    return threaded


def _told(value: Any, max_bytes: int) -> Any:
    from mcp_types import CallToolResult, InputRequiredResult

    # What speaks MCP itself is passed on: a whole result, or a question to the user.
    return value if isinstance(value, CallToolResult | InputRequiredResult) else to_result(value, max_bytes)
