"""Reads how long and when out of free text."""

import re
from calendar import FRIDAY, SATURDAY, monthrange
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise

from .places import MONTHS

_MONTH = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_SHORT = {name[:3]: number for name, number in _MONTH.items()} | {"sept": 9}
_NAMES = "|".join((*_MONTH, *(short for short in _SHORT if short != "may"), "sept"))
_RANGE = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s*(?:-|\u2013|to|until|till)\s*(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_NAMES})\b"
    rf"|\b(?:{_NAMES})\s+(\d{{1,2}})(?:st|nd|rd|th)?\s*(?:-|\u2013|to|until|till)\s*(\d{{1,2}})\b"
)
_DATE = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_NAMES})\b"
    rf"|\b(?:{_NAMES})\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b"
    r"(?!\s*-?(?:days?|nights?|weeks?|people|persons?|adults?|friends?|of us|k\b|thousand|hundred|[.,]\d))"
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
EVENTS = {
    "cherry blossoms?|sakura|hanami": (3, 4),
    "tulips?": (4, 5),
    "carnival|mardi gras": (2,),
    "oktoberfest": (9,),
    "northern lights|aurora(?: borealis)?": (9, 10, 11, 12, 1, 2, 3),
}
"""What is there in some months only, and so says when."""
LONG_WEEKEND, LONGEST_MONTH = 4, 31
MANY = 7
"""More months than that are told by those that are left out."""
Reader = tuple[re.Pattern[str], Callable[[re.Match[str]], int]]
"""What to look for, and the number that a match means."""

_LENGTHS: tuple[Reader, ...] = (
    (
        re.compile(r"(?:\bminus\s+|(?<![\w-])[-\u2212])(\d{1,4})(?:\s*|-)(?:days?|nights?|weeks?)\b"),
        lambda m: -int(m[1]),
    ),
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


def read_days(text: str) -> tuple[int | None, str]:
    """How many days, both ends counted (`four nights` are five days), and the words; None if nothing says so."""
    if found := _RANGE.search(text):
        first, last = (int(number) for number in found.groups() if number)
        if last >= first:
            return last - first + 1, found[0]
    for pattern, days in _LENGTHS:
        if found := pattern.search(text):
            return days(found), found[0].strip()
    return None, ""


def read_first_day(text: str) -> tuple[int | None, str]:
    """The day of the month on which it begins, and the words; None if nothing says so."""
    found = _RANGE.search(text) or _DATE.search(text)
    first = next(int(number) for number in found.groups() if number) if found else 0
    return (first, found[0]) if found and 1 <= first <= LONGEST_MONTH else (None, "")


def first_date(month: int, days: int, first_day: int | None, today: date) -> date:
    """When a trip begins: on that day of the month, else on a Friday, or a Saturday if it is longer than a weekend."""
    begins_on = FRIDAY if days <= LONG_WEEKEND else SATURDAY
    for year in (today.year, today.year + 1):
        last = monthrange(year, month)[1]
        dates = [date(year, month, day) for day in ([min(first_day, last)] if first_day else range(1, last + 1))]
        for begin in dates:
            if begin > today and (first_day or begin.weekday() == begins_on):
                return begin
    raise AssertionError("next year has that month")


def date_text(day: date) -> str:
    """`Friday 2 October 2026`."""
    return f"{day:%A} {day.day} {MONTHS[day.month - 1]} {day.year}"


def dates_text(first: date, last: date) -> str:
    """`Friday 2 October 2026 to Sunday 4 October 2026`; one day is said once."""
    return date_text(first) if first == last else f"{date_text(first)} to {date_text(last)}"


def read_months(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The months that would do, and the words that said so (`summer`, `october`); empty if any."""
    named = re.findall(rf"\b({_NAMES})\b", _without_verbs(text))
    if named:
        return tuple(dict.fromkeys(_number(name) for name in named)), (*named, *_events(text))
    for word, months in (*EVENTS.items(), *SEASONS.items()):
        if found := re.search(rf"\b(?:{word})\b", text):
            return months, (found[0],)
    return (), ()


def month_note(text: str, months: tuple[int, ...], words: tuple[str, ...]) -> str:
    """How a season or event was read, or that an event is not in the month that was named; else empty."""
    if len(months) > MANY:
        return f"when to go was read as {months_text(months)}"
    if words and words[0] not in _MONTH and words[0] not in _SHORT:
        return f"“{words[0]}” read as {months_text(months)}"
    for word, right in EVENTS.items():
        found = re.search(rf"\b(?:{word})\b", text)
        if found and not set(right) & set(months):
            return f"{found[0]} are usually to be seen in {months_text(right)}, not in {months_text(months)}"
    return ""


def _events(text: str) -> list[str]:
    return [found[0] for word in EVENTS if (found := re.search(rf"\b(?:{word})\b", text))]


def months_text(months: Sequence[int]) -> str:
    """`May`, `May or July`, `March to May`, `any month but May`."""
    if len(months) > MANY:
        return f"any month but {months_text([month for month in range(1, 13) if month not in months])}"
    names = [MONTHS[month - 1] for month in months]
    in_a_row = all(after == before % 12 + 1 for before, after in pairwise(months))
    return f"{names[0]} to {names[-1]}" if in_a_row and len(names) > 2 else " or ".join(names)


def _number(name: str) -> int:
    return _MONTH.get(name) or _SHORT[name]


def _without_verbs(text: str) -> str:
    """The text without `may` and `march` where they are verbs."""
    text = re.sub(
        r"\b(?:i|we|you|it|they|that|this|which|budget) may\b|\bmay (?:i|we|be|not|have|cost|take)\b", " ", text
    )
    return re.sub(r"\b(?:to|we|i) march\b", " ", text)
