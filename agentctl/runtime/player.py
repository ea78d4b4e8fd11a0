"""Plays a cassette: answers every call of a run from it, so that nothing is called."""

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from difflib import unified_diff
from itertools import islice, zip_longest
from pathlib import Path
from textwrap import wrap
from typing import Any

from agentctl.errors import ModelFailed, ReplayMiss, RunError, UsageError
from agentctl.graph.tape import Taped
from agentctl.graph.tool_calls import call_id
from agentctl.models import ModelClient, ModelReply, ModelRequest
from agentctl.models.call import OnToken
from agentctl.runtime.cassette import Entry, Failure, dump, read_cassette
from agentctl.runtime.steady import Steady, digest
from agentctl.store import CallKey
from agentctl.store.journal import digest_of
from agentctl.store.row import CallKind

DIFF_LINES, DIFF_CHARS = 20, 120
_AS_IT_IS: Any = {"drop_whitespace": False, "replace_whitespace": False, "expand_tabs": False}
COMPARED = 400
"""Lines behind the first difference: to compare long texts takes time that grows with their square."""


class Player:
    """The `Tape` that answers: by the place of a call in the run, and by what it says, wherever it stands in the file.

    Args:
        path: a cassette.
        mask: as of the recorder.

    Attributes:
        misses: what was called and is not recorded.

    Raises:
        UsageError: it cannot be read, or is no cassette.
    """

    plays = True

    def __init__(self, path: Path, mask: Callable[[str], str]) -> None:
        self.path = path
        self._head, self._entries = read_cassette(path)
        self._steady = Steady(mask)
        self._left: dict[tuple[str, CallKey, str], deque[Entry]] = defaultdict(deque)
        for entry in self._entries:
            self._left[entry.call, entry.key, entry.digest].append(entry)
            for text, word in entry.volatile.items():
                self._steady.know(text, word)
        self._run_id = ""
        self.misses: list[ReplayMiss] = []

    @property
    def name(self) -> str:
        """See `Tape.name`."""
        return f"replay:{self.path}"

    def clients(self, workspace: str, models: Mapping[str, str], override: str | None) -> Mapping[str, ModelClient]:
        """See `Tape.clients`."""
        head = self._head
        if head.workspace != workspace:
            told = f"{self.path} was recorded of workspace {head.workspace!r}, not of {workspace!r}"
            raise UsageError(told, hint=f"play it with `agentctl run {head.workspace} … --replay {self.path}`")
        over = override or head.model
        named = {role: over or name for role, name in models.items()}
        same = {role: head.models.get(role, name) for role, name in named.items()}
        is_same = {role: name == "auto" or (over is not None and over == head.model) for role, name in named.items()}
        return {role: StandIn(same[role] if is_same[role] else named[role], head.simulated) for role in models}

    async def begin(self, run: Taped) -> None:
        """See `Tape.begin`."""
        self._run_id = run.run_id
        for text, word in (
            (run.run_id, "<run>"),
            (run.session_id, "<session>"),
            (self._head.run, "<run>"),
            (self._head.session, "<session>"),
        ):
            self._steady.know(text, word)

    async def call(
        self, key: CallKey, kind: CallKind, name: str, arguments: object, perform: Callable[[], Awaitable[Any]]
    ) -> Any:
        """See `Tape.call`: what was recorded; the same call in the same place is played in order."""
        if kind == "tool":
            self._steady.know(call_id(self._run_id, key, digest_of("tool", name, arguments)), "<call>")
        content, _ = self._steady.of(arguments)
        same = self._left.get((kind, key, digest(kind, name, content)))
        if not same:
            miss = ReplayMiss(_what(kind, name, key), self._nearest(kind, name, key, content))
            self.misses.append(miss)
            raise miss
        entry = same.popleft()
        if entry.failure is not None:
            raise _raised(entry.failure)
        return entry.result

    def _nearest(self, kind: CallKind, name: str, key: CallKey, content: object) -> str:
        """The nearest recorded call, and how it differs."""
        of_agent = [entry for entry in self._entries if (entry.call, entry.agent) == (kind, key.agent)]
        if not of_agent:
            return f"the cassette has no {kind} call of {key.agent!r}"
        entry = min(of_agent, key=lambda entry: _distance(entry, key, name))
        lines = _difference(_lines(entry.name, entry.arguments), _lines(name, content))
        if entry.key != key:
            where = f"the nearest is {_what(kind, entry.name, entry.key)}"
            return "\n".join([f"{where}, which says the same" if not lines else f"{where}, which differs:", *lines])
        return "\n".join(["what was recorded there differs:", *lines]) if lines else "it was recorded less often"


class StandIn:
    """In the place of a model that is not asked."""

    def __init__(self, name: str, simulated: bool) -> None:
        self.name, self.simulated = name, simulated

    def unsupported(self, media_type: str) -> str | None:
        """See `ModelClient.unsupported`: what was recorded was taken."""
        return None

    async def generate(self, request: ModelRequest, on_token: OnToken | None = None) -> ModelReply:
        """Nobody asks it."""
        raise AssertionError

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Nothing to learn."""

    async def close(self) -> None:
        """Nothing is open."""


def _what(kind: str, name: str, key: CallKey) -> str:
    place = f"stage {key.stage}, visit {key.visit}, round {key.round}"
    return f"call {key.ordinal} of {key.agent!r} ({kind} {name}; {place})"


def _raised(failure: Failure) -> RunError:
    """The failure as it was."""
    if failure.model is None:
        return RunError(failure.message, hint=failure.hint, code=failure.code)
    raised = ModelFailed(failure.model, "", code=failure.code, hint=failure.hint, attempts=failure.attempts)
    raised.args, raised.status, raised.meta = (failure.message,), failure.status, dict(failure.meta)
    return raised


def _distance(entry: Entry, key: CallKey, name: str) -> tuple[object, ...]:
    near = entry.stage != key.stage, abs(entry.visit - key.visit), abs(entry.round - key.round)
    return entry.key != key, *near, entry.name != name, abs(entry.ordinal - key.ordinal)


def _lines(name: str, content: object) -> list[str]:
    text = dump({"name": name, "arguments": content})
    return [piece for line in text.splitlines() for piece in wrap(line, DIFF_CHARS, **_AS_IT_IS)]


def _difference(recorded: list[str], now: list[str]) -> list[str]:
    """A short unified diff; empty if they are the same."""
    first = next((at for at, (a, b) in enumerate(zip_longest(recorded, now)) if a != b), None)
    if first is None:
        return []
    part = slice(max(0, first - 1), first + COMPARED)
    lines = list(islice(unified_diff(recorded[part], now[part], "recorded", "now", n=1, lineterm=""), DIFF_LINES + 1))
    return [*lines[:DIFF_LINES], "…"] if len(lines) > DIFF_LINES else lines
