"""The call journal of one run: what was called is never called again.

A row is committed before the call, and again with its result before anybody sees that.
A killed run replays its graph from the start and is answered from here.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeVar, cast

from agentctl.errors import JournalMismatch, ModelFailed, UnknownOutcome
from agentctl.store.row import CallKey, CallKind
from agentctl.store.store import Store
from agentctl.store.turn import timestamp

T = TypeVar("T")

_DELTA_ORDINAL = -1  # below every call's, so that no call can take the place of the delta


@dataclass(slots=True)
class _Entry:
    digest: str
    status: Literal["started", "done", "failed"]
    result: str | None = None
    kind: str = ""
    name: str = ""
    is_committed: bool = True


class Journal:
    """The calls of one run. One task at a time may use one key; different keys are independent.

    It belongs to the claim under which it was opened, and writes nothing under a later one.
    """

    def __init__(self, store: Store, run_id: str, entries: dict[CallKey, _Entry]) -> None:
        self._store = store
        self._run_id = run_id
        self._entries = entries
        self._fence = store.holder.runs.get(run_id)

    @classmethod
    async def open(cls, store: Store, run_id: str, *, resumed: bool = False) -> "Journal":
        """Open the run's journal, with what earlier processes left in it if `resumed`.

        Raises:
            StoreUnusable: it cannot be read.
        """
        rows = await store.calls(run_id) if resumed else []
        entries = {}
        for row in rows:
            key = CallKey(*(row[name] for name in CallKey.__slots__))  # type: ignore[arg-type]
            entries[key] = _Entry(str(row["digest"]), row["status"], row["result"], str(row["kind"]), str(row["name"]))  # type: ignore[arg-type]
        return cls(store, run_id, entries)

    async def call(
        self,
        key: CallKey,
        kind: CallKind,
        name: str,
        arguments: object,
        perform: Callable[[], Awaitable[T]],
        *,
        again: bool = False,
    ) -> tuple[T, bool]:
        """Make a call once, however often the run is killed and resumed.

        Args:
            key: the call's place in the run.
            kind: what to do about a call that started and has no result: a model or a graph is asked again.
            name: of the model, tool or graph; with `arguments` it makes the digest.
            arguments: a JSON value.
            perform: makes the call and returns a JSON value. A failure is kept and raised; a later
                `call` with the same key performs again.
            again: make a tool's call even if it started before and nobody knows what came of it.

        Returns:
            the result, and whether it comes from the journal.

        Raises:
            JournalMismatch: the key was used with another name or other arguments.
            UnknownOutcome: a tool started before and has no result; it was not called again.
            StoreUnusable: the journal cannot be written.
        """
        digest = digest_of(kind, name, arguments)
        entry = self._entries.get(key)
        if entry is not None:
            if entry.digest != digest:
                raise JournalMismatch(key.agent, key.ordinal, name)
            if entry.status == "done":
                return cast("T", await self._answer(entry)), True
            if entry.status == "started" and kind == "tool" and not again:
                raise UnknownOutcome(key.agent, name)
        await self._start(key, kind, name, digest)
        try:
            result = await perform()
        except Exception as error:
            meta = _dump(error.meta) if isinstance(error, ModelFailed) else None
            await self._settle(key, "failed", result=meta, error=self._store.mask(f"{type(error).__name__}: {error}"))
            raise
        await self._settle(key, "done", result=_dump(result))
        return result, False

    def results(self, kind: CallKind) -> Iterator[tuple[CallKey, dict[str, object]]]:
        """The calls of a kind that earlier processes finished, with their results."""
        for key, entry in self._entries.items():
            if entry.kind == kind and entry.status == "done":
                yield key, json.loads(entry.result or "{}")

    def failures(self) -> Iterator[tuple[CallKey, dict[str, object]]]:
        """The model calls that failed in earlier processes, with the `meta` of their failures."""
        for key, entry in self._entries.items():
            if entry.kind == "model" and entry.status != "done" and entry.result is not None:
                yield key, self.failure(key)

    def failure(self, key: CallKey) -> dict[str, object]:
        """The `meta` of the last failure of a model call, empty if it has not failed."""
        entry = self._entries.get(key)
        return json.loads(entry.result) if entry and entry.status != "done" and entry.result else {}

    def has_result(self, key: CallKey) -> bool:
        """Whether `call` with this key would be answered from the journal."""
        entry = self._entries.get(key)
        return entry is not None and entry.status == "done"

    def tool_calls(self, execution: CallKey) -> list[tuple[CallKey, str, str]]:
        """The tool calls of an execution so far: key, digest and tool, in the order of their ordinals."""
        made = [
            (key, entry.digest, entry.name)
            for key, entry in self._entries.items()
            if entry.kind == "tool" and replace(key, ordinal=execution.ordinal) == execution
        ]
        return sorted(made, key=lambda call: call[0].ordinal)

    def unknown(self) -> Iterator[str]:
        """The tools that were called in earlier processes, and nobody knows what came of it."""
        for entry in self._entries.values():
            if entry.kind == "tool" and entry.status == "started":
                yield entry.name

    def starts(self, key: CallKey) -> int:
        """How often a call started of which nobody knows what came; 0 if that is known."""
        entry = self._entries.get(key)
        if entry is None or entry.status != "started":
            return 0
        return int(json.loads(entry.result)["starts"]) if entry.kind == "tool" and entry.result else 1

    async def put_delta(self, key: CallKey, delta: Mapping[str, object]) -> None:
        """Keep what an agent returned, committed before this returns.

        Args:
            key: the agent's execution; its `ordinal` does not matter.
            delta: a JSON mapping.
        """
        key = _delta_key(key)
        if key in self._entries:
            return
        now, text = timestamp(), _dump(delta)
        self._entries[key] = entry = _Entry("", "done", text, is_committed=False)
        await self._store.insert_call(
            {
                "run_id": self._run_id, **asdict(key), "kind": "delta", "name": "", "digest": "", "status": "done",
                "result": text, "error": None, "started_at": now, "finished_at": now,
            },
            self._fence,
        )  # fmt: skip
        entry.is_committed = True

    async def find_delta(self, key: CallKey) -> dict[str, object] | None:
        """What the agent returned in that execution, or `None` if it has not finished."""
        entry = self._entries.get(_delta_key(key))
        return None if entry is None else cast("dict[str, object]", await self._answer(entry))

    async def _answer(self, entry: _Entry) -> object:
        if not entry.is_committed:  # whoever wrote it was cancelled before the commit was known
            await self._store.flush()
            entry.is_committed = True
        assert entry.result is not None
        return json.loads(entry.result)

    async def _start(self, key: CallKey, kind: CallKind, name: str, digest: str) -> None:
        is_new = key not in self._entries
        failure = None if is_new else self._entries[key].result
        if kind == "tool" and not is_new:
            failure = _dump({"starts": self.starts(key) + 1})
        self._entries[key] = _Entry(digest, "started", failure, kind, name)
        if is_new:
            await self._store.insert_call(
                {
                    "run_id": self._run_id, **asdict(key), "kind": kind, "name": name, "digest": digest,
                    "status": "started", "result": None, "error": None, "started_at": timestamp(), "finished_at": None,
                },
                self._fence,
            )  # fmt: skip
        else:
            await self._update(key, "started", failure)

    async def _settle(
        self, key: CallKey, status: Literal["done", "failed"], *, result: str | None = None, error: str | None = None
    ) -> None:
        # In memory first: a task that is cancelled while it waits for the commit has made the call.
        entry = self._entries[key]
        entry.status, entry.result, entry.is_committed = status, result, False
        await self._update(key, status, result, error)
        entry.is_committed = True

    async def _update(self, key: CallKey, status: str, result: str | None = None, error: str | None = None) -> None:
        named = {f"key_{name}": value for name, value in asdict(key).items()}
        finished_at = None if status == "started" else timestamp()
        await self._store.update_call(
            {
                "key_run_id": self._run_id, **named,
                "status": status, "result": result, "error": error, "finished_at": finished_at,
            },
            self._fence,
        )  # fmt: skip


def _delta_key(key: CallKey) -> CallKey:
    return CallKey(key.agent, key.stage, key.visit, key.round, _DELTA_ORDINAL)


def _dump(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def digest_of(kind: CallKind, name: str, arguments: object) -> str:
    """What a call is, as 64 hex digits; `arguments` is JSON."""
    text = json.dumps([kind, name, arguments], separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
