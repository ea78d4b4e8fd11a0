"""Sessions and their turns, as coroutines: what `Store` is for runs."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from agentctl.errors import NameTaken, SessionNotFound, StoreUnusable, UsageError
from agentctl.store.holder import Holder
from agentctl.store.row import RunRow, SessionRow, TurnRow
from agentctl.store.turn import Begun, Entry, drop_waiting, enter, enter_again, is_free, leave, make_way, timestamp

if TYPE_CHECKING:
    from agentctl.store.database import Database

T = TypeVar("T")
Values = dict[str, object]
NO_COPIES: Mapping[tuple[str, str], str] = {}


class Read(Protocol):
    """How the store runs a query in its thread, in a transaction."""

    def __call__(self, query: "Callable[[Database], T]") -> Awaitable[T]:  # noqa: D102
        ...


class Write(Protocol):
    """How the store makes a change in its thread, in a transaction.

    One for a run is made only while that is ours, by the claim with the number `fence` if that is given.
    """

    def __call__(  # noqa: D102
        self, change: "Callable[[Database], T]", run_id: str = "", fence: int | None = None
    ) -> Awaitable[T]: ...


class SessionStore:
    """The sessions of a project. Every coroutine raises `StoreUnusable` when the database cannot be used.

    Args:
        read, write: of the store, which owns the database.
        holder: claims runs for the store.
    """

    def __init__(self, read: Read, write: Write, holder: Holder) -> None:
        self._read, self._write, self._holder = read, write, holder

    async def create(self, row: SessionRow) -> SessionRow:
        """Add a session.

        Raises:
            NameTaken: its user has another one of that name.
        """
        row = replace(row, created_at=row.created_at or timestamp(), updated_at=row.updated_at or timestamp())
        if not await self._write(lambda db: db.sessions.insert(row)):
            raise NameTaken(row.name or "")
        return row

    async def begin(self, run: RunRow, session: SessionRow, entry: Entry = Entry()) -> Begun:  # noqa: B008 - frozen
        """Let a new run into its session, which is created if it is new, as the next turn.

        Raises:
            SessionBusy: another run is in it, or waits in it for an approval.
            SessionNotFound: it was deleted by now.
            NameTaken: it is new, and its user has one of that name by now.
            asyncio.CancelledError: the run is not in the session, and has left no turn.
        """

        try:
            begun = await self._write(lambda db: enter(db, self._holder, run, session, entry))
        except asyncio.CancelledError:  # the store's thread may have let it in all the same
            await asyncio.shield(self.abandon(run.run_id))
            raise
        self._holder.keep(begun.run)
        return begun

    async def reenter(self, run_id: str) -> tuple[Begun, dict[str, bytes]]:
        """Take an unfinished run, and its session, to go on.

        Returns:
            what it was told when it began, as its seed says, and the attached files by digest.

        Raises:
            RunHeld: a process that lives has it.
            RunNotFound: there is no such run, or its turn was rewound.
            SessionBusy: another run is in its session.
            asyncio.CancelledError: the run is nobody's.
        """
        taken: list[tuple[str, int]] = []

        def take(db: "Database") -> tuple[Begun, dict[str, bytes]]:
            row = self._holder.claim(db, run_id)
            taken.append((run_id, row.lease))
            return enter_again(db, row)

        def let_go(db: "Database") -> None:
            db.holders.let_go(self._holder.name, taken)

        try:
            begun, bodies = await self._write(take)
        except asyncio.CancelledError:
            await asyncio.shield(self._write(let_go))
            raise
        self._holder.keep(begun.run)
        return begun, bodies

    async def abandon(self, run_id: str, fence: int | None = None) -> None:
        """Take back a run that was let in and has not begun: it leaves no turn, nor a session that began with it.

        Args:
            fence: of the claim that ends, `RunRow.lease`; default: the one that we hold.
        """
        fence = fence or self._holder.runs.get(run_id)
        try:
            await self._write(lambda db: leave(db, run_id), run_id, fence)
        except StoreUnusable:
            self._holder.left.add((run_id, fence or 1))  # it shows as killed, then
            raise
        finally:
            self._holder.release(run_id, fence)

    async def cancel(self, session_id: str) -> str | None:
        """Ask whoever holds the session's run to stop it; returns which run that is. One that waits ends at once."""

        def ask(db: "Database") -> str | None:
            session = db.sessions.get(session_id)
            run = db.runs.get(session.active_run) if session and session.active_run else None
            if run is None:
                return None
            if db.runs.is_waiting(run.run_id, timestamp()):
                drop_waiting(db, run)
                return None
            db.runs.update(run.run_id, {"is_cancelled": True})
            return run.run_id

        return await self._write(ask)

    async def waiting(self, session_id: str) -> str | None:
        """The run that keeps the session while it waits for people, or to be resumed."""

        def look(db: "Database") -> str | None:
            session = db.sessions.get(session_id)
            run_id = session.active_run if session else None
            return run_id if run_id and db.runs.is_waiting(run_id, timestamp()) else None

        return await self._read(look)

    async def find(self, word: str) -> list[SessionRow]:
        """The session of that id, else all whose ids begin so, whoever has them."""
        return await self._read(lambda db: db.sessions.find(word))

    async def of_ids(self, session_ids: Sequence[str]) -> dict[str, SessionRow]:
        """The sessions of exactly these ids, by id."""
        return {row.session_id: row for row in await self._read(lambda db: db.sessions.of_ids(session_ids))}

    async def last_turns(self, session_ids: Sequence[str]) -> dict[str, TurnRow]:
        """The newest turn of each of these sessions that has one, by the session's id."""
        return {row.session_id: row for row in await self._read(lambda db: db.turns.last(session_ids))}

    async def named(self, user_id: str, name: str) -> SessionRow | None:
        """The user's session of that name."""
        return await self._read(lambda db: db.sessions.named(user_id, name))

    async def newest(
        self,
        user_id: str | None,
        *,
        limit: int = 50,
        skip: int = 0,
        workspace: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
    ) -> list[SessionRow]:
        """The sessions last used, newest first; with `user_id` None everybody's."""
        given = dict(metadata or {})
        return await self._read(
            lambda db: db.sessions.newest(user_id, limit, workspace=workspace, tags=tags, metadata=given, skip=skip)
        )

    async def update(self, session_id: str, **values: object) -> None:
        """Change `name`, `tags` or `metadata` of a session.

        Raises:
            NameTaken: its user has another one of that name.
        """

        def change(db: "Database") -> None:
            session = db.sessions.get(session_id)
            if session is None:
                return
            if name := values.get("name"):
                other = db.sessions.named(session.user_id, str(name))
                if other is not None and other.session_id != session_id:
                    raise NameTaken(str(name))
            db.sessions.update(session_id, values)

        await self._write(change)

    async def turns(self, session_id: str, first: int = 1, last: int | None = None) -> list[TurnRow]:
        """The turns from `first` to `last`, oldest first."""
        return await self._read(lambda db: db.turns.between(session_id, first, last))

    async def told(self, session_id: str, first: int, last: int) -> list[TurnRow]:
        """The turns from `first` to `last` that something was said in, oldest first."""
        return await self._read(lambda db: db.turns.told(session_id, last + 1, last - first + 1, first=first))

    async def summary(self, session_id: str, upto: int) -> tuple[int, str]:
        """The newest summary that covers nothing after the turn `upto`: up to which turn, and its text."""
        return await self._read(lambda db: db.turns.summary(session_id, upto))

    async def put_summary(self, run: RunRow, upto: int, text: str, usage: Values) -> str:
        """Keep a summary of the turns up to `upto`, and that `run` is told it.

        Returns:
            the text; if somebody has kept one before, theirs.
        """
        row: Values = {"session_id": run.session_id, "upto": upto, "text": text, "usage": usage}

        def put(db: "Database") -> str:
            db.turns.put_summary({**row, "created_at": timestamp()})
            db.runs.update(run.run_id, {"seed": {**(run.seed or {}), "summary": upto}})
            return db.turns.summary(run.session_id, upto)[1]

        return await self._write(put, run.run_id)

    async def spent(self, session_id: str) -> list[dict[str, Any]]:
        """The usage of every turn and summary of the session."""
        return await self._read(lambda db: db.turns.spent(session_id))

    async def bodies(self, session_id: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Attached files by their digests."""
        return await self._read(lambda db: db.turns.bodies(session_id, digests))

    async def search(self, user_id: str, text: str, limit: int = 50, *, workspace: str | None = None) -> list[TurnRow]:
        """The newest turns of the user, with one workspace or all, that say `text`, whatever its case."""
        return await self._read(lambda db: db.turns.search(user_id, text, limit, workspace))

    async def fork(
        self, source: str, last: int, row: SessionRow, copies: Mapping[tuple[str, str], str] = NO_COPIES
    ) -> SessionRow:
        """Add the session `row`, with what `source` knew after the turn `last`.

        Args:
            copies: thread and checkpoint ids of agents' own memories to the threads that are copies of them.

        Raises:
            NameTaken: its user has another one of that name.
            SessionBusy: that turn is under way.
            SessionNotFound: `source`, or its turn `last`, was forgotten by now.
        """
        row = replace(row, turns=last, parent_id=source, parent_turn=last)
        row = replace(row, created_at=timestamp(), updated_at=timestamp())

        def copy(db: "Database") -> None:
            origin = db.sessions.get(source)
            if origin is None or origin.turns < last:
                raise SessionNotFound(source, reason=f"session {source!r} has been deleted or rewound")
            if origin.turns == last:
                make_way(db, origin, "", past_waiting=True)
            if not db.sessions.insert(row):
                raise NameTaken(row.name or "")
            db.turns.copy(source, row.session_id, last)
            db.turns.move_threads(row.session_id, copies)
            db.dead_threads.remove(copies.values())

        await self._write(copy)
        return row

    async def put(self, row: SessionRow, turns: Sequence[TurnRow], bodies: Mapping[str, bytes]) -> None:
        """Add a session with its turns and attached files, all or nothing.

        Raises:
            NameTaken: its user has another one of that name.
        """

        def add(db: "Database") -> None:
            if not db.sessions.insert(row):
                raise NameTaken(row.name or "")
            for turn in turns:
                db.turns.insert(turn)
            db.turns.put_bodies(row.session_id, bodies)
            db.dead_threads.remove(db.turns.all_threads([row.session_id]))

        await self._write(add)

    async def expect_threads(self, thread_ids: Sequence[str]) -> None:
        """Note the threads of a session that is about to be added: in an hour, they are dead if it was not."""
        await self._write(lambda db: db.dead_threads.add(thread_ids, timestamp(-timedelta(hours=1))))

    async def dead_threads(self, limit: int = 100) -> list[str]:
        """Some of the checkpointer's threads that can go, and have not gone yet."""
        return await self._read(lambda db: db.dead_threads.unused(db.dead_threads.due(timestamp(), limit)))

    async def unused_threads(self, thread_ids: Sequence[str]) -> list[str]:
        """Those of these dead threads that have not come to life again."""
        return await self._read(lambda db: db.dead_threads.unused(thread_ids))

    async def forget_threads(self, thread_ids: Sequence[str]) -> None:
        """Note that dead threads are gone."""
        await self._write(lambda db: db.dead_threads.remove(thread_ids))

    async def rewind(self, session_id: str, last: int, expected_turns: int | None = None) -> list[str]:
        """Forget the turns after `last`, with their files, runs, journals and events; what a fork has of them stays.

        Args:
            expected_turns: how many turns it has, as whoever decided this knows it.

        Returns:
            the checkpointer's threads that can go as well: agents' own memories that began after `last`, and
            those of runs that were not done.

        Raises:
            SessionBusy: a run is in it.
            SessionNotFound: it was deleted by now.
            UsageError: it has no such turn, or another number of turns than was expected.
        """

        def cut(db: "Database") -> list[str]:
            session = db.sessions.get(session_id)
            if session is None:
                raise SessionNotFound(session_id, reason=f"session {session_id!r} has been deleted")
            if last > session.turns or expected_turns not in (None, session.turns):
                raise UsageError(f"the session has {session.turns} turns now", hint="look at it again, then decide")
            make_way(db, session, "", past_waiting=last < session.turns)  # a run that waits is the last turn
            threads = db.turns.all_threads([session_id])
            threads.update(db.runs.delete_after(session_id, last))
            db.turns.truncate(session_id, last)
            db.sessions.update(session_id, {"turns": last, "active_run": None, "updated_at": timestamp()})
            owners = [thread.rpartition("#")[2] for thread in threads]  # a run may be one of the session forked from
            dead = list(threads - db.turns.all_threads(owners))
            db.dead_threads.add(dead, timestamp())
            return dead

        return await self._write(cut)

    async def delete(self, session_ids: Sequence[str]) -> list[str]:
        """Forget sessions with their turns, files, runs, journals and events.

        Returns:
            the checkpointer's threads that can go as well: their runs', and those of agents' own memories.

        Raises:
            SessionBusy: a run is in one of them; nothing is forgotten.
        """

        def forget(db: "Database") -> list[str]:
            for session_id in session_ids:
                session = db.sessions.get(session_id)
                if session is not None:
                    make_way(db, session, "", past_waiting=True)
            return _forget(db, session_ids)

        return await self._write(forget)

    async def expire(self, days: float, limit: int = 20) -> tuple[list[SessionRow], list[str]]:
        """Forget sessions that nobody has used for so long, a few at a time; those with a run in them stay.

        Returns:
            which; none when none is left. And the checkpointer's threads that can go, as `delete` gives them.
        """
        before = timestamp(timedelta(days=days))

        def forget(db: "Database") -> tuple[list[SessionRow], list[str]]:
            rows = [row for row in db.sessions.idle(before, limit, timestamp()) if is_free(db, row)]
            return rows, _forget(db, [row.session_id for row in rows])

        if not await self._read(lambda db: db.sessions.idle(before, 1, timestamp())):
            return [], []  # as nearly always; nobody need wait for a writer
        return await self._write(forget)


def _forget(db: "Database", session_ids: Sequence[str]) -> list[str]:
    threads = db.turns.all_threads(session_ids)
    db.sessions.delete(session_ids)
    dead = [*threads, *db.runs.delete(session_ids)]
    db.dead_threads.add(dead, timestamp())
    return dead
