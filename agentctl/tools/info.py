"""What is known of a tool before it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Approve = Literal["never", "always", "destructive"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What a tool says of itself; the defaults are those of MCP, for a tool that says nothing."""

    read_only: bool = False
    destructive: bool = True
    idempotent: bool = False
    open_world: bool = True


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as agents and people see it; what it may do is by the workspace's policy.

    Attributes:
        name: as a model calls it, `[A-Za-z0-9_-]{1,64}`.
        schema: JSON Schema of the arguments, an object's.
        source: `workspace`, `built-in`, or the name of a server.
        destructive: may change or delete what is there, or it is not known that it does not.
        idempotent: a second call with the same arguments changes nothing more.
        open_world: reaches things outside of the project.
        timeout_s: of one attempt; to wait for a thread takes none of it.
        retries: attempts after the first; 0 unless it may be repeated.
        max_calls: in a run; None is no limit.
        optional: off until a turn asks for it.
        max_result_bytes: of text, and of files beside it, before they are cut or dropped.
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    source: str
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    approve: Approve
    timeout_s: float
    retries: int
    max_calls: int | None
    optional: bool
    max_result_bytes: int

    @property
    def needs_approval(self) -> bool:
        """Whether somebody is asked before a call."""
        return self.approve == "always" or (self.approve == "destructive" and self.destructive)

    @property
    def is_repeatable(self) -> bool:
        """Whether a call whose outcome is unknown may be made again."""
        return self.read_only or self.idempotent
