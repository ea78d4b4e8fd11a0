"""An agent's way out: metered and journalled calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from agentctl.errors import ModelFailed
from agentctl.graph.budget import Budget
from agentctl.graph.context import Place, RunContext
from agentctl.logs import mask_values
from agentctl.models import ModelClient, ModelReply, ModelRequest
from agentctl.store import CallKey


class JournalledCalls:
    """The calls of one execution of one agent, numbered in the order in which it makes them."""

    def __init__(self, run: RunContext, role: str, place: Place) -> None:
        self._run, self._role, self._place, self._made = run, role, place, 0
        self.input_tokens = self.output_tokens = 0
        self.cost_usd: float | None = 0.0
        self.models: dict[str, bool] = {}

    async def model(self, client: ModelClient, request: ModelRequest, on_token: Callable[[str], None]) -> ModelReply:
        """Ask a model, or take its answer from the journal of an interrupted run."""
        key = self._next()
        if not self._run.journal.has_result(key):
            self._run.budget.check()
        arguments = {"messages": request.messages, "schema": request.schema}

        failed = self._run.journal.failure(key)

        async def perform() -> Any:
            try:
                reply = await client.generate(request, on_token if self._run.watched else None)
            except ModelFailed as failure:
                _spend_meta(self._run.budget, failure.meta)
                failure.meta = _after(failed, failure.meta)
                raise
            return mask_values(replace(reply, meta=_after(failed, reply.meta)).to_json(), self._run.mask)

        answer, replayed = await self._run.journal.call(key, "model", client.name, arguments, perform)
        reply = ModelReply.from_json(answer)
        self._count(reply)
        if not replayed:  # the others are counted when the run is resumed
            _spend(self._run.budget, reply)
        return reply

    async def graph(self, name: str, argument: object, perform: Callable[[], Awaitable[Any]]) -> object:
        """One turn of a foreign graph as one call."""

        async def masked() -> object:
            return mask_values(await perform(), self._run.mask)

        result, _ = await self._run.journal.call(self._next(), "graph", name, argument, masked)
        return result

    def _next(self) -> CallKey:
        self._made += 1
        place = self._place
        return CallKey(self._role, place.stage, place.visit, place.round, self._made)

    def _count(self, reply: ModelReply) -> None:
        usage, cost = reply.usage, reply.cost_usd
        self.input_tokens += usage["input_tokens"]
        self.output_tokens += usage["output_tokens"]
        self.cost_usd = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        self.models[reply.model] = reply.simulated

    def usage(self) -> dict[str, object]:
        """What this execution used, as `agent.finished` tells it; empty without a model."""
        if not self.models:
            return {}
        return {
            "model": ", ".join(self.models),
            "simulated": any(self.models.values()),
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_usd,
        }


def replay(run: RunContext) -> None:
    """Count what earlier processes of the run spent, and tell its models what they have answered already."""
    for key, answer in run.journal.results("model"):
        reply = ModelReply.from_json(answer)
        _spend(run.budget, reply)
        _replayed(run, key, reply)
    # A graph agent that has finished is not asked again, and so cannot say where its memory stands.
    places: list[tuple[str, str, str]] = []
    for key, turn in run.journal.results("graph"):
        thread, checkpoint = cast("list[str]", turn["thread"])
        places.append((checkpoint, thread, key.agent.rpartition(">")[2]))
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
    role = key.agent.rpartition(">")[2]
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
