"""One per run: seeds the state, drives the graph, tells what happened, ends the run.

It holds no business logic: routing lives in rules, scoring in channels, wording in prompts.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentctl.errors import AgentctlError, LimitReached
from agentctl.events.event import EventType
from agentctl.graph import Flow, RunContext
from agentctl.runtime.outbox import Outbox
from agentctl.runtime.result import RunResult, Status, outcome
from agentctl.store import Approval, Store

NO_LIMIT = 1_000_000_000
"""LangGraph's recursion limit is not used: `max_steps` counts passes of agents, not of the router."""


@dataclass
class Orchestrator:
    """Drives one run of one generation's graph.

    `active_s` is the time spent before a resume, 0 in a new run. `timeout_s` bounds the active
    time over all resumes; None for no bound.
    """

    graph: Any
    flow: Flow
    context: RunContext
    generation: str
    task: str
    store: Store
    outbox: Outbox
    timeout_s: float | None
    active_s: float = 0.0
    values: Mapping[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    """Approvals that it stopped for."""

    async def run(self, started: Mapping[str, Any], warnings: Sequence[str] = ()) -> RunResult:
        """From `run.started` to `run.finished`; a failed run is a result, not an exception.

        Args:
            started: the data of `run.started`.
            warnings: told behind it.

        Raises:
            asyncio.CancelledError: after `run.finished` with status `cancelled` is kept.
            StoreUnusable: the run cannot be kept; no `run.finished` is told.
        """
        clock = time.monotonic() - self.active_s
        self.outbox.tell("run.started", {**started, "task": self.task, "generation": self.generation})
        for warning in warnings:
            self.outbox.tell("warning", {"message": warning})
        status: Status
        error: Mapping[str, str] | None
        try:
            status, error = await self._drive()
        except asyncio.CancelledError:
            stopped = {"code": "cancelled", "message": "the run was stopped", "hint": self._again()}
            await self._finish("cancelled", stopped, clock)
            raise
        return await self._finish(status, error, clock)

    async def _drive(self) -> tuple[Status, Mapping[str, str] | None]:
        """Stream the graph until it ends; returns how."""
        left = None if self.timeout_s is None else max(0.0, self.timeout_s - self.active_s)
        try:
            async with asyncio.timeout(left) as scope:
                self.context.clock.scope = scope
                while asked := await self._stream(self.outbox.tell):
                    self.asked = [call["id"] for call in asked]
                    if not await self._decided():
                        open_ = [each for each in self.context.approvals.undecided() if each.id in self.asked]
                        return "waiting", _wanted(self.context.run_id, open_)
                    await self.forget_checkpoints()
                    self.asked = []
        except TimeoutError:
            if not scope.expired():
                raise
            assert self.timeout_s is not None
            limit = LimitReached("timeout_s", self.timeout_s)
            self.outbox.tell("limit.reached", {"message": str(limit), "hint": limit.hint})
            await self._gather(limit)
            return "limited", _error(limit)
        except AgentctlError as error:
            return "failed", _error(error)
        control = self.values["_control"]
        return control["status"], control["error"]

    async def _decided(self) -> bool:
        """Whether people have decided all that agents wait for, once those who are there were asked.

        The run is then replayed from its journal, and each call finds its decision.
        """
        with self.context.clock.stopped():
            return await self.context.approvals.settle(self.asked)

    async def _gather(self, limit: LimitReached) -> None:
        """Merge what agents had finished when the time was up in the middle of their round.

        The run is replayed from its journal, in silence, and whoever has no result is left out.
        """
        self.context = replace(self.context, is_over=limit)
        await self.forget_checkpoints()
        await self._stream(lambda type_, data, key: None)

    async def forget_checkpoints(self) -> None:
        """Drop the run's thread: it would be merged with what is replayed from the journal."""
        await self.graph.checkpointer.adelete_thread(self.context.run_id)

    async def _stream(self, tell: Callable[[EventType, Mapping[str, Any], str], None]) -> list[Mapping[str, Any]]:
        """Drive the graph until it ends, or is interrupted; returns the calls that somebody has to decide first."""
        from agentctl.channels.build import initial_state  # imports LangGraph

        state = initial_state(self.task, list(self.flow.stages), self.flow.start, self.flow.channels)
        state["_peaks"] = {}
        config = {"configurable": {"thread_id": self.context.run_id}, "recursion_limit": NO_LIMIT, "callbacks": []}
        # "exit": the journal holds what agents did, committed before anybody hears of it, and
        # the router is a function of the state, so a killed run is replayed from its first
        # step. A checkpoint a step costs three times as much and would save only that replay.
        stream = self.graph.astream(
            state, config, context=self.context, stream_mode=["custom", "values"], durability="exit"
        )
        asked: list[Mapping[str, Any]] = []
        async for mode, payload in stream:
            if mode == "values":
                for interrupt in payload.pop("__interrupt__", ()):
                    asked += interrupt.value["calls"]
                self.values = payload
            else:
                tell(*payload)
        return asked

    async def _finish(self, status: Status, error: Mapping[str, str] | None, clock: float) -> RunResult:
        duration_s = time.monotonic() - clock - self.context.clock.waited_s
        waits = self.asked if status == "waiting" else ()
        await self.context.approvals.withdraw(keep=waits)
        result = RunResult(
            workspace=self.context.workspace,
            session_id=self.context.session_id,
            run_id=self.context.run_id,
            status=status,
            usage=self.context.budget.usage(duration_s),
            generation=self.generation,
            error=None if status == "done" else error,
            **outcome(self.values, self.flow),
        )
        if warning := self.context.budget.unpriced_warning():
            self.outbox.tell("warning", {"message": warning}, "warning/price")
        data = result.as_data()
        # The event is told before the row is updated, and the row is awaited: who reads a
        # finished run reads all of it, and who returns has shown all of it.
        self.outbox.tell("run.finished", data)
        # A recording tells of threads of another session.
        moved = {} if self.context.plays else self.context.threads
        threads = {role: list(place) for role, place in moved.items()}
        await self.store.update_run(
            self.context.run_id,
            threads=threads or None,
            fence=self.outbox.fence,
            status=status,
            result=data,
            active_s=duration_s,
            reserved=0,
        )
        return result

    def _again(self) -> str:
        return f"continue with `agentctl resume {self.context.run_id}`"


def _wanted(run_id: str, asked: Sequence[Approval]) -> dict[str, str]:
    """What a waiting run says of itself."""
    calls = ", ".join(f"{call.tool} ({call.id})" for call in asked)
    first = asked[0].id if asked else "ID"
    hint = f"decide with `agentctl approvals approve {first}` or `deny`, then `agentctl resume {run_id}`"
    return {"code": "approval-needed", "message": f"it waits for somebody to allow {calls}", "hint": hint}


def _error(error: AgentctlError) -> dict[str, str]:
    return {"code": error.code, "message": str(error), "hint": error.hint}
