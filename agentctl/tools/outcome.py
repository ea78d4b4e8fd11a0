"""What came of a call."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "error", "denied", "unknown"]


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a model is told of a call, and what else came of it; JSON throughout.

    Attributes:
        status: `error`: the tool, its arguments or its server failed; `denied`: nobody let it run;
            `unknown`: it was called, and nobody knows whether it has done its work.
        text: what a model reads; it names every block.
        structured: the result as JSON, unless it was text, or too large.
        blocks: images and files beside the text, as in `models/message.py`.
    """

    status: Status
    text: str
    structured: Any = None
    blocks: tuple[Mapping[str, str], ...] = ()
    duration_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return {**asdict(self), "blocks": [dict(block) for block in self.blocks]}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "ToolOutcome":
        """What `to_json` gave."""
        return cls(**{**kept, "blocks": tuple(kept["blocks"])})
