"""Reads the plan that an earlier answer gave, as `booking` writes it."""

import re
from dataclasses import dataclass

from .places import MONTHS, Place, all_places

_HEAD = re.compile(r"# (?P<name>[^\n]+?), \d+ days? in (?P<month>[A-Z][a-z]+)\b")
_TOTAL = re.compile(r": €([\d,]{1,12}\d)")


@dataclass(frozen=True)
class LastPlan:
    """What was planned last: `total` in EUR for everybody."""

    place: Place
    month: int
    total: int


def read_plan(answer: str) -> LastPlan | None:
    """The plan that `answer` begins with; None if it planned nothing."""
    head = _HEAD.match(answer)
    total = _TOTAL.search(answer, head.end()) if head else None
    if head is None or total is None:
        return None
    place = next((place for place in all_places() if place.name == head["name"]), None)
    if place is None or head["month"] not in MONTHS:
        return None
    return LastPlan(place, MONTHS.index(head["month"]) + 1, int(total[1].replace(",", "")))
