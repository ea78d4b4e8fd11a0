"""Where graphs remember a session: forked, rewound, re-run, exported and imported, on both databases."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langgraph.graph import START, MessagesState, StateGraph

from agentctl.errors import AgentFailed, NotPortable, UsageError
from agentctl.store.portable import thread_from_json, thread_to_json
from agentctl.store.threads import copy_thread, delete_threads
from tests.graphs import (
    Chat,
    OneCall,
    OpenSaver,
    Own,
    catching,
    delta,
    functional,
    keeping,
    messages,
    nested,
    open_saver,
    saver,
)

__all__ = ["open_saver", "saver"]

GRAPHS = {
    "messages": (messages, ["1: a", "3: a b", "5: a b c"]),
    "entrypoint": (functional, ["a", "a b", "a b c"]),
    "keeping": (keeping, ["a", "a b", "a b c"]),
    "delta": (delta, ["a", "a b", "a b c"]),
    "catching": (catching, ["a", "a b", "a b c"]),
}


@pytest.fixture(params=["messages", "entrypoint", "keeping", "delta"])
def graph_says(request: pytest.FixtureRequest) -> tuple[Any, list[str]]:
    """A graph, and what it says when it is told a, b and c."""
    build, says = GRAPHS[request.param]
    return build(), says


async def test_a_graph_remembers_its_session_over_processes(
    open_saver: OpenSaver, graph_says: tuple[Any, list[str]]
) -> None:
    graph, says = graph_says
    said, threads = [], {}
    for task in "abc":
        async with open_saver() as saver:
            said.append(await Chat(saver, threads=threads).say(graph, task))

    assert said == says


async def test_two_graphs_of_a_session_and_two_sessions_of_a_graph_never_see_each_other(saver: Any) -> None:
    graph, one, two = messages(), Chat(saver), Chat(saver, "s2")
    said = [
        await asyncio.gather(one.say(graph, f"a{n}"), one.say(graph, f"b{n}", role="b"), two.say(graph, f"c{n}"))
        for n in range(2)
    ]

    assert said == [["1: a0", "1: b0", "1: c0"], ["3: a0 a1", "3: b0 b1", "3: c0 c1"]]


async def test_a_turn_that_was_cut_short_is_run_again_as_if_it_had_not_been(
    saver: Any, graph_says: tuple[Any, list[str]]
) -> None:
    graph, says = graph_says
    chat = Chat(saver)
    for task, answer in zip("abc", says, strict=True):
        for _ in range(2):
            with pytest.raises(RuntimeError, match="cut short"):
                await chat.say(graph, f"{task}!")
        assert await chat.say(graph, task) == answer


async def test_a_call_that_is_replayed_moves_the_memory_on_and_calls_nothing(saver: Any) -> None:
    graph, calls, killed = messages(), OneCall(), Chat(saver)
    await killed.say(graph, "a", calls=calls)
    resumed = Chat(saver)

    assert await resumed.say(graph, "a", calls=calls) == "1: a"
    assert resumed.threads == killed.threads
    assert await resumed.say(graph, "b") == "3: a b"


async def test_a_rewound_session_goes_on_from_there_and_the_rest_stays_for_a_fork(
    saver: Any, graph_says: tuple[Any, list[str]]
) -> None:
    graph, says = graph_says
    chat, recorded = Chat(saver), []
    for task in "axy":
        await chat.say(graph, task)
        recorded.append(dict(chat.threads))
    abandoned = chat.fork("s1")
    chat.threads = recorded[0]
    said = [await chat.say(graph, task) for task in "bc"]
    chat.threads = {}

    assert said == says[1:]
    assert await chat.say(graph, "a") == says[0]
    assert (await abandoned.say(graph, "z")).endswith("a x y z")


async def test_a_fork_goes_on_separately(saver: Any, graph_says: tuple[Any, list[str]]) -> None:
    graph, says = graph_says
    chat = Chat(saver)
    await chat.say(graph, "a")
    fork = Chat(saver, "s2", {"a": ("a#s2", chat.threads["a"][1])})

    assert await copy_thread(saver, chat.threads["a"], "a#s2")
    assert [await chat.say(graph, task) for task in "xy"] != says[1:]
    await delete_threads(saver, ["a#s1", "a#unknown"])
    assert [await fork.say(graph, task) for task in "bc"] == says[1:]
    with pytest.raises(AgentFailed, match="is gone"):
        await chat.say(graph, "z")


async def test_a_memory_that_is_still_in_another_thread_is_copied_with_the_first_turn(
    saver: Any, graph_says: tuple[Any, list[str]]
) -> None:
    graph, says = graph_says
    chat = Chat(saver)
    await chat.say(graph, "a")
    fork = chat.fork("s2")
    for _ in range(2):
        with pytest.raises(RuntimeError):
            await fork.say(graph, "x!")

    assert [await fork.say(graph, "b"), await chat.say(graph, "c")] == [says[1], says[1].replace("b", "c")]
    assert fork.threads["a"][0] == "a#s2"


async def test_a_delta_channel_is_copied_from_the_checkpoints_that_it_was_written_at(saver: Any) -> None:
    """After a turn that died, LangGraph writes the channel whole; after others, only what was added."""
    graph, chat = delta(), Chat(saver)
    said = [await chat.say(graph, task) for task in ("a", "-")]
    early = chat.fork("s2")
    with pytest.raises(RuntimeError):
        await chat.say(graph, "b!")
    said += [await chat.say(graph, task) for task in ("b", "c", "-")]
    late = chat.fork("s3")

    assert said == ["a", "a", "a b", "a b c", "a b c"]
    assert [await early.say(graph, task) for task in ("-", "x", "-")] == ["a", "a x", "a x"]
    assert [await late.say(graph, task) for task in ("-", "y", "-")] == ["a b c", "a b c y", "a b c y"]


async def test_a_fork_of_a_graph_with_a_checkpointer_of_its_own_is_copied_within_that(saver: Any) -> None:
    graph, chat = messages().copy({"checkpointer": saver}), Chat(None)
    await chat.say(graph, "a")
    fork = chat.fork("s2")

    assert [await fork.say(graph, "b"), await chat.say(graph, "c")] == ["3: a b", "3: a c"]


async def test_what_is_not_there_is_not_copied(saver: Any) -> None:
    assert not await copy_thread(saver, ("a#s1", "1f1e4fd5-e863-6a4b-8003-906068824466"), "a#s2")
    assert await saver.aget_tuple({"configurable": {"thread_id": "a#s2", "checkpoint_ns": ""}}) is None


@pytest.mark.parametrize("is_blocking", [False, True])
async def test_a_nested_graph_with_a_memory_of_its_own_goes_along(saver: Any, is_blocking: bool) -> None:
    """LangGraph itself gives it what is newest in the thread: also what was rewound, or died."""
    graph, chat, recorded = nested(is_blocking=is_blocking), Chat(saver), []
    for task in ("in1", "in2", "x"):
        await chat.say(graph, task)
        recorded.append(dict(chat.threads))
    with pytest.raises(RuntimeError):
        await chat.say(graph, "in!")
    again = await chat.say(graph, "in3")
    chat.threads = dict(recorded[0])
    skipped = await chat.say(graph, "y")
    rewound = await chat.say(graph, "in4")
    assert await copy_thread(saver, recorded[2]["a"], "a#s2")
    await delete_threads(saver, ["a#s1"])
    forked = await Chat(saver, "s2", {"a": ("a#s2", recorded[2]["a"][1])}).say(graph, "in5")

    assert again == "x | IN1 IN2 IN3"
    assert (skipped, rewound) == ("y | IN1", "y | IN1 IN4")
    assert forked == "x | IN1 IN2 IN5"


async def test_a_copy_needs_every_nested_memory(saver: Any) -> None:
    chat = Chat(saver)
    await chat.say(nested(), "in1")
    root = await saver.aget_tuple({"configurable": {"thread_id": "a#s1", "checkpoint_ns": ""}})
    lost = {**root.metadata, "agentctl_heads": {"ask": "1f1e4fd5-e863-6a4b-8003-906068824466"}}
    config = {"configurable": {"thread_id": "a#s3", "checkpoint_ns": ""}}
    await saver.aput(config, root.checkpoint, lost, root.checkpoint["channel_versions"])

    assert not await copy_thread(saver, ("a#s3", root.checkpoint["id"]), "a#s4")


@pytest.mark.parametrize("name", ["messages", "entrypoint", "keeping", "catching"])
async def test_an_exported_memory_is_imported_as_it_was(saver: Any, name: str) -> None:
    build, says = GRAPHS[name]
    graph, chat = build(), Chat(saver)
    await chat.say(graph, "a")
    text = json.dumps(await thread_to_json(saver, *chat.threads["a"]))
    await delete_threads(saver, ["a#s1"])
    restored = await thread_from_json(saver, "a#s2", json.loads(text))
    imported = Chat(saver, "s2", {"a": ("a#s2", restored)})

    assert [await imported.say(graph, task) for task in "bc"] == says[1:]


async def test_nested_memories_are_exported_too(saver: Any) -> None:
    graph, chat = nested(), Chat(saver)
    await chat.say(graph, "in1")
    data = await thread_to_json(saver, *chat.threads["a"])
    imported = Chat(saver, "s2", {"a": ("a#s2", await thread_from_json(saver, "a#s2", data))})

    assert await imported.say(graph, "in2") == "| IN1 IN2"


async def test_every_kind_of_message_survives_an_export(saver: Any) -> None:
    call = {"name": "look", "args": {"at": ["sun", 1, 0.5, None]}, "id": "c1", "type": "tool_call"}
    said = [
        SystemMessage("rules", id="1"),
        HumanMessage([{"type": "text", "text": "hé"}, {"type": "image_url", "image_url": {"url": "data:,"}}], id="2"),
        AIMessage("nul \0 and \x1b", id="3", tool_calls=[call], response_metadata={"model": "m"}, usage_metadata=None),
        ToolMessage("bright", id="4", tool_call_id="c1", artifact={"lux": [1, 2]}),
    ]
    graph = StateGraph(MessagesState).add_node("n", lambda state: {}).add_edge(START, "n").compile(checkpointer=saver)
    config: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    await graph.ainvoke({"messages": said}, config, durability="exit")
    found = await saver.aget_tuple(config)
    data = json.loads(json.dumps(await thread_to_json(saver, "t", found.checkpoint["id"])))
    config["configurable"] |= {"thread_id": "u", "checkpoint_id": await thread_from_json(saver, "u", data)}

    assert (await graph.aget_state(config)).values["messages"] == said


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime"),
        ({"deep": [{1: "x"}]}, "dict"),
        ({"$message": "x"}, "dict"),
        (float("nan"), "float"),
        (b"x", "bytes"),
        ({"x"}, "set"),
        (AIMessageChunk("x"), "AIMessageChunk"),
        (AIMessage("x", response_metadata={"at": {1, 2}}), "set"),
    ],
)
async def test_what_is_more_than_json_and_messages_is_not_exported(saver: Any, value: object, type_: str) -> None:
    class Held(Own):
        held: Any

    graph: Any = StateGraph(Held).add_node("n", lambda state: {"held": [value], "text": "x"}).add_edge(START, "n")
    chat = Chat(saver)
    await chat.say(graph.compile(), "a")

    with pytest.raises(NotPortable, match=f"'held' holds a value of type {type_}$"):
        await thread_to_json(saver, *chat.threads["a"])


async def test_a_delta_channel_and_a_checkpoint_that_is_gone_are_not_exported(saver: Any) -> None:
    chat = Chat(saver)
    await chat.say(delta(), "a")

    with pytest.raises(NotPortable, match="'seen' is a DeltaChannel"):
        await thread_to_json(saver, *chat.threads["a"])
    with pytest.raises(NotPortable, match="is not there"):
        await thread_to_json(saver, "a#s2", chat.threads["a"][1])


def held(value: object) -> dict[str, object]:
    return {"namespaces": {"": {"held": value}}}


def message(**given: object) -> dict[str, object]:
    return held([{"$message": {"type": "ai", "data": {"content": "x", "type": "ai"}} | given}])


def nest(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


HOSTILE: dict[str, object] = {
    "no mapping": ["x"],
    "nothing": {},
    "another key": {"namespaces": {"": {}}, "pickle": "gASV"},
    "no outer graph": {"namespaces": {"ask": {}}},
    "channels as a list": {"namespaces": {"": []}},
    "namespace of a task": {"namespaces": {"": {}, "ask:1f1e": {}}},
    "namespace with a null": {"namespaces": {"": {}, "a\0": {}}},
    "channel of tasks": {"namespaces": {"": {"__pregel_tasks": [{"node": "answer"}]}}},
    "channel that starts a node": {"namespaces": {"": {"branch:to:answer": None}}},
    "channel with half a character": {"namespaces": {"": {"\ud800": 1}}},
    "key with half a character": held({"\udfff": 1}),
    "no number": held(float("inf")),
    "too large a number": held(2**70),
    "deep": held(nest(400)),
    "deeper than Python goes": held(nest(50_000)),
    "a Python object": held(object()),
    "bytes": held(b"\x80\x04"),
    "message of another type": message(type="remove"),
    "message of no type": held({"$message": {"data": {"content": "x"}}}),
    "message by class name": held({"$message": {"type": "ai", "data": {}, "id": ["os", "system"]}}),
    "message that is two": message(data={"content": "x", "type": "human"}),
    "message without content": message(data={}),
    "message with calls of no shape": message(data={"content": "x", "tool_calls": "x"}),
    "message with arguments of no shape": message(data={"content": "x", "additional_kwargs": ["x"]}),
    "message beside something": held({"$message": {"type": "ai", "data": {"content": "x"}}, "more": 1}),
    "message as text": held({"$message": "x"}),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_import_writes_nothing(saver: Any, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        await thread_from_json(saver, "a#s1", HOSTILE[name])

    assert caught.value.code == "import-invalid" and caught.value.hint
    assert [found async for found in saver.alist(None)] == []


async def test_constructors_in_an_import_stay_data(saver: Any, tmp_path: Any) -> None:
    """What LangChain and LangGraph would revive from their own formats is a mapping like any other."""
    touch = {"lc": 2, "type": "constructor", "id": ["os", "system"], "args": [f"touch {tmp_path}/owned"]}
    revived = {"lc": 1, "type": "constructor", "id": ["langchain_core", "messages", "AIMessage"], "kwargs": {}}
    pretending = {"$message": {"type": "ai", "data": {"content": "x", "additional_kwargs": {"x": touch}}}}
    restored = await thread_from_json(saver, "t", held([touch, revived, pretending]))
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": restored}}
    values = (await saver.aget_tuple(config)).checkpoint["channel_values"]["held"]

    assert values == [touch, revived, AIMessage("x", additional_kwargs={"x": touch})]
    assert not (tmp_path / "owned").exists()


async def test_a_memory_of_the_wrong_shape_fails_its_agent_and_nothing_else(saver: Any) -> None:
    restored = await thread_from_json(saver, "a#s1", {"namespaces": {"": {"messages": 7, "unknown": "x"}}})

    with pytest.raises((TypeError, ValueError, NotImplementedError)):
        await Chat(saver, threads={"a": ("a#s1", restored)}).say(messages(), "a")
    assert await Chat(saver, "s2").say(messages(), "a") == "1: a"


async def test_a_delta_channel_is_written_whole_only_after_a_turn_that_died(saver: Any) -> None:
    graph, chat, wholes = delta(), Chat(saver), []
    for task in ("a", "b", "c!", "c", "d"):
        try:
            await chat.say(graph, task)
        except RuntimeError:
            continue
        config = {"configurable": {"thread_id": "a#s1", "checkpoint_ns": "", "checkpoint_id": chat.threads["a"][1]}}
        wholes.append("seen" in (await saver.aget_tuple(config)).checkpoint["channel_values"])

    assert wholes == [False, False, True, False]
    assert await chat.say(graph, "e") == "a b c d e"


async def test_the_history_that_a_turn_adds_is_one_checkpoint(saver: Any) -> None:
    chat = Chat(saver)
    for task in "abc":
        await chat.say(keeping(), task)
    found = [found async for found in saver.alist({"configurable": {"thread_id": "a#s1"}})]

    assert len(found) == 3
    assert [write for each in found for write in each.pending_writes or ()] == []
