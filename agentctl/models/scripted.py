"""`scripted:FILE`: replies from YAML, for tests of a workspace."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.models.call import ModelReply, ModelRequest, OnToken
from agentctl.models.message import text_of
from agentctl.models.provider import Answer, Fault
from agentctl.models.structured import AnswerInvalid, parse_answer, parse_object

if TYPE_CHECKING:
    from agentctl.workspace.replies import ScriptedReply

SHOWN = 300
_FAULTS: dict[str, tuple[str, str, int | None]] = {
    "timeout": ("model-timeout", "the script says it timed out", None),
    "429": ("model-rate-limited", "the script says too many requests", 429),
    "500": ("model-server-error", "the script says the server failed", 500),
    "malformed": ("model-malformed", "the script says the answer was malformed", None),
    "filtered": ("model-filtered", "the script says a content filter ended the answer", None),
}


class Scripted:
    """Plays the first unused reply that matches; what is used is counted per run."""

    simulated = True
    free = True

    def __init__(self, name: str, path: Path, replies: list["ScriptedReply"]) -> None:
        self.name = name
        self._path, self._replies = path, replies
        self._used: dict[str, list[int]] = {}

    def unsupported(self, media_type: str) -> str | None:
        """It takes everything; `contains` sees the text of files, and the names of all."""
        return None

    async def ask(self, request: ModelRequest, on_token: OnToken | None) -> Answer:
        """Play the next reply, or raise the error that it holds."""
        entry = self._next(request)
        self._used_of(request.run_id)[entry] += 1
        reply = self._replies[entry]
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.error is not None and not (reply.error == "malformed" and request.schema is not None):
            code, reason, status = _FAULTS[reply.error]
            raise Fault(code, reason, status=status, taken=(entry,))
        return self._answer(reply, entry, on_token, request)

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Mark the entries that the journalled reply took, tries that failed included."""
        used, taken = self._used_of(request.run_id), reply.meta.get("taken")
        for entry in taken.get(self.name, ()) if isinstance(taken, dict) else ():
            used[entry] += 1

    def forget(self, run_id: str) -> None:
        """Drop the counts of a run that has ended."""
        self._used.pop(run_id, None)

    async def close(self) -> None:
        """Nothing is open."""

    def _used_of(self, run_id: str) -> list[int]:
        return self._used.setdefault(run_id, [0] * len(self._replies))

    def _next(self, request: ModelRequest) -> int:
        used, prompt = self._used_of(request.run_id), request.prompt
        for entry, reply in enumerate(self._replies):
            if used[entry] < reply.times and reply.matches(request.agent, request.stage, request.round, prompt):
                return entry
        last = text_of(request.messages[-1]["content"]) if request.messages else ""
        shown = last[:SHOWN] + ("…" if len(last) > SHOWN else "")
        raise Fault(
            "model-no-reply",
            f"{self._path.name} has no reply left for agent {request.agent!r} in stage {request.stage!r},"
            f" round {request.round}; its prompt ends with {shown!r}",
            hint=f"add an entry to `replies:` in {self._path}, or `repeat: true` to one that may be used again",
        )

    @staticmethod
    def _answer(reply: "ScriptedReply", entry: int, on_token: OnToken | None, request: ModelRequest) -> Answer:
        if reply.error == "malformed":
            return Answer('{"text": "cut off', usage=reply.tokens, taken=(entry,))
        text, data = reply.text or "", reply.said | reply.fields if reply.fields and not reply.tool_calls else None
        shown: object = text
        if request.schema is not None and not reply.tool_calls:
            # Left as JSON for `Client` to check and have repaired, like the answer of a model.
            made = _structured(reply, request.schema)
            text, data, shown = json.dumps(made, ensure_ascii=False), None, made.get("text")
        if on_token is not None and isinstance(shown, str):
            for piece in _words(shown):
                on_token(piece)
        return Answer(
            text,
            finish_reason="tool_calls" if reply.tool_calls else "stop",
            data=data,
            usage=reply.tokens,
            tool_calls=[
                {"id": f"call_{request.ordinal}_{number}", "name": call.name, "args": dict(call.args)}
                for number, call in enumerate(reply.tool_calls)
            ],
            taken=(entry,),
        )


def _structured(reply: "ScriptedReply", schema: Mapping[str, object]) -> dict[str, object]:
    """The answer that a reply stands for, whether it follows the schema or not.

    Text that is a JSON object is the answer itself, and is words only where that alone fits.
    """
    fields = reply.fields_of(schema)
    made, told = fields | reply.said, _object_in(reply.text or "")
    if told is None:
        return made
    whole = told | fields
    return whole if _follows(whole, schema) or not _follows(made, schema) else made


def _object_in(text: str) -> dict[str, object] | None:
    if not text.lstrip().startswith(("{", "```")):
        return None
    try:
        return parse_object(text)
    except AnswerInvalid:
        return None


def _follows(data: Mapping[str, object], schema: Mapping[str, object]) -> bool:
    try:
        parse_answer(json.dumps(data), schema)
    except AnswerInvalid:
        return False
    return True


def _words(text: str) -> list[str]:
    """The text in a few pieces, cut behind spaces."""
    size = max(1, len(text) // 4)
    pieces: list[str] = []
    while text:
        cut = text.find(" ", size) + 1 or len(text)
        pieces.append(text[:cut])
        text = text[cut:]
    return pieces


def load_scripted(name: str, path: Path, workspace: str) -> Scripted:
    """Read and check a file of replies.

    Raises:
        WorkspaceInvalid: with one Problem a fault, each with its line.
        UsageError: there is no such file.
    """
    # pydantic and yaml are only loaded by those who use a script.
    from agentctl.models.script import load_replies

    return Scripted(name, path, load_replies(path, workspace))
