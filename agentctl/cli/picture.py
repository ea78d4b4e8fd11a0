"""A scene as something that rich can print: while it runs, and what stays when it has ended."""

from collections.abc import Sequence

from rich.box import ROUNDED
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agentctl.cli.output import cut, plural
from agentctl.cli.scene import Actor, Scene
from agentctl.cli.scoreboard import scoreboard
from agentctl.cli.words import money

_CARD, _MAX_ROWS, _MAX_BODY = 26, 3, 10
"""Least width of an agent's panel, rows of panels, and lines of text in one."""
_SUMMARY = 24
"""Lines of the scoreboard that stays."""
_MARKS = {
    "asking": ("?", "yellow"),
    "running": ("●", "cyan"),
    "waiting": ("·", "dim"),
    "done": ("✓", "green"),
    "failed": ("✗", "red"),
}
_DOING = 2
"""Lines of a panel that tell of tools."""


def draw(scene: Scene, console: Console, elapsed_s: float) -> RenderableType:
    """The run as it is now, never higher than the terminal."""
    width, height = console.size
    path = _path(scene.path, 2 * width - 4)
    fixed = 3 + bool(scene.simulated) + -(-len(path.plain) // width)
    board = scoreboard(scene.scores, width, max(0, (height - fixed) // 2))
    rows = _rows(scene, console, height - fixed - len(board))
    parts: list[RenderableType] = [_title(scene), path, *rows, *board, _status(scene, elapsed_s)]
    if scene.simulated:
        parts.append(_line(scene.simulated, "yellow"))
    return Group(*parts)


def summary(scene: Scene, width: int, *, is_brief: bool = False) -> RenderableType:
    """What stays on the screen: the path, the scores, how it ended.

    Args:
        is_brief: leave out how it ended, and a path of one stage.
    """
    parts: list[RenderableType] = [] if is_brief and len(scene.path) == 1 else [_path(scene.path, 10 * width)]
    parts += scoreboard(scene.scores, width, _SUMMARY, scene.winner)
    if scene.simulated:
        parts.append(Text(scene.simulated, "yellow"))
    if not is_brief:
        parts.append(Text(scene.closing, "bold"))
    return Group(*parts)


def _line(text: str, style: str) -> Text:
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _title(scene: Scene) -> Text:
    title = _line(scene.workspace, "bold")
    title.append(f"  {scene.task}", "not bold dim")
    return title


def _path(path: Sequence[str], room: int) -> Text:
    """`proposal → synthesis → proposal (2)`; a long one loses its beginning."""
    counts: dict[str, int] = {}
    steps: list[str] = []
    for stage in path:
        counts[stage] = counts.get(stage, 0) + 1
        steps.append(stage if counts[stage] == 1 else f"{stage} ({counts[stage]})")
    text = " → ".join(steps)
    if len(text) > room:
        text = "… " + text[-room:].partition(" → ")[2]
    *before, last = text.rpartition(" → ")
    return Text.assemble("".join(before), (last, "bold cyan"))


def _rows(scene: Scene, console: Console, room: int) -> list[RenderableType]:
    """The agents of the stage side by side, as many as fit, the speaking ones first."""
    width = console.size.width
    actors = list(scene.actors.values())
    if not actors or room < 3:
        return []
    across = max(1, min(len(actors), width // _CARD))
    rows = max(1, min(_MAX_ROWS, -(-len(actors) // across), room // 4))
    shown = _chosen(actors, across * rows)
    body = max(1, min(_MAX_BODY, room // rows - 2))
    inner = max(1, width // across - 4)
    texts = {actor.role: _lines(actor, console, inner, body) for actor in shown}
    height = max(1, *(len(lines) for lines in texts.values())) + 2
    drawn: list[RenderableType] = []
    for first in range(0, len(shown), across):
        row = Table.grid(expand=True)
        for _ in range(across):
            row.add_column(ratio=1)
        row.add_row(*(_card(actor, texts[actor.role], inner, height) for actor in shown[first : first + across]))
        drawn.append(row)
    return drawn


def _chosen(actors: Sequence[Actor], count: int) -> list[Actor]:
    """`count` of them in the stage's order: who asks, who runs, then who has spoken, then who waits."""
    urgency = {"asking": 0, "running": 1, "failed": 2, "done": 3, "waiting": 4}
    wanted = sorted(range(len(actors)), key=lambda index: (urgency[actors[index].status], index))[:count]
    return [actors[index] for index in sorted(wanted)]


def _lines(actor: Actor, console: Console, width: int, height: int) -> list[Text]:
    """What an agent says, and below it what it waits for: people, or tools."""
    asked = [f"? {words}" for _, words in actor.asked.values()]
    doing = [*asked, *(f"{words} …" for words in actor.calling.values())]
    if len(doing) > _DOING:
        doing[_DOING - 1 :] = [f"… {len(doing) - _DOING + 1:,} more"]
    told = [Text(cut(words, width), "yellow" if number < len(asked) else "cyan") for number, words in enumerate(doing)]
    room = max(0, height - len(told))
    return [*(_tail(actor.text, console, width, room) if room else []), *told[:height]]


def _tail(text: str, console: Console, width: int, height: int) -> list[Text]:
    """The last lines of a text, at most `height` of them."""
    return list(Text(text[-width * height * 2 :].expandtabs(4)).wrap(console, width))[-height:] if text.strip() else []


def _card(actor: Actor, lines: Sequence[Text], width: int, height: int) -> Panel:
    mark, style = _MARKS[actor.status]
    body = Text("\n", no_wrap=True, overflow="crop").join(lines)
    title = Text.assemble((f"{mark} ", style), (cut(actor.role, max(1, width - 4)), "bold"))
    calls = cut(plural(len(actor.calls), "tool call"), width) if actor.calls else None
    return Panel(
        body, title=title, title_align="left", subtitle=calls, subtitle_align="right", box=ROUNDED, height=height,
        border_style="dim",
    )  # fmt: skip


def _status(scene: Scene, elapsed_s: float) -> Text:
    told = [f"{elapsed_s:.0f} s"]
    if asked := sum(len(actor.asked) for actor in scene.actors.values()):
        told.append(f"{plural(asked, 'approval')} needed")
    if scene.tokens:
        told += [f"{scene.tokens:,} tokens", money(scene.cost_usd)]
    if scene.tool_calls:
        told.append(plural(len(scene.tool_calls), "tool call"))
    count = {status: sum(actor.status == status for actor in scene.actors.values()) for status in _MARKS}
    told += [f"{number:,} {status}" for status, number in count.items() if number and status != "asking"]
    return _line(" · ".join(told), "dim")
