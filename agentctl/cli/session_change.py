"""`agentctl sessions fork|rewind|rename|tag|delete`: what changes sessions."""

from typing import Annotated

import typer

from agentctl.cli.options import Root, SessionWord, User, Yes, complete_session


def fork(
    session: SessionWord,
    at: Annotated[int | None, typer.Option(metavar="TURN", help="Leave out what came after this turn.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the new session.")] = None,
    user: User = None,
    root: Root = None,
) -> None:
    """Begin a new session with the turns of another.

    Prints its name, or its id if it has none.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, tell
    from agentctl.cli.session_view import called, opened

    async def forked() -> None:
        async with opened(root, session, user) as (hub, row):
            new = await hub.sessions.fork(row, at, name=name)
        answer(called(new))
        tell(f"forked from {called(row)} after turn {new.turns}; `agentctl run {new.workspace} … -s {called(new)!r}`")

    drive(forked())


def rewind(
    session: SessionWord,
    turn: Annotated[int, typer.Argument(metavar="TURN", min=0, help="Number of the last turn to keep; 0 keeps none.")],
    yes: Yes = False,
    user: User = None,
    root: Root = None,
) -> None:
    """Forget the turns after a turn."""
    from agentctl.cli.ask import confirmed
    from agentctl.cli.drive import drive
    from agentctl.cli.output import plural, tell
    from agentctl.cli.session_view import called, dropped, opened

    async def rewound() -> None:
        async with opened(root, session, user) as (hub, row):
            gone = [each for each in await hub.sessions.turns(row) if turn < each.turn <= row.turns]
            if gone:
                tell("\n".join(dropped(gone)))
            if gone and not yes:
                await confirmed(f"Forget {plural(len(gone), 'turn')} of {called(row)}?", is_needed=False)
            await hub.sessions.rewind(row, turn, expected=row.turns)
        tell(f"{called(row)} has {plural(turn, 'turn')} now")

    drive(rewound())


def rename(
    session: SessionWord,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name; you have no other session of it.")],
    user: User = None,
    root: Root = None,
) -> None:
    """Give a session a name."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import tell
    from agentctl.cli.session_view import called, opened

    async def renamed() -> None:
        async with opened(root, session, user) as (hub, row):
            await hub.sessions.rename(row, name)
        tell(f"{called(row)} is {name.strip()!r} now")

    drive(renamed())


def tag(
    session: SessionWord,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Its tags from now on.")] = None,
    meta: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Note on it, beside those it has; `KEY=` takes one off; repeatable."),
    ] = None,
    user: User = None,
    root: Root = None,
) -> None:
    """Replace a session's tags.

    Without a tag they are taken off, but for `--meta` alone, which leaves them.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.options import pairs
    from agentctl.cli.output import tell
    from agentctl.cli.session_view import called, labels, opened

    noted = pairs(meta)

    async def tagged() -> None:
        async with opened(root, session, user) as (hub, row):
            kept = row.tags if meta and not tags else tags or []
            metadata = {key: value for key, value in {**row.metadata, **noted}.items() if value}
            await hub.sessions.tag(row, kept, metadata)
        tell(f"{called(row)}: {'; '.join(labels(kept, metadata)) or 'no tags'}")

    drive(tagged())


def delete(
    sessions: Annotated[
        list[str],
        typer.Argument(metavar="SESSION...", help="Names, ids or their beginnings.", autocompletion=complete_session),
    ],
    yes: Yes = False,
    user: User = None,
    root: Root = None,
) -> None:
    """Delete sessions with all that they hold.

    That is turns, attached files, runs, and what agents remember of them.
    """
    from agentctl.cli.ask import confirmed
    from agentctl.cli.drive import drive
    from agentctl.cli.output import plural, tell
    from agentctl.cli.session_view import called, existing
    from agentctl.sessions import Hub

    async def deleted() -> None:
        async with Hub(root) as hub:
            found = [await existing(hub, word, user) for word in sessions]
            rows = list({row.session_id: row for row in found}.values())
            named = ", ".join(f"{called(row)} ({plural(row.turns, 'turn')})" for row in rows)
            if not yes:
                await confirmed(f"Delete {named} for good?", is_needed=True)
            await hub.sessions.delete(rows)
        tell(f"deleted {named}")

    drive(deleted())
