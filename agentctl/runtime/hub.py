"""One a process: discovers workspaces, holds what they share, admits runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentctl.agents import BlockingPool
from agentctl.errors import QueueFull, UsageError
from agentctl.events import Event, EventBus
from agentctl.graph import Seed, Tape
from agentctl.logs import AgentLogger, LogSink, env_secrets, mask
from agentctl.memory import MemoryManager
from agentctl.models import Models
from agentctl.runtime.files import RunFiles
from agentctl.runtime.manager import Machinery, RuntimeManager, Ways
from agentctl.runtime.ready import Ready
from agentctl.runtime.result import RunResult
from agentctl.runtime.running import Running
from agentctl.runtime.tools import OpenBox, open_toolbox
from agentctl.settings import Settings
from agentctl.store import RunRow, Store, open_checkpointer
from agentctl.store.file import PrivateFile
from agentctl.tools.server import Servers
from agentctl.tools.server_health import token_folder
from agentctl.workspace import find_root, list_workspaces
from agentctl.workspace.discovery import find_workspace

OnEvent = Callable[[Event], None]
NO_WAYS = Ways()


class WorkspaceHub:
    """Runs the workspaces of one project; enter it with `async with`.

    Everything that agents share lives here: model clients, pools, the store, the logs. One hub
    serves one event loop and any number of runs at once.

    Args:
        root: the project; default: the nearest parent with `workspaces/`, else the working directory.
        settings: default: those of the environment and the project.
        open_box: opens the tools of a generation.

    Attributes:
        running: stops runs.
        memory: what agents produced.
    """

    def __init__(
        self, root: Path | str | None = None, *, settings: Settings | None = None, open_box: OpenBox = open_toolbox
    ) -> None:
        self.root = find_root(None if root is None else Path(root))
        if not self.root.is_dir():
            raise UsageError(f"no such folder: {self.root}", hint="name the folder that holds `workspaces/`")
        self.settings = settings or Settings.load(self.root)
        self._open_box = open_box
        self._managers: dict[str, RuntimeManager] = {}
        self._stack = AsyncExitStack()
        self._waiting = 0
        self._is_open = False
        self._files = RunFiles(self.root)
        self.running = Running()

    async def __aenter__(self) -> Self:
        settings = self.settings
        secrets = env_secrets(settings.env)
        logger = AgentLogger(self.root, secrets=secrets)
        self._stack.callback(logger.close)
        self.store = Store(self.root, url=settings.database_url, mask=partial(mask, secrets=secrets))
        loop = asyncio.get_running_loop()
        self.store.holder.on_stop = lambda run_id: loop.call_soon_threadsafe(self.running.stop, run_id)  # type: ignore[assignment]
        self._stack.push_async_callback(self.store.close)
        self.memory = MemoryManager(partial(PrivateFile, self.root), settings.redis_url)
        self._stack.push_async_callback(self.memory.close)
        models = Models(settings.env)
        self._stack.push_async_callback(models.close)
        self._slots = asyncio.Semaphore(settings.max_runs)
        self._ready: Machinery | None = None
        self._opening = asyncio.Lock()
        self._logger, self._models = logger, models
        self._is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_open = False
        await self.running.close()
        try:
            if self._ready is not None and error is None:
                for run_id in await self.store.prune():
                    await self._ready.checkpointer.adelete_thread(run_id)
        finally:
            await self._stack.aclose()

    def list_workspaces(self) -> list[str]:
        """Names of the project's workspaces."""
        return list_workspaces(self.root)

    async def prepare(
        self, workspace: str, model: str | None, tools: Collection[str] = (), tape: Tape | None = None
    ) -> Ready:
        """The workspace as a new run takes it, checked before anything runs.

        Args:
            model: over every agent's model.
            tools: the optional ones that the turn asks for.
            tape: if it plays, no model and no tool is needed.

        Raises:
            UsageError: the hub is not open, `tools` names no optional tool, or the tape is of another workspace.
            WorkspaceError: no such workspace, it is invalid, or an agent lists a tool that there is not.
            ServiceUnavailable: a key is missing, or the store is unusable.
        """
        self.check_open()
        await asyncio.to_thread(find_workspace, self.root, workspace)  # a typo leaves no `.agentctl/` behind
        manager = await self._manager(workspace)
        return await manager.ready(await manager.current(), model, tools, tape)

    async def prepare_again(self, row: RunRow) -> Ready:
        """The generation that an unfinished run started with.

        Raises:
            GenerationMissing: its artifacts are gone.
        """
        manager = await self._manager(row.workspace)
        return await manager.ready(await manager.pinned(row.generation), row.model, row.tools)

    async def run(
        self,
        row: RunRow,
        ready: Ready,
        seed: Seed,
        ways: Ways = NO_WAYS,
        *,
        on_event: OnEvent | None = None,
        resumed: bool = False,
    ) -> RunResult:
        """Drive a run that the store holds for us to its end; a failed run is a result, not an exception.

        Args:
            seed: what its session gives it.
            ways: to whoever started it.
            on_event: shown every event in order, on the loop. Must not block.

        Raises:
            StoreUnusable: it cannot be kept.
            LeaseLost: another process took it over.
        """
        bus, watched = self._bus(on_event), on_event is not None
        return await ready.manager.run(row, ready, bus, seed, ways, resumed=resumed, watched=watched)

    def check_open(self) -> None:
        """Raises UsageError unless the hub is open."""
        if not self._is_open:
            raise UsageError("the hub is not open", hint="enter it: `async with agentctl.open() as hub:`")

    async def _manager(self, name: str) -> RuntimeManager:
        if name not in self._managers:
            machinery = await self._machinery()
            if name not in self._managers:
                self._managers[name] = RuntimeManager(name, machinery)
                self._stack.push_async_callback(self._managers[name].close)
        return self._managers[name]

    async def _machinery(self) -> Machinery:
        """What runs share, opened at the first of them."""
        async with self._opening:
            if self._ready is None:
                opened = open_checkpointer(self.root, self.settings.database_url)
                checkpointer = await self._stack.enter_async_context(opened)
                servers = Servers(token_folder=token_folder(self.root))
                self._stack.push_async_callback(servers.close)
                self._ready = Machinery(
                    settings=self.settings,
                    store=self.store,
                    memory=self.memory,
                    models=self._models,
                    logger=self._logger,
                    gate=asyncio.Semaphore(self.settings.max_concurrent_agents),
                    pool=BlockingPool(self.settings.blocking_threads),
                    tool_pool=BlockingPool(self.settings.blocking_threads),
                    servers=servers,
                    open_box=self._open_box,
                    files=self._files,
                    checkpointer=checkpointer,
                )
            return self._ready

    async def checkpointer(self) -> Any:
        """Where runs and agents with a memory of their own keep their LangGraph threads."""
        return (await self._machinery()).checkpointer

    async def sweep_files(self) -> None:
        """Delete what tools gave to runs that are forgotten by now."""
        if run_ids := await asyncio.to_thread(self._files.runs):
            await asyncio.to_thread(self._files.forget, await self.store.gone(run_ids))

    def _bus(self, on_event: OnEvent | None) -> EventBus:
        log = LogSink(self._logger)
        return EventBus([log] if on_event is None else [log, _Callback(on_event)])

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """A place among the runs at once; as many may wait.

        Raises:
            QueueFull: as many do.
        """
        if self._slots.locked() and self._waiting >= self.settings.max_runs:
            raise QueueFull(self._waiting)
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        try:
            self.check_open()  # it may have been closed while we waited
            yield
        finally:
            self._slots.release()


class _Callback:
    """A caller's function as a sink."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event

    def close(self) -> None:
        """Nothing to end."""
