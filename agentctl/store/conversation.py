"""What is asked of the tables of sessions, inside a transaction of `Database`."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    Text,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from agentctl.store.holder import is_alive
from agentctl.store.queries import waits
from agentctl.store.row import SessionRow, TurnRow
from agentctl.store.tables import attachments, holders, runs, sessions, summaries, turns

Values = dict[str, object]

_OF_SESSION = (turns, summaries, attachments)
TOLD = ("done", "limited", "cancelled")
"""Turns that the next ones are told of; of the others nothing was said, and what was asked is asked again."""


class SessionTable:
    """The table `sessions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, row: SessionRow) -> bool:
        """Add a session; `False` if its user has another one of that name."""
        return _add(self._connection, sessions, asdict(row))

    def update(self, session_id: str, values: Values) -> bool:
        """Change a session; `False` if there is none of that id."""
        change = update(sessions).where(sessions.c.session_id == session_id).values(values)
        return self._connection.execute(change).rowcount == 1

    def release(self, run_id: str, at: str) -> None:
        """Let the next run in."""
        held = update(sessions).where(sessions.c.active_run == run_id)
        self._connection.execute(held.values(active_run=None, updated_at=at))

    def get(self, session_id: str) -> SessionRow | None:
        """The session of exactly that id, locked against others until the transaction ends."""
        query = select(sessions).where(sessions.c.session_id == session_id).with_for_update()
        return next(iter(self._rows(query)), None)

    def find(self, word: str) -> list[SessionRow]:
        """The session of exactly that id, else all whose ids begin so, whoever has them."""
        begins = sessions.c.session_id.startswith(word[:64], autoescape=True)
        found = self._rows(select(sessions).where(begins).order_by(sessions.c.session_id.desc()).limit(10))
        return [row for row in found if row.session_id == word] or found

    def named(self, user_id: str, name: str) -> SessionRow | None:
        """The user's session of that name."""
        query = select(sessions).where(sessions.c.user_id == user_id, sessions.c.name == name)
        return next(iter(self._rows(query)), None)

    def of_ids(self, session_ids: Sequence[str]) -> list[SessionRow]:
        """The sessions of exactly these ids, in no order."""
        query = select(sessions)
        return [row for some in _parts(session_ids) for row in self._rows(query.where(sessions.c.session_id.in_(some)))]

    def newest(
        self,
        user_id: str | None,
        limit: int,
        *,
        workspace: str | None = None,
        tags: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        skip: int = 0,
    ) -> list[SessionRow]:
        """The sessions last used, newest first; None for everybody's."""
        query = select(sessions).order_by(sessions.c.updated_at.desc(), sessions.c.session_id.desc())
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        if workspace is not None:
            query = query.where(sessions.c.workspace == workspace)
        for tag in tags:
            query = query.where(self._holds(sessions.c.tags, "[", _json(tag)))
        for key, value in (metadata or {}).items():
            query = query.where(self._holds(sessions.c.metadata, "{", f"{_json(key)}:{_json(value)}"))
        return self._rows(query.limit(limit).offset(skip))

    def idle(self, before: str, limit: int, at: str) -> list[SessionRow]:
        """Sessions that nobody has used since then, but for those in which a run waits for an approval."""
        is_taken = exists().where(runs.c.run_id == sessions.c.active_run, waits(at))
        return self._rows(select(sessions).where(sessions.c.updated_at < before, ~is_taken).limit(limit))

    def delete(self, session_ids: Sequence[str]) -> None:
        """Forget sessions with all that they own."""
        for table in (*_OF_SESSION, sessions):
            self._connection.execute(delete(table).where(table.c.session_id.in_(session_ids)))

    def _holds(self, column: Column[Any], opening: str, part: str) -> ColumnElement[bool]:
        """Whether a list or mapping has that part, exactly: only where one begins is a quote after these characters."""
        find = func.instr if self._connection.dialect.name == "sqlite" else func.strpos
        return or_(*(find(cast(column, Text), before + part) > 0 for before in (opening, ",")))

    def _rows(self, query: Select[Any]) -> list[SessionRow]:
        return [SessionRow(**row._mapping) for row in self._connection.execute(query)]


class TurnTable:
    """The tables `turns`, `summaries` and `attachments`."""

    def __init__(self, connection: Connection, now: Callable[[], float]) -> None:
        self._connection, self._now = connection, now

    def insert(self, row: TurnRow) -> None:
        """Add a turn."""
        self._connection.execute(insert(turns).values(asdict(row)))

    def end(self, run_id: str, values: Values) -> None:
        """Change the turn that the run is; forks have copies of it, which stay."""
        self._connection.execute(update(turns).where(*_of_run(run_id)).values(values))

    def update(self, session_id: str, turn: int, values: Values) -> None:
        """Change a turn."""
        where = turns.c.session_id == session_id, turns.c.turn == turn
        self._connection.execute(update(turns).where(*where).values(values))

    def drop(self, run_id: str) -> None:
        """Forget the turn that the run is; its number is given again."""
        found = self._connection.execute(select(turns.c.session_id, turns.c.turn).where(*_of_run(run_id))).first()
        if found is not None:
            self._connection.execute(delete(turns).where(*_of_run(run_id)))
            back = update(sessions).where(sessions.c.session_id == found.session_id, sessions.c.turns == found.turn)
            self._connection.execute(back.values(turns=found.turn - 1))
            self._drop_bodies(found.session_id, found.turn - 1)

    def of_run(self, session_id: str, run_id: str) -> TurnRow | None:
        """The turn that the run is, if the session still has it."""
        return next(iter(self._rows(_TURN.where(turns.c.session_id == session_id, turns.c.run_id == run_id))), None)

    def between(self, session_id: str, first: int = 1, last: int | None = None) -> list[TurnRow]:
        """The turns from `first` to `last`, oldest first."""
        query = _TURN.where(turns.c.session_id == session_id, turns.c.turn >= first).order_by(turns.c.turn)
        return self._rows(query if last is None else query.where(turns.c.turn <= last))

    def last(self, session_ids: Sequence[str]) -> list[TurnRow]:
        """The newest turn of each of these sessions that has one."""
        is_last = and_(sessions.c.session_id == turns.c.session_id, sessions.c.turns == turns.c.turn)
        query = _TURN.join(sessions, is_last)
        return [row for some in _parts(session_ids) for row in self._rows(query.where(sessions.c.session_id.in_(some)))]

    def told(self, session_id: str, before: int, limit: int, *, first: int = 1) -> list[TurnRow]:
        """The last turns before `before` that something was said in, oldest first."""
        query = _TURN.where(turns.c.session_id == session_id, turns.c.status.in_(TOLD))
        query = query.where(turns.c.turn >= first, turns.c.turn < before)
        return self._rows(query.order_by(turns.c.turn.desc()).limit(limit))[::-1]

    def numbered(self, session_id: str, numbers: Sequence[int]) -> list[TurnRow]:
        """The turns of these numbers, oldest first."""
        query = _TURN.where(turns.c.session_id == session_id, turns.c.turn.in_(numbers))
        return self._rows(query.order_by(turns.c.turn))

    def threads(self, session_id: str, before: int) -> dict[str, list[str]]:
        """Where the memory of agents that keep their own stood before that turn."""
        query = select(turns.c.threads).where(turns.c.session_id == session_id, turns.c.turn < before)
        query = query.where(turns.c.threads.is_not(None)).order_by(turns.c.turn.desc()).limit(1)
        return self._connection.scalar(query) or {}

    def all_threads(self, session_ids: Sequence[str]) -> set[str]:
        """The checkpointer's threads that agents of these sessions keep."""
        query = select(turns.c.threads).where(turns.c.session_id.in_(session_ids), turns.c.threads.is_not(None))
        owned = {thread for threads in self._connection.scalars(query) for thread, _ in threads.values()}
        return {thread for thread in owned if thread.rpartition("#")[2] in session_ids}

    def summary(self, session_id: str, upto: int) -> tuple[int, str]:
        """The newest summary that covers nothing after `upto`: up to which turn, and its text."""
        query = select(summaries.c.upto, summaries.c.text).where(summaries.c.session_id == session_id)
        query = query.where(summaries.c.upto <= upto).order_by(summaries.c.upto.desc()).limit(1)
        found = self._connection.execute(query).one_or_none()
        return (0, "") if found is None else (found.upto, found.text)

    def put_summary(self, values: Values) -> None:
        """Add a summary, unless somebody else has."""
        _add(self._connection, summaries, values)

    def spent(self, session_id: str) -> list[dict[str, Any]]:
        """The usage of every turn and summary."""
        return [
            found
            for table in (turns, summaries)
            for found in self._connection.scalars(select(table.c.usage).where(table.c.session_id == session_id))
            if found
        ]

    def put_bodies(self, session_id: str, bodies: Mapping[str, bytes]) -> None:
        """Keep attached files by their digests."""
        for digest, body in bodies.items():
            _add(self._connection, attachments, {"session_id": session_id, "digest": digest, "body": body})

    def bodies(self, session_id: str, digests: Sequence[str]) -> dict[str, bytes]:
        """Attached files by their digests."""
        query = select(attachments.c.digest, attachments.c.body).where(attachments.c.session_id == session_id)
        return {
            row.digest: row.body for row in self._connection.execute(query.where(attachments.c.digest.in_(digests)))
        }

    def copy(self, source: str, target: str, last: int) -> None:
        """Give `target` what `source` was up to the turn `last`."""
        attached = attachments.c.digest.in_(self._digests(source, last))
        upto = {turns: turns.c.turn <= last, summaries: summaries.c.upto <= last, attachments: attached}
        # What goes on, or waits, is the source's.
        status = case((turns.c.status.in_(("running", "waiting")), "killed"), else_=turns.c.status)
        changed: dict[str, ColumnElement[Any]] = {"session_id": literal(target), "status": status}
        for table in _OF_SESSION:
            names = [column.name for column in table.c]
            columns = [changed.get(name, table.c[name]) for name in names]
            query = select(*columns).where(table.c.session_id == source, upto[table])
            self._connection.execute(insert(table).from_select(names, query))

    def move_threads(self, session_id: str, copies: Mapping[tuple[str, str], str]) -> None:
        """Let a session's turns name the copies of the threads, by thread and checkpoint, that they name."""
        if not copies:
            return
        for turn in self.between(session_id):
            if turn.threads:
                moved = {role: [copies.get((was, at), was), at] for role, (was, at) in turn.threads.items()}
                self.update(session_id, turn.turn, {"threads": moved})

    def truncate(self, session_id: str, last: int) -> None:
        """Forget the turns after `last`."""
        self._connection.execute(delete(turns).where(turns.c.session_id == session_id, turns.c.turn > last))
        self._connection.execute(delete(summaries).where(summaries.c.session_id == session_id, summaries.c.upto > last))
        self._drop_bodies(session_id, last)

    def _drop_bodies(self, session_id: str, last: int) -> None:
        """Forget attached files that no turn up to `last` names."""
        of_session = attachments.c.session_id == session_id
        stored = set(self._connection.scalars(select(attachments.c.digest).where(of_session)))
        for some in _parts(sorted(stored - set(self._digests(session_id, last)))):
            self._connection.execute(delete(attachments).where(of_session, attachments.c.digest.in_(some)))

    def _digests(self, session_id: str, last: int) -> list[str]:
        """The attached files that turns up to `last` name."""
        has_some = cast(turns.c.attachments, Text) != "[]"
        query = select(turns.c.attachments).where(turns.c.session_id == session_id, turns.c.turn <= last, has_some)
        return list({each["digest"] for found in self._connection.scalars(query) for each in found})

    def search(self, user_id: str, text: str, limit: int, workspace: str | None = None) -> list[TurnRow]:
        """The newest turns of the user that say `text`, whatever its case."""
        parts = {_json(form)[1:-1] for form in (text, text.lower(), text.upper(), text.capitalize())}
        said = [
            cast(column, Text).icontains(part, autoescape=True)
            for column in (turns.c.user, turns.c.answer)
            for part in parts
        ]
        query: Select[Any] = _TURN.join(sessions, sessions.c.session_id == turns.c.session_id)
        query = query.where(sessions.c.user_id == user_id)
        if workspace is not None:
            query = query.where(sessions.c.workspace == workspace)
        query = query.where(or_(*said)).order_by(turns.c.started_at.desc())
        # That looked at JSON, in which a line's end is spelt with an `n`. Not decoded by the database: Postgres
        # cannot where a text has a NUL.
        folded = text.casefold()
        with self._connection.execute(query, execution_options={"yield_per": 100}) as found:
            says = (row for row in found if folded in row.user.casefold() or folded in (row.answer or "").casefold())
            return [self._row(row) for row in islice(says, limit)]

    def _rows(self, query: Select[Any]) -> list[TurnRow]:
        return [self._row(row) for row in self._connection.execute(query)]

    def _row(self, row: Row[Any]) -> TurnRow:
        found: dict[str, Any] = dict(row._mapping)
        holder = {name: found.pop(name) for name in ("host", "pid", "pid_started", "expires_at")}
        if found["status"] == "running" and not is_alive(**holder, now=self._now()):
            found["status"] = "killed"
        return TurnRow(**found)


_TURN = (
    select(*turns.c, holders.c.host, holders.c.pid, holders.c.pid_started, holders.c.expires_at)
    .select_from(turns)
    .outerjoin(runs, runs.c.run_id == turns.c.run_id)
    .outerjoin(holders, holders.c.holder == runs.c.holder)
)


def _of_run(run_id: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    own = select(runs.c.session_id).where(runs.c.run_id == run_id).scalar_subquery()
    return turns.c.run_id == run_id, turns.c.session_id == own


def _add(connection: Connection, table: Table, values: Mapping[str, object]) -> bool:
    """Insert a row; `False` if one with its key is there."""
    add: sqlite.Insert | postgresql.Insert
    add = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    quietly = add.values(values).on_conflict_do_nothing()
    # Else SQLAlchemy reports -1 for an INSERT in Postgres.
    return connection.execute(quietly.execution_options(preserve_rowcount=True)).rowcount == 1


def _parts(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """So many ids at a time: databases take a limited number of values in a statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


def _json(text: str) -> str:
    """The text as the JSON columns hold it."""
    return json.dumps(text)
