"""What a trip costs, as a table."""

from collections.abc import Sequence

from .trip import Trip


def cost_table(trip: Trip, budget: float | None = None) -> list[str]:
    """The lines of a Markdown table that adds up; `budget` in EUR, if there is one."""
    rows = [["what", "how", "EUR"], *([what, how, f"{amount:,}"] for what, how, amount in trip.costs())]
    rows.append(["Total", "", f"{trip.total:,}"])
    if budget is not None:
        rows.append(["Left of the budget", "", f"{budget - trip.total:,.0f}"])
    return table(rows)


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns also line up as plain text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for number, row in enumerate(rows):
        cells = [
            cell.ljust(width) if i < 1 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(f"| {' | '.join(cells)} |")
        if number == 0:
            lines.append(f"|{'|'.join('-' * (width + 2) for width in widths)}|")
    return lines
