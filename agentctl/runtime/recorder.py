"""Records the calls of one run in a cassette."""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from agentctl.errors import AgentctlError, AgentFailed, LimitReached, ModelFailed, StoreUnusable, UsageError
from agentctl.graph.tape import Taped
from agentctl.graph.tool_calls import call_id
from agentctl.logs import mask_values
from agentctl.models import ModelClient
from agentctl.runtime.cassette import Entry, Failure, Head, is_cassette, written
from agentctl.runtime.steady import Steady, digest
from agentctl.store import CallKey
from agentctl.store.journal import digest_of
from agentctl.store.row import CallKind
from agentctl.store.turn import timestamp
from agentctl.workspace.code import said


class Recorder:
    """The `Tape` that writes. Each call is in the file once it has been made, so that a killed run leaves what it did.

    Args:
        path: the file; it appears when the run begins, for its owner only, in the place of an older cassette.
        mask: takes the secrets out.

    Attributes:
        fault: why the file is not whole; the run goes on without it.

    Raises:
        UsageError: something else lies there, or it cannot be written.
    """

    plays = False

    def __init__(self, path: Path, mask: Callable[[str], str]) -> None:
        self.path, self._mask, self._steady = path, mask, Steady(mask)
        self.fault = ""
        self._run_id = ""
        self._writing = Lock()
        try:
            if path.exists() and not (path.is_file() and is_cassette(path)):
                raise UsageError(f"{path} is there, and is no cassette", hint="name another file")
            if not os.access(path.parent, os.W_OK | os.X_OK):
                raise UsageError(f"{path} cannot be written", hint="name a file in a folder that you can write")
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror or error}", hint="name another file") from error

    @property
    def name(self) -> str:
        """See `Tape.name`."""
        return f"record:{self.path}"

    def clients(self, workspace: str, models: Mapping[str, str], override: str | None) -> Mapping[str, ModelClient]:
        """Nobody: the models themselves are asked."""
        return {}

    async def begin(self, run: Taped) -> None:
        """See `Tape.begin`.

        Raises:
            UsageError: the file cannot be written.
        """
        self._run_id = run.run_id
        self._steady.know(run.run_id, "<run>")
        self._steady.know(run.session_id, "<session>")
        facts: Any = mask_values(
            {
                "cassette": 1,
                "workspace": run.workspace,
                "generation": run.generation,
                "task": run.task,
                "model": run.model,
                "models": dict(run.models),
                "simulated": run.simulated,
                "run": run.run_id,
                "session": run.session_id,
                "recorded": timestamp(),
            },
            self._mask,
        )
        try:
            await asyncio.to_thread(self._create, written(Head(**facts)))
        except OSError as error:
            reason = error.strerror or error
            raise UsageError(f"{self.path} cannot be written: {reason}", hint="name another file") from error

    async def call(
        self, key: CallKey, kind: CallKind, name: str, arguments: object, perform: Callable[[], Awaitable[Any]]
    ) -> Any:
        """See `Tape.call`: makes the call, and keeps what came of it."""
        if kind == "tool":
            self._steady.know(call_id(self._run_id, key, digest_of("tool", name, arguments)), "<call>")
        content, volatile = self._steady.of(arguments)
        entry: dict[str, Any] = {
            "call": kind, "name": name, "agent": key.agent, "stage": key.stage, "visit": key.visit,
            "round": key.round, "ordinal": key.ordinal, "digest": digest(kind, name, content), "arguments": content,
        }  # fmt: skip
        try:
            result = await perform()
        except (StoreUnusable, LimitReached):
            raise  # no answer of what was called
        except Exception as error:
            entry["failure"] = _failure(error, key, self._mask)
            await self._keep(entry, volatile)
            raise
        entry["result"] = mask_values(result, self._mask)
        await self._keep(entry, volatile)
        return result

    async def _keep(self, entry: dict[str, Any], volatile: Mapping[str, str]) -> None:
        if volatile:
            entry["volatile"] = dict(volatile)
        try:
            await asyncio.to_thread(self._append, entry)
        except (OSError, ValueError) as error:
            self.fault = self.fault or str(error)

    def _append(self, entry: dict[str, Any]) -> None:
        document = written(Entry(**entry))
        with self._writing, self.path.open("r+b") as file:  # one that was taken away is not begun anew
            file.seek(0, os.SEEK_END)
            file.write(document)

    def _create(self, document: bytes) -> None:
        handle, fresh = tempfile.mkstemp(prefix=".new-", dir=self.path.parent)  # 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(document)
            Path(fresh).replace(self.path)
        except OSError:
            with suppress(OSError):
                Path(fresh).unlink()
            raise


def _failure(error: Exception, key: CallKey, mask: Callable[[str], str]) -> Failure:
    """As the agent's own failure would be told."""
    told = error if isinstance(error, AgentctlError) else AgentFailed(key.agent.rpartition(">")[2], said(error))
    facts: Any = {"code": told.code, "message": str(told), "hint": told.hint}
    if isinstance(error, ModelFailed):
        facts |= {"model": error.model, "status": error.status, "attempts": error.attempts, "meta": error.meta}
    return Failure(**mask_values(facts, mask))  # type: ignore[arg-type]
