"""One call of an external server: what came of it, and what the server asks the user meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mcp_types import CallToolResult

Failure = Literal["", "away", "lost", "timeout", "too_large", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """What a server asks the user in the midst of a call: a form by its JSON Schema, or to visit a URL."""

    server: str
    tool: str
    message: str
    schema: Mapping[str, Any] | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The user's reply; `content` goes with `accept`."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any] | None = None


OnElicit = Callable[[Question], Coroutine[Any, Any, Reply]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        result: what the server returned; where it returned nothing, an error with one sentence of ours.
        failure: empty if the server answered, with an error of its tool's or not. `away`: it was not
            called; `lost` or `timeout`: it was called, and nobody knows whether it has done its work;
            `too_large`: it has done it, and the result was dropped; `refused`: it would not.
    """

    result: "CallToolResult"
    failure: Failure = ""

    @property
    def said(self) -> str:
        """The text of the result."""
        return "\n".join(block.text for block in self.result.content if block.type == "text")


class ServerAway(ConnectionError):
    """A server cannot be started or reached; says why, without its name."""


@dataclass(eq=False, slots=True)
class Call:
    """One call under way, for what its server asks meanwhile."""

    tool: str
    on_elicit: OnElicit | None
    clock: asyncio.Timeout
    is_sent: bool = False
    asking: set[asyncio.Task[Reply]] = field(default_factory=set)
    context: Context = field(default_factory=copy_context)

    async def ask(self, question: Question) -> Reply:
        """Ask the user; the time that it takes does not count."""
        if self.on_elicit is None:
            return Reply("decline")
        loop = asyncio.get_running_loop()
        when = self.clock.when()
        self.clock.reschedule(None)
        left_s = None if when is None else when - loop.time()
        # In the caller's context: an older server's question comes out of the connection's task.
        task = loop.create_task(self.on_elicit(question), context=self.context)
        self.asking.add(task)
        await asyncio.wait({task})
        if task not in self.asking or task.cancelled():
            return Reply("cancel")  # the call has ended meanwhile
        self.asking.discard(task)
        if left_s is not None:
            self.clock.reschedule(loop.time() + left_s)
        return task.result()

    def end(self) -> None:
        """Nobody needs an answer any more."""
        for task in tuple(self.asking):
            task.cancel()
        self.asking.clear()


CALL: ContextVar[Call | None] = ContextVar("agentctl_server_call", default=None)
"""The call in whose context a server's question arrives, where the connection tells."""


def failed(failure: Failure, sentence: str) -> Answer:
    """The answer in the place of one that did not come."""
    from mcp_types import CallToolResult, TextContent

    return Answer(CallToolResult(content=[TextContent(type="text", text=sentence)], is_error=True), failure)


@cache
def foreign() -> tuple[type[Exception], ...]:
    """What the MCP library raises for a server that is away, broken, or answers nonsense."""
    import anyio
    import httpx2
    from mcp import MCPError

    closed = (anyio.ClosedResourceError, anyio.BrokenResourceError, anyio.EndOfStream)
    return (MCPError, RuntimeError, OSError, ValueError, httpx2.HTTPError, ExceptionGroup, *closed)


def words(error: Exception) -> str:
    """What an error of the MCP library says, as far as a user can use it."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"]))
        return f"its answer is not MCP: {at}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    said = str(error).removeprefix("Client failed to connect: ") or type(error).__name__
    return f"it cannot be reached: {said}" if was_never_sent(error) else said


def was_never_sent(error: BaseException | None) -> bool:
    """Whether no connection could be made, so that nothing was asked of the server."""
    import httpx2

    while error is not None:
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
            return True
        error = error.__cause__
    return False
