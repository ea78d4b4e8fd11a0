"""What an agent is given for one execution."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agentctl.models import ModelClient, ModelReply, ModelRequest
from agentctl.tools import ToolInfo, ToolOutcome

Fields = Mapping[str, object]
"""Output fields: `text options scores winner decision` and declared ones."""
InThread = Callable[[Callable[[], object]], Awaitable[object]]
"""Calls a blocking function in a thread of the pool; to wait for one takes none of the agent's time."""
Threads = MutableMapping[str, tuple[str, str]]
"""Role to (thread id, checkpoint id): where the role's own LangGraph memory stands."""
Intent = tuple[str, object]
"""A call that somebody wants made: the tool's name and its arguments, a JSON object if all is well."""


class Calls(Protocol):
    """The journalled, metered way out of an agent; every call goes through it.

    None returns while somebody must be asked: the execution ends there, and begins anew once it
    is decided. What was called before is then answered from the journal.
    """

    async def model(self, client: ModelClient, request: ModelRequest, on_token: Callable[[str], None]) -> ModelReply:
        """One model call. A resumed run is answered from the journal. Raises LimitReached before a call."""
        ...

    async def graph(self, name: str, argument: object, perform: Callable[[], Awaitable[object]]) -> object:
        """One call of a foreign graph; its result must be JSON."""
        ...

    async def tools(self, intents: Sequence[Intent], *, aside: bool = False) -> list[ToolOutcome]:
        """The tool calls of one reply, made at once, in the order of `intents`; a call that is refused is an outcome.

        `aside`: by a task that the agent has beside its own, so that no order can be relied on when it is resumed.

        Raises LimitReached once those have ended that were within the limit.
        """
        ...

    def skip(self, tool: str, when: str, values: Mapping[str, object]) -> None:
        """Note a call that is left out, as `when` is false for these values; `agent.finished` tells it."""
        ...

    async def answers(self, interrupts: Mapping[str, object]) -> dict[str, object]:
        """What people answered to the interrupts of a graph, by their ids: true, false, or any JSON."""
        ...


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One execution: where it stands, what it may read, and how it calls out.

    `names` are the names that prompts see: the agent's channels, `state`, `stage`,
    `visits`, `rounds`, `ranking` and the rest; all read-only. `emit` streams text to
    whoever watches and may be called from any thread. `threads` is the run's; a graph
    starts where its role's entry says, and moves that on when it has answered. `tools` are
    those that the agent may call in this turn.
    """

    role: str
    stage: str
    visit: int
    round: int
    workspace: str
    session_id: str
    run_id: str
    user: str
    names: Mapping[str, object]
    calls: Calls
    client: ModelClient | None
    in_thread: InThread
    emit: Callable[[str], None]
    checkpointer: object = None
    threads: Threads = field(default_factory=dict)
    tools: Sequence[ToolInfo] = ()

    @property
    def state(self) -> Mapping[str, object]:
        """The channels that the agent reads, read-only."""
        state = self.names["state"]
        assert isinstance(state, Mapping)
        return state


class Agent(Protocol):
    """One role of a generation; holds no state of any run."""

    async def run(self, call: AgentCall) -> Fields:
        """Do the role's work once and return its output fields."""
        ...
