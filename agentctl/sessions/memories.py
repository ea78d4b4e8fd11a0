"""What agents remember by themselves: LangGraph threads, which come and go with their sessions.

They are in another database. So they are there before the session that needs them, and go after it.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Literal

from agentctl.errors import ServiceUnavailable, StoreUnusable
from agentctl.memory import Query
from agentctl.runtime import WorkspaceHub
from agentctl.store import SessionRow, TurnRow
from agentctl.store.threads import copy_thread, delete_threads
from agentctl.store.whole import to_its_end

Source = tuple[str, str]
"""Thread id and checkpoint id."""


async def drop(runtime: WorkspaceHub, threads: Sequence[str]) -> None:
    """Delete threads that the database has noted as dead; where that fails, they stay noted for `expire`.

    Raises:
        StoreUnusable: it failed; the hint says what that means.
    """
    sessions = runtime.store.sessions
    try:
        if threads := threads and await sessions.unused_threads(threads):
            await delete_threads(await runtime.checkpointer(), threads)  # loads LangGraph
            await sessions.forget_threads(threads)
        await runtime.sweep_files()
    except StoreUnusable as error:
        hint = "it is done but for what agents remember by themselves: a later run deletes that"
        raise StoreUnusable(str(error), hint=hint, code=error.code) from error


async def forget_records(
    runtime: WorkspaceHub,
    sessions: Iterable[SessionRow],
    *,
    run_ids: Sequence[str] | None = None,
    clear: Literal["session"] | None = None,
) -> None:
    """Delete the records of what agents produced in these sessions.

    Args:
        run_ids: only those of these runs.
        clear: only those that a session ends which ends by itself.

    Raises:
        ServiceUnavailable: they are still there; the hint says what to do.
    """
    for row in sessions:
        query = Query(user=row.user_id, session_id=row.session_id, run_ids=run_ids, clear=clear)
        try:
            await runtime.memory.forget(query)
        except ServiceUnavailable as error:
            later = f"`agentctl memory forget --session {row.session_id}`"
            hint = f"it is done but for the records of what its agents produced; when it is back, {later}"
            raise ServiceUnavailable(str(error), hint=hint, code=error.code) from error


@asynccontextmanager
async def adding(runtime: WorkspaceHub, row: SessionRow, threads: Iterable[str]) -> AsyncIterator[None]:
    """Where a session is added after its threads: unless the body gets to its end, nothing of it stays."""
    threads = list(dict.fromkeys(threads))
    if threads:
        await runtime.store.sessions.expect_threads(threads)
    try:
        yield
    except BaseException:
        with suppress(ServiceUnavailable):  # what is wrong is told already, and the threads stay noted
            await to_its_end(_take_back(runtime, row, threads))
        raise


async def _take_back(runtime: WorkspaceHub, row: SessionRow, threads: Sequence[str]) -> None:
    await runtime.store.sessions.delete([row.session_id])  # it may be there, though its add was cancelled
    await drop(runtime, threads)


async def copied(runtime: WorkspaceHub, targets: Mapping[Source, str]) -> dict[Source, str]:
    """Copy threads, and return those that were there; the others are of graphs with a checkpointer of their own."""
    return {
        source: target
        for source, target in targets.items()
        if await copy_thread(await runtime.checkpointer(), source, target)
    }


def targets_of(turns: Iterable[TurnRow], session_id: str) -> dict[Source, str]:
    """What agents remember after each of these turns, and the thread where a session would keep it."""
    return {
        (thread, checkpoint): f"{role}#{session_id}"
        for turn in turns
        for role, (thread, checkpoint) in (turn.threads or {}).items()
    }
