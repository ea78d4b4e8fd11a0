"""What one run has asked people, and what they have decided."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from agentctl.errors import UsageError
from agentctl.store import Approval, ApprovalStore, Decision
from agentctl.store.approvals import check_decision

Ask = Callable[[Sequence[Approval]], Awaitable[Mapping[str, Decision]]]
"""Asks whoever is there; what is left out stays undecided."""
POLL_S = 0.25
"""How often a call that cannot be put off looks whether somebody has decided elsewhere."""


class Approvals:
    """The approvals of one run. The table decides: it may be written by other processes meanwhile.

    Args:
        expires_s: how long somebody may take.
        ask: asks in place; None where nobody is there.
    """

    def __init__(
        self,
        store: ApprovalStore,
        run_id: str,
        expires_s: float,
        ask: Ask | None = None,
        rows: Iterable[Approval] = (),
    ) -> None:
        self._store, self._run_id, self._expires_s, self._ask = store, run_id, expires_s, ask
        self._rows = {row.id: row for row in rows}
        self._asking = asyncio.Lock()
        self._has_asked = bool(self._rows)

    def decided(self, id_: str) -> Approval | None:
        """The approval if it is decided; whoever did not in time has denied it."""
        row = self._rows.get(id_)
        return None if row is None or row.status in ("pending", "void") else row

    async def is_always(self, session_id: str, digest: str) -> bool:
        """Whether somebody allowed exactly this call for the whole session."""
        return await self._store.is_always(session_id, digest)

    async def request(self, approvals: Sequence[Approval]) -> list[Approval]:
        """Note that these are wanted; returned with the times that they were given."""
        self._has_asked = True
        asked = await self._store.request(approvals, self._expires_s)
        self._rows |= {row.id: row for row in asked}
        return asked

    def undecided(self) -> list[Approval]:
        """Those that somebody has yet to decide."""
        return [row for row in self._rows.values() if row.status == "pending"]

    async def settle(self, ids: Collection[str]) -> bool:
        """Ask in place, where somebody is there; returns whether all are decided now.

        Raises:
            UsageError: something is no decision of what was asked; those before it are kept.
            StoreUnusable: a decision cannot be kept.
        """
        if self._ask is not None:
            async with self._asking:  # one question at a time
                await self._look()  # somebody may have decided while we stood in line
                wanted = [row for row in self.undecided() if row.id in ids]
                for id_, decision in (await self._ask(wanted) if wanted else {}).items():
                    if id_ in self._rows:
                        check_decision(self._rows[id_], decision)
                    with suppress(UsageError):  # somebody else was quicker, or it has expired
                        await self._store.decide(id_, decision, user=None)
        await self._look()
        return all(self.decided(id_) for id_ in ids)

    async def wait(self, approval: Approval) -> Approval:
        """Ask in place or wait until it is decided elsewhere, or expires."""
        await self.settle([approval.id])
        while (row := self.decided(approval.id)) is None:
            await asyncio.sleep(POLL_S)
            await self._look()
        return row

    async def withdraw(self, keep: Collection[str] = ()) -> None:
        """Nobody waits any more for those that are not decided, except `keep`."""
        if self._has_asked:
            await self._store.withdraw(self._run_id, keep)

    async def _look(self) -> None:
        self._rows = {row.id: row for row in await self._store.of_run(self._run_id)}
