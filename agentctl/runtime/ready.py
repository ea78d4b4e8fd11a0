"""What a run would run on, checked before it begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agentctl.models import ModelClient
from agentctl.tools import Toolbox, ToolInfo

if TYPE_CHECKING:
    from agentctl.runtime.manager import Live, RuntimeManager


@dataclass(frozen=True)
class Offer:
    """What the agents of one turn may call.

    `tools` is role to tools; `warnings` name what is listed and away.
    """

    toolbox: Toolbox | None = None
    tools: Mapping[str, Sequence[ToolInfo]] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class Ready:
    """A generation of a workspace, with the models and tools that a run on it would call."""

    manager: "RuntimeManager"
    live: "Live"
    model: str | None
    clients: Mapping[str, ModelClient]
    offer: Offer

    async def memory_client(self) -> ModelClient:
        """The model that summarises."""
        return await self.manager.memory_client(self.live, self.model)
