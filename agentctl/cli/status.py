"""What became of a run."""

from agentctl.store import RunRow


def status_of(row: RunRow) -> str:
    """The status in the store, or `killed`: nobody was left to note that."""
    return "killed" if row.status == "running" and not row.is_held else row.status
