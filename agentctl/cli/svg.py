"""A chart as SVG: one self-contained text, for light and dark pages."""

from collections.abc import Iterator
from html import escape
from itertools import accumulate, pairwise
from unicodedata import east_asian_width

from agentctl.cli.chart import Arrow, Box, Chart
from agentctl.cli.layout import Layout, Point, Route, build_layout
from agentctl.cli.output import CONTROLS, cut

_CHAR, _LINE, _PAD, _MARGIN = 7.3, 17.0, 12.0, 24.0
"""Width and height of a character of the font, room around text in a box, and around the drawing."""
_LAYER_GAP = 24.0
_MAX_AGENTS, _MAX_LABEL, _MAX_NAME = 8, 44, 40
_STYLE = """
  svg { font: 12px ui-monospace, Menlo, Consolas, monospace; background: #fff; color: #1f2328 }
  text { fill: currentColor } .name { font-weight: bold } .dim { opacity: .75 } .paper { fill: #fff }
  .box { fill: #f6f8fa; stroke: #57606a } .start { stroke-width: 2.5 } .arrow { fill: none; stroke: #57606a }
  .back { stroke-dasharray: 5 3 } marker path { fill: #57606a }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; color: #e6edf3 } .paper { fill: #0d1117 } .box { fill: #161b22; stroke: #9198a1 }
    .arrow { stroke: #9198a1 } marker path { fill: #9198a1 }
  }
"""


def draw_svg(chart: Chart) -> str:
    """Draw the chart, top to bottom; loops are dashed.

    Raises:
        UsageError: it is too large to be drawn.
    """
    lines = {box.name: _box_lines(box) for box in chart.boxes}
    loops = {arrow.source: arrow for arrow in chart.arrows if arrow.source == arrow.target}
    layout = build_layout(
        chart,
        lambda name: max(map(_width, lines[name])) + 2 * _PAD + (2 * _loop_room(loops[name]) if name in loops else 0),
        lambda label: _width(cut(label, _MAX_LABEL)),
    )
    drawing = _Drawing(chart, layout, lines, loops)
    return "\n".join(drawing.render())


def _box_lines(box: Box) -> list[str]:
    agents = [cut(role, _MAX_NAME) for role in box.agents[:_MAX_AGENTS]]
    if len(box.agents) > _MAX_AGENTS:
        agents.append(f"… {len(box.agents) - _MAX_AGENTS:,} more")
    numbered = box.order == "sequential" and len(box.agents) > 1
    return [cut(box.name, _MAX_NAME), *(f"{n}. {agent}" if numbered else agent for n, agent in enumerate(agents, 1))]


def _width(text: str) -> float:
    return _CHAR * sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _loop_room(arrow: Arrow) -> float:
    return 36 + _width(cut(arrow.label, _MAX_LABEL))


def _area(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _text(text: str) -> str:
    # XML has no way to write most control characters.
    return escape(text.translate(CONTROLS))


class _Drawing:
    """Writes the elements: arrows first, boxes over them."""

    def __init__(self, chart: Chart, layout: Layout, lines: dict[str, list[str]], loops: dict[str, Arrow]) -> None:
        self._chart, self._layout, self._lines, self._loops = chart, layout, lines, loops
        points = [point for layer in layout.layers for point in layer]
        left = min(point.x - point.width / 2 for point in points)
        self._shift = _MARGIN - left
        self._width = max(point.x + point.width / 2 for point in points) - left + 2 * _MARGIN
        heights = [max((self._height(point) for point in layer), default=0.0) for layer in layout.layers]
        self._tops = list(accumulate((height + _LAYER_GAP for height in heights), initial=_MARGIN))
        self._heights = heights

    def render(self) -> Iterator[str]:
        """Every line of the file."""
        height = self._tops[len(self._heights) - 1] + self._heights[-1] + _MARGIN
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{self._width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {self._width:.0f} {height:.0f}">'
        )
        yield f"<title>{_text(self._chart.name)}</title>"
        yield f"<style>{_STYLE}</style>"
        yield (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>'
        )
        for route in self._layout.routes:
            yield from self._route(route)
        for box in self._chart.boxes:
            yield from self._box(box)
        yield "</svg>"

    def _height(self, point: Point) -> float:
        if point.name:
            return _LINE * len(self._lines[point.name]) + _PAD
        return _LINE if point.width else 0.0

    def _box(self, box: Box) -> Iterator[str]:
        point, lines = self._layout.boxes[box.name], self._lines[box.name]
        x, y = point.x + self._shift, self._tops[point.layer]
        width, height = max(map(_width, lines)) + 2 * _PAD, self._height(point)
        kind = "box start" if box.is_start else "box"
        corner = height / 2 if box.is_end else 6
        yield f'<rect class="{kind}" {_area(x - width / 2, y, width, height)} rx="{corner:.1f}"/>'
        for number, line in enumerate(lines):
            style = "name" if number == 0 else "dim"
            at = y + _PAD / 2 + _LINE * (number + 0.75)
            yield f'<text class="{style}" x="{x:.1f}" y="{at:.1f}" text-anchor="middle">{_text(line)}</text>'
        if loop := self._loops.get(box.name):
            right, middle = x + width / 2, y + height / 2
            path = f"M{right:.1f} {middle - 6:.1f} c28 -14 28 26 2 12"
            yield f'<path class="arrow back" d="{path}" marker-end="url(#tip)"/>'
            yield self._label(loop, right + 26, middle + 4, "start")

    def _route(self, route: Route) -> Iterator[str]:
        path = self._path(route)
        kind = "arrow back" if self._chart.is_back(route.arrow) else "arrow"
        yield f'<path class="{kind}" d="{path}" marker-end="url(#tip)"/>'
        if route.labelled is not None:
            point = route.labelled
            at = self._tops[point.layer] + self._heights[point.layer] / 2 + 4
            yield self._label(route.arrow, point.x + self._shift, at, "middle")

    def _label(self, arrow: Arrow, x: float, y: float, anchor: str) -> str:
        short = cut(arrow.label, _MAX_LABEL)
        full = f"<title>{_text(arrow.label)}</title>" if short != arrow.label else ""
        width = _width(short)
        left = x - width / 2 if anchor == "middle" else x
        return (
            f'<g>{full}<rect class="paper" {_area(left - 3, y - 13, width + 6, _LINE)}/>'
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_text(short)}</text></g>'
        )

    def _path(self, route: Route) -> str:
        """A smooth line through the bends, straight through each layer."""
        downwards = route.points[1].layer > route.points[0].layer
        spots: list[tuple[float, float]] = []
        for point in route.points:
            top = self._tops[point.layer]
            bottom = top + (self._height(point) if point.name else self._heights[point.layer])
            x = point.x + self._shift
            spots += [(x, top), (x, bottom)] if downwards else [(x, bottom), (x, top)]
        spots = spots[1:-1]  # from the edge of one box to the edge of the other
        spots[0] = (self._port(route, spots[0][0], 0), spots[0][1])
        spots[-1] = (self._port(route, spots[-1][0], -1), spots[-1][1])
        steps = [f"M{spots[0][0]:.1f} {spots[0][1]:.1f}"]
        for (x, y), (to_x, to_y) in pairwise(spots):
            middle = (y + to_y) / 2
            straight = f"L{to_x:.1f} {to_y:.1f}"
            steps.append(
                straight if x == to_x else f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}"
            )
        return " ".join(steps)

    def _port(self, route: Route, x: float, end: int) -> float:
        """Where an arrow meets its box: arrows at one side of it stand side by side, as their bends do."""
        point, bend = route.points[end], route.points[1 if end == 0 else -2]
        side = point.down if bend.layer > point.layer else point.up
        side = sorted(side, key=lambda other: other.x)
        place = next(number for number, other in enumerate(side) if other is bend)
        room = max(map(_width, self._lines[point.name])) / max(1, len(side))
        return x + (place - (len(side) - 1) / 2) * min(room, 26)
