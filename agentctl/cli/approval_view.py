"""Approvals as commands show them: for scripts as plain values, for people as text."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from agentctl.cli.output import cut, json_text, line, plural, safe, table
from agentctl.cli.words import short_ids, since, span, utc, wish
from agentctl.errors import ApprovalNotFound, UsageError
from agentctl.sessions.control import os_user
from agentctl.store import Approval, Store

_LISTED = ("id", "run_id", "agent", "tool", "args", "requested_at", "expires_at", "status", "kind", "why")
_NAME, _LEAST, _WIDE = 16, 24, 200
"""Columns of a listing: for a name, for what is asked at least, and of all where there is no terminal."""


async def existing(store: Store, id_: str, user: str | None) -> Approval:
    """The approval of the user that `id_` names; looking for one leaves nothing behind."""
    if store.is_new:
        raise ApprovalNotFound(id_)
    return await store.approvals.find(id_, user=user or os_user())


def overview(row: Approval) -> dict[str, Any]:
    """An approval in a listing."""
    return {name: getattr(row, name) for name in _LISTED}


def listing(rows: Sequence[Approval]) -> str:
    """Approvals in a line each: what is asked first, cut to what the window leaves it."""
    ids = short_ids(row.id for row in rows)
    rest = [[cut(line(row.agent), _NAME), cut(line(row.workspace), _NAME), _state(row)] for row in rows]
    taken = max(map(len, ids.values())) + sum(max(map(len, column)) for column in zip(*rest, strict=True)) + 8
    room = max(_LEAST, shutil.get_terminal_size((_WIDE, 24)).columns - taken)
    wishes = [cut(wish(asdict(row)), room) for row in rows]
    return table([ids[row.id], wished, *cells] for row, wished, cells in zip(rows, wishes, rest, strict=True))


def _state(row: Approval) -> str:
    return f"{span(-since(row.expires_at))} left" if row.status == "pending" else row.status


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
    run = await store.get_run(row.run_id)
    if run.is_held:
        return f"{said}; the run goes on by itself"
    if run.status == "done":
        return f"{said}; the run is done"
    return f"{said}; go on with `agentctl resume {row.run_id}`"
