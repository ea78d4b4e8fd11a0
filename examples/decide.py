"""Decide about a tool in code: the trip is booked in a project of its own, a day later than was planned."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import agentctl
from agentctl.store import Approval, Decision


async def decide(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
    """Allow bookings with other arguments, and nothing else."""
    decided = {}
    for approval in approvals:
        args = dict(approval.args)
        args["first_day"] = (date.fromisoformat(args["first_day"]) + timedelta(days=1)).isoformat()
        decided[approval.id] = Decision(approve=approval.tool == "book_trip", args=args)
    return decided


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "workspaces").symlink_to(Path(__file__).parent.parent / "workspaces")
        async with agentctl.open(folder) as hub:
            result = await hub.run("trip-planner", "A weekend of art in May for 600 euros", ask=decide)
    print(result.output.splitlines()[-1])


asyncio.run(main())
