"""One line of a log: how it is written and read."""

import json
import re
from typing import Literal, get_args

Level = Literal["debug", "info", "warning", "error"]
Component = Literal["runtime", "orchestrator", "graph", "workspace_loader", "reload_manager", "agent"]

LEVELS: tuple[Level, ...] = get_args(Level)
COMPONENTS: tuple[Component, ...] = get_args(Component)

MAX_TEXT = 16_384
"""Characters of one field: a task of 1 MB is in the database, whole."""
# JSON escapes the controls below U+0020 only. The others move a terminal's cursor (C1) or turn the text round (bidi).
_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def cut(text: str) -> str:
    """The text, shortened to what a log line may hold."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"


def to_line(record: dict[str, object]) -> str:
    """One line of JSON that no terminal obeys, with its line end."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"), default=str)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


def from_line(line: str) -> dict[str, object] | None:
    """The record of a line; `None` for what is none, such as half a line after a kill."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None
