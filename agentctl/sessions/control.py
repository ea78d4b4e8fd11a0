"""SessionControl: finds, makes, changes and forgets sessions."""

import getpass
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from agentctl.errors import NotPortable, ServiceUnavailable, SessionNotFound, UsageError
from agentctl.runtime import WorkspaceHub
from agentctl.sessions.memories import adding, copied, drop, forget_records, targets_of
from agentctl.sessions.name import checked_metadata, checked_name, checked_tags
from agentctl.sessions.portable import export_session, import_session
from agentctl.store import SessionRow, TurnRow, new_id
from agentctl.store.whole import to_its_end

IDLE_DAYS = 30.0
"""How long a session lives after it was last used."""
MIN_PREFIX = 6


class SessionControl:
    """The sessions of a project. Keeps nothing of them in memory.

    Wherever a session is named, `word` is its id, the first six or more characters of that,
    its name, or `-1`, `-2`, … for the ones last used. `user` is a label; default: the user of
    the operating system. Every coroutine raises `StoreUnusable` when the database cannot be
    used.
    """

    def __init__(self, runtime: WorkspaceHub) -> None:
        self._runtime = runtime

    async def create(
        self,
        workspace: str,
        *,
        name: str | None = None,
        user: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> SessionRow:
        """Add an empty session.

        Raises:
            NameTaken: the user has one of that name.
            UsageError: the name cannot be one.
        """
        return await self._runtime.store.sessions.create(self.new(workspace, name, user, tags, metadata))

    def new(
        self,
        workspace: str,
        name: str | None,
        user: str | None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> SessionRow:
        """An empty session, not stored yet; keys that were pasted into it are masked.

        Raises:
            UsageError: the name, a tag or the metadata cannot be one.
        """
        return SessionRow(
            session_id=new_id(),
            user_id=user or os_user(),
            workspace=workspace,
            name=None if name is None else checked_name(self._mask(name)),
            tags=checked_tags([self._mask(tag) for tag in tags]),
            metadata=checked_metadata(self._masked(metadata or {})),
        )

    def _mask(self, text: str) -> str:
        return self._runtime.store.mask(text)

    def _masked(self, metadata: Mapping[str, str]) -> dict[str, str]:
        return {self._mask(key): self._mask(value) for key, value in metadata.items()}

    async def get(self, word: str, *, user: str | None = None, workspace: str | None = None) -> SessionRow:
        """The session that `word` names.

        Args:
            workspace: it must be this one's.

        Raises:
            SessionNotFound: there is none, or it is another user's or workspace's.
            UsageError: several ids begin so.
        """
        if found := await self.find(word, user=user, workspace=workspace):
            return found
        rows = await self._runtime.store.sessions.newest(user or os_user(), limit=200)
        raise SessionNotFound(word, [known for row in rows for known in (row.name, row.session_id) if known])

    async def find(self, word: str, *, user: str | None = None, workspace: str | None = None) -> SessionRow | None:
        """As `get`, but None where there is none."""
        sessions, user = self._runtime.store.sessions, user or os_user()
        word = word.strip()
        if re.fullmatch(r"-[1-9][0-9]{0,8}", word):
            newest = await sessions.newest(user, limit=1, skip=int(word[1:]) - 1, workspace=workspace)
            if not newest:
                of = f" of {workspace}" if workspace else ""
                raise SessionNotFound(word, reason=f"there is no session {word}{of}: you have not that many")
            return newest[0]
        found = await sessions.named(user, word)
        if found is None and len(word) >= MIN_PREFIX:
            begun = await sessions.find(word.lower())
            own = [row for row in begun if row.user_id == user] or begun[:1]
            if len(own) > 1:
                listed = ", ".join(row.session_id for row in own[:5])
                raise UsageError(f"several sessions begin with {word!r}: {listed}", hint="give more of the id")
            found = next(iter(own), None)
        if found is None:
            return None
        if found.user_id != user:
            raise SessionNotFound(word, reason=f"session {word!r} is not {user}'s")
        if workspace is not None and found.workspace != workspace:
            what = f"session {word!r} is one of workspace {found.workspace}, not of {workspace}"
            raise SessionNotFound(word, reason=what)
        return found

    async def newest(
        self,
        *,
        user: str | None = None,
        workspace: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        limit: int = 50,
    ) -> list[SessionRow]:
        """The user's sessions that have these tags and metadata, the last used first."""
        return await self._runtime.store.sessions.newest(
            user or os_user(), limit=limit, workspace=workspace, tags=tags, metadata=metadata
        )

    async def turns(self, session: SessionRow) -> list[TurnRow]:
        """The turns of a session, oldest first."""
        return await self._runtime.store.sessions.turns(session.session_id)

    async def search(
        self, text: str, *, user: str | None = None, workspace: str | None = None, limit: int = 50
    ) -> list[TurnRow]:
        """The newest of the user's turns that say `text`, whatever its case."""
        return await self._runtime.store.sessions.search(user or os_user(), text, limit, workspace=workspace)

    async def rename(self, session: SessionRow, name: str) -> None:
        """Give it a name.

        Raises:
            NameTaken: the user has another one of that name.
            UsageError: it cannot be one.
        """
        await self._runtime.store.sessions.update(session.session_id, name=checked_name(self._mask(name)))

    async def tag(self, session: SessionRow, tags: Sequence[str], metadata: Mapping[str, str] | None = None) -> None:
        """Replace its tags, and its metadata if any is given.

        Raises:
            UsageError: one of them cannot be one.
        """
        values: dict[str, object] = {"tags": checked_tags([self._mask(tag) for tag in tags])}
        if metadata is not None:
            values["metadata"] = checked_metadata(self._masked(metadata))
        await self._runtime.store.sessions.update(session.session_id, **values)

    async def fork(self, session: SessionRow, turn: int | None = None, *, name: str | None = None) -> SessionRow:
        """A new session that knows what this one knew after `turn`; default: its last.

        Raises:
            NameTaken: the user has a session of that name.
            UsageError: it has no such turn, or the name cannot be one.
        """
        turn = _checked_turn(session, session.turns if turn is None else turn)
        row = self.new(session.workspace, name, session.user_id, session.tags, session.metadata)
        sessions = self._runtime.store.sessions
        targets = targets_of(await sessions.turns(session.session_id, last=turn), row.session_id)
        async with adding(self._runtime, row, targets.values()):
            return await sessions.fork(session.session_id, turn, row, await copied(self._runtime, targets))

    async def rewind(self, session: SessionRow, turn: int, *, expected: int | None = None) -> None:
        """Forget every turn after `turn`, and what agents remember of them; 0 forgets all.

        Args:
            expected: how many turns it has, as whoever confirmed this was told.

        Raises:
            SessionBusy: a run is in it.
            SessionNotFound: it was deleted by now.
            UsageError: it has no such turn, or another number of turns than was expected.
        """
        await to_its_end(self._rewind(session, _checked_turn(session, turn), expected))

    async def export(
        self, session: SessionRow, *, on_left_out: Callable[[NotPortable], None] = lambda _: None
    ) -> dict[str, Any]:
        """The whole session as JSON; `as_markdown` makes it readable.

        Args:
            on_left_out: told of what an agent remembers and JSON cannot hold; the rest is exported.

        Returns:
            `{format, version, session, turns, attachments, threads}`; attached files are base64, by digest.
        """
        return await export_session(self._runtime, session, on_left_out)

    async def import_(
        self,
        document: bytes | Mapping[str, object],
        *,
        name: str | None = None,
        workspace: str | None = None,
        user: str | None = None,
    ) -> SessionRow:
        """Add the session that was exported, under a new id; checked whole before anything is stored.

        Args:
            document: what `export` gave, or the same as JSON.
            name, workspace: over those in it.

        Raises:
            NameTaken: the user has a session of that name.
            UsageError: it is not what `export` makes; nothing is imported.
            WorkspaceNotFound: the project has no workspace of that name.
        """
        name = name and self._mask(name)
        return await import_session(self._runtime, document, user or os_user(), name=name, workspace=workspace)

    async def last_turns(self, sessions: Sequence[SessionRow]) -> dict[str, TurnRow]:
        """The newest turn of each session that has one, by the session's id."""
        return await self._runtime.store.sessions.last_turns([row.session_id for row in sessions])

    async def named(self, session_ids: Iterable[str]) -> dict[str, SessionRow]:
        """The sessions of exactly these ids, by id; those that are gone are left out."""
        return await self._runtime.store.sessions.of_ids(list(dict.fromkeys(session_ids)))

    async def spent(self, session: SessionRow) -> list[dict[str, Any]]:
        """The usage of each of its turns and summaries."""
        return await self._runtime.store.sessions.spent(session.session_id)

    async def delete(self, sessions: Sequence[SessionRow]) -> None:
        """Forget sessions with all that they hold: turns, files, runs, events, agents' own memories.

        Raises:
            SessionBusy: a run is in one of them; nothing is forgotten.
        """
        await to_its_end(self._forget(sessions))

    async def expire(self, days: float = IDLE_DAYS) -> int:
        """Forget the sessions that nobody has used for so long; returns how many.

        Whatever was left of sessions that are gone goes as well.
        """
        total = 0
        while count := await to_its_end(self._expire_some(days)):
            total += count
        await to_its_end(self._drop_dead())
        return total

    async def _expire_some(self, days: float) -> int:
        rows, threads = await self._runtime.store.sessions.expire(days)
        await drop(self._runtime, threads)
        with suppress(ServiceUnavailable):  # they end by themselves
            await forget_records(self._runtime, rows, clear="session")
        return len(rows)

    async def _drop_dead(self) -> None:
        await drop(self._runtime, await self._runtime.store.sessions.dead_threads())

    async def _forget(self, rows: Sequence[SessionRow]) -> None:
        await drop(self._runtime, await self._runtime.store.sessions.delete([row.session_id for row in rows]))
        await forget_records(self._runtime, rows)

    async def _rewind(self, session: SessionRow, turn: int, expected: int | None) -> None:
        sessions = self._runtime.store.sessions
        gone = [each.run_id for each in await sessions.turns(session.session_id) if each.turn > turn and each.run_id]
        await drop(self._runtime, await sessions.rewind(session.session_id, turn, expected))
        await forget_records(self._runtime, [session], run_ids=gone)


def os_user() -> str:
    """The user of the operating system."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


def _checked_turn(session: SessionRow, turn: int) -> int:
    if not 0 <= turn <= session.turns:
        has = f"it has {session.turns}" if session.turns else "it has none"
        what = f"session {session.name or session.session_id} has no turn {turn}; {has}"
        raise UsageError(what, hint=f"see them with `agentctl sessions show {session.name or session.session_id}`")
    return turn
