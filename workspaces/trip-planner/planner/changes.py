"""Reads what a message wants to be different from before: `half the money`, `two days longer`, `somewhere else`."""

import re
from collections.abc import Callable
from dataclasses import replace

from .dates import months_text
from .last_plan import LastPlan
from .party import Party
from .places import get_place, names, plain
from .reading import DEFAULT_DAYS, Reading
from .spending import AMOUNT, BY, CHEAPER, DELTA, FRACTION, MULTIPLE, PERCENT, less, part_of, percent, sum_more
from .words import days_text, people_text

Change = tuple[str, Reading, str]
"""The part it is about (`days budget month party place`), what was said before with the change made, and the note."""
Changer = Callable[[Reading, LastPlan | None, re.Match[str]], Change | None]

LITTLE = 2
"""Days that `longer` or `shorter` means."""
_FEWER = ("shorter", "less", "fewer", "cut", "minus", "drop")
_UNIT = r"(?P<unit>day|night|week)s?"
_SIGHT = r"(?:place|city|town|country|destination|island|beach|spot|plan|option|idea|suggestion|proposal)s?"


def read_changes(text: str, before: Reading, plan: LastPlan | None) -> tuple[list[Change], Reading, str]:
    """The changes that `text` wants, what was said before with all of them made, and the text without them.

    Args:
        text: with digits for number words; capitals stay.
        plan: the last that was given, if any.
    """
    made: list[Change] = []
    for pattern, change in _CHANGES:
        found = pattern.search(text)
        if found and (done := change(before, plan, found)):
            made.append(done)
            before = done[1]
            text = pattern.sub(" ; ", text)  # said twice counts once
    return made, before, text


def _longer(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change:
    groups = found.groupdict()
    number = {"a": 1, "an": 1}.get((groups.get("n") or "").lower()) or int(groups.get("n") or 0)
    unit = 7 if groups.get("unit", "").lower() == "week" else 1
    more = (number or (LITTLE if unit == 1 else 1)) * unit
    sign = -1 if found["way"].lower() in _FEWER else 1
    return _lasting(before, found, _days(before) + sign * more)


def _times_as_long(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change:
    return _lasting(before, found, -(-_days(before) // 2) if found["way"].lower() == "half" else 2 * _days(before))


def _lasting(before: Reading, found: re.Match[str], days: int) -> Change:
    return "days", replace(before, days=days, day_words=""), f"{_quoted(found)} read as {days_text(days)}"


def _days(before: Reading) -> int:
    return DEFAULT_DAYS if before.days is None else before.days


def _joined(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change:
    number = found["n"] or found["m"]
    size = before.party.size + (int(number) if number.isdigit() else 1)
    return "party", replace(before, party=Party(size, f"{size}")), f"with them, {people_text(size)}"


def _months_later(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change | None:
    months = (plan.month,) if plan else before.months
    if not months:
        return None
    number = int(found["n"]) if found["n"].isdigit() else 1
    shift = -number if found["way"].lower() in ("earlier", "before") else number
    months = tuple((month - 1 + shift) % 12 + 1 for month in months)
    now = replace(before, months=months, month_words=())
    return "month", now, f"{_quoted(found)} read as {months_text(months)}"


def _another_month(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change | None:
    if plan is None:
        return None
    months = tuple(month for month in range(1, 13) if month != plan.month)
    return "month", replace(before, months=months, month_words=()), f"{_quoted(found)} read as {months_text(months)}"


def _elsewhere(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change | None:
    """Rules out the one place that was asked for, or else the place of the last plan."""
    where = before.where
    place = get_place(where.named[0]) if len(where.named) == 1 else plan.place if plan else None
    if where.unknown:
        place = None
    elif place is None:
        return None
    word = "" if place is None else place.country if "country" in found[0].lower() else place.name
    gone = names()[plain(word)] if word else ()
    named = tuple(id_ for id_ in where.named if id_ not in gone)
    there = replace(
        where,
        named=named,
        named_words=where.named_words if named else (),
        unknown=(),
        excluded=where.excluded | set(gone),
        excluded_words=(*where.excluded_words, *([plain(word)] if word else ())),
    )
    meaning = f"not {word}" if word else "any place that is known here"
    if where.named and not named and plain(word) not in where.named_words:
        meaning += f", and so any place: no more of {where.named_words[0].title()} is known here"
    return "place", replace(before, where=there), f"{_quoted(found)} read as: {meaning}"


def _there(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change | None:
    if plan is None:
        return None
    place = plan.place
    there = replace(
        before.where,
        named=(place.id,),
        named_words=(plain(place.name),),
        unknown=(),
        excluded=before.where.excluded - {place.id},
    )
    return "place", replace(before, where=there), f"{_quoted(found)} read as {place.name}"


def _of_money(change: Callable[..., tuple[Reading, str] | None]) -> Changer:
    def changer(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> Change | None:
        done = change(before, plan, found)
        return done and ("budget", done[0], f"{_quoted(found)} read as {done[1]}")

    return changer


def _quoted(found: re.Match[str]) -> str:
    return f"“{' '.join(found[0].split())}”"


def _any_case(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CHANGES: tuple[tuple[re.Pattern[str], Changer], ...] = (
    (_any_case(FRACTION), _of_money(part_of)),
    (_any_case(MULTIPLE), _of_money(part_of)),
    (_any_case(PERCENT), _of_money(percent)),
    (_any_case(rf"{AMOUNT}{DELTA}"), _of_money(sum_more)),
    (_any_case(BY), _of_money(sum_more)),
    (_any_case(CHEAPER), _of_money(less)),
    (_any_case(r"\b(?P<way>twice|double|half)(?: as long| the (?:time|days|length))\b"), _times_as_long),
    (
        _any_case(
            rf"(?<![\w.-])(?P<n>\d{{1,3}}|an?)[\s-]*{_UNIT} (?P<way>longer|more|extra|shorter|less|fewer)\b"
            r"(?! than (?:\d|an?\b))"
        ),
        _longer,
    ),
    (
        _any_case(rf"(?<!no )\b(?:(?P<n>\d{{1,3}}|an?) )?(?P<way>more|extra|additional|fewer|less) {_UNIT}\b(?! trip)"),
        _longer,
    ),
    (_any_case(rf"\b(?P<way>add|plus|cut|minus|drop) (?P<n>\d{{1,3}}|an?) {_UNIT}\b"), _longer),
    (
        _any_case(
            r"(?<!no )(?<!not )(?<!or )(?<!any )\b(?:(?:an? )?(?:bit|little) |much |slightly )?"
            r"(?P<way>longer|shorter)\b(?! (?:than (?:\d|an?\b)|flight|journey|walk|hike|drive))"
        ),
        _longer,
    ),
    (
        _any_case(
            r"\b(?P<n>\d{1,2}|an?) (?:more|extra|additional) "
            r"(?:people|persons?|adults?|travell?ers?|friends?|kids?|child(?:ren)?|of us)\b"
            r"|\b(?:and|plus|with) (?:my |our )?(?P<m>\d{1,2})"
            r"(?: (?:people|friends|colleagues)\b|(?= (?:kids|children|sons|daughters)\b))"
        ),
        _joined,
    ),
    (_any_case(r"\b(?P<n>\d{1,2}|an?|the) months? (?P<way>later|earlier|before|after)\b"), _months_later),
    (_any_case(r"\b(?:another|a different|some other) (?:month|time(?: of (?:the )?year)?|season)\b"), _another_month),
    (
        _any_case(
            rf"\b(?:somewhere|anywhere|someplace|something) (?:else|different|similar)\b|\belsewhere\b"
            rf"|\b(?:another|a different|other|different) {_SIGHT}\b"
            r"|\b(?:not|never) (?:to )?(?:go )?(?:back )?there(?: again)?\b|\b(?:already )?been there\b"
            r"|\b(?:don't|do not) (?:want to|like to|wanna) go (?:back )?there\b|\b(?:don't|do not) like it there\b"
        ),
        _elsewhere,
    ),
    (
        _any_case(
            r"\bsame (?:place|city|town|destination|island|spot)\b|\b(?:stay|remain|go|going|back) there(?: again)?\b"
            r"|\bthere again\b"
        ),
        _there,
    ),
)
