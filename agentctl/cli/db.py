"""`agentctl db`: look after the project's database."""

from typing import Annotated

import typer

from agentctl.cli.options import Json, Root

app = typer.Typer(name="db", help="Look after the project's database.", no_args_is_help=True)


@app.command()
def upgrade(root: Root = None) -> None:
    """Bring the database to this version's schema, or create it.

    Every command that opens it does so too; this is for doing it once, before many processes start.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.integrity import bring_up_to_date
    from agentctl.cli.output import answer
    from agentctl.settings import Settings
    from agentctl.workspace import find_root

    project = find_root(root)
    answer(drive(bring_up_to_date(project, Settings.load(project).database_url)))


@app.command()
def check(json: Json = False, root: Root = None) -> None:
    """Look for damage and contradictions, and change nothing."""
    from math import inf

    from agentctl.cli.doctor import report
    from agentctl.cli.integrity import check_database
    from agentctl.settings import Settings
    from agentctl.workspace import find_root

    project = find_root(root)
    report(check_database(project, Settings.load(project).database_url, within_s=inf), json=json)


@app.command()
def backup(
    folder: Annotated[
        str | None, typer.Argument(metavar="FOLDER", help="New folder; default: agentctl-backup-TIME, here.")
    ] = None,
    root: Root = None,
) -> None:
    """Copy the database into a new folder.

    Others may use it meanwhile. Prints the folder.
    """
    from datetime import UTC, datetime
    from pathlib import Path

    from agentctl.cli.output import answer
    from agentctl.settings import Settings
    from agentctl.store.backup import back_up
    from agentctl.workspace import find_root

    project = find_root(root)
    target = Path(folder or f"agentctl-backup-{datetime.now(UTC):%Y%m%dT%H%M%SZ}").expanduser().absolute()
    back_up(project, Settings.load(project).database_url, target)
    answer(str(target))
