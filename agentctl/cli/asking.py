"""Who is asked while a run is shown: the person at the terminal, or whoever decides elsewhere."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial

from agentctl.cli.output import tell
from agentctl.cli.words import how_to_decide
from agentctl.events import BufferedSink, Sink
from agentctl.graph.approvals import POLL_S, Ask
from agentctl.store import Approval, ApprovalStore, Decision


def choose_ask(
    store: ApprovalStore, sink: Sink, shown: BufferedSink, *, json: bool, quiet: bool, wait: bool = False
) -> Ask | None:
    """Who is asked; None where nobody can be.

    Args:
        sink: shows the run, and makes room for a question.
        shown: the same, as it runs.
        wait: for decisions that are made elsewhere.
    """
    if wait:
        return partial(_wait_for, store)
    if json or quiet or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from agentctl.cli.person import Person

    person = Person(shown, getattr(sink, "paused", nullcontext))

    async def ask(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        # Somebody may have been quicker. Besides, whoever reads has seen every event that was put before.
        rows = await store.of_run(approvals[0].run_id)
        pending = {row.id for row in rows if row.status == "pending"}
        return await person([row for row in approvals if row.id in pending])

    return ask


async def _wait_for(store: ApprovalStore, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
    """Wait until all is decided in the table, or has expired; decides nothing itself."""
    ids, run_id = {row.id for row in approvals}, approvals[0].run_id
    is_told = False
    while any(row.status == "pending" and row.id in ids for row in await store.of_run(run_id)):
        if not is_told:
            tell(f"waiting for {', '.join(row.id for row in approvals)}; {how_to_decide(approvals[0].id)}")
            is_told = True
        await asyncio.sleep(POLL_S)
    return {}
