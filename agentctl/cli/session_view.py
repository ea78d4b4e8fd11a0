"""Sessions as commands show them: for scripts as plain values, for people as text."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from agentctl.cli.output import cut, line, plural, safe
from agentctl.cli.paint import paint
from agentctl.cli.project import workspace_name
from agentctl.cli.words import money, utc
from agentctl.errors import SessionNotFound
from agentctl.sessions import Hub
from agentctl.sessions.markdown import drawn
from agentctl.store import SessionRow, TurnRow
from agentctl.workspace.discovery import find_workspace

Shown = dict[str, Any]
_LINES, _CHARACTERS = 12, 1_000
"""Of an answer, unless it is shown in full."""
_AROUND = 60
"""Characters on each side of what was searched for."""


async def existing(hub: Hub, word: str, user: str | None) -> SessionRow:
    """The session that `word` names; looking for one leaves nothing behind."""
    if hub.store.is_new:
        raise SessionNotFound(word)
    return await hub.sessions.get(word, user=user)


@asynccontextmanager
async def opened(root: Path | None, word: str, user: str | None) -> AsyncIterator[tuple[Hub, SessionRow]]:
    """A hub, and the session that `word` names."""
    async with Hub(root) as hub:
        yield hub, await existing(hub, word, user)


async def known_workspace(hub: Hub, word: str | None) -> str | None:
    """The name of the workspace that `word` names; one whose files have gone is known by its sessions.

    Raises:
        WorkspaceNotFound: there is neither.
    """
    if word is None:
        return None
    name = workspace_name(hub.root, word)
    if hub.store.is_new or not await hub.store.sessions.newest(None, limit=1, workspace=name):
        await asyncio.to_thread(find_workspace, hub.root, name)
    return name


async def session_id(root: Path | None, word: str, user: str | None) -> str:
    """The id of the session that `word` names, as logs have it; `word` itself where there is none: it may be gone."""
    async with Hub(root) as hub:
        try:
            return (await existing(hub, word, user)).session_id
        except SessionNotFound:
            return word


def called(row: SessionRow) -> str:
    """What to call it by."""
    return row.name or row.session_id


def labels(tags: Sequence[str], metadata: Mapping[str, str]) -> Iterator[str]:
    """A line of tags and one of metadata, where there are any."""
    if tags:
        yield line(f"tags {', '.join(tags)}")
    if metadata:
        yield line(f"metadata {', '.join(f'{key}={value}' for key, value in metadata.items())}")


def overview(row: SessionRow, last: TurnRow | None) -> Shown:
    """A session in a listing."""
    kept = ("session_id", "name", "workspace", "turns", "tags", "metadata", "created_at", "updated_at")
    source = {"session_id": row.parent_id, "turn": row.parent_turn} if row.parent_id else None
    return {
        **{name: getattr(row, name) for name in kept},
        "user": row.user_id,
        "forked_from": source,
        "status": None if last is None else _status(last),
        "last_task": None if last is None else last.user,
    }


def cells(row: Shown) -> list[str]:
    """A session's line in a listing; how its last turn ended is said unless that is done."""
    status = row["status"] if row["status"] not in (None, "done") else ""
    tags = cut(line(" ".join(f"#{tag}" for tag in row["tags"])), 30)
    about = [row["name"] or row["session_id"], row["workspace"], plural(row["turns"], "turn"), utc(row["updated_at"])]
    return [*about, status, tags, cut(line(row["last_task"] or ""), 60)]


def whole(row: SessionRow, turns: Sequence[TurnRow], spent: Iterable[Mapping[str, Any]]) -> Shown:
    """A session with its turns, and what it took in all."""
    told = [{**asdict(turn), "status": _status(turn)} for turn in turns]
    for turn in told:
        del turn["session_id"], turn["threads"]
    return {**overview(row, turns[-1] if turns else None), "usage": _total(spent), "turns": told}


def drawing(found: Shown, *, is_full: bool) -> Iterator[str]:
    """A session and its turns in lines; what somebody said stands behind a bar, so that it can pose as nothing else."""
    turns: list[Shown] = found["turns"]
    yield f"{found['name'] or found['session_id']}  {found['workspace']}, {plural(len(turns), 'turn')}, {found['user']}"
    yield f"id {found['session_id']}, last used {utc(found['updated_at'])}{_spent(found['usage'])}"
    if source := found["forked_from"]:
        yield f"forked from {source['session_id']} after turn {source['turn']}"
    yield from labels(found["tags"], found["metadata"])
    for turn in turns:
        yield ""
        yield from _turn(turn, is_full=is_full)


def dropped(turns: Sequence[TurnRow]) -> Iterator[str]:
    """The turns that go, a line each."""
    yield from (f"  {turn.turn}  {_status(turn)}  {cut(line(turn.user), 60)}" for turn in turns)


def hits(turn: TurnRow, session: SessionRow | None, text: str) -> Iterator[Shown]:
    """Where a turn says `text`: in what was asked, in what was answered, or in both; the first line of each."""
    for where, said in (("user", turn.user), ("answer", turn.answer or "")):
        if text.casefold() in said.casefold():
            lines = (each for each in said.splitlines() if text.casefold() in each.casefold())
            yield {
                "session_id": turn.session_id,
                "name": session.name if session else None,
                "workspace": session.workspace if session else None,
                "turn": turn.turn,
                "run_id": turn.run_id,
                "started_at": turn.started_at,
                "where": where,
                "text": text,
                "line": next(lines, said),  # what was searched for may go over several
            }


def print_hit(hit: Shown) -> None:
    """A hit on stdout, with what was searched for in bold."""
    said = hit["line"]
    found = re.search(re.escape(hit["text"]), said, re.IGNORECASE)
    start, end = found.span() if found else (0, 0)
    before, after = line(said[max(0, start - _AROUND) : start] + "x")[:-1], line("x" + said[end : end + _AROUND])[1:]
    before, after = "…" * (start > _AROUND) + before, after + "…" * (len(said) > end + _AROUND)
    place = f"{line(hit['name'] or hit['session_id'])} {hit['turn']} {hit['where']}"
    print(f"{paint(place, 'cyan')}  {before}{paint(line(said[start:end]), 'bold')}{after}", flush=True)


def _turn(turn: Shown, *, is_full: bool) -> Iterator[str]:
    run = f"  run {turn['run_id']}" if turn["run_id"] else ""
    yield f"{turn['turn']}  {turn['status']}  {utc(turn['started_at'])}{run}"
    yield from _behind("  > ", turn["user"], is_full=is_full)
    for file in turn["attachments"]:
        yield f"  attached {line(file['name'])} ({line(file['media_type'])}, {file['size']:,} bytes)"
    winner = f", winner {line(turn['winner'])}" if turn["winner"] else ""
    if turn["stages"]:
        yield f"  {drawn(turn['stages'])}{winner}{_spent(turn['usage'])}"
    yield from _behind("  │ ", turn["answer"] or "", is_full=is_full)


def _behind(bar: str, text: str, *, is_full: bool) -> Iterator[str]:
    short = text if is_full else cut(text, _CHARACTERS)
    lines = safe(short).splitlines()
    shown = lines if is_full else lines[:_LINES]
    yield from (f"{bar}{each}".rstrip() for each in shown)
    if len(short) < len(text) or len(shown) < len(lines):
        yield f"{bar}… {len(text):,} characters; see them with --full"


def _spent(usage: Mapping[str, Any] | None) -> str:
    if not usage or not usage["model_calls"]:
        return ""
    return f", {usage['input_tokens'] + usage['output_tokens']:,} tokens, {money(usage['cost_usd'])}"


def _total(spent: Iterable[Mapping[str, Any]]) -> Shown:
    """The sum over turns and summaries; a cost that is not known of one is not known of all."""
    parts = list(spent)
    total: Shown = {name: sum(part.get(name, 0) for part in parts) for name in _COUNTS}
    costs = [part.get("cost_usd") for part in parts]
    return {**total, "cost_usd": None if None in costs else sum(costs)}


_COUNTS = ("input_tokens", "output_tokens", "model_calls", "tool_calls")


def _status(turn: TurnRow) -> str:
    return "interrupted" if turn.status == "killed" else turn.status
