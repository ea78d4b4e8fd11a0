"""Writes the ranked report: what was read, what was found, and a model's words apart from it."""

from collections.abc import Mapping, Sequence
from typing import Any

from .files import find_target
from .finding import counted

KINDS = {
    "unread": "Not reviewed",
    "errors": "Error handling",
    "complexity": "Complexity",
    "dead": "Dead code",
    "tests": "Test gaps",
}
FIRST, PER_KIND = 5, 15
SIMULATED = "[simulated]"


def write_report(state: Mapping[str, Any]) -> str:
    """The report as text; it holds without a model's words."""
    measured = [entry["text"] for entry in state["history"] if entry["stage"] == "measure"]
    target = find_target(state["task"])
    totals = state["decision"].get("totals", {})
    options = sorted(state["options"], key=lambda option: -totals.get(option["id"], 0.0))
    parts = [f"# Review of {target}", "\n".join(f"- {text}" for text in measured)]
    parts += [_first(options), *_by_kind(options)] if options else ["Nothing was found that these measures would mend."]
    return "\n\n".join([*parts, _words(state["history"], bool(options)), _limits()])


def _first(options: Sequence[Mapping[str, str]]) -> str:
    heading = f"## Mend first ({counted(len(options), 'finding')} listed)"
    lines = [f"{number}. {option['title']}\n   {option['text']}" for number, option in enumerate(options[:FIRST], 1)]
    return "\n".join([heading, "", *lines])


def _by_kind(options: Sequence[Mapping[str, str]]) -> list[str]:
    """Every finding after the first few, by kind, most pressing first."""
    rest, sections = options[FIRST:], []
    for kind, heading in KINDS.items():
        found = [option for option in rest if option["id"].startswith(f"{kind}:")]
        if found:
            lines = [f"- {option['title']}. {option['text']}" for option in found[:PER_KIND]]
            if len(found) > PER_KIND:
                lines.append(f"- and {len(found) - PER_KIND} more, less pressing")
            sections.append("\n".join([f"## {heading}", "", *lines]))
    return sections


def _words(history: Sequence[Mapping[str, Any]], found: bool) -> str:
    """What the model said, labelled; words that no model said are left out."""
    said = next((entry["text"] for entry in reversed(history) if entry["agent"] == "reviewer"), "")
    if said and SIMULATED not in said:
        return f"## In words\n\nA model wrote this about the findings above; it has not seen the code.\n\n{said}"
    if not found:
        return "No model was asked, as there was nothing to comment on."
    # An agent that failed has no entry; `offline` marks its words itself.
    reason = "no model is set up (`agentctl doctor` shows how)" if said else "the model could not be asked"
    return f"No words of a model here: {reason}. The findings do not depend on one."


def _limits() -> str:
    return "Measured by reading the syntax tree; no code was run. A line marked `noqa` is taken as meant."
