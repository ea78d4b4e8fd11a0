"""`agentctl graph`: the stages of a workspace and the routes between them, drawn."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agentctl.cli.options import Root, WorkspaceName

if TYPE_CHECKING:
    from agentctl.cli.chart import Chart

Format = Annotated[
    Literal["tree", "mermaid", "svg"],
    typer.Option(help="`tree` for the terminal, `mermaid` for Markdown, `svg` for a browser."),
]
# Mermaid reads `#` as the begin of an entity, and quotes and backticks as the end of a label.
_MERMAID = str.maketrans({"#": "#35;", '"': "#quot;", "`": "#96;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


def graph(workspace: WorkspaceName, format: Format = "tree", root: Root = None) -> None:
    """Draw the stages of a workspace and the routes between them.

    Runs no code of it.
    """
    from agentctl.cli.chart import build_chart
    from agentctl.cli.output import answer
    from agentctl.cli.project import workspace_name
    from agentctl.workspace import find_root, load_workspace

    project = find_root(root)
    chart = build_chart(load_workspace(project, workspace_name(project, workspace)))
    if format == "svg":
        from agentctl.cli.svg import draw_svg

        answer(draw_svg(chart))
    else:
        answer("\n".join(_tree(chart) if format == "tree" else _mermaid(chart)))


def _tree(chart: "Chart") -> Iterator[str]:
    from agentctl.cli.words import lineup

    yield chart.name
    for box in chart.boxes:
        if box.is_end:
            yield f"└─ {box.name}"
            continue
        yield f"├─ {box.name}{' (start)' if box.is_start else ''}: {lineup(box.agents, box.order)}"
        for arrow in chart.arrows_from(box.name):
            way = "↺" if chart.is_back(arrow) else "→"
            yield f"│    {way} {arrow.target}{f'  {arrow.label}' if arrow.label else ''}"


def _mermaid(chart: "Chart") -> Iterator[str]:
    from agentctl.cli.words import lineup

    ids = {box.name: f"s{number}" for number, box in enumerate(chart.boxes)}
    yield "flowchart TD"
    for box in chart.boxes:
        if box.is_end:
            yield f'  {ids[box.name]}(["{box.name}"])'
        else:
            agents = lineup(box.agents, box.order).translate(_MERMAID)
            yield f'  {ids[box.name]}["<b>{box.name}</b><br/>{agents}"]'
    for arrow in chart.arrows:
        label = f'|"{arrow.label.translate(_MERMAID)}"|' if arrow.label else ""
        yield f"  {ids[arrow.source]} -->{label} {ids[arrow.target]}"
    yield f"  style {ids[chart.start]} stroke-width:3px"
