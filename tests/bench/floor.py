"""The same graph in raw LangGraph: a router, two agents in parallel, a synthesizer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypedDict

from langgraph.channels import LastValue, Topic
from langgraph.graph import END, StateGraph
from langgraph.types import Command

Say = Callable[[str], Awaitable[str]]
NEXT = {0: ["a", "b"], 1: ["c"]}


class State(TypedDict):
    task: Annotated[str, LastValue(str)]
    passes: Annotated[int, LastValue(int)]
    history: Annotated[list[Any], Topic(dict, accumulate=True)]


async def router(state: State) -> Command[Any]:
    passes = state["passes"]
    return Command(update={"passes": passes + 1}, goto=NEXT.get(passes, END))


def build(say: Say, checkpointer: Any = None) -> Any:
    def agent(name: str) -> Any:
        async def node(state: State) -> dict[str, Any]:
            return {"history": [{"agent": name, "text": await say(state["task"])}]}

        return node

    graph: Any = StateGraph(State)
    graph.add_node("router", router)
    for name in "abc":
        graph.add_node(name, agent(name))
        graph.add_edge(name, "router")
    graph.set_entry_point("router")
    return graph.compile(checkpointer=checkpointer)


async def once(graph: Any, thread: str) -> None:
    async for _ in graph.astream({"task": "a task", "passes": 0}, {"configurable": {"thread_id": thread}}):
        pass
