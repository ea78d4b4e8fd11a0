"""Tools over OpenAI's chat API: what is offered, what is asked for, and how results go back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser
from langchain_openai import ChatOpenAI

from agentctl.errors import ModelFailed
from agentctl.models import ModelClient, ModelConfig, Models, Retry
from agentctl.models.chat import MAX_BINDINGS, Chat
from agentctl.models.chat_message import tool_calls_of
from tests.fakes import ChatServer

from .test_server import GOOD, HERE, NAME, SCHEMA, TWICE, Ask, client_of

Clients = Callable[[ChatServer], ModelClient]
SEARCH: dict[str, Any] = {
    "name": "web_search",
    "description": "Finds pages.",
    "parameters": {"type": "object", "properties": {"q": {"type": "string"}, "most": {"type": "integer"}}},
}
NOW: dict[str, Any] = {"name": "now", "description": "", "parameters": {"type": "object"}}
TOOLS = [SEARCH, NOW]
SEARCHED = {"id": "a1", "name": "web_search", "args": {"q": "tëa"}}
TOLD = {"id": "a2", "name": "now", "args": {}}
CALLS = {"text": "", "tool_calls": [SEARCHED, TOLD]}
streamed = pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])


def tokens_of(streaming: bool) -> tuple[list[str], Callable[[str], None] | None]:
    tokens: list[str] = []
    return tokens, tokens.append if streaming else None


class Constrained(ChatOpenAI):
    """Binds the schema as Ollama's models do, who then can write nothing else."""

    def with_structured_output(self, schema: Any = None, **_: Any) -> Any:
        return self.bind(format=schema) | JsonOutputParser()


class Pretended(ChatOpenAI):
    """Binds the schema as a tool that must be called, like models without a way of their own."""

    def with_structured_output(self, schema: Any = None, **_: Any) -> Any:
        return super().with_structured_output(schema, method="function_calling")


class Unfit(ChatOpenAI):
    """Its package cannot put our tools into its own words."""

    def bind_tools(self, *_: Any, **__: Any) -> Any:
        raise ValueError("no such type: integer")


def native(models: Models, server: ChatServer, kind: type[ChatOpenAI] = ChatOpenAI, **settings: Any) -> ModelClient:
    """A model that is not said to be at a server of one's own, so that its provider's own means are trusted."""
    settings = {"model": "gpt-5-mini", "max_retries": 0, "stream_usage": True} | settings
    model = kind(base_url=server.url, api_key="none", **settings)
    return models.get(
        ModelConfig(f"python:m:M{len(server.url)}"),
        workspace="w",
        folder=Path(server.url),
        retry=Retry(1, 0),
        load_python=lambda _: model,
    )


def asked_for(*calls: dict[str, Any], text: str = "") -> dict[str, Any]:
    return {"role": "assistant", "content": text, "tool_calls": list(calls)}


def result(call: dict[str, Any], content: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call["id"], "name": call["name"], "content": content}


@streamed
async def test_a_model_is_offered_tools_and_asks_for_several_at_once(models: Models, ask: Ask, streaming: bool) -> None:
    tokens, on_token = tokens_of(streaming)
    with ChatServer(replies=[CALLS]) as server:
        reply = await client_of(models, server).generate(ask(tools=TOOLS), on_token)

    assert reply.tool_calls == [SEARCHED, TOLD]
    assert (reply.text, reply.data, reply.finish_reason, tokens) == ("", None, "tool_calls", [])
    assert reply.usage["input_tokens"] > 0
    assert len(server.requests) == 1


async def test_a_tool_is_offered_as_a_function_with_its_schema(models: Models, ask: Ask) -> None:
    with ChatServer() as server:
        await client_of(models, server).generate(ask(tools=TOOLS))

    body = server.requests[0]
    assert body["tools"] == [
        {"type": "function", "function": SEARCH},
        # OpenAI refuses an object schema without `properties`.
        {"type": "function", "function": {**NOW, "parameters": {"type": "object", "properties": {}}}},
    ]
    assert not body.keys() & {"tool_choice", "parallel_tool_calls", "response_format"}


async def test_each_request_offers_its_own_tools(models: Models, ask: Ask) -> None:
    with ChatServer() as server:
        client = client_of(models, server)
        for tools in (TOOLS, [], [NOW], TOOLS):
            await client.generate(ask(tools=tools))

    assert server.offered == [["web_search", "now"], [], ["now"], ["web_search", "now"]]
    assert "tools" not in server.requests[1]


@streamed
async def test_words_beside_a_call_are_shown_and_kept(models: Models, ask: Ask, streaming: bool) -> None:
    tokens, on_token = tokens_of(streaming)
    with ChatServer(replies=[{"text": "Let me look that up.", "tool_calls": [SEARCHED]}]) as server:
        reply = await client_of(models, server).generate(ask(tools=TOOLS), on_token)

    assert (reply.text, reply.tool_calls) == ("Let me look that up.", [SEARCHED])
    assert "".join(tokens) == (reply.text if streaming else "")


@streamed
@pytest.mark.parametrize("text", ['{"q": "te', '{"q": NaN}', "q: tea", '{"q": "tea"}}', '{"a": ' * 100_000])
async def test_arguments_that_are_no_json_are_passed_on_as_they_are(
    models: Models, ask: Ask, text: str, streaming: bool
) -> None:
    """A stream's too, whose beginnings LangChain would complete: half a call is no call."""
    with ChatServer(replies=[{"tool_calls": [{**SEARCHED, "args": text}]}]) as server:
        reply = await client_of(models, server).generate(ask(tools=TOOLS), tokens_of(streaming)[1])

    assert len(reply.tool_calls) == 1
    written = str(reply.tool_calls[0]["args"])
    assert written.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("text", ["[1]", '"tea"'])
async def test_arguments_that_are_json_but_no_object_are_passed_on_or_asked_for_again(
    models: Models, ask: Ask, text: str
) -> None:
    """LangChain refuses a whole answer that has such a call."""
    broken = {"tool_calls": [{**SEARCHED, "args": text}]}
    with ChatServer(replies=[broken, broken, CALLS]) as server:
        client = client_of(models, server, TWICE)
        first = await client.generate(ask(tools=TOOLS), lambda _: None)
        second = await client.generate(ask(tools=TOOLS))

    assert (first.tool_calls, first.attempts) == ([{**SEARCHED, "args": text}], 1)
    assert (second.tool_calls, second.attempts) == ([SEARCHED, TOLD], 2)


@streamed
@pytest.mark.parametrize("text", ["", "  ", "null", "{}"])
async def test_a_call_without_arguments_has_none(models: Models, ask: Ask, text: str, streaming: bool) -> None:
    with ChatServer(replies=[{"tool_calls": [{**TOLD, "args": text}]}]) as server:
        reply = await client_of(models, server).generate(ask(tools=TOOLS), tokens_of(streaming)[1])

    assert reply.tool_calls == [TOLD]


@streamed
@pytest.mark.parametrize("ids", [(None, None), ("", ""), ("a1", "a1")], ids=["none", "empty", "the same"])
async def test_every_call_has_an_id_of_its_own(models: Models, ask: Ask, ids: Any, streaming: bool) -> None:
    calls = [{"id": id_, "name": "now", "args": {}} for id_ in ids]
    with ChatServer(replies=[{"tool_calls": calls}]) as server:
        client = client_of(models, server)
        first, second = [await client.generate(ask(tools=TOOLS, ordinal=3), tokens_of(streaming)[1]) for _ in range(2)]

    assert [call["id"] for call in first.tool_calls] == [ids[0] or "call_3_0", "call_3_1"]
    assert first.tool_calls == second.tool_calls


@streamed
async def test_results_go_back_beside_the_calls_that_they_answer(models: Models, ask: Ask, streaming: bool) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Tea?"},
        asked_for(SEARCHED, TOLD),
        result(SEARCHED, "green"),
        result(TOLD, ""),
    ]
    with ChatServer(replies=["Green."]) as server:
        reply = await client_of(models, server).generate(ask(tools=TOOLS, messages=messages), tokens_of(streaming)[1])

    assert (reply.text, reply.tool_calls) == ("Green.", [])
    sent = server.requests[0]["messages"]
    assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "tool"]
    assert (sent[2]["content"], [call["id"] for call in sent[2]["tool_calls"]]) == (None, ["a1", "a2"])
    assert json.loads(sent[2]["tool_calls"][0]["function"]["arguments"]) == {"q": "tëa"}
    assert sent[3:] == [
        {"role": "tool", "tool_call_id": "a1", "content": "green"},
        {"role": "tool", "tool_call_id": "a2", "content": "(nothing)"},
    ]
    assert server.offered == [["web_search", "now"]]


async def test_what_a_provider_would_refuse_goes_back_mended(models: Models, ask: Ask) -> None:
    broken = {"id": "a1", "name": "functions.search it", "args": '{"q": "te'}
    nameless = {"id": "a2", "name": "", "args": "x" * 9_999}
    messages = [asked_for(broken, nameless, text="So."), result(broken, "no such tool"), result(nameless, "none")]
    with ChatServer() as server:
        await client_of(models, server).generate(ask(tools=TOOLS, messages=messages))

    said = server.requests[0]["messages"][0]
    functions = [call["function"] for call in said["tool_calls"]]
    assert said["content"] == "So."
    assert [function["name"] for function in functions] == ["functions_search_it", "_"]
    assert json.loads(functions[0]["arguments"]) == {"invalid": '{"q": "te'}
    assert len(functions[1]["arguments"]) < 2_100


def test_a_prompt_holds_what_tools_gave(ask: Ask) -> None:
    prompt = ask(messages=[asked_for(SEARCHED, text="Let me see."), result(SEARCHED, "green")]).prompt

    assert prompt == "Let me see.\ngreen"


@streamed
async def test_a_provider_takes_tools_and_schema_together(models: Models, ask: Ask, streaming: bool) -> None:
    """Tools that are not strict, which OpenAI's own library refuses beside a `response_format`."""
    tokens, on_token = tokens_of(streaming)
    with ChatServer(replies=[CALLS, GOOD]) as server:
        client = native(models, server)
        first = await client.generate(ask(tools=TOOLS, schema=SCHEMA), on_token)
        messages = [*ask().messages, asked_for(SEARCHED), result(SEARCHED, "good")]
        second = await client.generate(ask(tools=TOOLS, schema=SCHEMA, messages=messages, ordinal=1), on_token)

    assert (first.tool_calls, first.data) == ([SEARCHED, TOLD], None)
    assert (second.tool_calls, second.data) == ([], {"text": 'Sölid "plan"', "score": 0.5})
    assert "".join(tokens) == ('Sölid "plan"' if streaming else "")
    for body in server.requests:
        assert body["response_format"]["json_schema"]["schema"]["required"] == ["text", "score"]
        assert "extra_body" not in body
        assert [tool["function"].get("strict") for tool in body["tools"]] == [None, None]
    assert [len(body["messages"]) for body in server.requests] == [1, 3], "nothing is put into words"


@streamed
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("length", "model-truncated"),
        ("content_filter", "model-filtered"),
        ("refusal", "model-refused"),
        ("malformed", "model-malformed"),
        ("429", "model-rate-limited"),
        ("no-tools", "model-no-tools"),
    ],
)
async def test_tools_beside_a_schema_hide_no_fault(
    models: Models, ask: Ask, fault: str, code: str, streaming: bool
) -> None:
    with ChatServer(faults=[fault, fault], replies=[GOOD]) as server, pytest.raises(ModelFailed) as raised:
        await native(models, server).generate(ask(tools=TOOLS, schema=SCHEMA), tokens_of(streaming)[1])

    assert (raised.value.code, bool(raised.value.hint)) == (code, True)


@streamed
async def test_a_server_of_ones_own_is_asked_for_the_schema_in_words(models: Models, ask: Ask, streaming: bool) -> None:
    """There a `response_format` may keep the model from calling any tool, silently."""
    tokens, on_token = tokens_of(streaming)
    with ChatServer(replies=[CALLS, GOOD]) as server:
        client = client_of(models, server)
        await client.generate(ask(tools=TOOLS, schema=SCHEMA), on_token)
        messages = [*ask().messages, asked_for(SEARCHED), result(SEARCHED, "good")]
        reply = await client.generate(ask(tools=TOOLS, schema=SCHEMA, messages=messages), on_token)

    first, second = [body["messages"] for body in server.requests]
    assert reply.data == {"text": 'Sölid "plan"', "score": 0.5}
    assert "".join(tokens) == ('Sölid "plan"' if streaming else "")
    assert not any("response_format" in body for body in server.requests)
    assert first[1]["content"].startswith("Call tools as you need them; then answer with one JSON object")
    assert second[: len(first)] == first, "what came before stays as it was, for the provider's cache"
    assert second[-1]["role"] == "tool"


async def test_a_provider_that_does_not_take_both_is_asked_in_words(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["no-format"], replies=[GOOD]) as server:
        client = native(models, server)
        first = await client.generate(ask(tools=TOOLS, schema=SCHEMA))
        await client.generate(ask(tools=TOOLS, schema=SCHEMA))

    assert first.data is not None
    assert ["response_format" in body for body in server.requests] == [True, False, False]
    assert server.offered == [["web_search", "now"]] * 3


@pytest.mark.parametrize("kind", [Constrained, Pretended])
async def test_a_schema_that_would_keep_the_model_from_its_tools_goes_in_words(
    models: Models, ask: Ask, kind: type[ChatOpenAI]
) -> None:
    with ChatServer(replies=[CALLS, GOOD]) as server:
        client = native(models, server, kind)
        first = await client.generate(ask(tools=TOOLS, schema=SCHEMA))
        second = await client.generate(ask(tools=TOOLS, schema=SCHEMA))

    body = server.requests[0]
    assert (first.tool_calls, second.data) == ([SEARCHED, TOLD], {"text": 'Sölid "plan"', "score": 0.5})
    assert not body.keys() & {"format", "tool_choice", "response_format"}
    assert server.offered == [["web_search", "now"]] * 2
    assert "one JSON object" in body["messages"][-1]["content"]


async def test_tools_that_a_package_cannot_offer_are_a_bad_request(models: Models, ask: Ask) -> None:
    with ChatServer() as server, pytest.raises(ModelFailed, match="no such type: integer") as raised:
        await native(models, server, Unfit).generate(ask(tools=TOOLS))

    assert (raised.value.code, server.requests) == ("model-bad-request", [])


async def test_settings_of_the_model_itself_stay(models: Models, ask: Ask) -> None:
    with ChatServer(replies=[GOOD]) as server:
        client = native(models, server, extra_body={"seat": "window"})
        await client.generate(ask(tools=TOOLS, schema=SCHEMA))

    assert (server.requests[0]["seat"], "response_format" in server.requests[0]) == ("window", True)


async def test_bindings_do_not_pile_up(ask: Ask) -> None:
    """Each set of options has a schema of its own, and a process lives long."""
    chat = Chat("python:m:M", FakeListChatModel(responses=['{"text": "hi"}']))
    for number in range(MAX_BINDINGS + 5):
        await chat.ask(ask(schema={**SCHEMA, "description": str(number)}), None)

    assert len(chat._bindings) == 5


async def test_a_tool_whose_schema_is_refused_is_a_bad_request(models: Models, ask: Ask) -> None:
    """And is asked no more than once without the answer's schema, which might have been meant."""
    with ChatServer(faults=["no-format"] * 9) as server, pytest.raises(ModelFailed) as raised:
        await native(models, server).generate(ask(tools=TOOLS, schema=SCHEMA))

    assert raised.value.code == "model-bad-request"
    assert len(server.requests) == 2


async def test_a_model_of_the_responses_api_takes_both_too(models: Models, ask: Ask) -> None:
    with ChatServer() as server, pytest.raises(ModelFailed):  # which speaks no Responses API
        await native(models, server, model="gpt-6").generate(ask(tools=TOOLS, schema=SCHEMA))

    body = server.requests[0]
    assert body["text"]["format"]["type"] == "json_schema"
    assert [tool["name"] for tool in body["tools"]] == ["web_search", "now"]


@pytest.mark.parametrize("own", [True, False])
async def test_a_repair_offers_the_tools_again_and_they_may_be_called(models: Models, ask: Ask, own: bool) -> None:
    with ChatServer(replies=["no JSON at all", CALLS]) as server:
        client = client_of(models, server) if own else native(models, server)
        reply = await client.generate(ask(tools=TOOLS, schema=SCHEMA))

    assert (reply.tool_calls, reply.data, reply.attempts) == ([SEARCHED, TOLD], None, 2)
    assert server.offered == [["web_search", "now"]] * 2
    assert "Call tools as you need them; then answer with one" in server.requests[1]["messages"][-1]["content"]


async def test_a_fallback_is_offered_the_tools_and_reads_what_they_gave(models: Models, ask: Ask) -> None:
    messages = [*ask().messages, asked_for(SEARCHED), result(SEARCHED, "green")]
    with ChatServer(faults=["no-tools"], replies=[CALLS]) as server:
        client = client_of(models, server, fallbacks=(ModelConfig("openai:other", base_url=server.url),))
        reply = await client.generate(ask(tools=TOOLS, messages=messages))

    assert (reply.model, reply.tool_calls) == ("openai:other", [SEARCHED, TOLD])
    assert reply.meta["failed"] == [{"model": NAME, "code": "model-no-tools"}]
    assert server.requests[0]["messages"] == server.requests[1]["messages"]
    assert server.offered == [["web_search", "now"]] * 2


async def test_a_call_that_breaks_off_is_asked_for_again(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["end"], replies=[CALLS]) as server:
        reply = await client_of(models, server, TWICE).generate(ask(tools=TOOLS), lambda _: None)

    assert (reply.tool_calls, reply.attempts) == ([SEARCHED, TOLD], 2)


async def test_a_model_that_cannot_call_tools_says_so(models: Models, ask: Ask) -> None:
    config = ModelConfig("python:m:M", fallbacks=(ModelConfig("offline"),))
    clients = [
        models.get(one, workspace="w", folder=HERE, load_python=lambda _: FakeListChatModel(responses=["hi"]))
        for one in (ModelConfig("python:m:M"), config)
    ]
    with pytest.raises(ModelFailed, match="it cannot call tools after 1 attempt") as raised:
        await clients[0].generate(ask(tools=TOOLS))

    assert (raised.value.code, "take `tools` from the agent" in raised.value.hint) == ("model-no-tools", True)
    assert (await clients[0].generate(ask())).text == "hi"
    assert (await clients[1].generate(ask(tools=TOOLS))).model == "offline"


@pytest.mark.parametrize("kind", [AIMessage, AIMessageChunk])
def test_calls_are_found_where_a_provider_gives_them_whole(kind: type[AIMessage]) -> None:
    call = {"type": "tool_call", "id": "a1", "name": "now", "args": {"zone": "UTC", "deep": {"n": [1]}}}

    assert tool_calls_of(kind("", tool_calls=[call]), 0) == [{k: call[k] for k in ("id", "name", "args")}]
