"""`kind: python`: a function, a Runnable, a compiled graph or an entrypoint of the workspace."""

import asyncio
import copy
import inspect
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError as FutureCancelled
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from agentctl.agents.call import AgentCall, Fields
from agentctl.agents.output import OWN_FIELDS
from agentctl.channels.view import plain
from agentctl.errors import AgentFailed, ToolFailed, WorkspaceError
from agentctl.store.threads import copy_thread
from agentctl.workspace.spec import AgentSpec

if TYPE_CHECKING:
    from agentctl.store.branch import Branch


class Context:
    """`ctx` of a python agent: where the call stands, and the ways out of it.

    Attributes:
        workspace, session_id, run_id, user, agent, stage: names, as strings.
        round: 1 in the first pass of a visit.
        turns: the session's last ones as `{user, answer, run_id}`, oldest first.
        earlier: a summary of what was said before these; `""` if nothing was.
        attachments: the files of this turn as `{name, media_type, path, bytes}`.
        memories: what was recalled.
    """

    def __init__(self, call: AgentCall) -> None:
        self.workspace, self.session_id, self.run_id = call.workspace, call.session_id, call.run_id
        self.user, self.agent, self.stage, self.round = call.user, call.role, call.stage, call.round
        names: Mapping[str, Any] = call.names
        self.turns: Sequence[Any] = plain(tuple(names["turns"]))
        self.earlier: str = names["earlier"]
        self.attachments: Sequence[Any] = plain(tuple(names["attachments"]))
        self.memories: Sequence[Any] = plain(tuple(names["memories"]))
        self._emit, self._calls, self._loop = call.emit, call.calls, asyncio.get_running_loop()
        self._home: tuple[int, object] | None = None

    def emit(self, text: str) -> None:
        """Stream `text` to whoever watches the run; safe from any thread."""
        if not isinstance(text, str):
            raise TypeError(f"ctx.emit takes text, not {type(text).__name__}")
        self._emit(text)

    async def call_tool(self, name: str, /, **arguments: object) -> object:
        """Call a tool that the agent lists; returns its result as JSON, or its text where it gave no more.

        If somebody has to allow the call, the agent ends here, and is called anew once that is decided: what
        it called before is answered from the journal, all else that it did before is done again.

        Raises:
            ToolFailed: the tool failed, was not allowed, or nobody knows what came of it.
        """
        call = self._tool(name, arguments, aside=_here() != self._home)
        if asyncio.get_running_loop() is self._loop:
            return await call
        # A blocking agent runs a loop of its own.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))

    async def _tool(self, name: str, arguments: Mapping[str, object], *, aside: bool) -> object:
        (outcome,) = await self._calls.tools([(name, arguments)], aside=aside)
        if outcome.status != "ok":
            raise ToolFailed(name, outcome.status, outcome.text)
        return outcome.text if outcome.structured is None else outcome.structured

    def call_tool_sync(self, name: str, /, **arguments: object) -> object:
        """As `call_tool`, from the threads of a blocking agent."""
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("`ctx.call_tool_sync` would block this async code: use `await ctx.call_tool(…)`")
        call = self._tool(name, arguments, aside=_here() != self._home)
        try:
            return asyncio.run_coroutine_threadsafe(call, self._loop).result()
        except FutureCancelled:
            # The agent has ended or begins anew: nothing that catches exceptions may go on.
            raise asyncio.CancelledError("the agent has ended") from None


@dataclass(frozen=True, slots=True)
class PythonAgent:
    """Calls what `entry` names; blocking functions run in the pool."""

    role: str
    spec: AgentSpec
    target: Any
    takes_context: Literal["no", "second", "keyword"]
    kind: str
    fields: frozenset[str]

    async def run(self, call: AgentCall) -> Fields:
        """Call the entry and return its fields; any exception of it passes through."""
        if self.kind == "graph":
            answer = await self._turn(call)
            thread_id, checkpoint_id = answer["thread"]
            call.threads[self.role] = thread_id, checkpoint_id
            result = answer["fields"]
        elif self.kind == "runnable":
            result = await self.target.ainvoke(plain(call.state))
        elif self.kind == "async":
            result = await self._call(call, self._context(call))
        else:
            context = self._context(call)
            result = await call.in_thread(lambda: self._call(call, context))
            if inspect.isawaitable(result):  # a callable object or partial that hides an async function
                result = await result
        return _fields(self.role, result)

    def _context(self, call: AgentCall) -> Context | None:
        return None if self.takes_context == "no" else Context(call)

    def _call(self, call: AgentCall, context: Context | None) -> Any:
        if context is None:
            return self.target(call.state)
        context._home = _here()  # what it calls from elsewhere, it calls in no order
        return (
            self.target(call.state, context) if self.takes_context == "second" else self.target(call.state, ctx=context)
        )

    def _of_graph(self, result: object) -> object:
        """What a graph returns is its whole state; the agent's own fields are what it says."""
        if not isinstance(result, Mapping) or "messages" in result:
            return result
        said = {name: value for name, value in result.items() if name in self.fields}
        if result and not said:
            raise AgentFailed(
                self.role,
                f"its graph ended with {', '.join(map(repr, result))}, none of which is an output field",
                hint="put what it says into `text`, or declare a field under `output:`",
                code="agent-output",
            )
        return said

    async def _turn(self, call: AgentCall) -> Any:
        """One turn of a foreign graph; where it interrupts itself, somebody is asked, and it goes on from there."""
        name, before = self.spec.entry or "", call.threads.get(self.role)
        answer: Any = await call.calls.graph(name, plain(call.state), lambda: self._graph(call, None, before))
        while "asks" in answer:
            given, thread = await call.calls.answers(answer["asks"]), tuple(answer["thread"])
            told = {"thread": list(thread), "answers": given}
            answer = await call.calls.graph(name, told, partial(self._graph, call, given, thread))
        return answer

    async def _graph(
        self, call: AgentCall, answers: Mapping[str, object] | None, place: tuple[str, str] | None
    ) -> dict[str, object]:
        """One call of a foreign graph.

        It starts from where the memory stood when the last turn ended, or from nothing; what else is in
        the thread is of turns that died or were rewound.

        Args:
            answers: to its interrupts, by their ids; None in the first call of a turn.
            place: thread and checkpoint where its memory stands.

        Returns:
            its output `fields`, or what it `asks` by the ids of its interrupts; and the `thread` and
            checkpoint where its memory stands then.
        """
        branch = await self._branch(call, place)
        # Not the caller's configuration: a nested graph would take its parent's namespace and stream.
        thread = {"thread_id": _thread_id(call), "checkpoint_ns": "", "user_id": call.user}
        graph = copy.copy(self.target)  # its own `copy` would forget which types the checkpointer may read
        graph.checkpointer = branch
        given = _graph_input(graph, call) if answers is None else _resuming(answers)
        result = await graph.ainvoke(given, {"configurable": thread, "callbacks": []}, durability="exit")
        place = _thread_id(call), branch.heads[""]
        if isinstance(result, Mapping) and "__interrupt__" in result:
            asks = {each.id: _jsonable(each.value) for each in result["__interrupt__"]}
            return {"asks": asks, "thread": list(place)}
        # No more than that: the journal would grow with the whole of the memory, turn by turn.
        fields = _jsonable(_fields(self.role, self._of_graph(result)))
        return {"fields": fields, "thread": list(place)}

    async def _branch(self, call: AgentCall, place: tuple[str, str] | None) -> "Branch":
        from agentctl.store.branch import Branch

        saver: Any = self.target.checkpointer if _is_durable(self.target) else call.checkpointer
        recorded_id, checkpoint_id = place or (_thread_id(call), None)
        if checkpoint_id is not None and recorded_id != _thread_id(call):
            await copy_thread(saver, (recorded_id, checkpoint_id), _thread_id(call))
        branch = await Branch.open(saver, _thread_id(call), checkpoint_id)
        if branch is None:
            raise AgentFailed(
                self.role,
                f"what it remembers of this session (checkpoint {checkpoint_id} of {recorded_id!r}) is gone",
                hint="restore the database of its checkpointer, or start a new session",
                code="agent-memory",
            )
        return branch


def python_agent(role: str, spec: AgentSpec, target: object, channels: Iterable[str] = ()) -> PythonAgent:
    """Look once at what an entry is, so that runs need not.

    Args:
        channels: the declared channels that the role may write.

    Raises:
        WorkspaceError: the entry is nothing that can be called.
    """
    kind = _kind(target)
    if kind is None:
        raise WorkspaceError(
            f"entry {spec.entry!r} of agent {role!r} is of type {type(target).__name__}, which cannot be called",
            hint="name a function, a Runnable, a compiled graph or an entrypoint",
            code="entry-failed",
        )
    takes = _takes_context(target) if kind in ("async", "blocking") else "no"
    fields = frozenset((*OWN_FIELDS, *spec.output, *channels))
    return PythonAgent(role=role, spec=spec, target=target, takes_context=takes, kind=kind, fields=fields)


def _kind(target: object) -> str | None:
    """`graph`, `runnable`, `async` or `blocking`; by duck type, to import LangGraph for nobody's sake."""
    if hasattr(target, "ainvoke"):
        return "graph" if hasattr(target, "checkpointer") else "runnable"
    if inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(getattr(target, "__call__", None)):  # noqa: B004
        return "async"
    return "blocking" if callable(target) else None


def _takes_context(target: Any) -> Literal["no", "second", "keyword"]:
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return "no"
    if any(p.name == "ctx" and p.kind is p.KEYWORD_ONLY for p in parameters):
        return "keyword"
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    return "second" if len(required) > 1 or any(p.name == "ctx" for p in positional[1:2]) else "no"


def _here() -> tuple[int, object]:
    """The thread and the task that this is called in."""
    return threading.get_ident(), asyncio.current_task() if asyncio._get_running_loop() else None


def _thread_id(call: AgentCall) -> str:
    return f"{call.role}#{call.session_id}"


def _is_durable(graph: Any) -> bool:
    """Whether the graph has a checkpointer that outlives the process."""
    saver = getattr(graph, "checkpointer", None)
    return bool(saver) and saver is not True and "memory" not in type(saver).__module__


def _graph_input(graph: Any, call: AgentCall) -> object:
    """The channels that the graph knows, and the task as the one new message."""
    state = plain(call.state)
    channels = graph.input_channels
    if channels == "__start__":
        # A StateGraph takes a mapping of its own channels; an entrypoint takes what it is given.
        known = getattr(graph, "channels", {})
        if getattr(graph, "builder", None) is None:
            return state
        given = {**state, "messages": [{"role": "user", "content": state.get("task", "")}]}
        return {name: value for name, value in given.items() if name in known}
    return state


def _resuming(answers: Mapping[str, object]) -> object:
    from langgraph.types import Command

    return Command(resume=dict(answers))


def _fields(role: str, result: object) -> Fields:
    """What a Runnable or graph returned, as output fields: a message's text, or the last message's."""
    if result is None or isinstance(result, str):
        return {} if result is None else {"text": result}
    if isinstance(result, Mapping):
        messages = result.get("messages")
        if isinstance(messages, Sequence) and messages and "text" not in result:
            known = {k: v for k, v in result.items() if k in ("options", "scores", "winner", "decision")}
            return {**known, "text": _message_text(messages[-1])}
        return result
    if hasattr(result, "content"):
        return {"text": _message_text(result)}
    raise AgentFailed(
        role,
        f"it returned {type(result).__name__}",
        hint="return a string, a mapping of output fields, or None",
        code="agent-output",
    )


def _message_text(message: Any) -> str:
    content = message.get("content", "") if isinstance(message, Mapping) else getattr(message, "content", message)
    if isinstance(content, list):
        return "".join(part if isinstance(part, str) else str(part.get("text", "")) for part in content)
    return str(content)


def _jsonable(value: object) -> object:
    """A graph's result as the journal keeps it: messages become role and content."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(item) for item in value]
    if hasattr(value, "content") and hasattr(value, "type"):
        return {"role": str(value.type), "content": _message_text(value)}
    return value
