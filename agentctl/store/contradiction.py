"""What a database may say that cannot be true: rows of nobody, and counts that do not add up."""

from sqlalchemy import Connection, Table, and_, exists, func, select

from agentctl.store.tables import approvals, attachments, calls, run_events, runs, sessions, summaries, turns


def contradictions(connection: Connection) -> list[str]:
    """Each kind of contradiction that there is, with how often and one example."""
    found = [_orphans(connection, table, sessions, "session_id") for table in (turns, summaries, attachments)]
    found += [_orphans(connection, table, runs, "run_id") for table in (calls, run_events, approvals)]
    return [text for text in (*found, _miscounted(connection)) if text]


def _orphans(connection: Connection, table: Table, owners: Table, key: str) -> str:
    is_owned = exists().where(owners.c[key] == table.c[key])
    count, example = connection.execute(select(func.count(), func.min(table.c[key])).where(~is_owned)).one()
    noun = table.name.replace("_", " ")
    return f"{count:,} {noun} of no {owners.name.removesuffix('s')}, as of {example}" if count else ""


def _miscounted(connection: Connection) -> str:
    """A session says how many turns it has; they are numbered from 1."""
    is_turn = turns.c.session_id == sessions.c.session_id
    there = select(func.count()).where(is_turn).correlate(sessions).scalar_subquery()
    last = select(func.coalesce(func.max(turns.c.turn), 0)).where(is_turn).correlate(sessions).scalar_subquery()
    agrees = and_(sessions.c.turns == there, sessions.c.turns == last)
    count, example = connection.execute(select(func.count(), func.min(sessions.c.session_id)).where(~agrees)).one()
    return f"{count:,} sessions with another number of turns than they say, as {example}" if count else ""
