"""`agentctl tools`: look at what a workspace's agents can call, and call it."""

from typing import Annotated

import typer

from agentctl.cli.options import Json, Root, WorkspaceName, Yes

app = typer.Typer(name="tools", help="Look at the tools of a workspace, and call them.", no_args_is_help=True)
ToolName = Annotated[str, typer.Argument(metavar="TOOL", help="Name of a tool; of a server's, `<server>_<tool>`.")]


@app.command("list")
def list_(workspace: WorkspaceName, json: Json = False, root: Root = None) -> None:
    """List the tools of a workspace, built-in ones and its servers' too.

    Runs the code of its tools/ and starts its servers.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json, table, tell
    from agentctl.cli.tool_table import cells, losses, overview
    from agentctl.cli.tool_use import listed

    tools, missing = drive(listed(root, workspace))
    if json:
        answer_json([overview(info) for info in tools])
    else:
        answer(table(cells(info) for info in tools))
    for loss in losses(missing):
        tell(loss)


@app.command()
def show(workspace: WorkspaceName, tool: ToolName, json: Json = False, root: Root = None) -> None:
    """Show what a tool does, takes and may do.

    Runs the code of the workspace's tools/ and starts its servers.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer_either
    from agentctl.cli.tool_table import drawing, whole
    from agentctl.cli.tool_use import shown

    info = drive(shown(root, workspace, tool))
    answer_either(whole(info), drawing(info), json=json)


@app.command()
def call(
    workspace: WorkspaceName,
    tool: ToolName,
    arguments: Annotated[
        str | None, typer.Argument(metavar="ARGUMENTS", help="As a JSON object; default: none.")
    ] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="One argument, text or JSON; repeatable, goes over ARGUMENTS."),
    ] = None,
    yes: Yes = False,
    json: Json = False,
    root: Root = None,
) -> None:
    """Call a tool and print what it returns.

    Asks first where an agent's call would be asked for. Runs the code of the
    workspace's tools/ and starts its servers.
    """
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json
    from agentctl.cli.tool_use import called
    from agentctl.errors import RunError

    outcome = drive(called(root, workspace, tool, text=arguments, words=arg or (), is_agreed=yes))
    if json:
        answer_json(outcome.to_json())
    elif outcome.status == "ok":
        answer(outcome.text)
    else:
        raise RunError(outcome.text, code="tool-failed")
    if outcome.status != "ok":
        raise typer.Exit(RunError.exit_code)
