"""`agentctl approvals`: what runs wait for, and how it is decided."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentctl.cli.options import Json, Root, User, complete_approval, complete_run, long_enough

if TYPE_CHECKING:
    from agentctl.store import Approval, Decision

app = typer.Typer(name="approvals", help="Decide what runs wait for.", no_args_is_help=True)

Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Id of an approval, or its first 6 characters or more.",
        autocompletion=complete_approval,
    ),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; the agent that asked reads it.")]


@app.command("list")
def list_(
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Of this run only.", callback=long_enough, autocompletion=complete_run),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that are decided or have expired.")] = False,
    json: Json = False,
    user: User = None,
    root: Root = None,
) -> None:
    """List what can be decided, the first asked first."""
    from agentctl.cli.approval_view import listing, overview
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_either, tell
    from agentctl.cli.project import project_store
    from agentctl.sessions.control import os_user

    async def listed() -> "list[Approval]":
        async with project_store(root) as store:
            if store.is_new:
                return []  # looking leaves nothing behind
            run_id = None if run is None else (await store.get_run(run)).run_id
            return await store.approvals.list(user=user or os_user(), run_id=run_id, undecided=not all_)

    rows = drive(listed())
    if rows or json:
        answer_either([overview(row) for row in rows], [listing(rows)] if rows else [], json=json)
    else:
        tell("nothing was asked" if all_ else "nothing waits for a decision; `--all` lists what was asked before")


@app.command()
def show(id_: Id, json: Json = False, user: User = None, root: Root = None) -> None:
    """Show what is asked, with all of its arguments."""
    from dataclasses import asdict

    from agentctl.cli.approval_view import existing, facts, shown_args
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_either
    from agentctl.cli.project import project_store
    from agentctl.store import Approval

    async def shown() -> Approval:
        async with project_store(root) as store:
            return await existing(store, id_, user)

    row = drive(shown())
    answer_either(asdict(row), [*facts(row), shown_args(row)], json=json)


@app.command()
def approve(
    id_: Id,
    edit_args: Annotated[
        str | None,
        typer.Option("--edit-args", metavar="JSON", help="Arguments in place of those asked for; or the answer."),
    ] = None,
    always: Annotated[bool, typer.Option("--always", help="For exactly this call, in all of its session.")] = False,
    reason: Reason = "",
    user: User = None,
    root: Root = None,
) -> None:
    """Let a call be made, or answer what a graph or a server asks.

    Then `agentctl resume RUN` goes on, unless a process waits for the decision. What a graph asks is answered with
    true, or with `--edit-args`; the form of a server is filled in with `--edit-args`.
    """
    from agentctl.cli.approval_view import answer_of
    from agentctl.store import Decision

    args = None if edit_args is None else answer_of(edit_args)
    _decide(id_, Decision(approve=True, reason=reason, args=args, always=always), user, root)


@app.command()
def deny(id_: Id, reason: Reason = "", user: User = None, root: Root = None) -> None:
    """Keep a call from being made, or decline what is asked.

    What a graph asks is answered with false.
    """
    from agentctl.store import Decision

    _decide(id_, Decision(approve=False, reason=reason), user, root)


def _decide(id_: str, decision: "Decision", user: str | None, root: Any) -> None:
    """Decide, and say what to do next."""
    from agentctl.cli.approval_view import existing, next_step
    from agentctl.cli.drive import drive
    from agentctl.cli.output import tell
    from agentctl.cli.project import project_store

    async def decided() -> str:
        async with project_store(root) as store:
            row = await existing(store, id_, user)
            return await next_step(store, await store.approvals.decide(row.id, decision, user=row.user_id))

    tell(drive(decided()))
