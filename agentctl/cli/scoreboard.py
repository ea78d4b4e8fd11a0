"""Who gave which option what: a block an option with a row an agent and a total."""

from collections.abc import Mapping

from rich.cells import set_cell_size
from rich.text import Text

from agentctl.channels.scores import metric_sums, weighted
from agentctl.cli.output import line
from agentctl.cli.scene import Scores

_NAME, _NUMBER, _MIN, _MAX = 18, 8, 5, 11
"""Cells of the first column, of the score, and the least and most of a metric's column."""


def scoreboard(scores: Scores, width: int, height: int, winner: str | None = None) -> list[Text]:
    """Lines of the board, the best options first; what does not fit is counted.

    Options lose their agents' rows before they lose their own; agents' rows lose metrics
    before they lose the score.
    """
    order = [*scores.totals, *(option for option in scores.rewards if option not in scores.totals)]
    if not order or height < 1:
        return []
    board = _Board(scores, width, winner)
    lines = [board.head()]
    for place, option in enumerate(order):
        left, others = height - len(lines), len(order) - place - 1
        if left <= 1 and others:
            lines.append(Text(f"… {others + 1:,} more options", "dim"))
            break
        lines += board.block(option, room=left - min(others, 3))
    return lines[:height]


class _Board:
    """Knows the columns."""

    def __init__(self, scores: Scores, width: int, winner: str | None) -> None:
        metrics = dict.fromkeys(m for agents in scores.rewards.values() for given in agents.values() for m in given)
        self._scores, self._sums, self._winner = scores, metric_sums(scores.rewards), winner
        self._name = min(_NAME, max(10, width // 3))
        each = (width - self._name - _NUMBER) // max(1, len(metrics))
        self._each = min(each, _MAX)
        self._metrics = list(metrics) if each >= _MIN else []

    def head(self) -> Text:
        """The names of the metrics."""
        cells = [metric[: self._each - 1].rjust(self._each) for metric in self._metrics]
        return Text(" " * self._name + "".join(cells) + "score".rjust(_NUMBER), "dim", no_wrap=True)

    def block(self, option: str, room: int) -> list[Text]:
        """The option's rows, at most `room` of them; one at least."""
        agents = self._scores.rewards.get(option, {})
        name = ("★ " if option == self._winner else "") + line(option)
        sums, total = self._sums.get(option, {}), self._scores.totals.get(option)
        if room < min(len(agents) + 2, 4):
            return [self._row(name, sums, total, "bold")]
        title = Text(name, "bold cyan", no_wrap=True)
        shown = list(agents)[: room - 2 if len(agents) <= room - 2 else room - 3]
        rows = [
            self._row(f"  {role}", agents[role], weighted(agents[role], self._scores.weights), "") for role in shown
        ]
        if len(shown) < len(agents):
            rows.append(Text(f"  … {len(agents) - len(shown):,} more agents", "dim"))
        return [title, *rows, self._row("  total", sums, total, "bold")]

    def _row(self, name: str, given: Mapping[str, float], score: float | None, style: str) -> Text:
        cells = [_number(given.get(metric), self._each) for metric in self._metrics]
        first = set_cell_size(name, self._name - 1) + " "
        return Text(first + "".join(cells) + _number(score, _NUMBER), style, no_wrap=True)


def _number(value: float | None, width: int) -> str:
    # Adding 0 turns a rounded -0.0 into 0.0.
    return ("" if value is None else f"{round(value, 2) + 0:.2f}").rjust(width)
