"""Earlier turns in words."""

import shutil
from collections.abc import Iterator

from agentctl.cli.output import cut, line
from agentctl.cli.talk.chat import Spent
from agentctl.store import TurnRow

_WIDE = 200
"""Columns where there is no terminal."""


def columns() -> int:
    """How much fits in a line."""
    return shutil.get_terminal_size((_WIDE, 24)).columns


def shortly(turn: TurnRow) -> str:
    """A turn in two lines."""
    number, width = f"{turn.turn:>3} ", columns()
    status = "" if turn.status == "done" else f"({turn.status}) "
    asked, answered = f"{number}> {line(turn.user)}", f"{' ' * len(number)}  {status}{line(turn.answer or '')}"
    return f"{cut(asked, width)}\n{cut(answered.rstrip(), width)}"


def whole(turn: TurnRow) -> Iterator[str]:
    """All that was said in a turn."""
    facts = [f"turn {turn.turn}: {turn.status}"]
    if turn.usage:
        facts.append(str(Spent().plus(turn.usage)))
    if turn.run_id:
        facts.append(f"agentctl why {turn.run_id}")
    yield " · ".join(facts)
    yield f"> {turn.user}"
    if turn.attachments:
        yield "with " + ", ".join(line(each["path"]) for each in turn.attachments)
    yield f"\n{turn.answer or ''}".rstrip()
