import re
from xml.etree import ElementTree

import pytest

from agentctl.cli.chart import Arrow, Box, Chart
from agentctl.cli.svg import draw_svg
from agentctl.errors import UsageError
from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace

LOOP = """\
version: 1
stages:
  draft: {agents: [a, b]}
  check:
    agents: [a, b]
    order: sequential
    next:
      - {when: "visits.draft < 2 and 'x\\"<&`#' != stage", to: draft}
      - {when: "visits.check < 3", to: check}
      - {to: final}
agents: {a: {prompt: x}, b: {prompt: y}}
"""
SVG = "{http://www.w3.org/2000/svg}"


def chart_of(*stages: str, arrows: list[Arrow]) -> Chart:
    boxes = [Box(name, ("agent",), is_start=number == 0) for number, name in enumerate(stages)]
    return Chart("ws", (*boxes, Box("final")), tuple(arrows))


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    found = ElementTree.fromstring(svg).iter(f"{SVG}rect")
    return [tuple(float(rect.attrib[name]) for name in ("x", "y", "width", "height")) for rect in found]  # type: ignore[misc]


def test_the_tree_shows_stages_agents_and_loops(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("loop", LOOP)

    assert agentctl("graph", "loop").out == (
        "loop\n"
        "├─ draft (start): a ∥ b\n"
        "│    → check\n"
        "├─ check: a → b\n"
        "│    ↺ draft  visits.draft < 2 and 'x\"<&`#' != stage\n"
        "│    ↺ check  visits.check < 3\n"
        "│    → final  otherwise\n"
        "└─ final\n"
    )


def test_mermaid_escapes_what_it_would_read_otherwise(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("loop", LOOP)
    lines = agentctl("graph", "loop", "--format", "mermaid").out.splitlines()

    assert lines[0] == "flowchart TD"
    assert "  s1 -->|\"visits.draft #lt; 2 and 'x#quot;#lt;#amp;#96;#35;' != stage\"| s0" in lines
    assert '  s2(["final"])' in lines


def test_svg_names_everything_and_is_well_formed(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("loop", LOOP)
    code, out, err = agentctl("graph", "loop", "--format", "svg")

    assert (code, err) == (0, "")
    assert {"draft", "check", "final", "1. a", "2. b", "otherwise", "visits.check < 3"} <= set(texts(out))
    assert any(text.startswith("visits.draft < 2 and 'x\"<&`#'") for text in texts(out))
    assert not re.search(r"https?://(?!www\.w3\.org)", out)


def test_svg_boxes_and_labels_never_overlap() -> None:
    stages = [f"s{number}" for number in range(9)]
    arrows = [
        Arrow(source, target, f"visits.{source} < {len(target)} and rounds > 1")
        for number, source in enumerate(stages)
        for target in [*stages[max(0, number - 2) : number], *stages[number + 1 : number + 4], "final"]
    ]
    areas = rectangles(draw_svg(chart_of(*stages, arrows=arrows)))

    clashes = [
        (one, two)
        for number, one in enumerate(areas)
        for two in areas[number + 1 :]
        if one[0] < two[0] + two[2]
        and two[0] < one[0] + one[2]
        and one[1] < two[1] + two[3]
        and two[1] < one[1] + one[3]
    ]
    assert clashes == []


def test_svg_cuts_long_texts_and_keeps_them_as_tooltips() -> None:
    label = "visits.a < 2 and " * 100 + "\x1b[2J"
    svg = draw_svg(chart_of("a", arrows=[Arrow("a", "final", label)]))

    assert max(map(len, texts(svg))) < 60
    assert "visits.a &lt; 2 and " * 50 in svg
    assert "\x1b" not in svg


@pytest.mark.slow
def test_a_thousand_stages_in_a_row_are_drawn() -> None:
    stages = [f"s{number}" for number in range(1000)]
    arrows = [Arrow(*pair) for pair in zip(stages, [*stages[1:], "final"], strict=True)]

    assert len(rectangles(draw_svg(chart_of(*stages, arrows=arrows)))) == 1001


def test_what_nobody_could_read_is_refused() -> None:
    stages = [f"s{number}" for number in range(300)]
    arrows = [Arrow(*pair) for pair in zip(stages, [*stages[1:], "final"], strict=True)]
    with pytest.raises(UsageError, match="too large to be drawn"):
        draw_svg(chart_of(*stages, arrows=[*arrows, *(Arrow(stage, "final") for stage in stages)]))
