"""Names of models."""

from collections.abc import Iterator

from agentctl.workspace.checks.entry import check_entry
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.diagnostics import shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.spec import ModelSpec

_BUILT_IN = ("auto", "offline")
# Those that LangChain's `init_chat_model` knows; another one may be right too, if its package is installed.
_PROVIDERS = (
    "anthropic anthropic_bedrock azure_ai azure_openai baseten bedrock bedrock_converse cohere deepseek fireworks "
    "google_anthropic_vertex google_genai google_vertexai groq huggingface ibm litellm meta mistralai nvidia ollama "
    "openai openrouter perplexity together upstage xai"
)
_KINDS = (*_BUILT_IN, "scripted", "python", *_PROVIDERS.split())
_HINT = "write `provider:name`, `auto` or `offline`"


def check_models(draft: Draft) -> None:
    """The workspace's model, its memory's, and each agent's, with all fallbacks."""
    for spec, part in _models(draft):
        kind, colon, rest = spec.name.partition(":")
        at = part / "name" if part.node.kind == "mapping" else part
        if kind == "scripted" and rest:
            find_file(draft, at, rest, "script")
        elif kind == "python" and rest:
            check_entry(draft, at, rest, len("python:"))
        elif spec.name not in _BUILT_IN and not (kind and colon and rest.strip()):
            near = draft.report.suggest(spec.name, _BUILT_IN)
            message = f"{part.name}: {shown(spec.name)} names no provider{near}"
            draft.report.add("E111", at.value, message, _HINT)
        elif kind.lower().replace("-", "_") not in _KINDS and (near := draft.report.suggest(kind, _KINDS)):
            message = f"{part.name}: {shown(kind)} is no provider that agentctl knows{near}"
            draft.report.add("E111", at.value, message, _HINT, severity="warning")


def _models(draft: Draft) -> Iterator[tuple[ModelSpec, Part]]:
    if draft.spec is not None:
        yield from _with_fallbacks(draft.spec.model, draft.main / "model")
        if draft.spec.memory.model is not None:
            yield from _with_fallbacks(draft.spec.memory.model, draft.main / "memory" / "model")
    for role, spec in draft.agents.items():
        if spec.model is not None:
            yield from _with_fallbacks(spec.model, draft.parts[role] / "model")


def _with_fallbacks(spec: ModelSpec, part: Part) -> Iterator[tuple[ModelSpec, Part]]:
    yield spec, part
    for index, fallback in enumerate(spec.fallbacks):
        yield from _with_fallbacks(fallback, part / "fallbacks" / index)
