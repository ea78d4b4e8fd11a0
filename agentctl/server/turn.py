"""The tool: one call is one turn of a session, shown while it runs and stopped with its request."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from shlex import quote
from typing import Annotated, Any

import anyio
from fastmcp import Context
from fastmcp.tools.base import ToolResult
from mcp_types import InputRequiredResult, TextContent
from pydantic import Field

from agentctl.errors import AgentctlError, ServiceUnavailable, SessionNotFound, UsageError
from agentctl.events import Event
from agentctl.runtime import RunResult
from agentctl.server.asking import Asking, asked
from agentctl.server.text import clean, progress
from agentctl.sessions import Hub
from agentctl.store import Approval

OUTPUT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "run_id": {"type": "string"},
        "session_id": {"type": "string", "description": "pass it to go on in this conversation"},
        "status": {"type": "string", "enum": ["done", "failed", "waiting", "limited", "cancelled"]},
        "output": {"type": "string", "description": "the answer"},
        "winner": {"type": ["string", "null"], "description": "id of the option that was chosen"},
        "decision": {"type": "object"},
    },
    "required": ["run_id", "session_id", "status", "output", "winner", "decision"],
}
OnEvent = Callable[[Event], None]


class Turns:
    """Runs a workspace for whoever calls the tool; any number of calls at once."""

    def __init__(self, hub: Hub, workspace: str, user: str | None, model: str | None) -> None:
        self._hub, self._workspace, self._user, self._model = hub, workspace, user, model

    async def run(
        self,
        ctx: Context,
        task: Annotated[str, Field(description="What to do, as plain text.")],
        session_id: Annotated[
            str, Field(description="Conversation to go on in, as an earlier call returned it; empty begins one.")
        ] = "",
    ) -> ToolResult | InputRequiredResult:
        """Run a task; what went wrong is a result too, which a model can read."""
        asking = Asking(ctx, self._hub)
        try:
            result = await self._result(asking, task, session_id)
            waiting = await self._waiting(result)
        except AgentctlError as error:
            return ToolResult(content=_said(str(error), error.hint), is_error=True)
        return asking.by_return(result.run_id, waiting) or _as_result(result, self._waits(result, waiting))

    async def _result(self, asking: Asking, task: str, session_id: str) -> RunResult:
        hub, user = self._hub, self._user
        if run_id := await asking.decided(user):
            return await shown(asking, lambda show: hub.resume(run_id, user=user, on_event=show, ask=asking.in_place))
        session = await self._session(session_id.strip())
        return await shown(
            asking,
            lambda show: hub.run(
                self._workspace, task, session=session, user=user, model=self._model, on_event=show, ask=asking.in_place
            ),
        )

    async def _session(self, word: str) -> str | None:
        """The id of the session that is meant; a slip must not begin another conversation."""
        if not word:
            return None
        try:
            return (await self._hub.sessions.get(word, user=self._user, workspace=self._workspace)).session_id
        except SessionNotFound as error:
            what = f"there is no session {word!r} of {self._workspace}"
            raise UsageError(what, hint="leave session_id out to begin one") from error

    async def _waiting(self, result: RunResult) -> Sequence[Approval]:
        if result.status != "waiting":
            return ()
        return await self._hub.store.approvals.list(user=None, run_id=result.run_id)

    def _waits(self, result: RunResult, waiting: Sequence[Approval]) -> str:
        """What a model needs to tell its person, who may stand in any folder."""
        where = f" --root {quote(str(self._hub.root))}"
        whose = where if self._user is None else f" --user {quote(self._user)}{where}"
        lines = ["The run waits until a person decides:"]
        for each in waiting:
            answer = " --edit-args JSON" if each.kind == "question" else ""
            lines.append(f"- {each.id}: {asked(each)}")
            lines.append(f"  yes: `agentctl approvals approve {each.id}{answer}{whose}`")
            lines.append(f"  no: `agentctl approvals deny {each.id}{whose}`")
        lines.append(f"Then go on with `agentctl resume {result.run_id}{whose}`. Until then its session cannot go on.")
        return "\n".join(lines)


async def shown(asking: Asking, start: Callable[[OnEvent], Awaitable[RunResult]]) -> RunResult:
    """Drive a run to its end and tell the client how it goes; if the request ends first, so does the run.

    Raises:
        ServiceUnavailable: the server is about to end.
    """
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def on_event(event: Event) -> None:
        if line := progress(event):
            lines.put_nowait(line)

    # A task of its own: the SDK cancels each await of a request anew, also those of a run that ends itself properly.
    run = asyncio.ensure_future(start(on_event))
    run.add_done_callback(lambda _: lines.put_nowait(None))
    try:
        while (line := await lines.get()) is not None:
            await asking.tell(line)
        if run.cancelled():
            raise ServiceUnavailable("the run was stopped: its server ends", hint="start the server, and call again")
        return run.result()
    finally:
        run.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([run])


def _as_result(result: RunResult, waits: str) -> ToolResult:
    error = result.error or {}
    said = [result.output]
    if result.status == "waiting":
        said = [result.output, waits]
    elif error:
        said = [_said(error["message"], error.get("hint", "")), result.output and f"So far: {result.output}"]
    # Not every client shows its model the structured content.
    said.append(f"session_id: {result.session_id}")
    return ToolResult(
        content=[TextContent(type="text", text=clean(text)) for text in said if text],
        structured_content=clean({name: getattr(result, name) for name in OUTPUT["required"]}),
        is_error=result.status not in ("done", "waiting"),
    )


def _said(message: str, hint: str) -> str:
    return clean(f"{message}\nhint: {hint}" if hint else message)
