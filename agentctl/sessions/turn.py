"""One turn of a session: let in, told what came before, run, and noted."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Literal, TypedDict

from agentctl.errors import ServiceUnavailable, SessionBusy, UsageError, did_you_mean
from agentctl.graph import Seed
from agentctl.memory import MemoryManager
from agentctl.runtime import Ready, WorkspaceHub
from agentctl.sessions.attachments import Attachment
from agentctl.sessions.context import AHEAD, extract, fit, summarise
from agentctl.store import Begun, Entry, RunRow, SessionRow, Store

WAIT_S = 60.0
"""How long a turn waits for the one before it."""
POLL_S = (0.02, 0.25)
"""How often another process's run is looked at: the first wait, and the longest."""


class TurnOptions(TypedDict, total=False):
    """What may be said of a turn beside its workspace and task."""

    session: str | None
    """Which conversation: an id, the first 6 characters of one, a name, `-1`; a new name begins one."""
    user: str | None
    """Whose it is; a label. Default: the user of the operating system."""
    timeout_s: float | None
    """Active time, in seconds, over the workspace's own limit."""
    model: str | None
    """Over every agent's model, for this run and its resumes."""
    files: Sequence[str | Path | Attachment]
    """Paths and http(s) URLs to attach, or what was loaded from them before."""
    busy: Literal["wait", "fail", "cancel"]
    """What to do while another run is in the session: wait (default), raise `SessionBusy`, or stop that run.

    One that waits for an approval is not waited for; only `cancel` drops it.
    """
    wait_s: float
    """How long to wait, in seconds; then `SessionBusy`. Default: 60."""
    metadata: Mapping[str, str]
    """Noted on the session."""
    tools: Sequence[str]
    """Names of the optional tools that this turn switches on, for agents that list them."""


def checked(options: TurnOptions) -> TurnOptions:
    """The options, if they can be ones: a slip in `session=` must not begin another conversation.

    Raises:
        TypeError: there is no option of that name.
        UsageError: one has a value that it does not take.
    """
    if unknown := sorted(options.keys() - TurnOptions.__annotations__.keys()):
        known = list(TurnOptions.__annotations__)
        raise TypeError(f"there is no option {unknown[0]!r}{did_you_mean(unknown[0], known)}")
    if options.get("busy", "wait") not in ("wait", "fail", "cancel"):
        raise UsageError(f"busy is {options['busy']!r}", hint="it is `wait`, `fail` or `cancel`")
    given: Mapping[str, object] = options
    for name in ("session", "user", "model"):
        if not isinstance(given.get(name), str | None):
            raise UsageError(f"{name} is {given[name]!r}", hint="it is text")
    if isinstance(given.get("files"), str | bytes):
        raise UsageError("files is text", hint="give a list of paths and URLs")
    tools = given.get("tools", ())
    if not isinstance(tools, Sequence) or isinstance(tools, str) or not all(isinstance(name, str) for name in tools):
        raise UsageError(f"tools is {tools!r}", hint="give a list of names")
    return options


class Doors:
    """Lets the turns of this process into their sessions in the order in which they came.

    Other processes stand at the same doors; the database decides between them.
    """

    def __init__(self, runtime: WorkspaceHub) -> None:
        self._runtime = runtime
        self._locks: dict[str, asyncio.Lock] = {}
        self._inside: dict[str, str] = {}
        """Session to the run of this process that is in it."""
        self._standing: Counter[str] = Counter()

    @asynccontextmanager
    async def enter(
        self,
        row: RunRow,
        session: SessionRow,
        ready: Ready,
        attachments: Sequence[Attachment],
        busy: Literal["wait", "fail", "cancel"],
        wait_s: float,
    ) -> AsyncIterator[Begun]:
        """Let a run into its session; while the body runs it, others of this process stand in line.

        Raises:
            SessionBusy: another run is in it and shall not be waited for, or did not end in time.
        """
        name = session.session_id
        if busy == "fail" and name in self._inside:  # the database need not be asked
            raise SessionBusy(session.name or name, self._inside[name])
        told = ready.live.workspace.spec.memory.turns
        entry = Entry(
            bodies={each.digest: each.body for each in attachments},
            attachments=[noted(each) for each in attachments],
            last=told.max,
            fit=lambda turns: fit(turns, told),
        )
        deadline = asyncio.get_running_loop().time() + (0.0 if busy == "fail" else wait_s)
        # Who stops whoever is in there does not stand behind those who wait for it.
        async with nullcontext() if busy == "cancel" else self._in_line(name, deadline):
            begun = await self._begin(row, session, entry, deadline, stops=busy == "cancel")
            self._inside[name] = row.run_id
            try:
                yield begun
            finally:
                if self._inside.get(name) == row.run_id:
                    del self._inside[name]

    @asynccontextmanager
    async def _in_line(self, session_id: str, deadline: float) -> AsyncIterator[None]:
        """Wait until it is our turn, or too late: then the database says who is in there."""
        lock = self._locks.setdefault(session_id, asyncio.Lock())
        self._standing[session_id] += 1
        is_first = False
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    is_first = await lock.acquire()
            yield
        finally:
            if is_first:
                lock.release()
            self._standing[session_id] -= 1
            if not self._standing[session_id]:  # who is not here costs nothing
                del self._standing[session_id], self._locks[session_id]

    async def _begin(self, row: RunRow, session: SessionRow, entry: Entry, deadline: float, *, stops: bool) -> Begun:
        pause_s, longest_s = POLL_S
        while True:
            try:
                return await self._runtime.store.sessions.begin(row, session, entry)
            except SessionBusy as busy:
                drops = stops and busy.is_waiting
                if not drops and (busy.is_waiting or asyncio.get_running_loop().time() >= deadline):
                    raise
                if stops:
                    await self._stop_other(session)
                if drops:
                    continue
            await asyncio.sleep(random.uniform(0.5, 1) * pause_s)  # noqa: S311 - so that waiters do not march in step
            pause_s = min(pause_s * 1.5, longest_s)

    async def _stop_other(self, session: SessionRow) -> None:
        """Stop the run that is in the session, wherever it is."""
        held_by = await self._runtime.store.sessions.cancel(session.session_id)
        if held_by is not None:
            self._runtime.running.stop(held_by)


async def seed_of(
    begun: Begun, ready: Ready, store: Store, memory: MemoryManager, attachments: Sequence[Mapping[str, object]]
) -> Seed:
    """What a run that is let in is told; a new run's summary is brought up to date first.

    Args:
        attachments: `{name, media_type, path, bytes}` each.
    """
    told = [{"user": turn.user, "answer": turn.answer or "", "run_id": turn.run_id} for turn in begun.told]
    threads = {role: (thread, checkpoint) for role, (thread, checkpoint) in begun.threads.items()}
    text = await _summary(begun, ready, store)
    return Seed(
        session=begun.session.name,
        turn=begun.turn,
        is_new=begun.is_new,
        turns=told,
        earlier=text,
        attachments=list(attachments),
        memories=await _recalled(begun, ready, store, memory),
        threads=threads,
    )


async def _recalled(begun: Begun, ready: Ready, store: Store, memory: MemoryManager) -> list[dict[str, Any]]:
    """What the agents of the session produced before; noted with the run, so that a resumed one is told the same."""
    run, spec = begun.run, ready.live.workspace.spec
    seed = run.seed or {}
    is_wanted = any("episodic" in agent.memory.recall for agent in spec.agents.values())
    if "memories" in seed or begun.turn <= 1 or not is_wanted:
        return list(seed.get("memories", ()))
    is_fork = begun.session.parent_id is not None
    recalled = await memory.recall(
        user=run.user_id,
        workspace=run.workspace,
        session_id=run.session_id,
        run_ids=[turn.run_id for turn in begun.told if turn.run_id] if is_fork else (),
        spec=spec.memory.recall,
    )
    await store.update_run(run.run_id, seed={**seed, "memories": recalled}, fence=run.lease)
    return recalled


async def _summary(begun: Begun, ready: Ready, store: Store) -> str:
    """The notes on what the run is not told whole."""
    upto, text = begun.summary
    first = begun.told[0].turn if begun.told else begun.turn
    if begun.run.seed is None or first - 1 <= upto:
        return text
    missing = await store.sessions.told(begun.session.session_id, upto + 1, min(first - 1 + AHEAD, begun.turn - 1))
    if not missing or missing[0].turn >= first:
        return text
    usage: Mapping[str, object] = {}
    try:
        client = await ready.memory_client()
    except ServiceUnavailable:  # as where the model fails: no conversation ends because of its notes
        text = extract(text, missing)
    else:
        text, usage = await summarise(client, text, missing, begun.run.run_id)
    return await store.sessions.put_summary(begun.run, missing[-1].turn, store.mask(text), dict(usage))


def noted(attachment: Attachment) -> dict[str, object]:
    """What a turn keeps of an attached file beside its body."""
    return {
        "name": attachment.name,
        "media_type": attachment.media_type,
        "path": attachment.path,
        "size": attachment.size,
        "digest": attachment.digest,
    }
