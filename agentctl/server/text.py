"""What goes over the wire: text that can be encoded, and how a run goes in one line."""

import json
from typing import TypeVar

from agentctl.events import Event

T = TypeVar("T")
MAX_LINE = 160


def clean(value: T) -> T:
    """Text or JSON without lone surrogates, which the SDK cannot write and would end the connection over."""
    cleaned: T = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return cleaned


def short(text: str) -> str:
    """The text in one short line."""
    line = " ".join(text[: 4 * MAX_LINE].split())
    return clean(line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…")


def progress(event: Event) -> str:
    """One short line for what a client shows while it waits; empty for what it need not."""
    data = event.data
    if event.type == "stage.entered":
        return f"stage {data['stage']}" + ("" if data["visit"] == 1 else f", visit {data['visit']}")
    if event.type == "agent.finished":
        return short(f"{data['agent']}: {data['text']}" if data["text"] else f"{data['agent']} is done")
    if event.type == "agent.failed":
        error = data["error"]
        assert isinstance(error, dict)
        return short(f"{data['agent']} failed: {error['message']}")
    if event.type == "approval.requested":
        return short(f"waits for approval {data['call_id']} of {data['tool']}: {data['why']}")
    return ""
