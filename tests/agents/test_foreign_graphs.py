"""Compiled LangGraph graphs and functional-API entrypoints as agents."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_store
from langgraph.graph import START, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import CachePolicy, RetryPolicy

import agentctl
from tests.conftest import WriteWorkspace
from tests.graphs import Chat, Own
from tests.runs import of, run, told, workspace

ROOT = Path(__file__).parents[2]
GRAPHS = """
from typing import Annotated, TypedDict
import operator
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_config
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def answer(state):
    return {"messages": [AIMessage(f"{len(state['messages'])}: {state['messages'][-1].content}")]}
def compiled(schema, node, **options):
    return StateGraph(schema).add_node("node", node).add_edge(START, "node").compile(**options)
messages = compiled(MessagesState, answer)

class Own(TypedDict, total=False):
    task: str
    plan: str
    text: str
    scores: dict
    seen: Annotated[list, operator.add]
def plan(state): return {"plan": "internal", "text": state["task"] + "!", "scores": {"fit": 0.5}, "seen": [1]}
own = compiled(Own, plan)
in_memory = compiled(Own, plan, checkpointer=InMemorySaver())
speechless = compiled(Own, lambda state: {"plan": "x"})
memory = compiled(Own, lambda state: {"seen": [1], "text": str(len(state.get("seen", [])))})
def place(state):
    configurable = get_config()["configurable"]
    return {"text": str({name: configurable[name] for name in ("thread_id", "user_id")})}
where = compiled(Own, place)
asks = compiled(Own, lambda state: {"text": interrupt("may I?")})
breaks = compiled(Own, lambda state: 1 / 0)

@task
def shout(text): return text.upper()
@entrypoint()
def entry(state): return {"text": shout(state["task"]).result()}
@entrypoint()
async def entry_text(state): return await shout(state["task"])
@entrypoint()
def entry_asks(state): return interrupt("may I?")
@entrypoint()
def entry_memory(state, *, previous=None):
    return entrypoint.final(value=str(previous), save=(previous or 0) + 1)

def calls_interrupt(state): return interrupt("may I?")
async def calls_graph(state): return (await own.ainvoke({"task": "inner"}))["text"]
def calls_graph_blocking(state): return own.invoke({"task": "inner"})["text"]
"""
SAID = {
    "messages": "1: go", "own": "go!", "in_memory": "go!", "entry": "GO", "entry_text": "GO",
    "calls_graph": "inner!", "calls_graph_blocking": "inner!",
}  # fmt: skip


def one(entry: str, **agent: Any) -> dict[str, str]:
    """A workspace of one agent."""
    return workspace({"talk": ["a"]}, {"a": {"entry": f"work:{entry}", "scores": ["fit"], **agent}}, GRAPHS)


@pytest.mark.parametrize("entry", SAID)
async def test_a_graph_answers_the_task(write_workspace: WriteWorkspace, entry: str) -> None:
    result = await run(write_workspace("demo", one(entry)), "go")

    assert (result.status, result.output) == ("done", SAID[entry])


async def test_a_graph_of_its_own_state_gives_the_output_fields_in_it(write_workspace: WriteWorkspace) -> None:
    """Its input and what it keeps for itself are no output."""
    result = await run(write_workspace("demo", one("own")))

    assert result.rewards == {"main": {"a": {"fit": 0.5}}}


async def test_a_graph_without_an_output_field_says_so(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", one("speechless")))

    assert result.error and "'plan'" in result.error["message"] and "`text`" in result.error["hint"]


@pytest.mark.parametrize(("entry", "said"), [("memory", ["0", "1", "2"]), ("entry_memory", ["None", "1", "2"])])
async def test_a_graph_remembers_its_turns_within_a_session(
    write_workspace: WriteWorkspace, entry: str, said: list[str]
) -> None:
    events = await told(write_workspace("demo", one(entry, exit={"max_runs": 3})))

    assert [event["text"] for event in of(events, "agent.finished")] == said


async def test_graphs_of_two_roles_and_two_sessions_are_apart(write_workspace: WriteWorkspace) -> None:
    agents = {role: {"entry": "work:memory"} for role in ("a", "b")}
    root = write_workspace("demo", workspace({"x": ["a", "b"], "y": ["a", "b"]}, agents, GRAPHS))
    async with agentctl.open(root) as hub:
        outputs = [(await hub.run("demo", "go")).output for _ in range(2)]

    assert outputs == ["1\n\n1", "1\n\n1"]


async def test_a_graph_keeps_what_it_was_compiled_with() -> None:
    tries = []

    def fickle(state: Own) -> dict[str, Any]:
        tries.append(state["task"])
        if len(tries) == 1:
            raise ConnectionError
        return {"text": get_store().get(("told",), "x").value["text"]}

    store = InMemoryStore()
    store.put(("told",), "x", {"text": "kept"})
    builder: Any = StateGraph(Own)
    builder.add_node("n", fickle, retry_policy=RetryPolicy(initial_interval=0.01), cache_policy=CachePolicy())
    graph = builder.add_edge(START, "n").compile(store=store, cache=InMemoryCache())
    said = [await Chat(InMemorySaver(), session_id).say(graph, "a") for session_id in ("s1", "s2")]

    assert said == ["kept", "kept"]
    assert tries == ["a", "a"]  # retried, then from the cache
    assert graph.checkpointer is None


async def test_the_types_that_a_graph_may_read_are_kept(tmp_path: Path) -> None:
    """With `LANGGRAPH_STRICT_MSGPACK`, LangGraph reads only those that the graph's state names."""
    (tmp_path / "plans.py").write_text(
        """
import asyncio
from dataclasses import dataclass
from typing import TypedDict
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import START, StateGraph
from tests.graphs import Chat

@dataclass
class Plan:
    days: int

class State(TypedDict, total=False):
    plan: Plan
    text: str

def node(state):
    return {"text": repr(state.get("plan")), "plan": Plan(2)}

inner = StateGraph(State).add_node("k", node).add_edge(START, "k").compile(checkpointer=True)
outer = StateGraph(State).add_node("n", lambda state: {"text": inner.invoke({})["text"]}).add_edge(START, "n").compile()
flat = StateGraph(State).add_node("n", node).add_edge(START, "n").compile()

async def main():
    async with AsyncSqliteSaver.from_conn_string("plans.db") as saver:
        for role, graph in {"flat": flat, "outer": outer}.items():
            chat = Chat(saver)
            print([await chat.say(graph, "a", role=role) for _ in range(2)])
"""
    )
    environment = {**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    command = [sys.executable, "-c", "import asyncio, plans; asyncio.run(plans.main())"]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert done.stdout.split("\n")[:2] == ["['None', 'Plan(days=2)']"] * 2, done.stderr


async def test_a_graph_is_called_on_a_thread_of_its_role_and_session(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", one("where")), user="mia")

    assert eval(result.output) == {"thread_id": f"a#{result.session_id}", "user_id": "mia"}


async def test_a_durable_checkpointer_of_the_graph_is_kept(write_workspace: WriteWorkspace, tmp_path: Any) -> None:
    code = (
        GRAPHS
        + f"""
import sqlite3
from langgraph.checkpoint.sqlite import SqliteSaver
class Saver(SqliteSaver):
    async def aget_tuple(self, config): return self.get_tuple(config)
    async def aput(self, *given): return self.put(*given)
    async def aput_writes(self, *given): return self.put_writes(*given)
saver = Saver(sqlite3.connect({str(tmp_path / "own.db")!r}, check_same_thread=False))
def remember(state): return {{"seen": [1], "text": str(len(state.get("seen", [])))}}
durable = compiled(Own, remember, checkpointer=saver)
def close(state):
    rows = saver.conn.execute("select distinct thread_id from checkpoints").fetchall()
    saver.conn.close()
    return str(len(rows))
"""
    )
    agents = {"a": {"entry": "work:durable"}, "b": {"entry": "work:close"}}
    result = await run(write_workspace("demo", workspace({"x": ["a"], "y": ["b"]}, agents, code)))

    assert result.output == "1"


@pytest.mark.parametrize("entry", ["asks", "entry_asks"])
async def test_a_graph_that_interrupts_itself_waits_for_an_approval(
    write_workspace: WriteWorkspace, entry: str
) -> None:
    result = await run(write_workspace("demo", one(entry)))

    assert result.status == "waiting"
    assert result.error and result.error["code"] == "approval-needed"


async def test_a_function_that_interrupts_is_told_to_be_a_graph(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", one("calls_interrupt")))

    assert result.status == "failed"
    assert result.error and "compiled graph" in result.error["hint"]


async def test_a_graph_that_raises_fails_its_agent(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", one("breaks")))

    assert result.error and "ZeroDivisionError" in result.error["message"]
