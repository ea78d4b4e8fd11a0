"""Tool agents: which calls they make, with which arguments, and what becomes of the results."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from agentctl.agents.prompt import PromptFailed, render_value
from agentctl.channels.view import view
from agentctl.errors import UsageError
from agentctl.store import Approval, Decision
from tests.conftest import WriteWorkspace
from tests.runs import of, run, told, workspace

CODE = """
def decide(state):
    return {"decision": {"verdict": "book", "days": 3, "who": ["Ada", "Bob"], "note": "10"}}
"""
TOOLS = """
from agentctl import tool

@tool(read_only=True)
def find(city: str, days: int = 1):
    return {"city": city.upper(), "days": days, "ids": [7, 8]}

@tool(read_only=True)
def echo(value: object):
    return {"value": value}

@tool(read_only=True)
def say(text: str) -> str:
    if text == "fail":
        raise ValueError("no seats")
    return f"said {text}"

def book(id: int) -> str:
    return f"booked {id}"
"""
JUDGE = {"entry": "work:decide", "capability": "synthesizer"}


def acting(*calls: Mapping[str, Any], more: Mapping[str, Any] | None = None, **top: Any) -> dict[str, str]:
    """A workspace where `judge` decides, and `actor` then makes `calls`."""
    agents = {"judge": JUDGE, "actor": {"kind": "tool", "calls": list(calls), **(more or {})}}
    files = workspace({"talk": ["judge"], "act": ["actor"]}, agents, CODE, **top)
    return {**files, "tools/trips.py": TOOLS}


def called(events: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    return [(event["tool"], event["args"]) for event in of(events, "tool.called")]


async def test_calls_are_made_in_order_with_their_arguments_filled_in(write_workspace: WriteWorkspace) -> None:
    calls = (
        {"tool": "find", "args": {"city": "{{ task }}, {{ tone }}", "days": "{{ decision.days }}"}},
        {"tool": "say", "args": {"text": "{{ decision.days }} days by {{ agent }}"}},
    )
    events = await told(write_workspace("demo", acting(*calls, variables={"tone": "warm"})), "Rome")

    assert called(events) == [("find", {"city": "Rome, warm", "days": 3}), ("say", {"text": "3 days by actor"})]
    found = json.dumps({"city": "ROME, WARM", "days": 3, "ids": [7, 8]})
    assert events[-1]["output"] == f"{found}\n\nsaid 3 days by actor"


async def test_a_template_that_is_one_expression_keeps_its_type(write_workspace: WriteWorkspace) -> None:
    value = {
        "n": "{{ decision.days }}",
        "list": ["{{ decision.who }}", "{{ decision.who | map('upper') }}", 1.5, None, True],
        "text": "{{ decision.note }}",
        "both": "{{ decision.days }}{{ decision.days }}",
        "all": "{{ decision }}",
        "none": "{{ decision.nothing }}",
    }
    events = await told(write_workspace("demo", acting({"tool": "echo", "args": {"value": value}})))

    (_, args), *_ = called(events)
    assert args["value"] == {
        "n": 3,
        "list": [["Ada", "Bob"], ["ADA", "BOB"], 1.5, None, True],
        "text": "10",
        "both": "33",
        "all": {"verdict": "book", "days": 3, "who": ["Ada", "Bob"], "note": "10"},
        "none": None,
    }


async def test_a_later_call_reads_what_an_earlier_one_gave(write_workspace: WriteWorkspace) -> None:
    calls = (
        {"tool": "say", "args": {"text": "never"}, "when": "decision.verdict == 'wait'"},
        {"tool": "find", "args": {"city": "Oslo"}, "when": "len(results) == 0 and task == 'go'"},
        {
            "tool": "echo",
            "args": {"value": "{{ results[0].result.ids[1] }}"},
            "when": "results[0].result.city == 'OSLO'",
        },
        {"tool": "say", "args": {"text": "{{ results | map(attribute='tool') | join(' ') }} {{ results[1].status }}"}},
    )
    events = await told(write_workspace("demo", acting(*calls)), "go")

    assert [tool for tool, _ in called(events)] == ["find", "echo", "say"]
    assert [args for _, args in called(events)][1:] == [{"value": 8}, {"text": "find echo ok"}]


async def test_without_a_call_it_says_nothing(write_workspace: WriteWorkspace) -> None:
    calls = ({"tool": "say", "args": {"text": "x"}, "when": "decision.verdict == 'wait'"},)
    events = await told(write_workspace("demo", acting(*calls)))

    assert (events[-1]["status"], events[-1]["output"], called(events)) == ("done", "", [])


async def test_a_call_that_fails_fails_the_agent(write_workspace: WriteWorkspace) -> None:
    calls = [{"tool": "say", "args": {"text": text}} for text in ("one", "fail", "two")]
    events = await told(write_workspace("demo", acting(*calls)))

    error = events[-1]["error"]
    assert (events[-1]["status"], error["code"]) == ("failed", "tool-failed")
    assert error["message"].startswith("agent 'actor' failed: say (error): ") and "no seats" in error["message"]
    assert [args["text"] for _, args in called(events)] == ["one", "fail"]


async def test_arguments_that_do_not_fit_fail_the_agent(write_workspace: WriteWorkspace) -> None:
    calls = ({"tool": "find", "args": {"city": "Oslo", "days": "{{ decision.who }}"}},)
    result = await run(write_workspace("demo", acting(*calls)))

    assert result.error and result.error["code"] == "tool-failed"
    assert "the arguments of find are wrong: days" in result.error["message"]


async def test_a_template_without_a_value_names_its_place(write_workspace: WriteWorkspace) -> None:
    calls = ({"tool": "echo", "args": {"value": [1, {"x": "{{ decision.nothing.more }}"}]}},)
    result = await run(write_workspace("demo", acting(*calls)))

    assert result.error and result.error["code"] == "prompt-failed"
    assert "calls[0].args.value[1].x: a template could not be rendered" in result.error["message"]


async def test_declared_fields_are_taken_from_the_last_result(write_workspace: WriteWorkspace) -> None:
    more = {"output": {"ids": {"type": "array", "to": "trips"}, "days": {"type": "integer"}}}
    top = {"channels": {"trips": {"type": "union", "writers": ["actor"]}}}
    files = acting({"tool": "say", "args": {"text": "hi"}}, {"tool": "find", "args": {"city": "x"}}, more=more, **top)
    events = await told(write_workspace("demo", files))

    finished = of(events, "agent.finished")[-1]
    assert (finished["agent"], finished["writes"]["trips"]) == ("actor", [7, 8])
    assert events[-1]["output"].startswith("said hi\n\n")


async def test_each_call_asks_for_itself_and_a_no_ends_the_agent(write_workspace: WriteWorkspace) -> None:
    asked: list[list[Any]] = []

    async def ask(approvals: Sequence[Approval]) -> dict[str, Decision]:
        asked.append([approval.args for approval in approvals])
        is_first = len(asked) == 1
        return {each.id: Decision(approve=is_first, reason="" if is_first else "too dear") for each in approvals}

    calls = [{"tool": "book", "args": {"id": n}} for n in (1, 2, 3)]
    result = await run(write_workspace("demo", acting(*calls)), ask=ask)

    assert asked == [[{"id": 1}], [{"id": 2}]]
    assert result.error and result.error["code"] == "tool-failed"
    assert "book (denied)" in result.error["message"] and "too dear" in result.error["message"]


async def test_a_call_of_an_optional_tool_is_made_only_if_the_turn_asks_for_it(write_workspace: WriteWorkspace) -> None:
    calls = ({"tool": "say", "args": {"text": "a"}}, {"tool": "echo", "args": {"value": 1}})
    root = write_workspace("demo", acting(*calls, tools={"each": {"sa*": {"optional": True}}}))

    assert [tool for tool, _ in called(await told(root))] == ["echo"]
    assert [tool for tool, _ in called(await told(root, tools=["say"]))] == ["say", "echo"]


@pytest.mark.parametrize("tools", ["say", [1], {"say": 1}])
async def test_tools_of_a_turn_are_a_list_of_names(write_workspace: WriteWorkspace, tools: Any) -> None:
    root = write_workspace("demo", acting({"tool": "say", "args": {"text": "a"}}))
    with pytest.raises(UsageError, match="tools is"):
        await run(root, tools=tools)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("{{ [1, nope] }}", "'nope' is undefined"),
        ("{{ ''.__class__ }}", "unsafe"),
        ("{{ cycler }}", "JSON cannot say"),
        ("{{ attachments }}", "bytes"),
        ("{{ [1] * 10**9 }}", "small numbers"),
        ("{{ history | map(attribute='text') }}", "1 MiB"),
        ("{{ history }}", "1 MiB"),
        ("{{ range(10**6) | select('gt', -1) | list | length }}", "Range too big"),
    ],
)
async def test_a_value_is_bounded_and_plain(template: str, says: str) -> None:
    names = {"attachments": view([{"bytes": b"x"}]), "history": view([{"text": "x" * 99_999}] * 12)}
    with pytest.raises(PromptFailed, match=says):
        await render_value(template, names)


async def test_a_value_that_takes_too_long_is_stopped() -> None:
    loop = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    with pytest.raises(PromptFailed, match="a template took over 1 s"):
        await render_value(loop, {})
