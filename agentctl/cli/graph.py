"""`agentctl graph`: the stages of a workspace and the routes between them, drawn."""

from typing import Annotated, Literal

import typer

from agentctl.cli.options import Root, WorkspaceName

Format = Annotated[
    Literal["tree", "mermaid", "svg"],
    typer.Option(help="`tree` for the terminal, `mermaid` for Markdown, `svg` for a browser."),
]


def graph(workspace: WorkspaceName, format: Format = "tree", root: Root = None) -> None:
    """Draw the stages of a workspace and the routes between them.

    Runs no code of it.
    """
    from agentctl.cli.chart import build_chart, draw_mermaid, draw_tree
    from agentctl.cli.output import answer
    from agentctl.cli.project import workspace_name
    from agentctl.workspace import find_root, load_workspace

    project = find_root(root)
    chart = build_chart(load_workspace(project, workspace_name(project, workspace)))
    if format == "svg":
        from agentctl.cli.svg import draw_svg

        answer(draw_svg(chart))
    else:
        answer("\n".join(draw_tree(chart) if format == "tree" else draw_mermaid(chart)))
