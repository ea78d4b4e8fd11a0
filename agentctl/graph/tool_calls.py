"""The tool calls that an agent wants: judged one by one, then made at once.

An agent's word is an intent. Whether it is carried out is decided here, by what the agent lists,
the tool's schema, the run's limits, its journal and people; never by the model's text.
"""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from agentctl.agents.call import Intent
from agentctl.channels.shape import is_word
from agentctl.channels.view import plain
from agentctl.errors import JournalMismatch, did_you_mean
from agentctl.graph.clock import Clock
from agentctl.graph.context import Place, RunContext, Say
from agentctl.graph.halt import Halt
from agentctl.logs import mask_values
from agentctl.store import Approval, ApprovalKind, CallKey
from agentctl.store.journal import digest_of
from agentctl.tools import ToolInfo, ToolOutcome
from agentctl.tools.server_call import Question, Reply

SHOWN = 2_000
"""Characters of a result in events and in `history`; the agent itself reads all of it."""

MOMENT_S = 0.2
"""What an agent does at once may come in another order, but not much later."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that an agent wants; `id` is the same again whenever it wants it in the same place.

    `key` is its row of the journal, `place` its place among the calls of its execution that are alike.
    """

    id: str
    key: CallKey
    place: CallKey
    name: str
    args: object
    digest: str
    info: ToolInfo | None


@dataclass(frozen=True, slots=True)
class Go:
    """It may be made, with these arguments; `again` if it started before and nobody knows what came of it."""

    args: Mapping[str, Any]
    again: bool = False


Verdict = Go | ToolOutcome | Approval


class ToolCalls:
    """The tool calls of one execution.

    Args:
        first: key of the first call.
        say: tells an event, from wherever the agent calls.
        halt: stops the execution while somebody is asked.
        clock: of the execution.

    Attributes:
        entries: what `history` keeps, by the ordinal of the call.
        ran: how many were made, and not refused.
    """

    def __init__(self, run: RunContext, first: CallKey, place: Place, say: Say, halt: Halt, clock: Clock) -> None:
        self._run, self._place, self._say, self._halt, self._clock = run, place, say, halt, clock
        self._role = role_of(first.agent)
        self._tools = {tool.name: tool for tool in run.tools.get(self._role, ())}
        # What was called when this execution was begun before, and is not called again yet.
        self._earlier = run.journal.tool_calls(first)
        self._next = self._earlier[-1][0].ordinal + 1 if self._earlier else first.ordinal
        self._first, self._alike = first, Counter[str]()
        self._under_way, self._in_order = 0, True
        self.entries: dict[int, dict[str, Any]] = {}
        self.ran = 0

    async def make(self, intents: Sequence[Intent], *, aside: bool) -> list[ToolOutcome]:
        """See `Calls.tools`."""
        self._in_order = self._in_order and not aside and not self._under_way
        self._under_way += 1
        try:
            return await self._make_all([self._call(*intent) for intent in intents])
        finally:
            self._under_way -= 1

    async def _make_all(self, calls: Sequence[ToolCall]) -> list[ToolOutcome]:
        verdicts = [await self._judge(call) for call in calls]
        judged = zip(calls, verdicts, strict=True)
        wanted = {call.key: verdict for call, verdict in judged if isinstance(verdict, Approval)}
        if any(not self._run.journal.starts(key) for key in wanted):  # what has started is counted already
            self._run.budget.check_tool_call()
        await self.ask(list(wanted.values()))
        await self._halt.enter()  # somebody may have been asked while these were judged
        with self._halt.call():
            made = [self._make(call, verdict) for call, verdict in zip(calls, verdicts, strict=True)]
            return await _all(made)

    async def ask(self, wanted: Sequence[Approval]) -> None:
        """Stop the execution unless nothing is wanted."""
        if wanted:
            asked = await self._run.approvals.request(wanted)
            for approval in asked:
                self._tell_asked(approval)
            await self._halt.ask(asked)

    def approval(
        self, id_: str, kind: ApprovalKind, tool: str, args: object, why: str, schema: Mapping[str, Any] | None = None
    ) -> Approval:
        """What somebody is asked about this execution; `schema` is of what may be said instead of `args`."""
        run, place = self._run, self._place
        if schema is None and (info := self._tools.get(tool)):
            schema = info.schema
        return Approval(
            id=id_,
            run_id=run.run_id,
            session_id=run.session_id,
            user_id=run.user,
            workspace=run.workspace,
            agent=self._role,
            stage=place.stage,
            round=place.round,
            kind=kind,
            tool=tool,
            args=mask_values(storable(args), run.mask),
            digest=digest_of("tool", tool, args),
            schema=None if schema is None else mask_values(dict(schema), run.mask),  # type: ignore[arg-type]
            why=run.mask(why),
        )

    def _call(self, name: str, args: object) -> ToolCall:
        name, args = name.encode("utf-8", "replace").decode(), plain(args)
        digest = digest_of("tool", name, args)
        self._alike[digest] += 1
        place = replace(self._first, ordinal=self._alike[digest])
        id_ = call_id(self._run.run_id, place, digest)
        return ToolCall(id_, self._key_of(name, digest), place, name, args, digest, self._tools.get(name))

    def _key_of(self, name: str, digest: str) -> CallKey:
        """The row of a call: the one that it had when the execution was begun before, or a new one.

        Raises:
            JournalMismatch: an agent that calls one tool after the other called another one before.
        """
        for index, (key, known, _) in enumerate(self._earlier):
            if known == digest:
                del self._earlier[index]
                return key
            if self._in_order:
                raise JournalMismatch(key.agent, key.ordinal - self._first.ordinal + 1, name)
        self._next += 1
        return replace(self._first, ordinal=self._next - 1)

    async def _judge(self, call: ToolCall) -> Verdict:
        """What is to be done about a call: make it, refuse it, or ask."""
        run, info = self._run, call.info
        args = call.args if isinstance(call.args, Mapping) else {}
        if run.journal.has_result(call.key) or run.plays:
            return Go(args)
        starts = run.journal.starts(call.key)
        if info is None and starts:
            return ToolOutcome("unknown", "the run was interrupted during the call, and its tool is away now")
        if info is None:
            return ToolOutcome("error", self._lacking(call.name))
        assert run.toolbox is not None
        if fault := run.toolbox.check_arguments(call.name, call.args):
            return ToolOutcome("error", fault)
        decided = run.approvals.decided(call.id)
        if decided is not None and decided.status != "approved":
            return ToolOutcome("denied", _denied(decided))
        if starts:
            return self._again(call, info, args, starts)
        if spent := self._spent(call):  # nobody need be asked
            return ToolOutcome("error", spent)
        if decided is not None:
            return self._edited(call, args, decided)
        return await self._unasked(call, info, args)

    async def _unasked(self, call: ToolCall, info: ToolInfo, args: Mapping[str, Any]) -> Verdict:
        """About a call that nobody has been asked about, and that was not begun."""
        run = self._run
        if not info.is_repeatable and await self._may_be_another(call):
            why = f"the agent called {call.name} with other arguments before it was interrupted; make this call, too?"
            return self.approval(call.id, "unknown", call.name, args, why)
        if not info.needs_approval or await run.approvals.is_always(run.session_id, call.digest):
            return Go(args)
        why = "workspace.yaml says to ask" if info.approve == "always" else f"{call.name} may change or delete things"
        return self.approval(call.id, "call", call.name, args, why)

    def _lacking(self, name: str) -> str:
        """Why the agent cannot call it."""
        box = self._run.toolbox
        if box is not None and box.is_away(name) and (reason := box.check_arguments(name, {})):
            return reason
        near = did_you_mean(name, list(self._tools))
        known = f"; you can call {', '.join(self._tools)}" if self._tools else ""
        return f"you have no tool {name!r}{near or known}"

    async def _may_be_another(self, call: ToolCall) -> bool:
        """Whether this may be a call that was made before, by an agent that is not deterministic."""

        def is_left() -> bool:
            return any(name == call.name for _, _, name in self._earlier)

        if is_left():  # whoever made it may be about to make it anew
            await asyncio.sleep(MOMENT_S)
        return is_left()

    def _again(self, call: ToolCall, info: ToolInfo, args: Mapping[str, Any], starts: int) -> Verdict:
        """About a call that was under way when its process died."""
        asked = [call.id, *(_hash(call.id, "again", number + 1) for number in range(starts))]
        id_, decisions = asked[-1], [self._run.approvals.decided(each) for each in asked]
        for each in decisions:  # the last edit is what it was made with, or is to be
            args = each.edited if each is not None and each.edited is not None else args
        if info.is_repeatable:
            return Go(args, again=True)
        decided = decisions[-1]
        if decided is None:
            why = (
                f"{call.name} was under way when the run was interrupted: nobody knows what came of it; call it again?"
            )
            return self.approval(id_, "unknown", call.name, args, why)
        if decided.status == "approved":
            return Go(args, again=True)
        return ToolOutcome("unknown", f"the run was interrupted during the call, and {_denied(decided)}")

    def _edited(self, call: ToolCall, args: Mapping[str, Any], approval: Approval) -> Verdict:
        if approval.edited is None:
            return Go(args)
        assert self._run.toolbox is not None
        fault = self._run.toolbox.check_arguments(call.name, approval.edited)
        return ToolOutcome("error", fault) if fault else Go(approval.edited)

    async def _make(self, call: ToolCall, verdict: Verdict) -> ToolOutcome:
        """Carry a verdict out, or take what came of it from the journal."""
        assert not isinstance(verdict, Approval)
        run = self._run
        is_again = isinstance(verdict, Go) and verdict.again
        if not run.journal.has_result(call.key) and isinstance(verdict, Go):
            verdict = self._within_limits(call, verdict)

        async def carry_out() -> dict[str, Any]:
            outcome = verdict if isinstance(verdict, ToolOutcome) else await self._perform(call, verdict.args)
            ran = isinstance(verdict, Go) or verdict.status == "unknown"  # that one began
            kept = {"tool": call.name, "args": args, "ran": ran, "outcome": outcome.to_json()}
            return mask_values(kept, run.mask)  # type: ignore[return-value]

        async def perform() -> dict[str, Any]:
            once = "" if is_again else self._key("tool.called", call)
            self._say(("tool.called", {**self._at(call), "args": args}, once))
            done: dict[str, Any] = await run.taped(call.place, "tool", call.name, call.args, carry_out)
            return done

        args = storable(verdict.args if isinstance(verdict, Go) else call.args)
        # What is only said and not done may be said again.
        again = is_again or isinstance(verdict, ToolOutcome)
        kept, _ = await run.journal.call(call.key, "tool", call.name, call.args, perform, again=again)
        outcome = ToolOutcome.from_json(kept["outcome"])
        files = await run.keep_files(call.id, outcome.blocks) if outcome.blocks else []
        told = {"status": outcome.status, "text": _short(outcome.text), "ran": kept["ran"]}
        told["duration_s"] = round(outcome.duration_s, 4)
        self.ran += bool(kept["ran"])
        if files:
            told["files"] = files
        self._say(("tool.returned", {**self._at(call), **told}, self._key("tool.returned", call)))
        self.entries[call.key.ordinal] = self._entry(call, outcome, kept["args"], files)
        return outcome

    def _within_limits(self, call: ToolCall, verdict: Go) -> Verdict:
        if verdict.again:  # it was counted when it began
            return verdict
        if spent := self._spent(call):
            return ToolOutcome("error", spent)
        self._run.budget.check_tool_call()
        self._run.budget.add_tool_call(call.name)
        return verdict

    def _spent(self, call: ToolCall) -> str:
        """That the tool was called as often as may be; empty if it was not."""
        most = call.info.max_calls if call.info else None
        if most is None or self._run.budget.calls_of[call.name] < most:
            return ""
        return f"{call.name} may be called {most} times in a run, and has been"

    async def _perform(self, call: ToolCall, args: Mapping[str, Any]) -> ToolOutcome:
        run = self._run
        assert run.toolbox is not None
        numbers = count(1)

        async def on_elicit(question: Question) -> Reply:
            return await self._elicit(call, question, next(numbers))

        meta = {"agentctl": {"idempotency_key": call.id}}
        return await run.toolbox.call(call.name, args, meta=meta, on_elicit=on_elicit)

    async def _elicit(self, call: ToolCall, question: Question, number: int) -> Reply:
        """Put a server's question to people while its call waits."""
        asked = {"message": question.message, "schema": question.schema, "url": question.url}
        why = f"server {question.server!r} asks: {question.message}"
        id_, form = _hash(call.id, "question", number, asked), question.schema or {}
        wanted = self.approval(id_, "question", call.name, asked, why, form)
        (approval,) = await self._run.approvals.request([wanted])
        self._tell_asked(approval)
        with self._run.clock.stopped(), self._clock.stopped():
            decided = await self._run.approvals.wait(approval)
        if decided.status != "approved":
            return Reply("cancel" if decided.edited == "cancel" else "decline")
        return Reply("accept", decided.edited or {})

    def _entry(self, call: ToolCall, outcome: ToolOutcome, args: object, files: Sequence[str]) -> dict[str, Any]:
        text = _short(outcome.text)
        is_short = outcome.structured is not None and len(json.dumps(outcome.structured)) <= SHOWN
        data = {"tool": call.name, "call_id": call.id, "args": args, "status": outcome.status}
        data["result"] = storable(outcome.structured) if is_short else text
        if files:
            data["files"] = list(files)
        return {"agent": self._role, "stage": self._place.stage, "round": self._place.round, "text": text, "data": data}

    def _tell_asked(self, approval: Approval) -> None:
        told = {
            **self._here(),
            "call_id": approval.id,
            **{name: getattr(approval, name) for name in ("tool", "args", "kind", "why", "expires_at")},
        }
        self._say(("approval.requested", told, f"approval.requested/{approval.id}/{approval.expires_at}"))

    def _here(self) -> dict[str, Any]:
        place = self._place
        return {"agent": self._role, "stage": place.stage, "visit": place.visit, "round": place.round}

    def _at(self, call: ToolCall) -> dict[str, Any]:
        return {**self._here(), "tool": call.name, "call_id": call.id}

    def _key(self, type_: str, call: ToolCall) -> str:
        return self._place.key(type_, call.id)


async def _all(made: Sequence[Coroutine[Any, Any, ToolOutcome]]) -> list[ToolOutcome]:
    """All outcomes; a call that raises ends none of the others."""
    outcomes = await asyncio.gather(*made, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes  # type: ignore[return-value]


def role_of(chain: str) -> str:
    """Who acts: the last of those of whom each is the fallback of the one before."""
    return chain.rpartition(">")[2]


def call_id(run_id: str, place: CallKey, digest: str) -> str:
    """Names a call in its run: its approval, and what its server tells a repeated request by."""
    return _hash(run_id, place.agent, place.stage, place.visit, place.round, place.ordinal, digest)


def answer_id(run_id: str, key: CallKey, interrupt: str, value: object) -> str:
    """Names the approval of a graph's interrupt."""
    return call_id(run_id, key, digest_of("graph", interrupt, value))


def _hash(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _denied(approval: Approval) -> str:
    if approval.status == "expired":
        return "nobody allowed it in time"
    return f"the user did not allow it: {approval.reason}" if approval.reason else "the user did not allow it"


def storable(value: object) -> Any:
    """JSON that every store takes: numbers that have no place in one become text."""
    return json.loads(json.dumps(value), parse_constant=str, parse_int=_whole)


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 21 and is_word(int(digits)) else digits


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"
