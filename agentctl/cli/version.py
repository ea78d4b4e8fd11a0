"""`agentctl --version`."""

from typing import Annotated

import typer

DISTRIBUTION = "agentctl-workspaces"


def _print(is_wanted: bool) -> None:
    if not is_wanted:
        return
    from importlib import metadata

    try:
        print(f"agentctl {metadata.version(DISTRIBUTION)}")
    except metadata.PackageNotFoundError:
        print("agentctl, run from a checkout")
    raise typer.Exit


def common(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print, is_eager=True)
    ] = False,
) -> None:
    """Options of `agentctl` itself."""
