"""An exported session for people: Markdown in which nobody's text can pose as its structure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any


def as_markdown(exported: Mapping[str, Any]) -> str:
    """What `SessionControl.export` gave, as Markdown; without the attached files and agents' own memories."""
    return "\n".join(_lines(exported)) + "\n"


def drawn(stages: Sequence[str]) -> str:
    """The path of a run: `opening → debate ×2 → verdict`."""
    visits = [(stage, len(list(again))) for stage, again in groupby(stages)]
    return " → ".join(stage if count == 1 else f"{stage} ×{count}" for stage, count in visits)


def _lines(exported: Mapping[str, Any]) -> Iterator[str]:
    session = exported["session"]
    yield f"# Session {_code(session['name'] or session['session_id'])}"
    yield ""
    facts = {"Workspace": session["workspace"], "Id": session["session_id"], "Begun": session["created_at"]}
    facts |= {f"Tag {place}": tag for place, tag in enumerate(session["tags"], 1)}
    yield from (f"- {what}: {_code(fact)}" for what, fact in facts.items())
    yield from (f"- {_code(key)}: {_code(value)}" for key, value in session["metadata"].items())
    for turn in exported["turns"]:
        yield from _turn(turn)


def _turn(turn: Mapping[str, Any]) -> Iterator[str]:
    status = "interrupted" if turn["status"] == "killed" else turn["status"]
    yield from ("", f"## Turn {turn['turn']}, {status}", "", f"Asked at {turn['started_at']}:", "")
    yield from _fenced(turn["user"])
    for file in turn["attachments"]:
        yield from ("", f"Attached: {_code(file['name'])}, {_code(file['media_type'])}, {file['size']:,} bytes")
    facts = [f"by way of {_code(drawn(turn['stages']))}"] if turn["stages"] else []
    if turn["winner"]:
        facts.append(f"winner {_code(turn['winner'])}")
    if usage := turn["usage"]:
        facts.append(f"{usage['input_tokens'] + usage['output_tokens']:,} tokens")
        facts.append("cost unknown" if usage["cost_usd"] is None else f"${usage['cost_usd']:.4f}")
    yield from ("", f"Answered{'' if not facts else ' (' + ', '.join(facts) + ')'}:", "")
    yield from _fenced(turn["answer"] or "")


def _fenced(text: str) -> Iterator[str]:
    """The text in a fence longer than any within it."""
    fence = "`" * max(3, 1 + _longest_ticks(text))
    yield from (f"{fence}text", *text.splitlines(), fence)


def _code(text: str) -> str:
    """The text on one line, between more backticks than any within it."""
    text = " ".join(text.split())
    ticks = "`" * (1 + _longest_ticks(text))
    return f"{ticks} {text} {ticks}" if "`" in text else f"`{text}`"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
