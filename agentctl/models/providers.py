"""Which provider a model belongs to, the key it needs, and what `auto` takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from agentctl.errors import KeyMissing, ServiceUnavailable, UsageError, did_you_mean
from agentctl.models.call import ModelConfig


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """`key` is the environment variable of its key, empty if it needs none of ours to be set."""

    package: str
    key: str = ""
    auto: str = ""
    """The model that `auto` takes when this provider's key is set."""


# In the order in which `auto` looks for a key.
PROVIDERS: dict[str, ProviderFacts] = {
    "anthropic": ProviderFacts("langchain_anthropic", "ANTHROPIC_API_KEY", "claude-haiku-4-5"),
    "openai": ProviderFacts("langchain_openai", "OPENAI_API_KEY", "gpt-5-mini"),
    "google_genai": ProviderFacts("langchain_google_genai", "GOOGLE_API_KEY", "gemini-2.5-flash"),
    "mistralai": ProviderFacts("langchain_mistralai", "MISTRAL_API_KEY", "mistral-small-latest"),
    "groq": ProviderFacts("langchain_groq", "GROQ_API_KEY", "llama-3.3-70b-versatile"),
    "deepseek": ProviderFacts("langchain_deepseek", "DEEPSEEK_API_KEY", "deepseek-chat"),
    "xai": ProviderFacts("langchain_xai", "XAI_API_KEY"),
    "openrouter": ProviderFacts("langchain_openrouter", "OPENROUTER_API_KEY"),
    "cohere": ProviderFacts("langchain_cohere", "COHERE_API_KEY"),
    "fireworks": ProviderFacts("langchain_fireworks", "FIREWORKS_API_KEY"),
    "together": ProviderFacts("langchain_together", "TOGETHER_API_KEY"),
    "perplexity": ProviderFacts("langchain_perplexity", "PPLX_API_KEY"),
    "azure_openai": ProviderFacts("langchain_openai", "AZURE_OPENAI_API_KEY"),
    "ollama": ProviderFacts("langchain_ollama"),
}
_OWN = ("auto", "offline", "scripted", "python")


def resolve_auto(env: Mapping[str, str]) -> tuple[str, str]:
    """The model that `auto` takes, and why, as one clause for the user."""
    if named := env.get("AGENTCTL_MODEL", "").strip():
        return ("offline", "AGENTCTL_MODEL is auto") if named == "auto" else (named, "AGENTCTL_MODEL names it")
    missing = ""
    for provider, facts in PROVIDERS.items():
        if not facts.auto or not env.get(facts.key):
            continue
        if find_spec(facts.package) is not None:
            return f"{provider}:{facts.auto}", f"{facts.key} is set{missing}"
        package = _pip_name(facts.package)
        missing = missing or f"; {facts.key} is set, but {package} is not installed: `pip install {package}`"
    return "offline", f"no usable provider{missing}" if missing else "no provider's key is set"


def check_key(config: ModelConfig, env: Mapping[str, str]) -> None:
    """Refuse, before anything runs, a model that cannot be called: its name, its package, its key.

    A server named by `base_url` may need no key, so none is asked for it.

    Raises:
        KeyMissing: the provider's variable is not set.
        UsageError: the name is no `provider:name`.
        ServiceUnavailable: the provider's package is not installed.
    """
    name = resolve_auto(env)[0] if config.name == "auto" else config.name
    provider, colon, model = name.partition(":")
    if provider == "replay":
        told = f"the run played {model} and called nothing, so there is nothing to go on with"
        raise UsageError(told, hint="play it again with `agentctl run … --replay FILE`")
    if provider not in _OWN:
        facts = PROVIDERS.get(provider)
        if not colon or not model:
            raise UsageError(f"model {name!r} is no `provider:name`{near_provider(name)}", hint="see docs/models.md")
        _check_package(name, facts)
        if facts is not None and facts.key and not env.get(facts.key) and config.base_url is None:
            raise KeyMissing(name, facts.key)
    elif provider in ("scripted", "python") and not model:
        raise UsageError(f"model {name!r} names nothing behind the colon", hint="see docs/models.md")
    for fallback in config.fallbacks:
        check_key(fallback, env)


def _check_package(name: str, facts: ProviderFacts | None) -> None:
    # Of a provider without a row here only LangChain can tell; `Models.get` asks it.
    if facts is not None and find_spec(facts.package) is None:
        raise ServiceUnavailable(
            f"model {name!r} needs the package {_pip_name(facts.package)}, which is not installed",
            hint=f"pip install {_pip_name(facts.package)}",
            code="package-missing",
        )


def near_provider(name: str) -> str:
    """A did-you-mean for the word before the colon."""
    return did_you_mean(name, [*_OWN, *PROVIDERS])


def _pip_name(package: str) -> str:
    return package.replace("_", "-")
