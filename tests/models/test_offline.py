from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentctl.models import ModelConfig, ModelRequest, Models
from agentctl.models.offline import Offline

Ask = Callable[..., ModelRequest]
SCHEMA = {
    "type": "object",
    "required": ["text", "scores", "options", "verdict", "again"],
    "properties": {
        "text": {"type": "string"},
        "scores": {
            "type": "object",
            "properties": {name: {"type": "number", "minimum": 0, "maximum": 1} for name in ("risk", "novelty")},
            "required": ["risk", "novelty"],
        },
        "options": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("id", "title", "text")},
                "required": ["id"],
            },
        },
        "verdict": {"enum": ["revise", "book"]},
        "again": {"$ref": "#/$defs/node"},
        "days": {"type": "integer", "minimum": 1, "maximum": 3},
        "sure": {"type": ["boolean", "null"]},
    },
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"const": 3}}}},
}


async def test_the_same_question_has_the_same_answer(ask: Ask) -> None:
    first, second = Offline(), Offline()

    assert await first.ask(ask(schema=SCHEMA), None) == await second.ask(ask(schema=SCHEMA, run_id="other"), None)


async def test_agents_stages_rounds_and_tasks_differ(ask: Ask) -> None:
    other_task = [{"role": "user", "content": "Is it bad?"}]
    requests = [ask(), ask(agent="devil"), ask(stage="end"), ask(round=2), ask(messages=other_task)]
    answers = [(await Offline().ask(one if n else ask(), None)).text for n, one in enumerate(requests)]

    assert len({*answers[:3], answers[4]}) == 4


async def test_answers_follow_the_schema(ask: Ask) -> None:
    for agent in ("a", "b", "c", "d"):
        data = (await Offline().ask(ask(agent=agent, schema=SCHEMA), None)).data

        Draft202012Validator(SCHEMA).validate(data)
        assert data is not None
        assert [option["id"] for option in data["options"]] == [f"{agent}-1", f"{agent}-2"]  # type: ignore[attr-defined]


METRICS = {
    "type": "object",
    "properties": {"fit": {"type": "number", "minimum": 0, "maximum": 1}},
    "required": ["fit"],
    "additionalProperties": False,
}
OPEN = {"type": "object", "additionalProperties": METRICS}


def proposing(scores: dict[str, object], field: str = "options") -> dict[str, object]:
    properties = {"text": {"type": "string"}, field: SCHEMA["properties"]["options"], "scores": scores}  # type: ignore[index]
    return {"type": "object", "properties": properties, "required": [field, "scores"]}


@pytest.mark.parametrize("field", ["options", "ways"])
@pytest.mark.parametrize("scores", [OPEN, {"anyOf": [OPEN, METRICS]}])
async def test_a_proposer_scores_the_options_that_it_adds(ask: Ask, scores: dict[str, object], field: str) -> None:
    schema = proposing(scores, field)
    data = (await Offline().ask(ask(schema=schema), None)).data

    Draft202012Validator(schema).validate(data)
    assert data is not None and list(data["scores"]) == ["critic-1", "critic-2"]  # type: ignore[call-overload]
    assert data == (await Offline().ask(ask(schema=schema), None)).data


async def test_a_proposer_scores_the_options_on_the_table_too(ask: Ask) -> None:
    known = {**OPEN, "properties": {"tea": METRICS, "critic-1": METRICS}, "required": ["tea", "critic-1"]}
    data = (await Offline().ask(ask(schema=proposing(known)), None)).data

    assert data is not None and list(data["scores"]) == ["tea", "critic-1", "critic-2"]  # type: ignore[call-overload]


async def test_what_an_answer_may_leave_out_is_not_made_up_but_its_words(ask: Ask) -> None:
    schema = proposing(METRICS) | {"required": ["scores"]}
    data = (await Offline().ask(ask(schema=schema), None)).data

    assert data is not None and list(data) == ["text", "scores"]


async def test_it_never_calls_a_tool_and_says_the_same_without(ask: Ask) -> None:
    tools = [{"name": "now", "description": "Tells the time.", "parameters": {"type": "object"}}]
    result = {"role": "tool", "tool_call_id": "a1", "name": "now", "content": "noon"}
    for schema in (None, METRICS):
        plain = await Offline().ask(ask(schema=schema), None)
        offered = await Offline().ask(ask(schema=schema, tools=tools, messages=[*ask().messages, result]), None)

        assert (offered.text, offered.data, offered.tool_calls) == (plain.text, plain.data, [])


async def test_it_is_labelled_costs_nothing_and_streams(ask: Ask) -> None:
    tokens: list[str] = []
    client = Models({}).get(ModelConfig("offline"), workspace="w", folder=Path())
    reply = await client.generate(ask(), tokens.append)

    assert (client.simulated, reply.simulated, reply.cost_usd) == (True, True, 0.0)
    assert reply.text.startswith("[simulated] critic on “Is it good?”")
    assert "".join(tokens) == reply.text
    assert len(tokens) == 4


@given(task=st.text(), size=st.sampled_from([1, 100_000]))
async def test_any_task_is_answered_in_plain_words(task: str, size: int) -> None:
    message = {"role": "user", "content": task * size if len(task) < 5 else task}
    text = (await Offline().ask(ModelRequest("critic", "s", 1, 1, "r", [message]), None)).text

    assert len(text) < 300
    assert not any(ord(letter) < 32 or letter == "\x7f" for letter in text)
