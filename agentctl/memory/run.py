"""The memory as one run uses it."""

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agentctl.errors import ServiceUnavailable
from agentctl.memory.manager import MemoryManager
from agentctl.memory.record import Query, Record, record_id
from agentctl.memory.recording import Recording, output_of
from agentctl.workspace.spec import AgentSpec, EpisodicSpec

Kept = dict[str, Any]
"""What is journalled of a record: `agent`, `kind`, `content` and `at`; the place is the journal's key."""

_LAST = 253_402_300_799.0
"""The end of the year 9999: the last time that has a date."""


@dataclass(frozen=True, slots=True)
class RunMemory:
    """Records what the agents of one run produce."""

    manager: MemoryManager
    recordings: Mapping[tuple[str, str], Recording]
    spec: EpisodicSpec
    workspace: str
    user: str
    session_id: str
    run_id: str

    def take(self, stage: str, role: str, spec: AgentSpec, delta: Mapping[str, Any]) -> Kept | None:
        """What is to be kept of an agent's delta; None if nothing is.

        Raises:
            AgentFailed: it does not fit its schema.
        """
        recording = self.recordings.get((stage, role))
        if recording is None:
            return None
        kind, content = recording.record(role, output_of(role, spec, delta))
        return {"agent": role, "kind": kind, "content": content, "at": time.time()}

    async def keep(self, role: str, place: tuple[str, int, int], kept: Kept) -> str:
        """Write what `take` gave; again, as a resume does, it is the same record.

        Args:
            role: whose node it is; a fallback's record is its own, in that place.
            place: stage, visit and round.

        Returns:
            a warning that somebody has to be told, said once; else nothing.

        Raises:
            StoreUnusable: it cannot be kept.
        """
        stage, visit, round_ = place
        await self.manager.put(
            Record(
                id=record_id(self.run_id, stage, visit, round_, role),
                workspace=self.workspace,
                user=self.user,
                session_id=self.session_id,
                run_id=self.run_id,
                stage=stage,
                visit=visit,
                round=round_,
                agent=kept["agent"],
                kind=kept["kind"],
                content=kept["content"],
                clear=self.spec.clear,
                created_at=kept["at"],
                expires_at=min(kept["at"] + self.spec.ttl_s, _LAST),
            )
        )
        return self.manager.take_warning()

    async def end(self) -> None:
        """The run is done: forget what was kept for it alone; where that fails, it ends with its time to live."""
        if self.spec.clear == "run":
            with suppress(ServiceUnavailable):
                await self.manager.forget(Query(user=self.user, run_ids=[self.run_id]))
