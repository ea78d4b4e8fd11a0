import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableLambda

from agentctl.errors import ModelFailed, UsageError
from agentctl.models import ModelConfig, ModelRequest, Models, Retry

Ask = Callable[..., ModelRequest]
HEAVY = ("langchain", "langchain_core", "langchain_openai", "openai", "tiktoken", "genai_prices", "pydantic", "yaml")


async def test_a_workspaces_own_chat_model_answers(ask: Ask) -> None:
    def load(entry: str) -> object:
        assert entry == "mine:Model"
        return lambda: FakeListChatModel(responses=["from mine"])

    models = Models({})
    config = ModelConfig("python:mine:Model")
    client = models.get(config, workspace="w", folder=Path(), load_python=load)
    tokens: list[str] = []

    assert (await client.generate(ask())).text == "from mine"
    assert (await client.generate(ask(), tokens.append)).text == "".join(tokens) == "from mine"
    assert (await client.generate(ask())).cost_usd is None


async def test_a_chat_model_without_structure_is_asked_in_words(ask: Ask) -> None:
    made = FakeListChatModel(responses=['{"text": "fine"}'])
    client = Models({}).get(ModelConfig("python:m:N"), workspace="w", folder=Path(), load_python=lambda _: made)
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}

    assert (await client.generate(ask(schema=schema))).data == {"text": "fine"}


class ToolCaller(FakeListChatModel):
    """Gives a structure as the arguments of a tool call, as some providers do."""

    def bind_tools(self, tools: Any, **_: Any) -> Runnable[Any, Any]:
        call = {"name": "answer", "args": {"text": "by tool"}, "id": "1"}
        return RunnableLambda(lambda _: AIMessage("", tool_calls=[call]))


async def test_a_structure_given_as_a_tool_call_is_taken(ask: Ask) -> None:
    made = ToolCaller(responses=[""])
    client = Models({}).get(ModelConfig("python:m:N"), workspace="w", folder=Path(), load_python=lambda _: made)
    schema = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
    reply = await client.generate(ask(schema=schema))

    assert (reply.data, reply.tool_calls, reply.attempts) == ({"text": "by tool"}, [], 1)


async def test_an_empty_answer_is_a_failure(ask: Ask) -> None:
    made = FakeListChatModel(responses=[""])
    client = Models({}).get(
        ModelConfig("python:m:N"), workspace="w", folder=Path(), retry=Retry(1), load_python=lambda _: made
    )
    with pytest.raises(ModelFailed, match="it answered nothing"):
        await client.generate(ask())


def test_a_name_that_is_no_chat_model_is_refused() -> None:
    with pytest.raises(UsageError, match="no LangChain BaseChatModel but int"):
        Models({}).get(ModelConfig("python:m:N"), workspace="w", folder=Path(), load_python=lambda _: 7)


async def test_a_released_generation_has_its_files_read_again(tmp_path: Path, ask: Ask) -> None:
    script, models = tmp_path / "s.yaml", Models({})
    config = ModelConfig("scripted:s.yaml")
    script.write_text("replies: [{text: old, repeat: true}]")
    models.get(config, workspace="w", folder=tmp_path)
    script.write_text("replies: [{text: new, repeat: true}]")

    await models.release(tmp_path)

    assert (await models.get(config, workspace="w", folder=tmp_path).generate(ask())).text == "new"


async def test_auto_is_resolved_for_a_fallback_too(ask: Ask) -> None:
    client = Models({}).get(ModelConfig("auto"), workspace="w", folder=Path())

    assert client.name == "offline"


@pytest.mark.slow
def test_offline_imports_nothing_heavy() -> None:
    code = """
import asyncio, sys
from pathlib import Path
from typing import Any
from agentctl.models import ModelConfig, ModelRequest, Models
client = Models({}).get(ModelConfig("auto"), workspace="w", folder=Path())
asyncio.run(client.generate(ModelRequest("a", "s", 1, 1, "r", [{"role": "user", "content": "x"}]), print))
print(*sys.modules)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not [name for name in HEAVY if name in run.stdout.split()]
