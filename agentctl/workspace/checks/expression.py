"""Conditions and weights: that they parse, and that what they name exists."""

import ast
import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache

from agentctl.channels.policy import STANDARD
from agentctl.rules import BUILTIN_NAMES, METHODS, Expression, ExpressionInvalid
from agentctl.rules.grammar import key_read
from agentctl.workspace.checks.name import PROMPT_NAMES
from agentctl.workspace.checks.tool import RESULTS, tool_calls
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.spec import AgentSpec

_BOUNDS = frozenset({"visits", "rounds"})
_BY_STAGE = ("visits", "executed_agents_per_stage")
_HINT = f"an expression reads channels and {', '.join(sorted(BUILTIN_NAMES))}"


def expressions(draft: Draft) -> Iterator[tuple[str, Part]]:
    """Every expression of the workspace, and where it stands."""
    yield from _rules(draft)
    yield from ((call.when, part / "when") for _, call, part in tool_calls(draft) if call.when is not None)


def _rules(draft: Draft) -> Iterator[tuple[str, Part]]:
    """Those that are tested over every channel."""
    for name, stage in draft.stages.items():
        part = draft.main / "stages" / name
        if stage.exit.when is not None:
            yield stage.exit.when, part / "exit" / "when"
        for index, route in enumerate(stage.next):
            if route.when is not None:
                yield route.when, part / "next" / index / "when"
        for metric, weight in stage.weights.items():
            if isinstance(weight, str):
                yield weight, part / "weights" / metric
    for role, agent in draft.agents.items():
        if agent.exit.until is not None:
            yield agent.exit.until, draft.parts[role] / "exit" / "until"


def check_expressions(draft: Draft) -> None:
    """Each expression by itself, and its names."""
    known = _known(draft)
    for text, part in _rules(draft):
        parsed = _check_text(draft, text, part, known)
        if parsed and "weights" in part.loc and "ranking" in parsed.names:
            message = f"{part.name}: a weight cannot read `ranking`, which is made from the weights"
            draft.report.add("E501", part.within(text.find("ranking")), message, "read `rewards`, or `visits`")
    known |= {*PROMPT_NAMES, RESULTS, *draft.declared("variables")}
    for spec, call, part in tool_calls(draft):
        if call.when is not None and (parsed := _check_text(draft, call.when, part / "when", known)):
            for name in sorted(unread(draft, spec, parsed.reads_channels - {RESULTS})):
                message = f"{(part / 'when').name}: channel {name!r} is not in the agent's `reads`"
                draft.report.add("E505", (part / "when").within(max(call.when.find(name), 0)), message)


def unread(draft: Draft, spec: AgentSpec, names: Collection[str]) -> set[str]:
    """The channels among `names` that the agent's `reads` leaves out."""
    channels = {*STANDARD, *draft.declared("channels")}
    if spec.reads is None or not channels.issuperset(spec.reads):
        return set()
    return channels.intersection(names).difference(spec.reads, BUILTIN_NAMES)


def _check_text(draft: Draft, text: str, part: Part, known: set[str]) -> Expression | None:
    parsed = parse(text)
    if isinstance(parsed, ExpressionInvalid):
        draft.report.add("E501", part.within(parsed.offset), f"{part.name}: {parsed.sentence}", parsed.hint)
        return None
    if not draft.is_broken("channels"):
        _check(draft, part, text, "name", parsed.names | parsed.reads_channels, known)
    _check(draft, part, text, "stage", _stages_in(text), draft.declared("stages"))
    return parsed


def _known(draft: Draft) -> set[str]:
    return {*STANDARD, *BUILTIN_NAMES, *draft.declared("channels")}


def _check(draft: Draft, part: Part, text: str, word: str, names: Iterable[str], known: Collection[str]) -> None:
    code, hint = ("E502", _HINT) if word == "name" else ("E202", "")
    for name in sorted(set(names).difference(known)):
        found = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)
        message = f"{part.name}: unknown {word} {name!r}{draft.report.suggest(name, sorted(known))}"
        draft.report.add(code, part.within(found.start() if found else 0), message, hint)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression | ExpressionInvalid:
    """The expression, or why it is none."""
    try:
        return Expression.parse(text)
    except ExpressionInvalid as refused:
        return refused


def bounds(draft: Draft, text: str) -> bool:
    """Whether a condition bounds a loop; a faulty one may have been meant to."""
    parsed = parse(text)
    if isinstance(parsed, ExpressionInvalid):
        return True
    return bool(parsed.names & _BOUNDS or parsed.names - _known(draft))


def _stages_in(text: str) -> Iterator[str]:
    """Stages that a checked expression asks `visits` and the like for: a wrong one would count as `None`, silently."""
    if not any(name in text for name in _BY_STAGE):
        return
    for node in ast.walk(ast.parse(re.sub(r"\s", " ", text).strip(), mode="eval")):
        stage = key_read(node, _BY_STAGE)
        if stage is not None and not (isinstance(node, ast.Attribute) and stage in METHODS):
            yield stage
