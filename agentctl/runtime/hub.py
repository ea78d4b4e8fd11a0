"""One a process: discovers workspaces, holds what they share, admits runs."""

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from agentctl.agents import BlockingPool
from agentctl.errors import NotSupportedYet, QueueFull, RunHeld, UsageError
from agentctl.events import Event, EventBus
from agentctl.logs import AgentLogger, LogSink, env_secrets, mask
from agentctl.models import Models
from agentctl.runtime.manager import Machinery, RuntimeManager
from agentctl.runtime.result import RunResult
from agentctl.settings import Settings
from agentctl.store import RunRow, Store, holder_alive, new_id, open_checkpointer
from agentctl.workspace import find_root, list_workspaces
from agentctl.workspace.discovery import find_workspace

OnEvent = Callable[[Event], None]
LAGGING = "the reader is slower than the run; some of the streamed text is left out"
MAX_LAG = 10_000
"""Events that `stream` keeps for a slow reader before it drops tokens."""


class WorkspaceHub:
    """Runs the workspaces of one project; enter it with `async with`.

    Everything that agents share lives here: model clients, pools, the store, the logs. One hub
    serves one event loop and any number of runs at once.

    Args:
        root: the project; default: the nearest parent with `workspaces/`, else the working directory.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = find_root(None if root is None else Path(root))
        if not self.root.is_dir():
            raise UsageError(f"no such folder: {self.root}", hint="name the folder that holds `workspaces/`")
        self.settings = Settings.load(self.root)
        self._managers: dict[str, RuntimeManager] = {}
        self._stack = AsyncExitStack()
        self._waiting = 0
        self._is_open = False
        self._running: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        settings = self.settings
        secrets = env_secrets(settings.env)
        logger = AgentLogger(self.root, secrets=secrets)
        self._stack.callback(logger.close)
        self.store = Store(self.root, mask=partial(mask, secrets=secrets))
        self._stack.push_async_callback(self.store.close)
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
        for task in self._running:
            task.cancel()  # a run that nobody waits for any more; it can be resumed
        await asyncio.gather(*self._running, return_exceptions=True)
        try:
            if self._ready is not None and error is None:
                for run_id in await self.store.prune():
                    await self._ready.checkpointer.adelete_thread(run_id)
        finally:
            await self._stack.aclose()

    def list_workspaces(self) -> list[str]:
        """Names of the project's workspaces."""
        return list_workspaces(self.root)

    async def run(
        self,
        workspace: str,
        task: str,
        *,
        session: str | None = None,
        user: str | None = None,
        timeout_s: float | None = None,
        model: str | None = None,
        on_event: OnEvent | None = None,
    ) -> RunResult:
        """Run one task from start to end; a failed run is a result, not an exception.

        Args:
            workspace: its name.
            task: what to do, as plain text.
            user: a label; default: the user of the operating system.
            timeout_s: active time, in seconds, over the workspace's own limit.
            model: over every agent's model, for this run and its resumes.
            on_event: shown every event in order, on the loop. Must not block.

        Raises:
            UsageError: the task is empty.
            WorkspaceError: no such workspace, or it is invalid.
            ServiceUnavailable: a key is missing, the store is unusable, or too many runs wait.
        """
        self._check_open()
        if session is not None:
            raise NotSupportedYet("a session")
        if not task.strip():
            raise UsageError("the task is empty", hint='say what to do, as in `agentctl run debate "Tea or coffee?"`')
        await asyncio.to_thread(find_workspace, self.root, workspace)  # a typo leaves no `.agentctl/` behind
        manager = await self._manager(workspace)
        live = await manager.current()
        await manager.clients(live, absolute_model(model))  # a missing key is told before anything runs
        row = RunRow(
            run_id=new_id(),
            session_id=new_id(),
            user_id=user or _os_user(),
            workspace=workspace,
            generation=live.workspace.generation,
            task=self.store.mask(task),  # a key that was pasted goes no further
            model=absolute_model(model),
            timeout_s=timeout_s,
        )
        async with self._slot():
            await self.store.create_run(row)
            return await manager.run(row, live, self._bus(on_event), resumed=False, watched=on_event is not None)

    async def resume(self, run_id: str, *, on_event: OnEvent | None = None) -> RunResult:
        """Continue a run that did not end well, on its own generation; a done run gives its result again.

        Raises:
            RunNotFound: no run of that id.
            RunHeld: it is still running.
            GenerationMissing: its artifacts are gone.
        """
        self._check_open()
        row = await self.store.get_run(run_id)
        if row.status == "done" and row.result:
            fields: dict[str, Any] = row.result
            result = RunResult(row.workspace, row.session_id, row.run_id, **fields)
            if on_event is not None:
                on_event(Event.from_dict((await self.store.events(row.run_id))[-1]))
            return result
        if row.status == "running" and holder_alive(row):
            raise RunHeld(row.run_id, row.pid or 0)
        if row.expired:
            raise UsageError(f"run {row.run_id} ended over 7 days ago; its journal is gone", hint="start a new run")
        manager = await self._manager(row.workspace)
        live = await manager.pinned(row.generation)
        await manager.clients(live, row.model)
        async with self._slot():
            row = await self.store.claim_run(row.run_id)
            return await manager.run(row, live, self._bus(on_event), resumed=True, watched=on_event is not None)

    async def stream(
        self,
        workspace: str,
        task: str,
        *,
        session: str | None = None,
        user: str | None = None,
        timeout_s: float | None = None,
        model: str | None = None,
    ) -> AsyncIterator[Event]:
        """Run one task and yield its events in order, `run.finished` last; leaving early stops the run.

        Takes and raises what `run` does. A reader that lags 10,000 events behind loses
        `token` events only.
        """
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        is_lagging = False

        def put(event: Event) -> None:
            nonlocal is_lagging
            if event.type == "token" and queue.qsize() >= MAX_LAG:
                if is_lagging:
                    return
                is_lagging = True  # said once, in the place and under the number of the first that is lost
                event = replace(event, type="warning", data={"message": LAGGING})
            queue.put_nowait(event)

        running = asyncio.create_task(
            self.run(workspace, task, session=session, user=user, timeout_s=timeout_s, model=model, on_event=put)
        )
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def _check_open(self) -> None:
        if not self._is_open:
            raise UsageError("the hub is not open", hint="enter it: `async with agentctl.open() as hub:`")

    async def _manager(self, name: str) -> RuntimeManager:
        if name not in self._managers:
            machinery = await self._machinery()
            if name not in self._managers:
                self._managers[name] = RuntimeManager(name, machinery)
                self._stack.callback(self._managers[name].close)
        return self._managers[name]

    async def _machinery(self) -> Machinery:
        """What runs share, opened at the first of them."""
        async with self._opening:
            if self._ready is None:
                self.store.check()
                checkpointer = await self._stack.enter_async_context(open_checkpointer(self.root))
                self._ready = Machinery(
                    settings=self.settings,
                    store=self.store,
                    models=self._models,
                    logger=self._logger,
                    gate=asyncio.Semaphore(self.settings.max_concurrent_agents),
                    pool=BlockingPool(self.settings.blocking_threads),
                    checkpointer=checkpointer,
                )
            return self._ready

    def _bus(self, on_event: OnEvent | None) -> EventBus:
        log = LogSink(self._logger)
        return EventBus([log] if on_event is None else [log, _Callback(on_event)])

    @asynccontextmanager
    async def _slot(self) -> AsyncIterator[None]:
        """A place among the runs at once; as many may wait, then `QueueFull`."""
        if self._slots.locked() and self._waiting >= self.settings.max_runs:
            raise QueueFull(self._waiting)
        task = asyncio.current_task()
        assert task is not None
        self._waiting += 1
        try:
            await self._slots.acquire()
        finally:
            self._waiting -= 1
        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)
            self._slots.release()


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        return str(os.getuid())


class _Callback:
    """A caller's function as a sink."""

    def __init__(self, on_event: OnEvent) -> None:
        self.on_event = on_event

    def close(self) -> None:
        """Nothing to end."""


def absolute_model(model: str | None) -> str | None:
    """`--model scripted:FILE` means a file of the caller's, also when another process resumes the run."""
    if model and model.startswith("scripted:"):
        return "scripted:" + str(Path(model.removeprefix("scripted:")).absolute())
    return model
