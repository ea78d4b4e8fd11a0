import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.errors import ModelFailed, UsageError, WorkspaceInvalid
from agentctl.models import ModelClient, ModelConfig, ModelReply, ModelRequest, Models, Retry

Ask = Callable[..., ModelRequest]
Scripted = Callable[..., ModelClient]
SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
JUDGED = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "verdict": {"enum": ["done", "revise"]},
        "sure": {"type": "boolean"},
    },
    "required": ["verdict", "sure"],
    "additionalProperties": False,
}
"""What an agent is asked whose `output` is `verdict` and `sure`."""


async def texts(client: ModelClient, *requests: ModelRequest) -> list[str]:
    return [(await client.generate(request)).text for request in requests]


async def test_the_first_unused_reply_that_matches_is_taken(scripted: Scripted, ask: Ask) -> None:
    client = scripted("""replies:
      - {agent: optimist, text: hope}
      - {agent: critic, round: 2, text: second}
      - {agent: critic, contains: good, text: one}
      - {stage: debate, text: two}
    """)

    assert await texts(client, ask(), ask(), ask(round=2), ask(agent="optimist")) == ["one", "two", "second", "hope"]


async def test_each_run_starts_with_a_fresh_script(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: a}, {text: b}]")

    assert await texts(client, ask(), ask(run_id="run2"), ask(), ask(run_id="run2")) == ["a", "a", "b", "b"]


async def test_a_repeated_reply_is_used_as_often_as_it_says(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: a, repeat: 2}, {text: b, repeat: true}]")

    assert await texts(client, *[ask()] * 5) == ["a", "a", "b", "b", "b"]


async def test_none_left_shows_the_prompt_and_a_hint(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: []")
    with pytest.raises(ModelFailed, match=r"'critic' in stage 'debate', round 1.*'Is it good") as raised:
        await client.generate(ask())

    assert (raised.value.code, raised.value.attempts) == ("model-no-reply", 1)
    assert "replies.yaml" in raised.value.hint


async def test_a_replayed_reply_counts_as_used_with_its_failed_tries(scripted: Scripted, ask: Ask) -> None:
    replies = "replies: [{error: 500}, {text: a}, {text: b}]"
    first = await scripted(replies).generate(ask())
    kept = ModelReply.from_json(first.to_json())

    resumed = scripted(replies)
    resumed.replayed(ask(run_id="run2"), kept)

    assert (first.text, first.attempts) == ("a", 2)
    assert await texts(resumed, ask(run_id="run2")) == ["b"]


async def test_a_forgotten_run_leaves_nothing_behind(tmp_path: Path, ask: Ask) -> None:
    (tmp_path / "s.yaml").write_text("replies: [{text: a}]")
    models = Models({})
    client = models.get(ModelConfig("scripted:s.yaml"), workspace="w", folder=tmp_path)
    await client.generate(ask())

    models.forget("run1")

    assert await texts(client, ask()) == ["a"]


async def test_given_fields_become_the_structured_answer(scripted: Scripted, ask: Ask) -> None:
    client = scripted("""replies:
      - text: fine
        scores: {risk: 0.5}
        options: [{id: a, title: A, text: t}]
        decision: {verdict: book}
        usage: {input_tokens: 7, output_tokens: 3}
    """)
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "decision": {"type": "object"}}}
    reply = await client.generate(ask(schema=schema))

    assert reply.text == "fine"
    assert reply.data == {
        "text": "fine",
        "scores": {"risk": 0.5},
        "options": [{"id": "a", "title": "A", "text": "t"}],
        "decision": {"verdict": "book"},
    }
    assert (reply.usage, reply.cost_usd) == ({"input_tokens": 7, "output_tokens": 3}, 0.0)


async def test_text_alone_is_the_text_field(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: fine, repeat: true}]")

    assert (await client.generate(ask(schema=SCHEMA))).data == {"text": "fine"}
    assert (await client.generate(ask())).data is None


async def test_a_decision_fills_the_fields_that_it_names(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: Final, decision: {verdict: done, sure: true}}]")

    assert (await client.generate(ask(schema=JUDGED))).data == {"text": "Final", "verdict": "done", "sure": True}


@pytest.mark.parametrize(
    ("reply", "data"),
    [
        ("""{text: '{"verdict": "done", "sure": true}'}""", {"verdict": "done", "sure": True}),
        (
            """{text: ' {"text": "Yes", "verdict": "done", "sure": true}'}""",
            {"text": "Yes", "verdict": "done", "sure": True},
        ),
        ('{text: "```json\\n{\\"verdict\\": \\"done\\", \\"sure\\": true}\\n```"}', {"verdict": "done", "sure": True}),
        ("""{text: '{"sure": true}', decision: {verdict: revise}}""", {"verdict": "revise", "sure": True}),
    ],
)
async def test_text_may_be_the_structured_answer(scripted: Scripted, ask: Ask, reply: str, data: object) -> None:
    client = scripted(f"replies: [{reply}]")

    assert (await client.generate(ask(schema=JUDGED))).data == data


@pytest.mark.parametrize("text", ['{"a": 1}', "{braces} in prose", "{}", '["a"]'])
async def test_text_that_is_no_such_answer_stays_words(scripted: Scripted, ask: Ask, text: str) -> None:
    client = scripted(f"replies: [{{text: '{text}', repeat: true}}]")
    schema = {**SCHEMA, "additionalProperties": False}

    assert (await client.generate(ask(schema=schema))).data == {"text": text}
    assert (await client.generate(ask())).text == text


@pytest.mark.parametrize(
    ("reply", "what"),
    [
        ("{text: Final, decision: {verdict: bogus, sure: true}}", "'bogus' is not one of ['done', 'revise']"),
        ("{text: Final, decision: {vredict: done, sure: true}}", "'vredict' was unexpected"),
        ("{text: Final}", "'verdict' is a required property"),
        ("""{text: '{"verdict": "done", "sure": 1}'}""", "$.sure: 1 is not of type 'boolean'"),
        ("{decision: {verdict: done, sure: true}, scores: {risk: .nan}}", "NaN is not a number"),
        ("{}", "required property"),
    ],
)
@pytest.mark.parametrize("repeated", [False, True])
async def test_a_reply_that_breaks_the_schema_is_malformed(
    scripted: Scripted, ask: Ask, reply: str, what: str, repeated: bool
) -> None:
    """Whether the repair finds another wrong reply or none."""
    client = scripted(f"replies: [{reply}{f', {reply}' if repeated else ''}]")
    with pytest.raises(ModelFailed) as raised:
        await client.generate(ask(schema=JUDGED))

    assert (raised.value.code, raised.value.attempts) == ("model-malformed", 2)
    assert what in str(raised.value)
    assert "correct the reply" in raised.value.hint


async def test_a_reply_that_breaks_the_schema_is_repaired_by_the_next(scripted: Scripted, ask: Ask) -> None:
    replies = """replies:
      - {decision: {verdict: bogus, sure: true}}
      - {agent: other, text: not mine}
      - {decision: {verdict: done, sure: true}, contains: "'bogus' is not one of"}
      - {text: left}
    """
    reply = await scripted(replies).generate(ask(schema=JUDGED))
    resumed = scripted(replies)
    resumed.replayed(ask(), reply)

    assert (reply.data, reply.attempts) == ({"verdict": "done", "sure": True}, 2)
    assert await texts(resumed, ask()) == ["left"]


async def test_only_the_words_of_a_structured_answer_are_shown(scripted: Scripted, ask: Ask) -> None:
    tokens: list[str] = []
    reply = """{text: '{"text": "two words", "verdict": "done", "sure": true}'}"""
    got = await scripted(f"replies: [{reply}]").generate(ask(schema=JUDGED), tokens.append)

    assert ("".join(tokens), got.text) == ("two words", "two words")


async def test_it_streams_and_is_labelled_simulated(scripted: Scripted, ask: Ask) -> None:
    tokens: list[str] = []
    reply = await scripted("replies: [{text: quite a few words of text}]").generate(ask(), tokens.append)

    assert "".join(tokens) == "quite a few words of text"
    assert len(tokens) > 1
    assert reply.simulated


@pytest.mark.parametrize(
    ("error", "code", "status", "attempts"),
    [
        ("timeout", "model-timeout", None, 2),
        ("429", "model-rate-limited", 429, 2),
        ("500", "model-server-error", 500, 2),
        ("malformed", "model-malformed", None, 2),
        ("filtered", "model-filtered", None, 1),
    ],
)
async def test_errors_take_the_way_of_real_ones(
    scripted: Scripted, ask: Ask, error: str, code: str, status: int | None, attempts: int
) -> None:
    client = scripted(f"replies: [{{error: {error}, repeat: true}}]", retry=Retry(2, 0))
    with pytest.raises(ModelFailed) as raised:
        await client.generate(ask())

    assert (raised.value.code, raised.value.status, raised.value.attempts) == (code, status, attempts)


async def test_a_malformed_structure_is_repaired_by_the_next_reply(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{error: malformed}, {text: better}]")
    reply = await client.generate(ask(schema=SCHEMA))

    assert (reply.data, reply.attempts) == ({"text": "better"}, 2)


async def test_a_reply_may_take_its_time_or_too_long(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: a, delay_s: 0.05}, {text: b, delay_s: 9}]", retry=Retry(1), timeout_s=0.2)
    started = time.monotonic()
    await client.generate(ask())

    assert time.monotonic() - started >= 0.05
    with pytest.raises(ModelFailed, match=r"no answer within 0\.2 s"):
        await client.generate(ask())


async def test_runs_at_once_do_not_take_each_others_replies(scripted: Scripted, ask: Ask) -> None:
    client = scripted("replies: [{text: a}, {text: b}]")
    got = await asyncio.gather(*(texts(client, ask(run_id=str(n)), ask(run_id=str(n))) for n in range(20)))

    assert got == [["a", "b"]] * 20


async def test_tool_calls_are_passed_on(scripted: Scripted, ask: Ask) -> None:
    reply = await scripted("replies: [{tool_calls: [{name: search, args: {q: x}}]}]").generate(ask())

    assert reply.tool_calls == [{"id": "call_0_0", "name": "search", "args": {"q": "x"}}]


async def test_a_reply_with_tool_calls_is_no_answer_yet(scripted: Scripted, ask: Ask) -> None:
    """Its words are shown, and the next reply may wait for what the tools gave."""
    tokens: list[str] = []
    client = scripted("""replies:
      - {contains: green, text: Green it is.}
      - {text: Let me see., scores: {risk: 1}, tool_calls: [{name: search, args: {q: x}}, {name: now}]}
    """)
    first = await client.generate(ask(schema=SCHEMA, ordinal=2), tokens.append)
    messages = [
        *ask().messages,
        {"role": "assistant", "content": first.text, "tool_calls": first.tool_calls},
        {"role": "tool", "tool_call_id": "call_2_0", "name": "search", "content": "the tea is green"},
    ]
    second = await client.generate(ask(schema=SCHEMA, messages=messages))

    assert (first.text, "".join(tokens), first.data) == ("Let me see.", "Let me see.", None)
    assert [(call["id"], call["name"]) for call in first.tool_calls] == [("call_2_0", "search"), ("call_2_1", "now")]
    assert (second.data, second.tool_calls) == ({"text": "Green it is."}, [])


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (
            "replies:\n- tool_calls:\n  - {nmae: a}\n",
            (3, 6),
            "tool_calls.0.nmae is not a known key, did you mean 'name'?",
        ),
        ("replies:\n  - {agnet: a}\n", (2, 6), "replies.0.agnet is not a known key, did you mean 'agent'?"),
        ("replies:\n- text: a\n  delay_s: -1\n", (3, 3), "greater than or equal to 0"),
        ("replies:\n- text: [a]\n", (2, 3), "replies.0.text: input should be a valid string"),
        ("replies:\n- error: 404\n", (2, 3), "'timeout', '429'"),
        ("replies:\n- decision:\n    day: 2026-10-01\n", (3, 5), "replies.0.decision.day: input was not a valid JSON"),
        ("replies:\n- decision:\n    day: &a [*a]\n", (3, 5), "cyclic reference"),
        ("reply: []\n", (1, 1), "reply is not a known key, did you mean 'replies'?"),
        ("- a\n", (1, 1), "valid dictionary"),
        ("", (1, 1), "valid dictionary"),
        ("replies: [\n", (2, 1), "but found"),
    ],
)
def test_a_bad_script_names_its_line(scripted: Scripted, text: str, where: tuple[int, int], what: str) -> None:
    with pytest.raises(WorkspaceInvalid) as raised:
        scripted(text)

    found = [problem for problem in raised.value.problems if what in problem.message]
    assert [(problem.line, problem.col) for problem in found] == [where], raised.value.problems


def test_a_missing_script_says_which(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*nope.yaml: No such file"):
        Models({}).get(ModelConfig("scripted:nope.yaml"), workspace="w", folder=tmp_path)
