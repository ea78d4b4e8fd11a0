"""What an `entry` may be, what it is given and what it may return."""

from typing import Any

import pytest

import agentctl
from agentctl.errors import WorkspaceError
from tests.conftest import WriteWorkspace
from tests.runs import of, run, told, workspace

KINDS = """
import asyncio, functools
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda

async def coroutine(state): return state["task"]
async def coroutine_ctx(state, ctx): return f"{ctx.agent}: {state['task']}"
def blocking(state): return state["task"]
def blocking_ctx(state, ctx): return f"{ctx.agent}: {state['task']}"
def other_name(state, context): return f"{context.agent}: {state['task']}"
def keyword(state, *, ctx): return f"{ctx.agent}: {state['task']}"
def optional(state, tone="loud"): return f"{tone}: {state['task']}"
hidden = lambda state: coroutine(state)
partial = functools.partial(lambda greeting, state: greeting + state["task"], "hi ")
async_partial = functools.partial(lambda x, state: coroutine(state), 1)
runnable = RunnableLambda(lambda state: state["task"])
message = RunnableLambda(lambda state: AIMessage([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]))
nothing = RunnableLambda(lambda state: None)

class Greeter:
    def __init__(self, word): self.word = word
    def __call__(self, state): return f"{self.word} {state['task']}"
    async def later(self, state, ctx): return f"{ctx.round} {self.word}"
    def now(self, state): return self.word

class AsyncGreeter:
    async def __call__(self, state, ctx): return f"{ctx.stage} {state['task']}"

greeter, async_greeter = Greeter("hello"), AsyncGreeter()
bound, async_bound = greeter.now, greeter.later
"""
SAID = {
    "coroutine": "go", "coroutine_ctx": "a: go", "blocking": "go", "blocking_ctx": "a: go", "other_name": "a: go",
    "keyword": "a: go", "optional": "loud: go", "hidden": "go", "partial": "hi go", "async_partial": "go",
    "runnable": "go", "message": "ab", "nothing": "", "greeter": "hello go", "async_greeter": "talk go",
    "bound": "hello", "async_bound": "1 hello",
}  # fmt: skip


@pytest.mark.parametrize("entry", SAID)
async def test_an_entry_may_be_anything_that_can_be_called(write_workspace: WriteWorkspace, entry: str) -> None:
    root = write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": f"work:{entry}"}}, KINDS))

    result = await run(root, "go")

    assert (result.status, result.output) == ("done", SAID[entry])


async def test_an_entry_that_cannot_be_called_is_a_fault_of_the_workspace(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": "work:number"}}, "\nnumber = 5\n"))

    with pytest.raises(WorkspaceError, match=r"entry 'work:number' of agent 'a' is of type int"):
        await run(root)


async def test_ctx_says_where_a_call_stands(write_workspace: WriteWorkspace) -> None:
    code = """
def where(state, ctx):
    assert ctx.session_id and ctx.run_id
    seeded = [list(ctx.memories), list(ctx.turns), list(ctx.attachments)]
    return {"data": {"of": [ctx.workspace, ctx.user, ctx.agent, ctx.stage, ctx.round, *seeded]}}
def show(state): return str(state["history"][-1]["data"]["of"])
"""
    agents = {"a": {"entry": "work:where", "exit": {"max_runs": 2}}, "b": {"entry": "work:show"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"], "end": ["b"]}, agents, code)), user="mia")

    assert result.output == "['demo', 'mia', 'a', 'talk', 2, [], [], []]"


async def test_the_state_of_a_run_has_every_channel(write_workspace: WriteWorkspace) -> None:
    code = "\nimport agentctl\ndef show(state): return repr(agentctl.plain(state))\n"
    channels = {"votes": {"type": "sum", "writers": ["a"]}, "log": {"type": "topic", "writers": ["a"]}}
    files = workspace({"talk": ["a"]}, {"a": {"entry": "work:show"}}, code, channels=channels)
    result = await run(write_workspace("demo", files))

    assert eval(result.output) == {
        "task": "do it", "stage": "talk", "done": False, "history": [], "options": [], "rewards": {}, "winner": None,
        "decision": {}, "executed_agents_per_stage": {}, "visits": {"talk": 1}, "votes": 0, "log": [],
    }  # fmt: skip


async def test_history_tells_who_said_what_where(write_workspace: WriteWorkspace) -> None:
    code = """
def rich(state): return {"text": "hi", "data": {"n": 1}, "extra": 2}
def show(state): return str(list(state["history"]))
"""
    agents = {"a": {"entry": "work:rich", "output": {"extra": {"type": "integer"}}}, "b": {"entry": "work:show"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"], "end": ["b"]}, agents, code)))

    entry = {"agent": "a", "stage": "talk", "round": 1, "text": "hi", "data": {"n": 1, "extra": 2}}
    assert eval(result.output) == [entry]


MUTATIONS = [
    "state['task'] = 'mine'", "del state['task']", "state.update(task='mine')", "state.pop('task')", "state.clear()",
    "state['history'].append({})", "state['history'][0]['text'] = 'mine'", "state['history'][0] = {}",
    "state['history'] += [1]", "state['options'].clear()", "state['history'][0]['data']['n'] = 5",
    "state['history'][0]['data'].setdefault('m', 5)", "state['visits']['talk'] = 9", "state |= {'task': 'mine'}",
    "state['history'].extend([1])", "state['history'][:] = []", "state.task = 'mine'",
]  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_the_state_cannot_be_changed(write_workspace: WriteWorkspace, mutation: str) -> None:
    code = f"""
import agentctl
def seed(state): return {{"text": "seed", "data": {{"n": 1}}}}
def change(state):
    before = repr(agentctl.plain(state))
    try:
        {mutation}
    except (TypeError, AttributeError):
        return "refused" if repr(agentctl.plain(state)) == before else "changed"
    return "allowed"
"""
    agents = {"a": {"entry": "work:seed"}, "b": {"entry": "work:change"}}
    result = await run(write_workspace("demo", workspace({"first": ["a"], "then": ["b"]}, agents, code)))

    assert result.output == "refused"


async def test_a_copy_of_the_state_is_the_agents_own(write_workspace: WriteWorkspace) -> None:
    code = """
import agentctl
from langchain_core.runnables import RunnableLambda
def change(state):
    mine = agentctl.plain(state)
    mine["history"].append({"text": "fake"}); mine["visits"]["talk"] = 9
runnable = RunnableLambda(lambda state: state["history"].append("fake"))
def show(state): return f"{len(state['history'])} {state['visits']['talk']}"
"""
    agents = {"a": {"entry": "work:change"}, "b": {"entry": "work:runnable"}, "c": {"entry": "work:show"}}
    stages = {"talk": {"agents": ["a", "b", "c"], "order": "sequential"}}
    assert (await run(write_workspace("demo", workspace(stages, agents, code)))).output == "0 1"


async def test_what_an_agent_returned_stays_as_it_was(write_workspace: WriteWorkspace) -> None:
    """It keeps a reference to its own object, and changes it later."""
    code = """
kept = {"text": "first", "data": {"n": 1}}
def give(state): return kept
def change(state):
    kept["data"]["n"] = 2
    return str(state["history"][0]["data"])
"""
    agents = {"a": {"entry": "work:give"}, "b": {"entry": "work:change"}}
    result = await run(write_workspace("demo", workspace({"first": ["a"], "then": ["b"]}, agents, code)))

    assert result.output == "{'n': 1}"


async def test_an_agent_sees_only_what_it_reads(write_workspace: WriteWorkspace) -> None:
    code = "\nasync def show(state): return str(sorted(state))\n"
    agents = {"a": {"entry": "work:show", "reads": ["task", "history"]}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, agents, code)))

    assert result.output == "['history', 'task']"


async def test_text_is_streamed_from_threads_and_from_the_loop(write_workspace: WriteWorkspace) -> None:
    code = """
import threading
from langgraph.graph import StateGraph
def blocking(state, ctx):
    helper = threading.Thread(target=ctx.emit, args=("one ",))
    helper.start(); helper.join()
    ctx.emit("two")
    return "one two"
async def coroutine(state, ctx):
    def node(inner):
        ctx.emit("three")
        return {}
    await StateGraph(dict).add_node("node", node).add_edge("__start__", "node").compile().ainvoke({})
    return "three"
"""
    agents = {"a": {"entry": "work:blocking"}, "b": {"entry": "work:coroutine"}}
    stages = {"talk": {"agents": ["a", "b"], "order": "sequential"}}
    events = await told(write_workspace("demo", workspace(stages, agents, code)))

    tokens = of(events, "token")
    assert [(t["agent"], t["text"]) for t in tokens] == [("a", "one "), ("a", "two"), ("b", "three")]
    assert (tokens[0]["stage"], tokens[0]["visit"], tokens[0]["round"]) == ("talk", 1, 1)


async def test_a_tool_that_the_agent_does_not_list_is_refused(write_workspace: WriteWorkspace) -> None:
    code = """
async def calls(state, ctx): return await ctx.call_tool("search", q=1)
def calls_sync(state, ctx): return ctx.call_tool_sync("search", q=1)
"""
    for entry in ("calls", "calls_sync"):
        files = workspace({"talk": ["a"]}, {"a": {"entry": f"work:{entry}"}}, code)
        result = await run(write_workspace(entry.replace("_", "-"), files), name=entry.replace("_", "-"))

        assert result.error and result.error["code"] == "tool-failed"
        assert "you have no tool 'search'" in result.error["message"]


async def test_agents_of_one_role_share_one_object(write_workspace: WriteWorkspace) -> None:
    """Built once a generation: two runs and two stages see the same one."""
    code = """
class Counter:
    def __init__(self): self.calls = 0
    def __call__(self, state):
        self.calls += 1
        return str(self.calls)
counter = Counter()
"""
    root = write_workspace("demo", workspace({"x": ["a"], "y": ["a"]}, {"a": {"entry": "work:counter"}}, code))
    async with agentctl.open(root) as hub:
        outputs: list[Any] = [(await hub.run("demo", "go")).output for _ in range(2)]

    assert outputs == ["2", "4"]
