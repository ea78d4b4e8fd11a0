"""One per workspace: its current generation, compiled once, and the runs on it."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from traceback import format_exception
from typing import Any

from agentctl.agents import AgentRegistry, BlockingPool
from agentctl.errors import AgentctlError, NotSupportedYet
from agentctl.events import EventBus
from agentctl.graph import Budget, Flow, GraphManager, RunContext, Seed, build_flow, replay
from agentctl.logs import AgentLogger, Component, Level
from agentctl.models import ModelClient, ModelConfig, Models, Retry, check_key, resolve_auto
from agentctl.runtime.orchestrator import Orchestrator
from agentctl.runtime.outbox import Outbox
from agentctl.runtime.result import RunResult
from agentctl.settings import Settings
from agentctl.store import Journal, RunRow, Store
from agentctl.workspace import Workspace, load_generation, load_workspace, store_generation
from agentctl.workspace.code import Code
from agentctl.workspace.spec import AgentSpec, ModelSpec, WorkspaceSpec


@dataclass(frozen=True)
class Machinery:
    """What lives as long as the process and is shared by every workspace."""

    settings: Settings
    store: Store
    models: Models
    logger: AgentLogger
    gate: asyncio.Semaphore
    pool: BlockingPool
    checkpointer: Any


@dataclass(frozen=True)
class Live:
    """A generation, loaded: its agents and rules, shared by its runs."""

    workspace: Workspace
    code: Code
    flow: Flow
    registry: AgentRegistry


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

    async def current(self) -> Live:
        """The generation on disk when the manager first looked, stored and opened.

        Raises:
            WorkspaceNotFound: there is no such workspace.
            WorkspaceInvalid: it has problems.
            NotSupportedYet: it uses what this version cannot run.
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

    def close(self) -> None:
        """Forget the modules of every generation."""
        for live in self._live.values():
            live.code.close()

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
        spec = live.workspace.spec
        clients = {}
        for role, agent in spec.agents.items():
            if agent.kind != "skill":
                continue
            model = ModelSpec(name=override) if override else agent.model or spec.model
            retry = Retry(agent.retry.attempts, agent.retry.backoff_s) if agent.retry else None
            clients[role] = self._client(live, model, retry)
        return clients

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
        self, row: RunRow, live: Live, bus: EventBus, seed: Seed, *, resumed: bool, watched: bool
    ) -> RunResult:
        """Drive one run that the store has a row of, to its end."""
        tools = self._machinery
        journal = await Journal.open(tools.store, row.run_id, resumed=resumed)
        told: frozenset[str] = frozenset()
        active_s = row.active_s
        if resumed:
            told = frozenset(await tools.store.event_keys(row.run_id))
            active_s = max(active_s, _active_s(await tools.store.events(row.run_id)))
        limits = live.workspace.spec.limits
        context = RunContext(
            workspace=self.name,
            session_id=row.session_id,
            run_id=row.run_id,
            user=row.user_id,
            journal=journal,
            budget=Budget(limits),
            clients=await self.clients(live, row.model),
            gate=tools.gate,
            pool=tools.pool,
            checkpointer=tools.checkpointer,
            seed=seed,
            threads=dict(seed.threads),
            told=told,
            watched=watched,
            mask=tools.store.mask,
            log_traceback=partial(self._log_traceback, row),
        )
        if resumed:
            replay(context)
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
            result = await orchestrator.run(_started(row, spec, context, env, resumed=resumed))
            if result.status == "done":
                await orchestrator.forget_checkpoints()
            return result
        finally:
            tools.models.forget(row.run_id)

    def _open(self, workspace: Workspace, folder: Path) -> Live:
        """Run the workspace's modules and build its agents; the last good generation stays if this fails."""
        for warning in workspace.warnings:
            if "not-supported-yet" in warning.code:
                raise NotSupportedYet(f"{warning.path}:{warning.line}: {warning.message}")
        package = f"_agentctl_workspace_{workspace.name.replace('-', '_')}_{workspace.generation}"
        code = Code(package, folder, workspace.files)
        try:
            live = Live(workspace, code, build_flow(workspace), AgentRegistry(workspace, code.load))
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


def _config(spec: ModelSpec) -> ModelConfig:
    plain = spec.model_dump(exclude={"fallbacks"})
    return ModelConfig(**plain, fallbacks=tuple(_config(fallback) for fallback in spec.fallbacks))


def _active_s(events: Iterable[Mapping[str, object]]) -> float:
    """Time from each `run.started` to the last event of its process: what a killed one could not note."""
    spans: list[list[str]] = []
    for event in events:
        if event["type"] == "run.started":
            spans.append([])
        spans[-1].append(str(event["ts"]))
    at = datetime.fromisoformat
    return sum((at(span[-1]) - at(span[0])).total_seconds() for span in spans)


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
    return {**started, "resumed": True} if resumed else started
