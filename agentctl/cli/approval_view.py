"""Approvals as commands show them: for scripts as plain values, for people as text."""

import json
from collections.abc import Iterator

from agentctl.cli.output import cut, json_text, line, plural, safe
from agentctl.cli.words import utc
from agentctl.errors import ApprovalNotFound, UsageError
from agentctl.sessions.control import os_user
from agentctl.store import Approval, Store

_LISTED = ("id", "run_id", "agent", "tool", "args", "requested_at", "expires_at", "status", "kind", "why")


async def existing(store: Store, id_: str, user: str | None) -> Approval:
    """The approval of the user that `id_` names; looking for one leaves nothing behind."""
    if store.is_new:
        raise ApprovalNotFound(id_)
    return await store.approvals.find(id_, user=user or os_user())


def overview(row: Approval) -> dict[str, object]:
    """An approval in a listing."""
    return {name: getattr(row, name) for name in _LISTED}


def cells(row: Approval) -> list[str]:
    """An approval's line in a listing."""
    status = f"until {utc(row.expires_at)}" if row.status == "pending" else row.status
    said = row.why if row.kind == "question" else json_text(row.args)
    return [row.id, row.run_id, status, row.agent, row.tool, cut(line(said), 60)]


def facts(row: Approval) -> Iterator[str]:
    """Who asks what, when, and what came of it."""
    until = f" until {utc(row.expires_at)}" if row.status == "pending" else ""
    yield f"{row.id}  {row.status}{until}, asked {utc(row.requested_at)}"
    yield f"run {row.run_id} of {line(row.workspace)}, stage {line(row.stage)}, round {row.round}"
    yield asks(row)
    if row.decided_at:
        reason = f": {line(row.reason)}" if row.reason else ""
        always = ", for exactly this call in all of the session" if row.always else ""
        yield f"{row.status} by {line(row.decided_by or '')} at {utc(row.decided_at)}{always}{reason}"
    if row.edited is not None:
        yield f"with {safe(json_text(row.edited))}"


def asks(row: Approval) -> str:
    """Who asks, and why, in one line."""
    what = f"{line(row.agent)}, {line(row.tool)}" if row.kind != "graph" else line(row.agent)
    return f"{what}: {line(row.why)}"


def shown_args(row: Approval) -> str:
    """The arguments, all of them, in which nothing can move a cursor or turn a line around."""
    return safe(json_text(row.args, indent=2))


def answer_of(text: str) -> object:
    """What was written as JSON.

    Raises:
        UsageError: it is not JSON, or null, which answers nothing.
    """
    hint = "write JSON, in quotes for the shell"
    try:
        answer: object = json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UsageError(f"that is not JSON: {error.msg} at {place}", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"that is not JSON: {error}", hint=hint) from error
    if answer is None:
        raise UsageError("null answers nothing", hint="approve it without arguments of your own, or deny it")
    return answer


def _no_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON number")


async def next_step(store: Store, row: Approval) -> str:
    """What was decided, and what to do now."""
    said = f"{row.status} {row.id}"
    left = await store.approvals.list(user=None, run_id=row.run_id)
    if left:
        ids = ", ".join(each.id for each in left)
        return f"{said}; {plural(len(left), 'more approval')} of run {row.run_id} to decide: {ids}"
    if (await store.get_run(row.run_id)).is_held:
        return f"{said}; the run goes on by itself"
    return f"{said}; go on with `agentctl resume {row.run_id}`"
