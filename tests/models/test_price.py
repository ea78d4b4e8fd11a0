import pytest

from agentctl.models.price import cost_of

USAGE = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}


async def test_a_known_model_has_a_price() -> None:
    cost = await cost_of("openai:gpt-5-mini", None, USAGE)

    assert cost is not None
    assert 0.1 < cost < 100


@pytest.mark.parametrize(
    ("name", "base_url"),
    [
        ("openai:nobody-knows-this", None),
        ("openai:nobody-knows-this", None),
        ("openai:gpt-5-mini", "http://localhost:1/v1"),
        ("nobody:gpt-5-mini", None),
        ("ollama:llama3", None),
        ("python:mine:Model", None),
    ],
)
async def test_an_unknown_price_is_none(name: str, base_url: str | None) -> None:
    assert await cost_of(name, base_url, USAGE) is None


async def test_no_reported_usage_is_no_price() -> None:
    assert await cost_of("openai:gpt-5-mini", None, {"input_tokens": 0, "output_tokens": 0}) is None
