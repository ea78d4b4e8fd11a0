"""An agent's way out: metered and journalled calls."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

from agentctl.agents.call import Intent
from agentctl.errors import ModelFailed
from agentctl.graph.budget import Budget
from agentctl.graph.clock import Clock
from agentctl.graph.context import Place, RunContext, Say
from agentctl.graph.halt import Halt
from agentctl.graph.tool_calls import ToolCalls, answer_id, role_of
from agentctl.logs import mask_values
from agentctl.models import ModelClient, ModelReply, ModelRequest
from agentctl.store import Approval, CallKey
from agentctl.tools import ToolOutcome

FIRST_TOOL_CALL = 1_000_000
"""Ordinals of tool calls begin here: an agent may make some at once, while it calls models one by one."""


class JournalledCalls:
    """The calls of one execution of one agent, numbered in the order in which it makes them.

    Args:
        chain: the role, behind those that it is the fallback of.
        say: tells an event, from wherever the agent calls.

    Attributes:
        halt: where the execution stops until somebody has decided.
        clock: of the execution.
        skipped: the calls that a condition left out.
    """

    def __init__(self, run: RunContext, chain: str, place: Place, say: Say) -> None:
        self._run, self._chain, self._place, self._made = run, chain, place, 0
        self.halt, self.clock = Halt(), Clock()
        self.skipped: list[dict[str, object]] = []
        self._tools = ToolCalls(run, self._key(FIRST_TOOL_CALL), place, say, self.halt, self.clock)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.input_tokens = self.output_tokens = 0
        self.cost_usd: float | None = 0.0
        self.models: dict[str, bool] = {}

    async def model(self, client: ModelClient, request: ModelRequest, on_token: Callable[[str], None]) -> ModelReply:
        """Ask a model, or take its answer from the journal of an interrupted run."""
        await self.halt.enter()
        key = self._next()
        if not self._run.journal.has_result(key):
            self._run.budget.check()
        arguments = {"messages": request.messages, "schema": request.schema}

        failed = self._run.journal.failure(key)

        async def ask() -> Any:
            reply = await client.generate(request, on_token if self._run.watched else None)
            return mask_values(reply.to_json(), self._run.mask)

        async def perform() -> Any:
            try:
                answer = await self._run.taped(key, "model", client.name, arguments, ask)
            except ModelFailed as failure:
                _spend_meta(self._run.budget, failure.meta)
                failure.meta = _after(failed, failure.meta)
                raise
            return {**answer, "meta": _after(failed, answer["meta"])}

        answer, replayed = await self._run.journal.call(key, "model", client.name, arguments, perform)
        reply = ModelReply.from_json(answer)
        self._count(reply)
        if not replayed:  # the others are counted when the run is resumed
            _spend(self._run.budget, reply)
        return reply

    async def graph(self, name: str, argument: object, perform: Callable[[], Awaitable[Any]]) -> object:
        """One turn of a foreign graph as one call."""

        await self.halt.enter()
        key = self._next()

        async def masked() -> object:
            return mask_values(await perform(), self._run.mask)

        result, _ = await self._run.journal.call(
            key, "graph", name, argument, lambda: self._run.taped(key, "graph", name, argument, masked)
        )
        return result

    async def tools(self, intents: Sequence[Intent], *, aside: bool = False) -> list[ToolOutcome]:
        """See `Calls.tools`."""
        await self.halt.enter()
        if task := asyncio.current_task():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await self._tools.make(intents, aside=aside)

    async def answers(self, interrupts: Mapping[str, object]) -> dict[str, object]:
        """See `Calls.answers`."""
        await self.halt.enter()
        key, run = self._next(), self._run
        wanted: list[Approval] = []
        answers: dict[str, object] = {}
        for interrupt, value in interrupts.items() if not run.plays else ():
            id_ = answer_id(run.run_id, key, interrupt, value)
            if decided := run.approvals.decided(id_):
                is_plain = decided.status != "approved" or decided.edited is None
                answers[interrupt] = decided.status == "approved" if is_plain else decided.edited
            else:
                wanted.append(self._tools.approval(id_, "graph", "interrupt", value, "its graph asks"))
        await self._tools.ask(wanted)

        async def answered() -> dict[str, object]:
            return answers

        told: dict[str, object] = await run.taped(key, "graph", "answers", dict(interrupts), answered)
        return told

    def skip(self, tool: str, when: str, values: Mapping[str, object]) -> None:
        """See `Calls.skip`."""
        self.skipped.append({"tool": tool, "when": when, "values": dict(values)})

    def end(self) -> None:
        """The execution is over: what the agent left behind calls nothing any more."""
        self.halt.end()
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()

    def entries(self) -> list[dict[str, Any]]:
        """What `history` keeps of the tool calls, in the order in which they were wanted."""
        return [entry for _, entry in sorted(self._tools.entries.items())]

    def _next(self) -> CallKey:
        self._made += 1
        return self._key(self._made)

    def _key(self, ordinal: int) -> CallKey:
        place = self._place
        return CallKey(self._chain, place.stage, place.visit, place.round, ordinal)

    def _count(self, reply: ModelReply) -> None:
        usage, cost = reply.usage, reply.cost_usd
        self.input_tokens += usage["input_tokens"]
        self.output_tokens += usage["output_tokens"]
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        self.models[reply.model] = reply.simulated

    def usage(self) -> dict[str, object]:
        """What this execution used, as `agent.finished` tells it; empty without a model or tool."""
        tools = {"tool_calls": self._tools.ran} if self._tools.entries else {}
        if not self.models:
            return tools  # type: ignore[return-value]
        return {
            **tools,
            "model": ", ".join(self.models),
            "simulated": any(self.models.values()),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
        }


def replay(run: RunContext) -> None:
    """Count what earlier processes of the run spent, and tell its models what they have answered already."""
    for tool in run.journal.unknown():
        run.budget.add_tool_call(tool)
    for _, kept in run.journal.results("tool"):
        if kept["ran"]:
            run.budget.add_tool_call(str(kept["tool"]))
    for key, answer in run.journal.results("model"):
        reply = ModelReply.from_json(answer)
        _spend(run.budget, reply)
        _replayed(run, key, reply)
    # A graph agent that has finished is not asked again, and so cannot say where its memory stands.
    places: list[tuple[str, str, str]] = []
    for key, turn in run.journal.results("graph"):
        thread, checkpoint = cast("list[str]", turn["thread"])
        if "asks" not in turn:
            places.append((checkpoint, thread, role_of(key.agent)))
    for checkpoint, thread, role in sorted(places):  # checkpoints' ids grow with time
        run.threads[role] = thread, checkpoint
    for key, meta in run.journal.failures():
        _spend_meta(run.budget, meta)
        _replayed(run, key, ModelReply("", meta=meta))


def _after(failed: dict[str, Any], meta: dict[str, Any]) -> dict[str, object]:
    """`meta`, with the entries of scripts that the call took when it failed before."""
    before, taken = failed.get("taken", {}), meta.get("taken", {})
    both = {name: [*before.get(name, ()), *taken.get(name, ())] for name in {**before, **taken}}
    return {**meta, "taken": both} if both else meta


def _replayed(run: RunContext, key: CallKey, reply: ModelReply) -> None:
    role = role_of(key.agent)
    if client := run.clients.get(role):
        request = ModelRequest(role, key.stage, key.round, key.visit, run.run_id, messages=())
        client.replayed(request, reply)


def _spend(budget: Budget, reply: ModelReply) -> None:
    tokens = reply.usage["input_tokens"], reply.usage["output_tokens"]
    budget.add_model_call(reply.model, *tokens, reply.cost_usd)
    _spend_meta(budget, reply.meta)


def _spend_meta(budget: Budget, meta: Mapping[str, Any]) -> None:
    """Count answers that were paid and could not be used."""
    for spent in meta.get("spent", ()):
        tokens = spent["usage"]["input_tokens"], spent["usage"]["output_tokens"]
        budget.add_model_call(spent["model"], *tokens, spent["cost_usd"])


def key_of(role: str, place: Place) -> CallKey:
    """The journal's key of an execution's own result."""
    return CallKey(role, place.stage, place.visit, place.round, 0)
