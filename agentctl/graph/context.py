"""What one run brings to the shared graph: passed to LangGraph as its `context`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentctl.agents import BlockingPool
from agentctl.errors import LimitReached
from agentctl.graph.approvals import Approvals
from agentctl.graph.budget import Budget
from agentctl.graph.clock import Clock
from agentctl.graph.tape import Tape
from agentctl.memory import RunMemory
from agentctl.models import ModelClient
from agentctl.store import CallKey, Journal
from agentctl.store.row import CallKind
from agentctl.tools import Toolbox, ToolInfo

Fact = tuple[str, dict[str, object], str]
"""Event type, its data, and the key under which it is told once (empty: as often as it happens)."""
Say = Callable[[Fact], None]
KeepFiles = Callable[[str, Sequence[Mapping[str, str]]], Awaitable[list[str]]]


async def no_files(call_id: str, blocks: Sequence[Mapping[str, str]]) -> list[str]:
    """Keep nothing."""
    return []


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run one execution stands; `round` and `visit` count from 1."""

    stage: str
    visit: int
    round: int
    step: int

    def key(self, type_: str, agent: str = "") -> str:
        """Names a fact of this place, so that a resumed run does not tell it twice."""
        return f"{type_}/{self.stage}/{self.visit}/{self.round}/{agent}"


@dataclass(frozen=True, slots=True)
class Seed:
    """What the session of a run knows when the run begins; agents and prompts read it by these names."""

    session: str | None = None
    """Its name, if it has one."""
    turn: int = 1
    """Which turn of the session the run is."""
    is_new: bool = False
    """Whether the session begins with the run."""
    turns: Sequence[Mapping[str, object]] = field(default_factory=list)
    """`{user, answer, run_id}` each, oldest first."""
    earlier: str = ""
    """A summary of what came before these turns."""
    attachments: Sequence[Mapping[str, object]] = field(default_factory=list)
    """`{name, media_type, path, bytes}` each: the files of this turn."""
    memories: Sequence[Mapping[str, object]] = field(default_factory=list)
    """What its agents produced in earlier turns, as `MemoryManager.recall` gives it; shown to those that recall."""
    threads: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Role to (thread id, checkpoint id): the memory of agents that keep their own."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """The run's own things; graph, agents and model clients are shared with other runs.

    `gate` bounds agents at once in the process. `told` holds the keys of facts that were told
    before the run was resumed, or replayed after somebody was asked. Nobody reads the tokens of a run that is not
    `watched`, so its models need not stream.
    """

    workspace: str
    session_id: str
    run_id: str
    user: str
    journal: Journal
    budget: Budget
    clients: Mapping[str, ModelClient]
    approvals: Approvals
    gate: asyncio.Semaphore
    pool: BlockingPool
    checkpointer: object = None
    seed: Seed = field(default_factory=Seed)
    threads: dict[str, tuple[str, str]] = field(default_factory=dict)
    """As the seed's; agents that keep a memory of their own move it on."""
    told: set[str] = field(default_factory=set)
    toolbox: Toolbox | None = None
    """None if no agent lists a tool, or none is called."""
    tools: Mapping[str, Sequence[ToolInfo]] = field(default_factory=dict)
    """Role to what it may call in this turn."""
    tape: Tape | None = None
    """Records the calls, or plays them."""
    memory: RunMemory | None = None
    """Records what agents produce; None if nothing is recorded."""
    clock: Clock = field(default_factory=Clock)
    watched: bool = True
    mask: Callable[[str], str] = str
    """Takes the keys out of what agents and models say, before anything keeps or reads it."""
    is_over: LimitReached | None = None
    """Set once a limit has ended the run: what is journalled is merged, and nothing runs any more."""
    log_traceback: Callable[[str, BaseException], None] = lambda role, error: None
    """Puts where an agent's own code raised into that agent's log."""
    keep_files: KeepFiles = no_files
    """Keeps what a tool gave beside text, under the call's id; returns the paths."""

    async def taped(
        self, key: CallKey, kind: CallKind, name: str, arguments: object, perform: Callable[[], Awaitable[Any]]
    ) -> Any:
        """Make a call, and record it if the run is recorded; or play it."""
        return await (self.tape.call(key, kind, name, arguments, perform) if self.tape else perform())

    @property
    def plays(self) -> bool:
        """Whether calls are answered by a recording, so that nothing is called and nobody asked."""
        return self.tape is not None and self.tape.plays
