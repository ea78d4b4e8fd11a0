"""Names of models."""

from collections.abc import Iterator

from agentctl.workspace.checks.entry import check_entry
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.diagnostics import shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.spec import ModelSpec

_BUILT_IN = ("auto", "offline")


def check_models(draft: Draft) -> None:
    """The workspace's model, its memory's, and each agent's, with all fallbacks."""
    for spec, part in _models(draft):
        kind, colon, rest = spec.name.partition(":")
        at = part / "name"
        if kind == "scripted" and rest:
            find_file(draft, at, rest, "script")
        elif kind == "python" and rest:
            check_entry(draft, at, rest, len("python:"))
        elif spec.name not in _BUILT_IN and not (kind and colon and rest.strip()):
            near = draft.report.suggest(spec.name, _BUILT_IN)
            message = f"{part.name}: {shown(spec.name)} names no provider{near}"
            draft.report.add("E111", at.value, message, "write `provider:name`, `auto` or `offline`")


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
