"""Chat models against a real HTTP server that speaks OpenAI's chat API."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.errors import ModelFailed
from agentctl.models import ModelClient, ModelConfig, ModelRequest, Models, Retry
from tests.fakes import ChatServer

from .conftest import KEY

Ask = Callable[..., ModelRequest]
HERE = Path()
NAME = "openai:small"
ONCE, TWICE = Retry(1, 0), Retry(2, 0)
SCHEMA = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "score": {"type": "number", "maximum": 1}},
    "required": ["text", "score"],
    "additionalProperties": False,
}
GOOD = '{"text": "Sölid \\"plan\\"", "score": 0.5}'


def client_of(models: Models, server: ChatServer, retry: Retry = ONCE, **settings: object) -> ModelClient:
    config = ModelConfig(NAME, base_url=server.url, **settings)  # type: ignore[arg-type]
    return models.get(config, workspace="w", folder=HERE, retry=retry)


async def test_an_answer_comes_with_its_usage(models: Models, ask: Ask) -> None:
    with ChatServer(replies=["four little words here"]) as server:
        reply = await client_of(models, server).generate(ask())

    assert (reply.text, reply.model, reply.simulated) == ("four little words here", NAME, False)
    assert reply.usage == {"input_tokens": 2, "output_tokens": 5}
    assert "stream" not in server.requests[0] or not server.requests[0]["stream"]


async def test_tokens_stream_and_add_up_to_the_text(models: Models, ask: Ask) -> None:
    tokens: list[str] = []
    with ChatServer(replies=["four little words here"]) as server:
        reply = await client_of(models, server).generate(ask(), tokens.append)

    assert len(tokens) > 2
    assert "".join(tokens) == reply.text == "four little words here"
    assert reply.usage["output_tokens"] == 5


async def test_settings_reach_the_server_and_the_key_only_its_header(models: Models, ask: Ask) -> None:
    with ChatServer() as server:
        await client_of(models, server, temperature=0.2, max_tokens=99).generate(ask())

    body = server.requests[0]
    headers = body.pop("headers")
    assert (body["temperature"], body["max_completion_tokens"]) == (0.2, 99)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in str(body)


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streaming"])
@pytest.mark.parametrize("schema", [None, SCHEMA], ids=["text", "structured"])
@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("429", "model-rate-limited", 429),
        ("quota", "model-rate-limited", 429),
        ("500", "model-server-error", 500),
        ("503", "model-server-error", 503),
        ("400", "model-bad-request", 400),
        ("404", "model-bad-request", 404),
        ("401", "model-auth", 401),
        ("context", "model-context-overflow", 400),
        ("filtered-prompt", "model-filtered", 400),
        ("cut", "model-unreachable", None),
        ("end", "model-unreachable", None),
        ("malformed", "model-malformed", None),
        ("length", "model-truncated", None),
        ("content_filter", "model-filtered", None),
        ("refusal", "model-refused", None),
        ("timeout", "model-timeout", None),
    ],
)
async def test_every_fault_has_a_code_of_its_own(
    models: Models, ask: Ask, fault: str, code: str, status: int | None, schema: object, streaming: bool
) -> None:
    with ChatServer(faults=[fault, fault], replies=[GOOD]) as server:
        client = client_of(models, server, timeout_s=0.3 if fault == "timeout" else 10)
        with pytest.raises(ModelFailed) as raised:
            await client.generate(ask(schema=schema), (lambda _: None) if streaming else None)

    failure = raised.value
    assert (failure.code, failure.status, failure.attempts) == (code, status, 1)
    assert failure.hint
    assert KEY not in f"{failure} {failure.hint}"


async def test_an_error_within_a_stream_is_the_servers_failure(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["error-event"]) as server, pytest.raises(ModelFailed, match="it broke") as raised:
        await client_of(models, server).generate(ask(), lambda _: None)

    assert raised.value.code == "model-server-error"


@pytest.mark.parametrize("fault", ["429", "500", "503", "cut", "malformed", "timeout", "empty"])
async def test_a_passing_fault_is_tried_again(models: Models, ask: Ask, fault: str) -> None:
    with ChatServer(faults=[fault]) as server:
        reply = await client_of(models, server, TWICE, timeout_s=0.5).generate(ask())

    assert reply.attempts == len(server.requests) == 2


@pytest.mark.parametrize("fault", ["quota", "400", "401", "404", "context", "length", "content_filter", "refusal"])
async def test_a_lasting_fault_is_not_tried_again(models: Models, ask: Ask, fault: str) -> None:
    with ChatServer(faults=[fault]) as server, pytest.raises(ModelFailed):
        await client_of(models, server, Retry(5, 0)).generate(ask())

    assert len(server.requests) == 1


async def test_a_server_that_names_a_wait_is_obeyed(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["429:0.2"]) as server:
        started = time.monotonic()
        await client_of(models, server, TWICE).generate(ask())

    assert time.monotonic() - started >= 0.2


async def test_a_wait_of_hours_is_a_failure_now(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["429:7200"]) as server, pytest.raises(ModelFailed) as raised:
        await client_of(models, server, Retry(5, 0)).generate(ask())

    assert raised.value.attempts == 1


async def test_max_retries_counts_where_the_agent_does_not_say(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["500"] * 9) as server:
        config = ModelConfig(NAME, base_url=server.url, max_retries=1)
        client = models.get(config, workspace="w", folder=HERE)
        with pytest.raises(ModelFailed, match=r"status 500.* after 2 attempts"):
            await client.generate(ask())

    assert len(server.requests) == 2


async def test_a_second_try_does_not_repeat_what_was_shown(models: Models, ask: Ask) -> None:
    tokens: list[str] = []
    with ChatServer(faults=["cut"], replies=["four little words here"]) as server:
        reply = await client_of(models, server, TWICE).generate(ask(), tokens.append)

    assert reply.text == "four little words here"
    assert reply.text.startswith("".join(tokens))


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_structured_answer_follows_its_schema(models: Models, ask: Ask, streaming: bool) -> None:
    tokens: list[str] = []
    with ChatServer(replies=[GOOD]) as server:
        client = client_of(models, server)
        reply = await client.generate(ask(schema=SCHEMA), tokens.append if streaming else None)

    assert reply.data == {"text": 'Sölid "plan"', "score": 0.5}
    assert reply.text == 'Sölid "plan"'
    assert "".join(tokens) == (reply.text if streaming else "")
    assert server.requests[0]["response_format"]["type"] == "json_schema"


async def test_a_wrong_answer_is_repaired_once(models: Models, ask: Ask) -> None:
    with ChatServer(replies=['{"text": "ok", "score": 7}', GOOD]) as server:
        reply = await client_of(models, server).generate(ask(schema=SCHEMA))

    assert reply.data is not None
    assert reply.attempts == 2
    assert "7 is greater than the maximum of 1" in server.requests[1]["messages"][-2]["content"]


async def test_a_wrong_repair_fails_and_says_what_is_wrong(models: Models, ask: Ask) -> None:
    said = r"does not follow the schema.*no JSON object"
    with ChatServer(replies=["no JSON at all"]) as server, pytest.raises(ModelFailed, match=said) as raised:
        await client_of(models, server).generate(ask(schema=SCHEMA))

    assert (raised.value.code, raised.value.attempts) == ("model-malformed", 2)


async def test_a_fenced_answer_needs_no_repair(models: Models, ask: Ask) -> None:
    with ChatServer(replies=[f"Here you are:\n```json\n{GOOD}\n```"]) as server:
        reply = await client_of(models, server).generate(ask(schema=SCHEMA))

    assert (reply.attempts, reply.text) == (1, 'Sölid "plan"')


async def test_a_server_without_response_format_is_asked_in_words(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["no-format"], replies=[GOOD]) as server:
        client = client_of(models, server)
        first = await client.generate(ask(schema=SCHEMA))
        await client.generate(ask(schema=SCHEMA))

    assert first.data is not None
    assert ["response_format" in request for request in server.requests] == [True, False, False]


async def test_a_fallback_answers_when_the_first_has_failed(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["400"]) as server:
        client = client_of(models, server, fallbacks=(ModelConfig("offline"),))
        reply = await client.generate(ask())

    assert (reply.model, reply.simulated, client.simulated) == ("offline", True, False)
    assert reply.meta["failed"] == [{"model": NAME, "code": "model-bad-request"}]


async def test_when_all_have_failed_the_first_is_told_and_the_others_named(models: Models, ask: Ask) -> None:
    with ChatServer(faults=["500", "context"]) as server:
        other = ModelConfig("openai:other", base_url=server.url)
        with pytest.raises(ModelFailed, match=NAME) as raised:
            await client_of(models, server, fallbacks=(other,)).generate(ask())

    assert raised.value.code == "model-server-error"
    assert "openai:other (model-context-overflow)" in raised.value.hint


async def test_a_server_that_is_not_there_is_unreachable(models: Models, ask: Ask) -> None:
    with ChatServer() as server:
        gone = server.url
    config = ModelConfig(NAME, base_url=gone.replace("://", "://mia:hunter2@") + "?key=hunter2")
    with pytest.raises(ModelFailed) as raised:
        await models.get(config, workspace="w", folder=HERE, retry=ONCE).generate(ask())

    assert raised.value.code == "model-unreachable"
    assert f"it tried {gone}/" in raised.value.hint
    assert "hunter2" not in f"{raised.value} {raised.value.hint}"


async def test_calls_share_one_pool_and_none_stays_open(models: Models, ask: Ask) -> None:
    with ChatServer(delay_s=0.02) as server:
        clients = [client_of(models, server, Retry(attempts)) for attempts in (1, 2, 3)]
        for _ in range(4):
            await asyncio.gather(*(client.generate(ask()) for client in clients))
        made = server.connections
        await models.close()
        await until(lambda: server.open == 0)

    assert made == 3
    assert len(server.requests) == 12


async def test_a_pool_makes_100_connections_and_keeps_20(models: Models, ask: Ask) -> None:
    with ChatServer(delay_s=0.3) as server:
        client = client_of(models, server)
        await asyncio.gather(*(client.generate(ask()) for _ in range(120)))
        await until(lambda: server.open <= 20)

        assert 100 <= server.connections <= 120
        assert server.most_open == 100


@pytest.mark.parametrize("streaming", [False, True])
async def test_cancelling_a_call_closes_its_request(models: Models, ask: Ask, streaming: bool) -> None:
    with ChatServer(delay_s=0 if streaming else 30, pace_s=30) as server:
        client = client_of(models, server)
        call = asyncio.create_task(client.generate(ask(), (lambda _: None) if streaming else None))
        await until(lambda: len(server.requests) == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: server.aborted == 1)

        assert server.open == 0


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)
