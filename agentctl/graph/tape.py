"""What may stand between a run and everything that it calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agentctl.models import ModelClient
from agentctl.store import CallKey
from agentctl.store.row import CallKind


@dataclass(frozen=True, slots=True)
class Taped:
    """The run that a tape is put into; `models` is role to the name of its model."""

    run_id: str
    session_id: str
    workspace: str
    generation: str
    task: str
    model: str | None
    """Over every agent's."""
    models: Mapping[str, str]
    simulated: bool


class Tape(Protocol):
    """Records the calls of one run, or plays those of another one."""

    @property
    def plays(self) -> bool:
        """Whether it answers in the place of models and tools."""
        ...

    @property
    def name(self) -> str:
        """Where it lies: `record:FILE` or `replay:FILE`."""
        ...

    def clients(self, workspace: str, models: Mapping[str, str], override: str | None) -> Mapping[str, ModelClient]:
        """If it plays: who stands in for the models, so that none is needed.

        Args:
            workspace: what is to be run.
            models: role to model, as the workspace names it; `auto` stands for the recorded one.
            override: over every agent's.

        Raises:
            UsageError: it was recorded of another workspace.
        """
        ...

    async def begin(self, run: Taped) -> None:
        """The run begins."""
        ...

    async def call(
        self, key: CallKey, kind: CallKind, name: str, arguments: object, perform: Callable[[], Awaitable[Any]]
    ) -> Any:
        """One call: what `perform` gives, or gave when it was recorded; JSON throughout.

        Args:
            key: its place in the run.
            name: of the model, tool or graph.
            arguments: what it is told.

        Raises:
            ReplayMiss: nothing was recorded of it.
        """
        ...
