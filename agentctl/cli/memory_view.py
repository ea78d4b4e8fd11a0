"""Records of what agents produced, as commands find and show them."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentctl.cli.output import cut, line, plural
from agentctl.cli.session_view import existing, known_workspace
from agentctl.cli.words import utc
from agentctl.errors import RunNotFound, SessionNotFound
from agentctl.memory import MemoryManager, Query, Record
from agentctl.memory.manager import timestamp
from agentctl.sessions import Hub
from agentctl.sessions.control import os_user


@asynccontextmanager
async def opened(
    root: Path | None,
    workspace: str | None,
    session: str | None,
    run: str | None,
    user: str | None,
    **of: str | None,
) -> AsyncIterator[tuple[MemoryManager, Query]]:
    """The memory, and what is asked of it; a session or run that is gone is meant by its whole id."""
    async with Hub(root) as hub:
        query = Query(
            user=user or os_user(),
            workspace=await known_workspace(hub, workspace),
            session_id=None if session is None else await _session_id(hub, session, user),
            run_ids=None if run is None else [await _run_id(hub, run)],
            agent=of.get("agent"),
            stage=of.get("stage"),
        )
        yield hub.runtime.memory, query


async def _session_id(hub: Hub, word: str, user: str | None) -> str:
    try:
        return (await existing(hub, word, user)).session_id
    except SessionNotFound:
        return word


async def _run_id(hub: Hub, word: str) -> str:
    try:
        return word if hub.store.is_new else (await hub.store.get_run(word)).run_id
    except RunNotFound:
        return word


def overview(record: Record) -> dict[str, Any]:
    """A record for scripts."""
    ends = {name: timestamp(getattr(record, name)) for name in ("created_at", "expires_at")}
    return {**asdict(record), **ends}


def cells(row: Mapping[str, Any]) -> list[str]:
    """A record's line for people."""
    text = row["content"].get("text")
    said = text if isinstance(text, str) else json.dumps(row["content"], ensure_ascii=False)
    place = f"{row['stage']} {row['visit']}.{row['round']}"
    at = [utc(row["created_at"]), row["workspace"], row["run_id"], place, row["agent"], row["kind"]]
    return [*at, cut(line(said), 80)]


def counted(found: Mapping[str, Any]) -> Iterator[str]:
    """Counts in lines."""
    span = f", {utc(found['oldest'])} to {utc(found['newest'])}" if found["records"] else ""
    yield f"{plural(found['records'], 'record')}{span}"
    for name in ("workspaces", "agents", "kinds"):
        if found[name]:
            yield f"{name}: {', '.join(f'{line(each)} {count:,}' for each, count in sorted(found[name].items()))}"
    if found["waiting"]:
        yield f"{plural(found['waiting'], 'record')} of anybody here, waiting for Redis"
