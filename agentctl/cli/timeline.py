"""Log records as lines for people: time, level, who, what."""

import sys
from collections.abc import Iterable

from agentctl.cli.output import json_text, line
from agentctl.cli.paint import paint

Record = dict[str, object]

_STYLES = {"error": "red", "warning": "yellow", "debug": "dim"}


def print_timeline(records: Iterable[Record], *, json: bool, is_live: bool) -> int:
    """Print each record as it comes; returns how many there were.

    Args:
        records: by time.
        json: one object a line.
        is_live: show each at once, because the next may be long in coming.
    """
    count, day = 0, ""
    for record in records:
        count += 1
        if json:
            print(json_text(record), flush=is_live)
            continue
        if sys.stdout.isatty() and day != (day := str(record.get("ts", ""))[:10]):
            print(paint(f"── {line(day)}", "dim"))
        print(_told(record), flush=is_live)
    return count


def _told(record: Record) -> str:
    """One line; on a terminal without the date, which stands above."""
    ts, level, component, workspace, run, agent, message = (
        line(str(record.get(name) or ""))
        for name in ("ts", "level", "component", "workspace", "run_id", "agent", "message")
    )
    if sys.stdout.isatty():
        ts = ts[11:23]
    who = f"{workspace}/{agent or component}"
    head = f"{paint(ts, 'dim')} {paint(f'{level:<7}', _STYLES.get(level, ''))} {paint(f'{who:<28}', 'cyan')} {message}"
    return f"{head} {paint(run, 'dim')}" if run else head
