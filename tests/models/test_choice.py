"""Which model is taken, and what is refused before anything runs."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from agentctl.errors import KeyMissing, ServiceUnavailable, UsageError
from agentctl.models import ModelConfig, Models, check_key, resolve_auto


@pytest.mark.parametrize(
    ("env", "name", "reason"),
    [
        ({}, "offline", "no provider's key is set"),
        ({"OPENAI_API_KEY": ""}, "offline", "no provider's key is set"),
        ({"OPENAI_API_KEY": "k"}, "openai:gpt-5-mini", "OPENAI_API_KEY is set"),
        ({"OPENAI_API_KEY": "k", "AGENTCTL_MODEL": "ollama:x"}, "ollama:x", "AGENTCTL_MODEL names it"),
        ({"AGENTCTL_MODEL": "auto"}, "offline", "AGENTCTL_MODEL is auto"),
    ],
)
def test_auto_takes_a_model_and_says_why(env: dict[str, str], name: str, reason: str) -> None:
    assert resolve_auto(env) == (name, reason)


def test_auto_passes_over_a_package_that_is_not_installed() -> None:
    name, reason = resolve_auto({"COHERE_API_KEY": "k", "MISTRAL_API_KEY": "k"})

    missing = "MISTRAL_API_KEY is set, but langchain-mistralai is not installed: `pip install langchain-mistralai`"
    assert (name, reason) == ("offline", f"no usable provider; {missing}")


@pytest.mark.skipif(find_spec("langchain_anthropic") is not None, reason="it is installed")
def test_auto_says_which_key_it_passed_over_for_another() -> None:
    env = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    missing = "ANTHROPIC_API_KEY is set, but langchain-anthropic is not installed: `pip install langchain-anthropic`"

    assert resolve_auto(env) == ("openai:gpt-5-mini", f"OPENAI_API_KEY is set; {missing}")


@pytest.mark.skipif(find_spec("langchain_ollama") is not None, reason="it is installed")
def test_the_hint_names_the_providers_own_package() -> None:
    """Who runs from a checkout cannot install an extra of ours by its name."""
    with pytest.raises(ServiceUnavailable) as raised:
        check_key(ModelConfig("ollama:llama3.2"), {})

    assert raised.value.hint == "pip install langchain-ollama"


@pytest.mark.parametrize("name", ["auto", "offline", "scripted:x.yaml", "python:m:N"])
def test_models_of_our_own_need_no_key(name: str) -> None:
    check_key(ModelConfig(name), {})


def test_a_missing_key_names_its_variable() -> None:
    with pytest.raises(KeyMissing, match="'openai:gpt-5-mini' needs OPENAI_API_KEY") as raised:
        check_key(ModelConfig("openai:gpt-5-mini"), {})

    assert raised.value.exit_code == 5


def test_a_fallbacks_key_is_missed_too() -> None:
    config = ModelConfig("offline", fallbacks=(ModelConfig("openai:gpt-5-mini"),))
    with pytest.raises(KeyMissing):
        check_key(config, {})


def test_a_server_of_ones_own_needs_no_key() -> None:
    check_key(ModelConfig("openai:llama", base_url="http://localhost:1/v1"), {})


@pytest.mark.parametrize("name", ["gpt-5", "openai:", "ofline", "scripted:", "python:"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_key(ModelConfig(name), {"OPENAI_API_KEY": "k"})


def test_a_missing_package_says_what_to_install() -> None:
    with pytest.raises(ServiceUnavailable, match="langchain-groq, which is not installed") as raised:
        check_key(ModelConfig("groq:x"), {"GROQ_API_KEY": "k"})

    assert raised.value.hint == "pip install langchain-groq"


def test_an_unknown_provider_gets_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="unknown provider 'opnai', did you mean 'openai'"):
        Models({}).get(ModelConfig("opnai:x"), workspace="w", folder=Path())
