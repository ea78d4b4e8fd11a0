"""Foreign graphs that interrupt themselves: somebody is asked, and they go on from there."""

import asyncio
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest

import agentctl
from tests.conftest import WriteWorkspace
from tests.runtime.tooled import Asked, decide_all, forkserver, notes, pending, process, tooled

CODE = """\
import operator
from typing import Annotated, Any, TypedDict
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

def write(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

class Own(TypedDict, total=False):
    task: str
    text: str
    said: Annotated[list, operator.add]

def before(state):
    write("before")
    return {"said": [state["task"]]}

def once(state):
    answer = interrupt({"sure": state["task"]})
    write("after")
    return {"text": f"{answer} {' '.join(state['said'])}"}

one = StateGraph(Own).add_node(before).add_node(once).add_edge(START, "before").add_edge("before", "once").compile()

def twice(state):
    first = interrupt("first")
    second = interrupt(f"second, after {first}")
    return {"text": f"{first} {second}"}

two = StateGraph(Own).add_node(twice).add_edge(START, "twice").compile()

def asking(name):
    def node(state):
        return {"said": [f"{name}={interrupt(name)}"]}
    return node

def joined(state):
    return {"text": " ".join(state["said"])}

many = StateGraph(Own)
for name in ("a", "b", "c"):
    many.add_node(name, asking(name)).add_edge(START, name)
many = many.add_node(joined).add_edge(["a", "b", "c"], "joined").compile()

def talk(state):
    said = [str(message.content) for message in state["messages"] if message.type == "human"]
    answer = interrupt(f"{len(state['messages'])} messages") if "ask" in said[-1] else "unasked"
    return {"messages": [("ai", f"{answer}: {' '.join(said)}")]}

talking = StateGraph(MessagesState).add_node(talk).add_edge(START, "talk").compile()

@task
def step(name):
    write(name)
    return name

@entrypoint()
def functional(state: dict, *, previous: Any = None) -> Any:
    told = [*(previous or []), step(state["task"]).result()]
    answer = interrupt({"told": told})
    return entrypoint.final(value=f"{answer}: {' '.join(told)}", save=told)
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Write:
    """Write the workspace `demo`, whose agent is that graph."""
    monkeypatch.chdir(tmp_path)
    return lambda graph: write_workspace("demo", tooled({"graph": {"entry": f"work:{graph}", "tools": []}}, code=CODE))


@pytest.mark.parametrize(
    ("decision", "answer"),
    [
        ({"approve": True}, "True"),
        ({"approve": False, "reason": "no"}, "False"),
        ({"approve": True, "args": {"seats": [1, 2]}}, "{'seats': [1, 2]}"),
        ({"approve": True, "args": 0}, "0"),
        ({"approve": True, "args": "later"}, "later"),
    ],
)
@pytest.mark.parametrize("is_in_place", [True, False])
async def test_an_interrupt_is_answered_as_somebody_decides(
    write: Write, decision: dict[str, Any], answer: str, is_in_place: bool
) -> None:
    root = write("one")

    if is_in_place:
        async with agentctl.open(root) as hub:
            result = await hub.run("demo", "go", ask=Asked(**decision))
    else:
        async with agentctl.open(root) as hub:
            result = await hub.run("demo", "go")
            (asked,) = (await pending(hub, result.run_id)).values()
            assert (asked.kind, asked.args, result.status) == ("graph", {"sure": "go"}, "waiting")
        async with agentctl.open(root) as hub:
            await decide_all(hub, result.run_id, **decision)
        async with agentctl.open(root) as hub:
            result = await hub.resume(result.run_id)

    assert (result.status, result.output) == ("done", f"{answer} go")
    assert notes(root) == {"before": 1, "after": 1}


async def test_two_interrupts_of_one_step_are_asked_one_after_the_other(write: Write) -> None:
    root = write("two")
    answers = {"first": "one", "second, after one": "two"}

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "go")
        for question, answer in answers.items():
            (asked,) = (await pending(hub, result.run_id)).values()
            assert asked.args == question
            await decide_all(hub, result.run_id, args=answer)
            result = await hub.resume(result.run_id)

    assert (result.status, result.output) == ("done", "one two")


@pytest.mark.parametrize("order", ["abc", "cab"])
async def test_interrupts_in_parallel_are_decided_in_any_order_and_answer_their_own_branch(
    write: Write, order: str
) -> None:
    root = write("many")

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "go")
        ids = {each.args: each.id for each in (await pending(hub, result.run_id)).values()}
        for number, name in enumerate(order):
            assert result.status == "waiting"
            await decide_all(hub, result.run_id, [ids[name]], args=number)
            result = await hub.resume(result.run_id)

    assert (result.status, result.output) == ("done", " ".join(f"{name}={order.index(name)}" for name in "abc"))


@pytest.mark.parametrize("graph", ["talking", "functional", "one"])
async def test_what_a_graph_remembers_is_whole_after_an_interrupt(write: Write, graph: str) -> None:
    root = write(graph)

    async with agentctl.open(root) as hub:
        first = await hub.run("demo", "ask one", session="s", ask=Asked(args="yes"))
        second = await hub.run("demo", "ask two", session="s")
        await decide_all(hub, second.run_id, args="no")
        second = await hub.resume(second.run_id)
        third = await hub.run("demo", "ask three", session="s", ask=Asked(args="so"))

    shown = "{} {}" if graph == "one" else "{}: {}"
    assert first.output == shown.format("yes", "ask one")
    assert second.output == shown.format("no", "ask one ask two")
    assert third.output == shown.format("so", "ask one ask two ask three")


async def test_a_session_that_was_forked_before_its_graph_asked_knows_nothing_of_that(write: Write) -> None:
    root = write("talking")

    async with agentctl.open(root) as hub:
        await hub.run("demo", "one", session="s")
        fork = await hub.sessions.fork(await hub.sessions.get("s"))
        waiting = await hub.run("demo", "ask two", session="s")
        beside = await hub.run("demo", "three", session=fork.session_id)
        await decide_all(hub, waiting.run_id, args="yes")
        result = await hub.resume(waiting.run_id)

    assert result.output == "yes: one ask two"
    assert beside.output == "unasked: one three"


def turn(root: str, run_id: str | None, answers: list[object]) -> None:
    async def main() -> None:
        async with agentctl.open(root) as hub:
            if run_id is None:
                await hub.run("demo", "go", session="s")
                return
            for approval, answer in zip(await hub.store.approvals.list(user=None), answers, strict=True):
                await decide_all(hub, run_id, [approval.id], args=answer)
            await hub.resume(run_id)

    asyncio.run(main())


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("graph", "answers", "output"),
    [("two", ["one", "two"], "one two"), ("functional", [{"a": 1}], "{'a': 1}: go"), ("one", [False], "False go")],
)
async def test_each_answer_may_reach_a_graph_in_a_process_of_its_own(
    write: Write, processes: ForkServerContext, graph: str, answers: list[object], output: str
) -> None:
    root = write(graph)
    run_id = None
    for given in [[], *([answer] for answer in answers)]:
        lives = process(processes, root, turn, str(root), run_id, given)
        await asyncio.to_thread(lives.join, 30)
        assert lives.exitcode == 0
        async with agentctl.open(root) as hub:
            (row,) = await hub.store.list_runs()
        run_id = row.run_id

    assert row.result is not None
    assert (row.status, row.result["output"]) == ("done", output)
    assert set(notes(root).values()) <= {1}
