"""Places the boxes of a chart in layers, with room of its own for every arrow and label.

The usual steps (Sugiyama): turn loops round, put each box one layer below what leads to it,
cut arrows into steps of one layer, order each layer to cross little, then pull neighbours
together. Labels stand in layers between those of the boxes, so that nothing covers them.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from itertools import pairwise

from agentctl.cli.chart import Arrow, Chart
from agentctl.errors import UsageError

MAX_POINTS = 20_000
"""Above this the drawing would take minutes, and nobody could read it."""
_GAP = 28.0
_SWEEPS = 8


@dataclass
class Point:
    """A box, or a bend of an arrow, with its room; `x` is the middle."""

    layer: int
    width: float
    name: str = ""
    x: float = 0.0
    up: list["Point"] = field(default_factory=list)
    down: list["Point"] = field(default_factory=list)


@dataclass(frozen=True)
class Route:
    """An arrow with the points that it passes, from its source to its target; `labelled` is where its label stands."""

    arrow: Arrow
    points: tuple[Point, ...]
    labelled: Point | None


@dataclass(frozen=True)
class Layout:
    """Where everything is: boxes in even layers, bends in all."""

    boxes: Mapping[str, Point]
    routes: Sequence[Route]
    layers: Sequence[Sequence[Point]]


def build_layout(chart: Chart, box_width: Callable[[str], float], label_width: Callable[[str], float]) -> Layout:
    """Place the boxes of `chart`, arrows from a box to itself left out.

    Raises:
        UsageError: it is too large to be drawn.
    """
    rank = _ranks(chart)
    boxes = {box.name: Point(2 * rank[box.name], box_width(box.name), box.name) for box in chart.boxes}
    spans = [abs(boxes[arrow.target].layer - boxes[arrow.source].layer) for arrow in chart.arrows]
    if sum(spans) > MAX_POINTS:
        raise UsageError(f"workspace {chart.name!r} is too large to be drawn", hint="use `--format mermaid` or `tree`")
    routes = [_route(arrow, boxes, label_width) for arrow in chart.arrows if arrow.source != arrow.target]
    layers = _layers(boxes, routes)
    _order(layers)
    _align(layers)
    return Layout(boxes, routes, layers)


def _ranks(chart: Chart) -> dict[str, int]:
    """Each box below all that lead to it, loops not counted; `final` at the bottom."""
    above: dict[str, set[str]] = {box.name: set() for box in chart.boxes}
    for arrow in chart.arrows:
        if not chart.is_back(arrow):
            above[arrow.target].add(arrow.source)
    rank: dict[str, int] = {}
    for name in TopologicalSorter(above).static_order():
        rank[name] = max((rank[each] + 1 for each in above[name]), default=0)
    return rank


def _route(arrow: Arrow, boxes: Mapping[str, Point], label_width: Callable[[str], float]) -> Route:
    source, target = boxes[arrow.source], boxes[arrow.target]
    step = 1 if target.layer > source.layer else -1
    bends = [Point(layer, 0.0) for layer in range(source.layer + step, target.layer, step)]
    labelled = bends[0] if arrow.label else None
    if labelled is not None:
        labelled.width = label_width(arrow.label)
    points = (source, *bends, target)
    for one, other in pairwise(points):
        above, below = (one, other) if step == 1 else (other, one)
        above.down.append(below)
        below.up.append(above)
    return Route(arrow, points, labelled)


def _layers(boxes: Mapping[str, Point], routes: Sequence[Route]) -> list[list[Point]]:
    by_layer: dict[int, list[Point]] = defaultdict(list)
    for point in (*boxes.values(), *(point for route in routes for point in route.points[1:-1])):
        by_layer[point.layer].append(point)
    return [by_layer[number] for number in range(max(by_layer) + 1)]


def _order(layers: Sequence[list[Point]]) -> None:
    """Sort each layer by where its neighbours stand, downwards and upwards in turn."""
    for layer in layers:
        for place, point in enumerate(layer):
            point.x = place
    for sweep in range(_SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else reversed(layers):
            layer.sort(key=lambda point: _middle(point.up if downwards else point.down, point.x))
            for place, point in enumerate(layer):
                point.x = place


def _align(layers: Sequence[Sequence[Point]]) -> None:
    """Turn places into coordinates: pull each point between its neighbours, and keep the order and the gaps."""
    for layer in layers:
        _pack(layer, [0.0] * len(layer))
    for _ in range(_SWEEPS):
        for layer in (*layers, *reversed(layers)):
            _pack(layer, [_middle([*point.up, *point.down], point.x) for point in layer])


def _middle(neighbours: Sequence[Point], default: float) -> float:
    return sum(point.x for point in neighbours) / len(neighbours) if neighbours else default


@dataclass(frozen=True, slots=True)
class _Block:
    """Points that stand side by side with gaps between them: `offsets` are theirs from the first one at `x`."""

    points: list[Point]
    offsets: list[float]
    x: float

    def clashes(self, after: "_Block") -> bool:
        """Whether `after` begins before this ends."""
        return self.x + self._reach(after) > after.x

    def joined(self, after: "_Block") -> "_Block":
        """Both as one block, where its points on average want to be."""
        reach = self._reach(after)
        mine, others = len(self.points), len(after.points)
        x = (self.x * mine + (after.x - reach) * others) / (mine + others)
        return _Block(self.points + after.points, self.offsets + [reach + offset for offset in after.offsets], x)

    def _reach(self, after: "_Block") -> float:
        """How far the first point of `after` must be from the first of this."""
        return self.offsets[-1] + (self.points[-1].width + after.points[0].width) / 2 + _GAP


def _pack(layer: Sequence[Point], wanted: Sequence[float]) -> None:
    """Put each point as near to where it is wanted as order and gaps allow, by least squares."""
    blocks: list[_Block] = []
    for point, x in zip(layer, wanted, strict=True):
        block = _Block([point], [0.0], x)
        while blocks and blocks[-1].clashes(block):
            block = blocks.pop().joined(block)
        blocks.append(block)
    for block in blocks:
        for point, offset in zip(block.points, block.offsets, strict=True):
            point.x = block.x + offset
