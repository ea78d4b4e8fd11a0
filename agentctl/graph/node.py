"""The node wrapper: one execution of one agent under the failure rules.

An agent's failure is caught here, so that its siblings always finish and LangGraph's own
retry and error handler, which repeat finished calls and cancel siblings, stay unused. The
result is journalled before anybody hears of it; a resumed run takes it from there.
"""

import asyncio
import time
from asyncio.tasks import _unregister_task
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn, cast

from agentctl.agents import AgentCall, AgentRegistry, BlockingPool, InThread, to_delta
from agentctl.agents.call import Fields
from agentctl.channels.view import plain, view
from agentctl.errors import AgentctlError, AgentFailed, JournalMismatch, LimitReached, StoreUnusable
from agentctl.graph.calls import JournalledCalls, key_of
from agentctl.graph.context import Fact, Place, RunContext, Say
from agentctl.graph.flow import Flow
from agentctl.graph.names import Names
from agentctl.graph.router import Control
from agentctl.logs import mask_values
from agentctl.store import Approval, CallKey
from agentctl.workspace.code import said
from agentctl.workspace.spec import AgentSpec, OnErrorSpec

LET_GO_S = 1.0
Entries = list[dict[str, Any]]
"""What tools said, as `history` keeps it."""
FAIL = OnErrorSpec(action="fail")
Record = dict[str, Any]
"""What is journalled of an execution: `delta`, `executed` roles, `outcome`, the `facts` to tell; `memory`, if any."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution: which role, where, on which state, in which run."""

    flow: Flow
    registry: AgentRegistry
    specs: Mapping[str, AgentSpec]
    run: RunContext
    say: Say
    state: Mapping[str, Any]
    control: Control

    async def node(self, role: str) -> dict[str, Any]:
        """Run `role` once, or take what it did from the journal; returns the node's writes."""
        place = self.control.place
        record: Record | None = await self.run.journal.find_delta(key_of(role, place))
        if record is None and self.run.is_over is not None:
            record = _record([], "limited", error=self.run.is_over)
        if record is None:
            try:
                async with self.run.gate:
                    record = cast("Record", mask_values(await self._attempt(role, place, []), self.run.mask))
            except _Halted as halted:
                _interrupt(halted.approvals)
            if record["outcome"]["status"] in ("ok", "skipped"):
                await self.run.journal.put_delta(key_of(role, place), record)
        await self._keep(role, place, record)
        for type_, data, key in record["facts"]:
            self.say((type_, data, key))
        # `by` is who did it in the end: the role, or its fallback.
        outcome = {**record["outcome"], "role": role, "by": (record["executed"] or [role])[-1]}
        delta = record["delta"]
        peaks = {"_peaks": delta["rewards"]} if "rewards" in delta else {}
        executed = {place.stage: record["executed"]}
        return {**delta, **peaks, "executed_agents_per_stage": executed, "_outcomes": [outcome]}

    async def _keep(self, role: str, place: Place, record: Record) -> None:
        """Put what was recorded into memory: once the journal has it, and again when that answers, under one id."""
        kept, memory = record.get("memory"), self.run.memory
        if not kept or memory is None or self.run.plays:
            return
        if warning := await memory.keep(role, (place.stage, place.visit, place.round), kept):
            self.say(("warning", {"message": warning}, ""))

    async def _attempt(self, role: str, place: Place, before: list[str]) -> Record:
        """Run `role`, and on failure what its `on_error` says."""
        started = time.monotonic()
        # As a fallback, a role may run twice in a round: for others, and for itself.
        name = ">".join([*before, role])
        if gone := await self.run.journal.find_delta(_failure_key(name, place)):
            return await self._instead(role, place, before, cast("Entries", gone["entries"]))
        calls = JournalledCalls(self.run, name, place, self.say)
        self.say(("agent.started", {"agent": role, **_at(place)}, ""))
        try:
            delta = await self._once(role, place, calls)
            memory = self.run.memory
            kept = memory and memory.take(place.stage, role, self.specs[role], delta)
        except LimitReached as limit:
            return _behind(calls.entries(), _record([*before, role], "limited", error=limit))
        except (StoreUnusable, _Halted):
            raise  # what the agent did cannot be kept, or is yet to be decided: no `on_error` makes that good
        except Exception as error:  # noqa: BLE001 - an agent's own code may raise anything
            self.run.log_traceback(role, error)
            hint = f"see the traceback in logs/workspaces/{self.run.workspace}/agents/{role}.log"
            return await self._failed(role, place, before, _as_failure(role, error, hint), calls.entries())
        data = _finished(role, place, delta, calls, time.monotonic() - started)
        finished: Fact = ("agent.finished", data, place.key("agent.finished", name))
        record = _behind(calls.entries(), _record([*before, role], "ok", delta=delta, facts=[finished]))
        return {**record, "memory": kept} if kept else record

    async def _once(self, role: str, place: Place, calls: JournalledCalls) -> dict[str, Any]:
        """One execution within its time limit, and its checked delta."""
        spec = self.specs[role]
        emit = _Emitter(self.say, {"agent": role, **_at(place)})
        try:
            async with asyncio.timeout(spec.timeout_s) as scope:
                calls.clock.scope = scope
                in_thread = _in_thread(self.run.pool, scope, spec.timeout_s)
                call = self._call(role, place, calls, emit, in_thread)
                fields = await _apart(role, self.registry[role].run(call), calls)
        except TimeoutError:
            if not scope.expired():
                raise
            raise AgentFailed(
                role,
                f"{spec.timeout_s:g} s passed",
                hint=f"raise `timeout_s` of {role}" + _hung(self.run.pool.abandoned),
                code="agent-timeout",
            ) from None
        finally:
            emit.is_open = False
        return to_delta(self.registry.writer(role), fields, place.stage, place.round)

    def _call(
        self, role: str, place: Place, calls: JournalledCalls, emit: Callable[[str], None], in_thread: InThread
    ) -> AgentCall:
        run, control = self.run, self.control
        identity = {"agent": role, "user": run.user, "session_id": run.session_id, "run_id": run.run_id}
        seed = run.seed
        known = {"turns": view(seed.turns), "earlier": seed.earlier, "attachments": view(seed.attachments)}
        if "episodic" in self.specs[role].memory.recall:
            known["memories"] = view(seed.memories)
        names = Names(
            self.flow,
            self.state,
            weighted=control.weighted,
            rounds=control.round - 1,
            reads=None if role in self.flow.decides else self.specs[role].reads,
            more={**identity, **known},
        )
        return AgentCall(
            role=role,
            stage=place.stage,
            visit=place.visit,
            round=place.round,
            workspace=run.workspace,
            session_id=run.session_id,
            run_id=run.run_id,
            user=run.user,
            names=names,
            calls=calls,
            client=run.clients.get(role),
            in_thread=in_thread,
            emit=emit,
            checkpointer=run.checkpointer,
            threads=run.threads,
            tools=run.tools.get(role, ()),
        )

    async def _failed(
        self, role: str, place: Place, before: list[str], error: AgentctlError, entries: Entries
    ) -> Record:
        """What `on_error` says; what its tools did stays in `history`, which a fallback sees."""
        # Whoever cannot be resumed has done things that nobody may do once more in its place.
        on_error = FAIL if isinstance(error, JournalMismatch) else self.specs[role].on_error
        status = "skipped" if on_error.action == "skip" else "failed"
        action = f"fallback to {on_error.fallback}" if on_error.fallback else on_error.action
        data = {"agent": role, **_at(place), "error": _error(error), "then": action}
        # What ends the run may fail again when it is resumed, and is then told again.
        once = place.key("agent.failed", ">".join([*before, role])) if action != "fail" else ""
        fact: Fact = ("agent.failed", data, once)
        self.say(fact)
        if on_error.fallback:
            # Kept, so that it is not done again if the run stops while the fallback is at work, or waits.
            key = _failure_key(">".join([*before, role]), place)
            await self.run.journal.put_delta(key, cast("Record", mask_values({"entries": entries}, self.run.mask)))
            return await self._instead(role, place, before, entries)
        return _behind(entries, _record([*before, role], status, error=error))

    async def _instead(self, role: str, place: Place, before: list[str], entries: Entries) -> Record:
        """Run the fallback of a role that has failed, with what its tools did in `history`."""
        fallback = self.specs[role].on_error.fallback
        assert fallback is not None
        told = replace(self, state={**self.state, "history": [*self.state["history"], *entries]})
        return _behind(entries, await told._attempt(fallback, place, [*before, role]))


def _record(
    executed: list[str],
    status: str,
    *,
    delta: dict[str, Any] | None = None,
    facts: list[Fact] | None = None,
    error: AgentctlError | None = None,
) -> Record:
    delta = delta or {}
    outcome = {"status": status, "error": _error(error) if error else None, "scored": "rewards" in delta}
    return {"delta": delta, "executed": executed, "outcome": outcome, "facts": facts or []}


def _failure_key(chain: str, place: Place) -> CallKey:
    """The journal's key of a failure that a fallback makes good."""
    return key_of(f"{chain}>", place)


def _behind(entries: Entries, record: Record) -> Record:
    """The record with what tools said before its agent did."""
    if entries:
        record["delta"]["history"] = [*entries, *record["delta"].get("history", ())]
    return record


def _finished(
    role: str, place: Place, delta: dict[str, Any], calls: JournalledCalls, duration_s: float
) -> dict[str, object]:
    said = [entry["text"] for entry in delta.get("history", [])]
    return {
        "agent": role,
        **_at(place),
        "step": place.step,
        "text": "\n\n".join(said),
        # Copies: whoever is shown the event cannot change what is merged.
        "writes": {channel: plain(value) for channel, value in delta.items() if channel != "history"},
        "usage": calls.usage(),
        "duration_s": round(duration_s, 3),
        **({"skipped": calls.skipped} if calls.skipped else {}),
    }


class _Halted(Exception):
    """The agent was ended, as somebody has to decide first."""

    def __init__(self, approvals: list[Approval]) -> None:
        super().__init__()
        self.approvals = approvals


def _interrupt(approvals: list[Approval]) -> NoReturn:
    """Stop the graph, from the node's own coroutine, once its step is through.

    Nothing is resumed with a value: the run is replayed, and each call finds its decision by its id.
    """
    from langgraph.types import interrupt

    shown = ("id", "tool", "args", "digest")
    interrupt({"calls": [{name: getattr(each, name) for name in shown} for each in approvals]})
    raise AssertionError


async def _apart(role: str, execution: Coroutine[Any, Any, Fields], calls: JournalledCalls) -> Fields:
    """Run an agent in a task of its own, so that it can cancel or abort nothing but itself.

    Raises:
        _Halted: it has to wait until somebody has decided.
    """

    async def guarded() -> tuple[Fields, BaseException | None]:
        try:
            return await execution, None
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - `SystemExit` and the like would end the event loop
            return {}, error

    agent = asyncio.create_task(guarded())
    try:
        first: set[asyncio.Future[Any]] = {agent, calls.halt.reached}
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not agent.done():
            calls.clock.end()
            raise _Halted(calls.halt.asked)
        fields, error = agent.result()
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise AgentFailed(role, "something that it waited for was cancelled") from None
    finally:
        calls.end()
        if not agent.done():
            await _let_go(agent)
    if error is not None and not isinstance(error, Exception):
        raise AgentFailed(role, said(error)) from error
    if error is not None:
        raise error
    return fields


async def _let_go(agent: asyncio.Task[Any]) -> None:
    """Cancel it; one that swallows that is left behind, and the loop does not wait for it at its own end."""
    agent.cancel()
    await asyncio.wait({agent}, timeout=LET_GO_S)
    if not agent.done():
        _unregister_task(agent)


class _Emitter:
    """Streams text of one execution, from the loop and from threads alike.

    An abandoned thread goes on emitting; once `is_open` is false, nobody hears of it.
    """

    def __init__(self, say: Say, place: dict[str, object]) -> None:
        self._tell, self._place, self._loop = say, place, asyncio.get_running_loop()
        self.is_open = True

    def __call__(self, text: str) -> None:
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if here:
            self._say(text)
        elif self.is_open:
            self._loop.call_soon_threadsafe(self._say, text)

    def _say(self, text: str) -> None:
        if self.is_open:
            self._tell(("token", {**self._place, "text": text}, ""))


def _in_thread(pool: BlockingPool, scope: asyncio.Timeout, timeout_s: float) -> InThread:
    """The pool as one agent calls it: its time starts with its thread.

    Otherwise agents that hang would use up the time of those that wait for their threads.
    """
    loop = asyncio.get_running_loop()

    async def run(function: Callable[[], object]) -> object:
        scope.reschedule(None)
        return await pool.run(function, on_start=lambda: scope.reschedule(loop.time() + timeout_s))

    return run


def _as_failure(role: str, error: BaseException, hint: str) -> AgentctlError:
    from langgraph.errors import GraphBubbleUp

    if isinstance(error, AgentctlError):
        return error
    if isinstance(error, GraphBubbleUp):
        hint = "make the agent a compiled graph or an entrypoint: their interrupts are asked as approvals"
        return AgentFailed(role, "it interrupts the graph that it is called by", hint=hint)
    return AgentFailed(role, said(error), hint=hint)


def _hung(abandoned: int) -> str:
    return f"; {abandoned} hung threads of blocking agents are still running" if abandoned > 1 else ""


def _error(error: AgentctlError) -> dict[str, str]:
    return {"code": error.code, "message": str(error), "hint": error.hint}


def _at(place: Place) -> dict[str, object]:
    return {"stage": place.stage, "visit": place.visit, "round": place.round}
