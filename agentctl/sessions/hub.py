"""Hub: runs of workspaces, each a turn of a session. What `agentctl.open` gives."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from agentctl.errors import LeaseLost, NameTaken, RunHeld, RunNotFound, StoreUnusable, UsageError
from agentctl.events import Event
from agentctl.graph import Ask, Tape
from agentctl.models import check_attachments
from agentctl.runtime import Ready, RunResult, Ways, WorkspaceHub
from agentctl.runtime.tools import OpenBox, open_toolbox
from agentctl.sessions.attachments import load_attachments
from agentctl.sessions.control import SessionControl, os_user
from agentctl.sessions.turn import WAIT_S, Doors, TurnOptions, checked, seed_of
from agentctl.settings import Settings
from agentctl.store import Begun, RunRow, SessionRow, Store, new_id

OnEvent = Callable[[Event], None]
Files = Sequence[Mapping[str, object]]
LAGGING = "the reader is slower than the run; some of the streamed text is left out"
MAX_LAG = 10_000
"""Events that `stream` keeps for a slow reader before it drops tokens."""
SWEEP_S = 3600.0
"""How often a process that lives on looks for sessions that have expired."""


class Hub:
    """Runs the workspaces of one project; enter it with `async with`.

    One hub serves one event loop, and any number of sessions and runs at once. It keeps nothing
    of a session in memory.

    Args:
        root: the project; default: the nearest parent with `workspaces/`, else the working directory.
        settings: default: those of the environment and the project.
        open_box: opens the tools of a generation.

    Attributes:
        runtime: runs workspaces, and knows nothing of sessions.
        sessions: finds, makes, forks and forgets sessions.
    """

    def __init__(
        self, root: Path | str | None = None, *, settings: Settings | None = None, open_box: OpenBox = open_toolbox
    ) -> None:
        self.runtime = WorkspaceHub(root, settings=settings, open_box=open_box)
        self.sessions = SessionControl(self.runtime)
        self._doors = Doors(self.runtime)
        self._sweeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.runtime.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.wait([self._sweeping])
        await self.runtime.__aexit__(kind, error, trace)

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.runtime.root

    @property
    def settings(self) -> Settings:
        """Of this process and project."""
        return self.runtime.settings

    @property
    def store(self) -> Store:
        """The project's state."""
        return self.runtime.store

    def list_workspaces(self) -> list[str]:
        """Names of the project's workspaces."""
        return self.runtime.list_workspaces()

    async def run(
        self,
        workspace: str,
        task: str,
        *,
        on_event: OnEvent | None = None,
        ask: Ask | None = None,
        tape: Tape | None = None,
        **options: Unpack[TurnOptions],
    ) -> RunResult:
        """Run one task from start to end, as the next turn of its session; a failed run is a result.

        Args:
            workspace: its name.
            task: what to do, as plain text.
            on_event: shown every event in order, on the loop. Must not block.
            ask: asked for approvals in place; what it leaves out stays undecided, and the run waits for it.
            tape: records the run's calls, or plays those of another run.
            options: see `TurnOptions`. Without `session` an unnamed session begins.

        Raises:
            UsageError: the task is empty, the session is another user's or workspace's, or a file cannot be attached.
            WorkspaceError: no such workspace, or it is invalid.
            ServiceUnavailable: a key is missing, the store is unusable, the session is busy, or too many runs wait.
        """
        self.runtime.check_open()
        checked(options)
        if not task.strip():
            raise UsageError("the task is empty", hint='say what to do, as in `agentctl run debate "Tea or coffee?"`')
        model = absolute_model(options.get("model"))
        tools = list(options.get("tools", ()))
        plays = tape is not None and tape.plays
        if plays and options.get("session") is not None:
            raise UsageError("a replay is no turn of a conversation", hint="leave `--session` or `--replay` out")
        ready = await self.runtime.prepare(workspace, model, tools, tape)
        session = await self._session(workspace, options)
        allow_private = self.settings.allow_private_urls
        attachments = await load_attachments(options.get("files", ()), allow_private=allow_private)
        files = [each.as_dict() for each in attachments]
        check_attachments(ready.clients, files)
        is_new = not session.created_at
        session = await self._created(session)
        row = RunRow(
            run_id=new_id(),
            session_id=session.session_id,
            user_id=session.user_id,
            workspace=workspace,
            generation=ready.live.workspace.generation,
            task=self.store.mask(task),  # a key that was pasted goes no further
            model=tape.name if tape is not None and plays else model,
            tools=tools,
            timeout_s=options.get("timeout_s"),
        )
        self._sweep()
        patience = options.get("busy", "wait"), options.get("wait_s", WAIT_S)
        async with self._doors.enter(row, session, ready, attachments, *patience) as begun:
            work = self._begin(replace(begun, is_new=is_new), ready, files, Ways(ask, tape), on_event)
            return await self.runtime.running.watch(row.run_id, work) or await self._stopped(begun.run)

    async def resume(
        self, run_id: str, *, user: str | None = None, on_event: OnEvent | None = None, ask: Ask | None = None
    ) -> RunResult:
        """Continue a run that waits or did not end well, on its own generation; a done run gives its result again.

        Args:
            user: whose it is; default: the user of the operating system.
            on_event, ask: as of `run`.

        Raises:
            RunNotFound: no run of that id, or it is another user's, or its turn was rewound.
            RunHeld: it is still running.
            SessionBusy: another run is in its session.
            GenerationMissing: its artifacts are gone.
        """
        self.runtime.check_open()
        row = await self.store.get_run(run_id)
        if row.user_id != (user := user or os_user()):
            raise RunNotFound(run_id, reason=f"run {row.run_id} is not {user}'s")
        if row.status == "done" and row.result:
            if on_event is not None:
                on_event(Event.from_dict((await self.store.events(row.run_id))[-1]))
            return RunResult.of(row)
        if row.is_held or row.run_id in self.runtime.running:
            raise RunHeld(row.run_id, row.pid or os.getpid(), row.host)
        if row.expired:
            raise UsageError(f"run {row.run_id} ended over 7 days ago; its journal is gone", hint="start a new run")
        ready = await self.runtime.prepare_again(row)
        async with self.runtime.slot():
            begun, bodies = await self.store.sessions.reenter(row.run_id)
            files = [{**each, "bytes": bodies[each["digest"]]} for each in begun.attachments]
            work = self._go_on(begun, ready, files, Ways(ask), on_event)
            return await self.runtime.running.watch(row.run_id, work) or await self._stopped(begun.run)

    async def _begin(self, begun: Begun, ready: Ready, files: Files, ways: Ways, on_event: OnEvent | None) -> RunResult:
        """Run a turn when there is room; if it does not come to that, it leaves nothing behind."""
        has_begun = False
        try:
            async with self.runtime.slot():
                seed = await seed_of(begun, ready, self.store, self.runtime.memory, files)
                has_begun = True
                return await self.runtime.run(begun.run, ready, seed, ways, on_event=on_event)
        finally:
            leave = self.store.let_go if has_begun else self.store.sessions.abandon
            await asyncio.shield(leave(begun.run.run_id, begun.run.lease))

    async def _go_on(self, begun: Begun, ready: Ready, files: Files, ways: Ways, on_event: OnEvent | None) -> RunResult:
        try:
            seed = await seed_of(begun, ready, self.store, self.runtime.memory, files)
            return await self.runtime.run(begun.run, ready, seed, ways, on_event=on_event, resumed=True)
        finally:
            await asyncio.shield(self.store.let_go(begun.run.run_id, begun.run.lease))

    async def _stopped(self, run: RunRow) -> RunResult:
        """What came of a run of ours that was stopped: by somebody who wanted that, or as it was not ours any more."""
        try:
            row = await self.store.get_run(run.run_id)
        except RunNotFound:
            return RunResult.not_begun(run)
        if row.lease != run.lease:
            raise LeaseLost(run.run_id)
        return RunResult.not_begun(run) if row.status == "running" else RunResult.of(row)

    async def stream(self, workspace: str, task: str, **options: Unpack[TurnOptions]) -> AsyncIterator[Event]:
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

        running = asyncio.create_task(self.run(workspace, task, on_event=put, **options))
        running.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
            await running
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def _session(self, workspace: str, options: TurnOptions) -> SessionRow:
        """The session that the options name, or a new one."""
        word, user = options.get("session"), options.get("user")
        if word is not None:
            found = await self.sessions.find(word, user=user, workspace=workspace)
            if found is not None:
                return await self._noted(found, options.get("metadata"))
        return self.sessions.new(workspace, word, user, (), options.get("metadata"))

    async def _noted(self, session: SessionRow, metadata: Mapping[str, str] | None) -> SessionRow:
        if not metadata or metadata.items() <= session.metadata.items():
            return session
        merged = {**session.metadata, **metadata}
        await self.sessions.tag(session, session.tags, merged)
        return replace(session, metadata=merged)

    async def _created(self, session: SessionRow) -> SessionRow:
        """The session, stored under its name; if somebody else was quicker, theirs."""
        if session.created_at or session.name is None:  # one without a name is stored with its first turn
            return session
        try:
            return await self.store.sessions.create(session)
        except NameTaken:
            return await self.sessions.get(session.name, user=session.user_id, workspace=session.workspace)

    def _sweep(self) -> None:
        """Begin to look for expired sessions, off everybody's path."""

        async def sweep() -> None:
            while True:
                with suppress(StoreUnusable):  # whoever runs is told; sessions can expire another time
                    await self.sessions.expire()
                await asyncio.sleep(SWEEP_S)

        if self._sweeping is None:
            self._sweeping = asyncio.create_task(sweep())


def absolute_model(model: str | None) -> str | None:
    """`--model scripted:FILE` means a file of the caller's, also when another process resumes the run."""
    if model and model.startswith("scripted:"):
        return "scripted:" + str(Path(model.removeprefix("scripted:")).absolute())
    return model
