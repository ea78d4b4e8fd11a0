"""Reads a message over what was said before it: what it says replaces, what it does not say is kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from .booking import read_booking
from .changes import read_changes
from .follow_up import follow_up, lifted
from .foreign import is_foreign
from .last_plan import LastPlan, read_plan
from .places import plain
from .reading import READ_CHARS, Reading, read_task
from .unread import words_of
from .words import digits

WHOLE_TRIP = 3
"""So many of days, budget, month, interests and place make a trip of its own."""
ANEW = "taken as a new trip, since it says so much by itself: nothing was kept from earlier in this conversation"
TOLD_ANEW = "a new trip, as you say: nothing was kept from earlier in this conversation"
_FRESH = re.compile(
    r"\b(?:a |an )?(?:new|another|different|separate|second) (?P<trip>trip|holiday|journey|vacation)\b|\bfrom scratch\b"
    r"|\bstart(?:ing)? (?:over|again|afresh|anew)\b|\bforget (?:it|that|this|all|everything)(?: all| of that)?\b",
    re.IGNORECASE,
)
_SAME = re.compile(r"\b(?:the )?same\b|\bas before\b|\bagain\b|\bonce more\b", re.IGNORECASE)
_LEANS = re.compile(
    r"\b(?:same|instead|rather(?! than)|again|before|still|also|as well|make it|change|keep)\b"
    r"|\b(?:(?:what|how) about|what if)\b|^\W*(?:but|and|or|no|with|without|then)\b",
    re.IGNORECASE,
)
_ADDS = re.compile(r"^\W*(?:and|with|plus)\b|\b(?:also|as well|plus|add(?:ing)?|more|extra)\b|\btoo\W*$", re.IGNORECASE)


def read_conversation(task: str, turns: Sequence[Mapping[str, Any]]) -> Reading:
    """What is wanted now.

    Args:
        turns: what was said before as `{user, answer}`, oldest first; an answer may be empty.
    """
    before: Reading | None = None
    plan: LastPlan | None = None
    for message, answer in _heard(task, turns):
        before = _follow(before, message, plan)
        plan = read_plan(answer) or (None if before.is_alone else plan)
    return _follow(before, task, plan)


def _heard(task: str, turns: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Message and answer of each turn; a message that got no answer and was sent again counts once."""
    said = [(str(turn.get("user") or ""), str(turn.get("answer") or "")) for turn in turns]
    for (message, answer), (following, _) in pairwise([*said, (task, "")]):
        if answer or message.split() != following.split():
            yield message, answer


def _follow(before: Reading | None, message: str, plan: LastPlan | None) -> Reading:
    """`message` read over what was said before, if that was anything."""
    if before is None or not _says(before):
        return read_task(message)
    text = digits(message[:READ_CHARS].replace("\u2019", "'"))
    if is_foreign(words_of(plain(text))):
        return replace(before, is_mute=True, unread=())
    if _FRESH.search(text):
        return replace(read_task(_FRESH.sub(lambda found: found["trip"] or " ", message)), heard=(TOLD_ANEW,))
    changes, changed, rest = read_changes(text, before, plan)
    now = read_task(rest)
    if not changes and _is_whole(now) and not _LEANS.search(text):
        return replace(read_task(message), heard=(ANEW,))
    if not (changes or _says(now) or _SAME.search(text) or lifted(now)):
        booking = read_booking(text)
        return replace(before, booking=booking, is_mute=not booking, unread=())
    is_same, is_more = bool(_SAME.search(text)), bool(_ADDS.search(text))
    wanted = follow_up(before, changed, now, changes, is_same=is_same, is_more=is_more)
    return replace(wanted, chars=len(message))


def _says(reading: Reading) -> bool:
    """Whether anything of a trip was read in it."""
    where = reading.where
    of_place = where.unknown or where.excluded or where.unwanted or where.origin
    manner = reading.party.words or reading.style_words or reading.quiet or reading.weather
    return bool(reading.given or of_place or manner)


def _is_whole(now: Reading) -> bool:
    """Whether it says what or where, and enough besides to be a trip of its own."""
    return len(now.given) >= WHOLE_TRIP and bool(now.given & {"interests", "place"})
