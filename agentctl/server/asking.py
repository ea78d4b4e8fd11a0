"""What a run asks people, put to whoever sits at the client: in both eras of the protocol."""

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from fastmcp import Context
from mcp import MCPError
from mcp_types import ElicitRequest, ElicitRequestFormParams, ElicitResult, InputRequiredResult
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from agentctl.errors import UsageError
from agentctl.graph import Ask
from agentctl.server.text import clean
from agentctl.sessions import Hub
from agentctl.store import Approval, Decision

MAX_ARGUMENTS = 2_000


class Asking:
    """Asks by the means of one request's client, if it has any.

    Before 2026-07-28 the server asks while the call runs. Since then a call ends with its
    questions, and the client calls again with the replies: in between the run waits in the
    database, as when nobody can be asked. What it is told of progress goes on where it was.
    """

    def __init__(self, ctx: Context, hub: Hub) -> None:
        self._ctx, self._hub = ctx, hub
        able = ctx.session.client_capabilities
        elicits = able.elicitation if able is not None else None
        can = elicits is not None and (elicits.form is not None or elicits.url is None)
        is_modern = ctx.session.protocol_version in MODERN_PROTOCOL_VERSIONS
        self.in_place: Ask | None = self._ask if can and not is_modern else None
        self._returns = can and is_modern
        self._unanswered: set[str] = set()
        self._run_id, _, told = (ctx.request_state or "").partition(" ")
        self._told = int(told or 0)

    async def tell(self, line: str) -> None:
        """Tell the client how the run goes; the number only ever grows, over the calls of one run too."""
        self._told += 1
        await self._ctx.report_progress(self._told, message=line)

    async def decided(self, user: str | None) -> str | None:
        """The run that this request goes on with, once its replies are noted; None for a new one."""
        if not self._run_id:
            return None
        replies = self._ctx.input_responses or {}
        for approval in await self._hub.store.approvals.list(user=user, run_id=self._run_id):
            reply = replies.get(approval.id)
            said = decision(approval, reply) if isinstance(reply, ElicitResult) else None
            if said is None:
                self._unanswered.add(approval.id)
                continue
            with suppress(UsageError):  # somebody else was quicker
                await self._hub.store.approvals.decide(approval.id, said, user=user)
        return self._run_id

    def by_return(self, run_id: str, waiting: Sequence[Approval]) -> InputRequiredResult | None:
        """The questions as a result, unless this client was asked them before, or cannot be asked so."""
        new = [each for each in waiting if each.id not in self._unanswered]
        if not (new and self._returns):
            return None
        requests = {each.id: ElicitRequest(params=form(each)) for each in new}
        return InputRequiredResult(input_requests=requests, request_state=f"{run_id} {self._told}")

    async def _ask(self, approvals: Sequence[Approval]) -> dict[str, Decision]:
        decisions = {}
        for approval in approvals:
            wanted = form(approval)
            with suppress(MCPError):  # the client cannot after all: it stays undecided
                reply = await self._ctx.session.elicit_form(
                    wanted.message, wanted.requested_schema, related_request_id=self._ctx.request_id
                )
                if said := decision(approval, reply):
                    decisions[approval.id] = said
        return decisions


def asked(approval: Approval) -> str:
    """Who asks for what, with its arguments or the fields of its form."""
    args = _question(approval) or approval.args
    shown = json.dumps(args, ensure_ascii=False)
    if len(shown) > MAX_ARGUMENTS:
        shown = f"{shown[:MAX_ARGUMENTS]}… ({len(shown):,} characters)"
    return f"{approval.agent} wants {approval.tool}: {approval.why}\n{shown}"


def form(approval: Approval) -> ElicitRequestFormParams:
    """What is asked, and what can be replied."""
    if schema := _question(approval):
        return ElicitRequestFormParams(message=clean(approval.why), requested_schema=clean(schema))
    fields: dict[str, Any] = {
        "approve": {"type": "boolean", "title": "Approve", "description": f"Let {approval.agent} do this."},
        "reason": {"type": "string", "title": "Reason", "description": "If not: why, for the agent to read."},
    }
    if approval.kind == "graph":
        fields["answer"] = {"type": "string", "title": "Answer", "description": "What the agent is to be told."}
    return ElicitRequestFormParams(
        message=clean(asked(approval)),
        requested_schema={"type": "object", "properties": fields, "required": ["approve"]},
    )


def decision(approval: Approval, reply: ElicitResult) -> Decision | None:
    """What a reply decides; None if nothing."""
    if reply.action == "cancel":
        return None
    said = reply.content or {}
    reason = str(said.get("reason") or "")
    if reply.action == "decline":
        return Decision(approve=False, reason=reason)
    if _question(approval):
        return Decision(approve=True, args=dict(said))
    answer = said.get("answer") if approval.kind == "graph" else None
    return Decision(approve=said.get("approve") is True, reason=reason, args=answer or None)


def _question(approval: Approval) -> dict[str, Any] | None:
    """The form that a tool's server wants filled in."""
    return approval.args.get("schema") if approval.kind == "question" else None
