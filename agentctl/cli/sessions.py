"""`agentctl sessions`: look at conversations, and change them."""

from typing import Annotated

import typer

from agentctl.cli import session_change, session_file
from agentctl.cli.options import SESSION_WORDS, Json, Limit, OfWorkspace, Root, SessionWord, User

app = typer.Typer(name="sessions", help="Look at conversations, and change them.", no_args_is_help=True)


@app.command("list")
def list_(
    workspace: OfWorkspace = None,
    tag: Annotated[list[str] | None, typer.Option(metavar="TAG", help="With this tag; repeatable.")] = None,
    meta: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="With this metadata; repeatable.")] = None,
    limit: Limit = 50,
    json: Json = False,
    user: User = None,
    root: Root = None,
) -> None:
    """List sessions, the last used first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.options import pairs
    from agentctl.cli.output import answer_rows
    from agentctl.cli.session_view import cells, known_workspace, overview
    from agentctl.sessions import Hub

    wanted = pairs(meta)

    async def listed() -> list[dict[str, object]]:
        async with Hub(root) as hub:
            name = await known_workspace(hub, workspace)
            if hub.store.is_new:
                return []  # looking leaves nothing behind
            rows = await hub.sessions.newest(user=user, workspace=name, tags=tag or (), metadata=wanted, limit=limit)
            last = await hub.sessions.last_turns(rows)
        return [overview(row, last.get(row.session_id)) for row in rows]

    nothing = 'no such sessions; one begins with `agentctl run WS "TASK" --session NAME`'
    answer_rows(drive(listed()), cells, nothing, json=json)


@app.command(context_settings=SESSION_WORDS)
def show(
    session: SessionWord,
    full: Annotated[bool, typer.Option("--full", help="Print whole texts, not their beginnings.")] = False,
    json: Json = False,
    user: User = None,
    root: Root = None,
) -> None:
    """Show a session's turns, and the ways they took."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_either
    from agentctl.cli.session_view import drawing, opened, whole

    async def shown() -> dict[str, object]:
        async with opened(root, session, user) as (hub, row):
            return whole(row, await hub.sessions.turns(row), await hub.sessions.spent(row))

    found = drive(shown())
    answer_either(found, drawing(found, is_full=full), json=json)


@app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What was asked or answered, whatever its case.")],
    workspace: OfWorkspace = None,
    limit: Limit = 50,
    json: Json = False,
    user: User = None,
    root: Root = None,
) -> None:
    """Find what was said, newest first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_json, tell
    from agentctl.cli.session_view import hits, known_workspace, print_hit
    from agentctl.errors import UsageError
    from agentctl.sessions import Hub

    if not text.strip():
        raise UsageError("there is nothing to search for", hint="give a word, as in `agentctl sessions search tea`")

    async def found() -> list[dict[str, object]]:
        async with Hub(root) as hub:
            name = await known_workspace(hub, workspace)
            if hub.store.is_new:
                return []
            turns = await hub.sessions.search(text, user=user, workspace=name, limit=limit)
            rows = await hub.sessions.named(turn.session_id for turn in turns)
        return [hit for turn in turns for hit in hits(turn, rows.get(turn.session_id), text)]

    rows = drive(found())
    if json:
        answer_json(rows)
    elif not rows:
        tell(f"nobody said {text!r}")
    for row in [] if json else rows:
        print_hit(row)


app.command(context_settings=SESSION_WORDS)(session_change.fork)
app.command(context_settings=SESSION_WORDS)(session_change.rewind)
app.command(context_settings=SESSION_WORDS)(session_change.rename)
app.command(context_settings=SESSION_WORDS)(session_change.tag)
app.command(context_settings=SESSION_WORDS)(session_file.export)
app.command("import")(session_file.import_)
app.command(context_settings=SESSION_WORDS)(session_change.delete)
