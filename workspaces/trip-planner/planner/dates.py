"""Reads how long and when out of free text."""

import re
from collections.abc import Callable

from .places import MONTHS

_MONTH = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_SHORT = {name[:3]: number for name, number in _MONTH.items()} | {"sept": 9}
_NAMES = "|".join((*_MONTH, *(short for short in _SHORT if short != "may"), "sept"))
_RANGE = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s*(?:-|\u2013|to|until|till)\s*(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_NAMES})\b"
    rf"|\b(?:{_NAMES})\s+(\d{{1,2}})(?:st|nd|rd|th)?\s*(?:-|\u2013|to|until|till)\s*(\d{{1,2}})\b"
)
SEASONS = {
    "spring": (3, 4, 5),
    "summer": (6, 7, 8),
    "autumn": (9, 10, 11),
    "fall": (9, 10, 11),
    "winter": (12, 1, 2),
    "christmas": (12,),
    "xmas": (12,),
    "new year": (12, 1),
    "easter": (4,),
}
Reader = tuple[re.Pattern[str], Callable[[re.Match[str]], int]]
"""What to look for, and the number that a match means."""

_LENGTHS: tuple[Reader, ...] = (
    (re.compile(r"\b(\d{1,4})(?:\s*|-)nights?\b"), lambda found: int(found[1]) + 1),
    (re.compile(r"\bweek and a half\b"), lambda _: 10),
    (
        re.compile(r"\b(?:(\d{1,3})\s*|a\s+|1-)?weeks?,? and (\d{1,2}) days?\b"),
        lambda m: int(m[1] or 1) * 7 + int(m[2]),
    ),
    (re.compile(r"\b(\d{1,4})(?:\s*|-)days?\b"), lambda found: int(found[1])),
    (re.compile(r"\b(\d{1,3})(?:\s*|-)weeks?\b"), lambda found: int(found[1]) * 7),
    (re.compile(r"\bfortnight\b"), lambda _: 14),
    (re.compile(r"\blong week-?end\b"), lambda _: 4),
    (re.compile(r"\bweek-?end\b"), lambda _: 3),
    (re.compile(r"\bday ?trip\b"), lambda _: 1),
    (re.compile(r"\b(?:a|1|one|whole|full|per|the|next|this)? ?week\b(?! ?days?)"), lambda _: 7),
)


def read_days(text: str) -> int | None:
    """How many days, both ends counted; `four nights` are five days. None if nothing says so."""
    if found := _RANGE.search(text):
        first, last = (int(number) for number in found.groups() if number)
        if last >= first:
            return last - first + 1
    for pattern, days in _LENGTHS:
        if found := pattern.search(text):
            return days(found)
    return None


def read_months(text: str) -> tuple[tuple[int, ...], str]:
    """The months that would do, and the words that said so (`summer`, `October`); empty if any."""
    named = [_number(found) for found in re.findall(rf"\b({_NAMES})\b", _without_verbs(text))]
    if named:
        months = tuple(dict.fromkeys(named))
        return months, " or ".join(MONTHS[month - 1] for month in months)
    for word, months in SEASONS.items():
        if re.search(rf"\b{word}\b", text):
            return months, word
    return (), ""


def _number(name: str) -> int:
    return _MONTH.get(name) or _SHORT[name]


def _without_verbs(text: str) -> str:
    """The text without `may` and `march` where they are verbs."""
    text = re.sub(
        r"\b(?:i|we|you|it|they|that|this|which|budget) may\b|\bmay (?:i|we|be|not|have|cost|take)\b", " ", text
    )
    return re.sub(r"\b(?:to|we|i) march\b", " ", text)
