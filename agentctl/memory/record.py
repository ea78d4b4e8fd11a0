"""One record, and what is asked for."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Clear = Literal["never", "run", "session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What one agent produced in one execution."""

    id: str
    """Derived from the place, so that whoever writes it again writes the same one."""
    workspace: str
    user: str
    session_id: str
    run_id: str
    stage: str
    visit: int
    round: int
    agent: str
    kind: str
    """`proposal`, `critique`, `decision`, a `schemas/*.json` file, or `raw` if it fitted none."""
    content: dict[str, Any]
    """As that schema says."""
    clear: Clear
    """What ends it before its time, as the workspace said when it was written."""
    created_at: float
    """Seconds since the epoch, as `expires_at`."""
    expires_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records are meant: those of a user for which all that is given holds."""

    user: str
    workspace: str | None = None
    session_id: str | None = None
    run_ids: Sequence[str] | None = None
    """Of any of these."""
    stage: str | None = None
    visit: int | None = None
    round: int | None = None
    agent: str | None = None
    kind: str | None = None
    clear: Clear | None = None

    def given(self) -> dict[str, object]:
        """Field of a record to the value that it must have, `run_ids` apart."""
        values = {name: getattr(self, name) for name in self.__slots__ if name != "run_ids"}
        return {name: value for name, value in values.items() if value is not None}

    def matches(self, record: Record) -> bool:
        """Whether the record is meant."""
        is_of_run = self.run_ids is None or record.run_id in self.run_ids
        return is_of_run and all(getattr(record, name) == value for name, value in self.given().items())


def record_id(run_id: str, stage: str, visit: int, round_: int, role: str) -> str:
    """The id of what the node of `role` produced there, 24 hex digits; a node has one result a round."""
    place = json.dumps([run_id, stage, visit, round_, role])
    return hashlib.sha256(place.encode()).hexdigest()[:24]


def newest_first(records: Sequence[Record], limit: int | None) -> list[Record]:
    """Each record once, at most `limit` of them; those of one moment by place."""
    once = {record.id: record for record in records}.values()
    ordered = sorted(once, key=lambda each: (each.created_at, each.visit, each.round, each.id), reverse=True)
    return ordered[:limit]
