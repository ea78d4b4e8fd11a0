"""What a check found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and what to do about it. A `problem` keeps agentctl from working."""

    check: str
    status: Literal["ok", "warning", "problem"]
    found: str
    fix: str = ""
