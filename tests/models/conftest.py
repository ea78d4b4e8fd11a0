from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agentctl.models import ModelClient, ModelConfig, ModelRequest, Models, Retry

THRICE = Retry(3, 0)
KEY = "sk-very-secret-0123456789"


@pytest.fixture
async def models() -> AsyncIterator[Models]:
    opened = Models({"OPENAI_API_KEY": KEY})
    yield opened
    await opened.close()


@pytest.fixture
def ask() -> Callable[..., ModelRequest]:
    """A request; keywords replace its fields."""
    request = ModelRequest("critic", "debate", 1, 1, "run1", [{"role": "user", "content": "Is it good?"}])
    return lambda **fields: replace(request, **fields)


@pytest.fixture
def scripted(tmp_path: Path) -> Iterator[Callable[..., ModelClient]]:
    """Builds a client that plays the YAML given."""
    models = Models({})

    def build(replies: str, *, retry: Retry = THRICE, **settings: object) -> ModelClient:
        (tmp_path / "replies.yaml").write_text(replies)
        config = ModelConfig("scripted:replies.yaml", **settings)  # type: ignore[arg-type]
        return models.get(config, workspace="w", folder=tmp_path, retry=retry)

    yield build
