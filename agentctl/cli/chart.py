"""Stages as boxes and routes as arrows: what `graph` draws, here as text, in `svg` as a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from agentctl.cli.words import lineup
from agentctl.workspace import Workspace
from agentctl.workspace.stages import FINAL

# Mermaid reads `#` as the begin of an entity, and quotes and backticks as the end of a label.
_MERMAID = str.maketrans({"#": "#35;", '"': "#quot;", "`": "#96;", "<": "#lt;", ">": "#gt;", "&": "#amp;"})


@dataclass(frozen=True, slots=True)
class Box:
    """A stage, or the end."""

    name: str
    agents: tuple[str, ...] = ()
    order: str = "parallel"
    is_start: bool = False

    @property
    def is_end(self) -> bool:
        """Whether this is `final`."""
        return self.name == FINAL


@dataclass(frozen=True, slots=True)
class Arrow:
    """A route; `label` is its condition on one line, `otherwise` behind conditions, empty if there is no choice."""

    source: str
    target: str
    label: str = ""


@dataclass(frozen=True)
class Chart:
    """The boxes in the file's order, `final` last, and the arrows in the order in which they are tested."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]

    @property
    def start(self) -> str:
        """The stage where a run begins."""
        return next(box.name for box in self.boxes if box.is_start)

    def arrows_from(self, name: str) -> list[Arrow]:
        """The ways out of a box."""
        return self._by_source.get(name, [])

    def is_back(self, arrow: Arrow) -> bool:
        """Whether the arrow closes a loop."""
        return arrow in self._back

    @cached_property
    def _by_source(self) -> dict[str, list[Arrow]]:
        found: dict[str, list[Arrow]] = {}
        for arrow in self.arrows:
            found.setdefault(arrow.source, []).append(arrow)
        return found

    @cached_property
    def _back(self) -> frozenset[Arrow]:
        """The arrows that lead to where a walk from the start has come from."""
        back: set[Arrow] = set()
        seen = {self.start}
        open_ = {self.start: iter(self.arrows_from(self.start))}
        while open_:  # not recursive: a thousand stages in a row are legal
            name = next(reversed(open_))
            arrow = next(open_[name], None)
            if arrow is None:
                del open_[name]
            elif arrow.target in open_:
                back.add(arrow)
            elif arrow.target not in seen:
                seen.add(arrow.target)
                open_[arrow.target] = iter(self.arrows_from(arrow.target))
        return frozenset(back)


def build_chart(workspace: Workspace) -> Chart:
    """The chart of a workspace's stages."""
    stages = workspace.stages
    boxes = [
        Box(name, tuple(stage.agents), stage.order, is_start=name == stages.start)
        for name, stage in workspace.spec.stages.items()
    ]
    arrows = [
        Arrow(name, route.to, " ".join(route.when.split()) if route.when else "otherwise" if number else "")
        for name in stages.names
        for number, route in enumerate(stages.routes(name))
    ]
    return Chart(workspace.name, (*boxes, Box(FINAL)), tuple(arrows))


def draw_tree(chart: Chart) -> Iterator[str]:
    """Lines for a terminal."""
    yield chart.name
    for box in chart.boxes:
        if box.is_end:
            yield f"└─ {box.name}"
            continue
        yield f"├─ {box.name}{' (start)' if box.is_start else ''}: {lineup(box.agents, box.order)}"
        for arrow in chart.arrows_from(box.name):
            way = "↺" if chart.is_back(arrow) else "→"
            yield f"│    {way} {arrow.target}{f'  {arrow.label}' if arrow.label else ''}"


def draw_mermaid(chart: Chart) -> Iterator[str]:
    """Lines for Markdown."""
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
