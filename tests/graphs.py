"""Foreign graphs that remember, called as agents of a session, over both kinds of checkpointers."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AIMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph

from agentctl.agents.blocking import BlockingPool
from agentctl.agents.call import AgentCall
from agentctl.agents.python import python_agent
from agentctl.store import open_checkpointer
from agentctl.workspace.spec import AgentSpec

OpenSaver = Callable[[], AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["sqlite", "postgres"])
def open_saver(request: pytest.FixtureRequest, tmp_path: Path) -> OpenSaver:
    """Opens the test's checkpointer, each time as another process would."""
    url = str(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None
    return lambda: open_checkpointer(tmp_path, url)


@pytest.fixture
async def saver(open_saver: OpenSaver) -> AsyncIterator[Any]:
    async with open_saver() as saver:
        yield saver


def _stop(task: str) -> None:
    if "!" in task:
        raise RuntimeError("cut short")


class Own(TypedDict, total=False):
    task: str
    text: str
    seen: Annotated[list[str], add]
    deep: list[str]


class Deltas(TypedDict, total=False):
    task: str
    text: str
    seen: Annotated[
        list[str], DeltaChannel(lambda seen, writes: [*seen, *(text for write in writes for text in write)])
    ]


class Inner(TypedDict, total=False):
    task: str
    deep: Annotated[list[str], add]


def messages() -> Any:
    """Says how many messages there are, and what the user said so far."""

    def answer(state: MessagesState) -> dict[str, Any]:
        _stop(str(state["messages"][-1].content))
        asked = [str(message.content) for message in state["messages"] if message.type == "human"]
        return {"messages": [AIMessage(f"{len(state['messages'])}: {' '.join(asked)}")]}

    return StateGraph(MessagesState).add_node("answer", answer).add_edge(START, "answer").compile()


def functional() -> Any:
    """An entrypoint; says what it was told so far."""

    @entrypoint()
    def remember(state: dict[str, Any], *, previous: Any = None) -> Any:
        _stop(state["task"])
        told = [*(previous or []), state["task"]]
        return entrypoint.final(value=" ".join(told), save=told)

    return remember


def keeping(state: type = Own) -> Any:
    """Keeps tasks but `-` in `seen`, in a step before the one that may be cut short; two branches join at its end."""

    def answer(state: Any) -> dict[str, Any]:
        _stop(state["task"])
        return {"text": " ".join(state["seen"])}

    builder: Any = StateGraph(state)
    builder.add_node("keep", lambda state: {} if state["task"] == "-" else {"seen": [state["task"]]})
    builder.add_node("answer", answer)
    builder.add_node("end", lambda state: {})
    return builder.add_edge(START, "keep").add_edge("keep", "answer").add_edge(["keep", "answer"], "end").compile()


def delta() -> Any:
    """As `keeping`, in a `DeltaChannel`, whose value lies in the writes of earlier checkpoints."""
    return keeping(Deltas)


def nested(*, is_blocking: bool = False) -> Any:
    """Both it and a graph within it remember tasks; only the inner one is told those that start with `in`, twice."""
    builder: Any = StateGraph(Inner).add_node("k", lambda state: {"deep": [state["task"]]}).add_edge(START, "k")
    inner = builder.compile(checkpointer=True)

    async def ask(state: Own) -> dict[str, Any]:
        if not state["task"].startswith("in"):
            return {"seen": [state["task"]]}
        await inner.ainvoke({"task": state["task"]})
        return {"deep": (await inner.ainvoke({"task": state["task"].upper()}))["deep"]}

    def ask_blocking(state: Own) -> dict[str, Any]:
        if not state["task"].startswith("in"):
            return {"seen": [state["task"]]}
        inner.invoke({"task": state["task"]})
        return {"deep": inner.invoke({"task": state["task"].upper()})["deep"]}

    def answer(state: Own) -> dict[str, Any]:
        _stop(state["task"])
        return {"text": " ".join([*state.get("seen", []), "|", *state.get("deep", [])])}

    outer: Any = StateGraph(Own).add_node("ask", ask_blocking if is_blocking else ask).add_node("answer", answer)
    return outer.add_edge(START, "ask").add_edge("ask", "answer").compile()


def catching() -> Any:
    """Its inner graph, which remembers nothing, fails and leaves a checkpoint of its own behind."""
    inner: Any = StateGraph(Inner).add_node("k", lambda state: {"deep": [1 / 0]}).add_edge(START, "k").compile()

    async def ask(state: Own) -> dict[str, Any]:
        with suppress(ZeroDivisionError):
            await inner.ainvoke({"task": state["task"]})
        return {"seen": [state["task"]], "text": " ".join([*state.get("seen", []), state["task"]])}

    return StateGraph(Own).add_node("ask", ask).add_edge(START, "ask").compile()


class OneCall:
    """The journal of one execution: its call is made once, and answered from JSON afterwards."""

    def __init__(self) -> None:
        self.answer = ""

    async def graph(self, name: str, argument: object, perform: Callable[[], Awaitable[object]]) -> object:
        self.answer = self.answer or json.dumps(await perform())
        return json.loads(self.answer)


@dataclass
class Chat:
    """One session with the graphs of a workspace."""

    saver: Any
    session_id: str = "s1"
    threads: MutableMapping[str, tuple[str, str]] = field(default_factory=dict)

    async def say(self, graph: Any, task: str, *, role: str = "a", calls: OneCall | None = None) -> str:
        """One run, in which only `role` speaks; what it says."""
        agent = python_agent(role, AgentSpec(kind="python", entry="work:graph"), graph)
        names = {"state": {"task": task}, "turns": (), "earlier": "", "attachments": (), "memories": ()}
        pool = BlockingPool(1)
        call = AgentCall(
            role=role, stage="main", visit=1, round=1, workspace="demo", session_id=self.session_id, run_id="r",
            user="mia", names=names, calls=calls or OneCall(), client=None, in_thread=pool.run,  # type: ignore[arg-type]
            emit=print, checkpointer=self.saver, threads=self.threads,
        )  # fmt: skip
        return str((await agent.run(call))["text"])

    def fork(self, session_id: str) -> "Chat":
        """A session that goes on from here; its graphs' memory is still where it was."""
        return Chat(self.saver, session_id, dict(self.threads))
