"""`agentctl memory`: look at what agents produced, and forget it."""

from typing import Annotated

import typer

from agentctl.cli.options import (
    Json,
    Limit,
    Root,
    User,
    Yes,
    complete_role,
    complete_run,
    complete_session,
    complete_workspace,
)

app = typer.Typer(
    name="memory", help="Look at what agents produced, and forget it.", no_args_is_help=True, rich_markup_mode=None
)
OfWs = Annotated[
    str | None, typer.Argument(metavar="[WS]", help="Of this workspace only.", autocompletion=complete_workspace)
]
OfSession = Annotated[
    str | None,
    typer.Option(
        "--session",
        "-s",
        metavar="SESSION",
        help="Of this session: a name, an id or its start, -1 for the last used; the whole id of one that is gone.",
        autocompletion=complete_session,
    ),
]
OfRun = Annotated[
    str | None,
    typer.Option(
        "--run", metavar="RUN", help="Of this run: its id or the first 6 characters.", autocompletion=complete_run
    ),
]
OfAgent = Annotated[
    str | None, typer.Option("--agent", metavar="ROLE", help="Of this agent.", autocompletion=complete_role)
]
OfStage = Annotated[str | None, typer.Option("--stage", metavar="STAGE", help="Of this stage.")]


@app.command("list")
def list_(
    workspace: OfWs = None,
    session: OfSession = None,
    run: OfRun = None,
    agent: OfAgent = None,
    stage: OfStage = None,
    limit: Limit = 50,
    json: Json = False,
    user: User = None,
    root: Root = None,
) -> None:
    """List records of what agents produced, newest first."""
    from agentctl.cli.drive import drive
    from agentctl.cli.memory_view import cells, opened, overview
    from agentctl.cli.output import answer, answer_json, table, tell

    async def listed() -> list[dict[str, object]]:
        async with opened(root, workspace, session, run, user, agent=agent, stage=stage) as (memory, query):
            return [overview(record) for record in await memory.find(query, limit)]

    rows = drive(listed())
    if json:
        answer_json(rows)
    elif rows:
        answer(table(cells(row) for row in rows))
    else:
        tell("no such records; an agent is recorded where its stage or its `memory` says `record: …`")


@app.command()
def forget(
    workspace: OfWs = None,
    session: OfSession = None,
    run: OfRun = None,
    agent: OfAgent = None,
    stage: OfStage = None,
    yes: Yes = False,
    user: User = None,
    root: Root = None,
) -> None:
    """Delete records for good, those for which all that is given holds."""
    from agentctl.cli.ask import confirmed
    from agentctl.cli.drive import drive
    from agentctl.cli.memory_view import opened
    from agentctl.cli.output import plural, tell
    from agentctl.errors import UsageError

    if not any((workspace, session, run, agent, stage)):
        raise UsageError("nothing says which records", hint="name a workspace, `--session`, `--run` or `--agent`")

    async def forgotten() -> None:
        async with opened(root, workspace, session, run, user, agent=agent, stage=stage) as (memory, query):
            count = len(await memory.find(query, None))
            if count and not yes:
                await confirmed(f"Forget {plural(count, 'record')} for good?", is_needed=True)
            tell(f"forgot {plural(await memory.forget(query), 'record')}")

    drive(forgotten())


@app.command()
def stats(workspace: OfWs = None, json: Json = False, user: User = None, root: Root = None) -> None:
    """Count records, by workspace, agent and kind."""
    from agentctl.cli.drive import drive
    from agentctl.cli.memory_view import counted, opened
    from agentctl.cli.output import answer, answer_json

    async def stated() -> dict[str, object]:
        async with opened(root, workspace, None, None, user) as (memory, query):
            return await memory.stats(query)

    found = drive(stated())
    if json:
        answer_json(found)
    else:
        answer("\n".join(counted(found)))
