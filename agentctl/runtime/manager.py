"""One per workspace: its current generation, compiled once, and the runs on it."""

import asyncio
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from traceback import format_exception
from typing import Any

from agentctl.agents import AgentRegistry, BlockingPool
from agentctl.errors import AgentctlError
from agentctl.events import EventBus
from agentctl.graph import Approvals, Ask, Budget, Flow, GraphManager, RunContext, Seed, Tape, Taped, build_flow, replay
from agentctl.logs import AgentLogger, Component, Level
from agentctl.memory import MemoryManager, Recording, RunMemory, recordings
from agentctl.models import ModelClient, ModelConfig, Models, Retry, check_key, resolve_auto
from agentctl.runtime.files import RunFiles
from agentctl.runtime.orchestrator import Orchestrator
from agentctl.runtime.outbox import Outbox
from agentctl.runtime.ready import Offer, Ready
from agentctl.runtime.result import RunResult
from agentctl.runtime.tools import OpenBox, offer, patterns, played
from agentctl.settings import Settings
from agentctl.store import Approval, Journal, RunRow, Store
from agentctl.tools import Toolbox
from agentctl.tools.server import Servers
from agentctl.workspace import Workspace, load_generation, load_workspace, store_generation
from agentctl.workspace.code import Code
from agentctl.workspace.spec import AgentSpec, ModelSpec, WorkspaceSpec

LOOK_S = 1.0
"""How long a turn waits for servers that were away before."""


@dataclass(frozen=True)
class Machinery:
    """What lives as long as the process and is shared by every workspace."""

    settings: Settings
    store: Store
    memory: MemoryManager
    models: Models
    logger: AgentLogger
    gate: asyncio.Semaphore
    pool: BlockingPool
    tool_pool: BlockingPool
    servers: Servers
    open_box: OpenBox
    files: RunFiles
    checkpointer: Any


@dataclass(frozen=True)
class Ways:
    """How one run reaches whoever started it: who is asked in place, and what records or plays its calls."""

    ask: Ask | None = None
    tape: Tape | None = None


@dataclass(frozen=True)
class Live:
    """A generation, loaded: its agents and rules, shared by its runs."""

    workspace: Workspace
    code: Code
    flow: Flow
    registry: AgentRegistry
    recordings: Mapping[tuple[str, str], Recording]


class RuntimeManager:
    """Runs one workspace. A run keeps the generation that it started with.

    Built by the hub; keeps no state of a run, so one serves them all.
    """

    def __init__(self, name: str, machinery: Machinery) -> None:
        self.name = name
        self._machinery = machinery
        self._graphs = GraphManager()
        self._live: dict[str, Live] = {}
        self._clients: dict[tuple[str, str | None], Mapping[str, ModelClient]] = {}
        self._current = ""
        self._opening = asyncio.Lock()
        self._boxes: dict[str, Toolbox] = {}
        self._looking: dict[Toolbox, asyncio.Task[None]] = {}
        self._stack = AsyncExitStack()

    async def current(self) -> Live:
        """The generation on disk when the manager first looked, stored and opened.

        Raises:
            WorkspaceNotFound: there is no such workspace.
            WorkspaceInvalid: it has problems.
        """
        async with self._opening:
            if not self._current:
                root = self._machinery.settings.root
                workspace = await asyncio.to_thread(load_workspace, root, self.name)
                self._log_loaded(workspace)
                folder = await asyncio.to_thread(store_generation, workspace)
                live = await asyncio.to_thread(self._open, workspace, folder)
                self._current = live.workspace.generation
            return self._live[self._current]

    async def pinned(self, generation: str) -> Live:
        """The stored generation that a run started with.

        Raises:
            GenerationMissing: it cannot be loaded; the run is never put on another one.
        """
        async with self._opening:
            if generation not in self._live:
                root = self._machinery.settings.root
                workspace = await asyncio.to_thread(load_generation, root, self.name, generation)
                await asyncio.to_thread(self._open, workspace, workspace.folder)
            return self._live[generation]

    async def close(self) -> None:
        """Close the toolboxes and forget the modules of every generation."""
        for looking in self._looking.values():
            looking.cancel()
            await asyncio.wait({looking})
        await self._stack.aclose()
        for live in self._live.values():
            live.code.close()

    async def ready(self, live: Live, model: str | None, enabled: Collection[str], tape: Tape | None = None) -> Ready:
        """A generation with the models and tools of one turn.

        Args:
            model: over every agent's.
            enabled: the optional tools that the turn asks for.
            tape: if it plays, no model and no tool is needed.

        Raises:
            KeyMissing: before anything runs.
            WorkspaceError: an agent lists a tool that there is not.
            UsageError: `enabled` names what is no optional tool of any agent.
        """
        if tape is not None and tape.plays:
            named = {role: model.name for role, (model, _) in _models(live, None).items()}
            return Ready(self, live, model, tape.clients(self.name, named, model), played(live.workspace, enabled))
        clients = await self.clients(live, model)
        return Ready(self, live, model, clients, await self._offer(live, enabled))

    async def _offer(self, live: Live, enabled: Collection[str]) -> Offer:
        workspace = live.workspace
        if not enabled and not any(map(patterns, workspace.spec.agents.values())):
            return Offer()
        async with self._opening:
            box = self._boxes.get(workspace.generation)
            if is_new := box is None:
                own = self._machinery
                opened = own.open_box(workspace, live.code, own.settings, own.tool_pool, own.servers)
                box = self._boxes[workspace.generation] = await self._stack.enter_async_context(opened)
        if not is_new:
            await self._look_again(box)
        return offer(workspace, box, enabled)

    async def _look_again(self, box: Toolbox) -> None:
        """Servers that were away may be back; one that keeps us waiting is there for a later turn."""
        looking = self._looking.get(box)
        if looking is None or looking.done():
            looking = self._looking[box] = asyncio.create_task(box.open())
            looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({looking}, timeout=LOOK_S)
        if looking.done():
            looking.result()

    async def clients(self, live: Live, override: str | None) -> Mapping[str, ModelClient]:
        """The model of each skill agent, `override` over all of them.

        Raises:
            KeyMissing: before anything runs.
        """
        key = (live.workspace.generation, override)
        if key not in self._clients:
            # In a thread: the first model of a provider imports its packages, which takes up to a second.
            self._clients[key] = await asyncio.to_thread(self._build_clients, live, override)
        return self._clients[key]

    def _build_clients(self, live: Live, override: str | None) -> dict[str, ModelClient]:
        return {role: self._client(live, model, retry) for role, (model, retry) in _models(live, override).items()}

    async def memory_client(self, live: Live, override: str | None) -> ModelClient:
        """The model that summarises: `memory.model`, else the workspace's, which `override` replaces.

        Raises:
            KeyMissing: its key is not set.
        """
        spec = live.workspace.spec
        model = spec.memory.model or (ModelSpec(name=override) if override else spec.model)
        return await asyncio.to_thread(self._client, live, model, None)

    def _client(self, live: Live, model: ModelSpec, retry: Retry | None) -> ModelClient:
        config = _config(model)
        check_key(config, self._machinery.settings.env)
        return self._machinery.models.get(
            config, workspace=self.name, folder=live.workspace.folder, retry=retry, load_python=live.code.load
        )

    async def run(
        self, row: RunRow, ready: Ready, bus: EventBus, seed: Seed, ways: Ways, *, resumed: bool, watched: bool
    ) -> RunResult:
        """Drive one run that the store has a row of, to its end."""
        tools, live, store = self._machinery, ready.live, self._machinery.store
        journal = await Journal.open(store, row.run_id, resumed=resumed)
        active_s, limits, expires_s = row.active_s, live.workspace.spec.limits, live.workspace.spec.tools.expires_s
        told: set[str] = set()
        rows: Iterable[Approval] = ()
        if resumed:
            told = set(await store.event_keys(row.run_id))
            active_s += _unnoted_s(await store.events(row.run_id))
            rows = await store.approvals.of_run(row.run_id)
        context = RunContext(
            workspace=self.name,
            session_id=row.session_id,
            run_id=row.run_id,
            user=row.user_id,
            journal=journal,
            budget=Budget(limits),
            clients=ready.clients,
            approvals=Approvals(store.approvals, row.run_id, expires_s, ways.ask, rows),
            gate=tools.gate,
            pool=tools.pool,
            checkpointer=tools.checkpointer,
            seed=seed,
            threads=dict(seed.threads),
            told=told,
            toolbox=ready.offer.toolbox,
            tools=ready.offer.tools,
            tape=ways.tape,
            memory=self._memory(row, live),
            keep_files=partial(tools.files.keep, row.run_id),
            watched=watched,
            mask=tools.store.mask,
            log_traceback=partial(self._log_traceback, row),
        )
        if resumed:
            replay(context)
        if ways.tape is not None:
            await ways.tape.begin(_taped(row, context, generation=live.workspace.generation))
        head = {"workspace": self.name, "session_id": row.session_id, "run_id": row.run_id}
        specs: Mapping[str, AgentSpec] = live.workspace.spec.agents
        generation = live.workspace.generation
        graph = self._graphs.get(generation, live.flow, live.registry, specs, tools.checkpointer)
        orchestrator = Orchestrator(
            graph=graph,
            flow=live.flow,
            context=context,
            generation=generation,
            task=row.task,
            store=tools.store,
            outbox=Outbox(tools.store, bus, head, max(row.seq, row.reserved)),
            timeout_s=row.timeout_s or limits.timeout_s,
            active_s=active_s,
        )
        try:
            if resumed:
                await orchestrator.forget_checkpoints()
            spec, env = live.workspace.spec, tools.settings.env
            started = _started(row, spec, context, env, resumed=resumed)
            warnings = [*ready.offer.warnings, *filter(None, [tools.memory.take_warning()])]
            result = await orchestrator.run(started, warnings)
            if result.status == "done":
                await orchestrator.forget_checkpoints()
                if context.memory is not None:
                    await context.memory.end()
            return result
        finally:
            tools.models.forget(row.run_id)

    def _memory(self, row: RunRow, live: Live) -> RunMemory | None:
        if not live.recordings:
            return None
        return RunMemory(
            manager=self._machinery.memory,
            recordings=live.recordings,
            spec=live.workspace.spec.memory.episodic,
            workspace=self.name,
            user=row.user_id,
            session_id=row.session_id,
            run_id=row.run_id,
        )

    def _open(self, workspace: Workspace, folder: Path) -> Live:
        """Run the workspace's modules and build its agents; the last good generation stays if this fails."""
        package = f"_agentctl_workspace_{workspace.name.replace('-', '_')}_{workspace.generation}"
        code = Code(package, folder, workspace.files)
        try:
            flow, registry = build_flow(workspace), AgentRegistry(workspace, code.load)
            live = Live(workspace, code, flow, registry, recordings(workspace))
        except BaseException:
            code.close()
            raise
        self._live[workspace.generation] = live
        self._log("runtime", f"generation {workspace.generation} opened", event="generation.opened")
        return live

    def _log_traceback(self, row: RunRow, role: str, error: BaseException) -> None:
        if isinstance(error, AgentctlError):
            return  # says itself what is wrong
        lines = "".join(format_exception(error))
        ids = {"session_id": row.session_id, "run_id": row.run_id}
        self._machinery.logger.log(self.name, "agent", "error", lines, agent=role, event="traceback", **ids)
        if self._machinery.settings.debug:
            print(lines, file=sys.stderr)

    def _log_loaded(self, workspace: Workspace) -> None:
        count = len(workspace.files)
        self._log("workspace_loader", f"loaded {count} artifacts as generation {workspace.generation}", event="loaded")
        for warning in workspace.warnings:
            self._log("workspace_loader", str(warning), level="warning", event="warning")

    def _log(self, component: Component, message: str, *, level: Level = "info", event: str = "") -> None:
        self._machinery.logger.log(self.name, component, level, message, event=event)


def _models(live: Live, override: str | None) -> dict[str, tuple[ModelSpec, Retry | None]]:
    """The model of each skill agent, and its retries."""
    spec = live.workspace.spec
    return {
        role: (
            ModelSpec(name=override) if override else agent.model or spec.model,
            Retry(agent.retry.attempts, agent.retry.backoff_s) if agent.retry else None,
        )
        for role, agent in spec.agents.items()
        if agent.kind == "skill"
    }


def _config(spec: ModelSpec) -> ModelConfig:
    plain = spec.model_dump(exclude={"fallbacks"})
    return ModelConfig(**plain, fallbacks=tuple(_config(fallback) for fallback in spec.fallbacks))


def _unnoted_s(events: Sequence[Mapping[str, Any]]) -> float:
    """Time that processes were at work which were killed before they could note it; not while people were asked."""
    total, span_s = 0.0, 0.0
    for event, following in zip_longest(events, events[1:]):
        if event["type"] == "run.finished":
            span_s = 0.0  # its end noted it
        elif following is not None and following["type"] != "run.started":
            passed = datetime.fromisoformat(following["ts"]) - datetime.fromisoformat(event["ts"])
            span_s += passed.total_seconds() * (event["type"] != "approval.requested")
        else:
            total, span_s = total + span_s, 0.0
    return total


def _taped(row: RunRow, context: RunContext, *, generation: str) -> Taped:
    clients = context.clients
    return Taped(
        run_id=row.run_id,
        session_id=row.session_id,
        workspace=row.workspace,
        generation=generation,
        task=row.task,
        model=row.model,
        models={role: client.name for role, client in clients.items()},
        simulated=any(client.simulated for client in clients.values()),
    )


def _started(
    row: RunRow, spec: WorkspaceSpec, context: RunContext, env: Mapping[str, str], *, resumed: bool
) -> dict[str, Any]:
    """What `run.started` tells beside the task."""
    clients, seed = context.clients, context.seed
    started: dict[str, Any] = {"user": row.user_id, "session": seed.session, "turn": seed.turn, "new": seed.is_new}
    started["models"] = {role: client.name for role, client in clients.items()}
    started["simulated"] = any(client.simulated for client in clients.values())
    models = {(spec.agents[role].model or spec.model).name for role in clients}
    if started["simulated"] and "auto" in models and not row.model:
        started["why_simulated"] = resolve_auto(env)[1]
    if context.tape is not None and context.tape.plays:
        started["replay"] = context.tape.name.partition(":")[2]
    return {**started, "resumed": True} if resumed else started
