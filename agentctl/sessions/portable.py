"""A session as one JSON document: written whole, and read as if an enemy had written it."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from agentctl.errors import NameTaken, NotPortable, UsageError, WorkspaceNotFound
from agentctl.runtime import WorkspaceHub
from agentctl.sessions.document import FORMAT, VERSION, Document, checked, faulty
from agentctl.sessions.memories import adding
from agentctl.store import SessionRow, TurnRow, new_id
from agentctl.store.turn import timestamp
from agentctl.workspace.discovery import find_workspace

_OF_TURN = ("session_id", "threads")
"""Fields of a turn that mean something in this database only."""


async def export_session(
    hub: WorkspaceHub, session: SessionRow, on_left_out: Callable[[NotPortable], None]
) -> dict[str, Any]:
    """The session with its turns, attached files, and what agents remember at its end."""
    turns = await hub.store.sessions.turns(session.session_id)
    digests = list(dict.fromkeys(each["digest"] for turn in turns for each in turn.attachments))
    bodies = await hub.store.sessions.bodies(session.session_id, digests)
    kept = ("session_id", "workspace", "name", "tags", "metadata", "created_at", "updated_at")
    return {
        "format": FORMAT,
        "version": VERSION,
        "session": {name: getattr(session, name) for name in kept},
        "turns": [{name: value for name, value in asdict(turn).items() if name not in _OF_TURN} for turn in turns],
        "attachments": await asyncio.to_thread(
            lambda: {digest: b64encode(bodies[digest]).decode() for digest in digests if digest in bodies}
        ),
        "threads": await _threads(
            hub, next((turn.threads for turn in reversed(turns) if turn.threads), {}), on_left_out
        ),
    }


async def _threads(
    hub: WorkspaceHub, threads: Mapping[str, list[str]], on_left_out: Callable[[NotPortable], None]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if threads:
        from agentctl.store.portable import thread_to_json  # imports LangGraph

        saver = await hub.checkpointer()
        for role, (thread, checkpoint) in threads.items():
            try:
                found[role] = await thread_to_json(saver, thread, checkpoint)
            except NotPortable as error:
                on_left_out(error)
    return found


async def import_session(
    hub: WorkspaceHub,
    given: bytes | Mapping[str, object],
    user_id: str,
    *,
    name: str | None,
    workspace: str | None,
) -> SessionRow:
    """Store the session of a document as a new one of the user; nothing of it on any fault.

    Args:
        name, workspace: over those in the document.

    Raises:
        NameTaken: the user has a session of that name.
        UsageError: the document is no session.
        WorkspaceNotFound: the project has no such workspace.
    """
    document = await asyncio.to_thread(checked, given, name, workspace)
    await asyncio.to_thread(_check_workspace, hub, document.session.workspace)
    row = _row(document, user_id)
    if row.name and await hub.store.sessions.named(user_id, row.name):  # seen before any thread is written
        raise NameTaken(row.name)
    turns, bodies = await asyncio.to_thread(_stored, document, row.session_id)
    async with adding(hub, row, [f"{role}#{row.session_id}" for role in document.threads]):
        if document.threads:
            threads = await _put_threads(await hub.checkpointer(), row.session_id, document.threads)
            turns[-1] = replace(turns[-1], threads=threads)
        await hub.store.sessions.put(row, turns, bodies)
    return row


def _check_workspace(hub: WorkspaceHub, name: str) -> None:
    try:
        find_workspace(hub.root, name)
    except WorkspaceNotFound as error:
        hint = "name one that the project has with `--workspace`; `agentctl list` shows them"
        raise WorkspaceNotFound(name, hub.list_workspaces(), hint=hint) from error


def _stored(document: Document, session_id: str) -> tuple[list[TurnRow], dict[str, bytes]]:
    """Its turns, and its files by digest."""
    turns = [_turn(session_id, each.model_dump()) for each in document.turns]
    return turns, {digest: b64decode(body) for digest, body in document.attachments.items()}


async def _put_threads(saver: Any, session_id: str, threads: Mapping[str, object]) -> dict[str, list[str]]:
    from agentctl.store.portable import thread_from_json  # imports LangGraph

    put, faults = {}, []
    for role, state in threads.items():
        thread = f"{role}#{session_id}"
        try:
            put[role] = [thread, await thread_from_json(saver, thread, state)]
        except UsageError as error:
            faults.append(f"$.threads.{role}: {str(error).partition(': ')[2]}")
    if faults:
        raise faulty(faults)
    return put


def _row(document: Document, user_id: str) -> SessionRow:
    """A new session; used now, else it might expire at once."""
    session, now = document.session, timestamp()
    return SessionRow(
        session_id=new_id(),
        user_id=user_id,
        workspace=session.workspace,
        name=session.name,
        tags=session.tags,
        metadata=session.metadata,
        created_at=now,
        updated_at=now,
        turns=len(document.turns),
    )


def _turn(session_id: str, turn: dict[str, Any]) -> TurnRow:
    """A turn whose run is not in this project: what was under way there has ended without a result here."""
    status = "killed" if turn["status"] in ("running", "waiting") else turn["status"]
    # A path of another machine: here it might name a file that nobody meant to show.
    attachments = [{**each, "path": each["name"]} for each in turn["attachments"]]
    return TurnRow(session_id=session_id, **{**turn, "run_id": None, "status": status, "attachments": attachments})
