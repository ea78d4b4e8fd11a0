"""What each reader took out of a task, and what none of them did."""

import re
from dataclasses import dataclass, replace

from .booking import Booking, read_booking
from .dates import read_days, read_first_day, read_months
from .interests import CROWD_WORDS, find_interests, find_quiet, find_weather
from .money import Budget, read_budget
from .party import Party, party_words, read_party
from .places import plain
from .unread import COMFORT, THRIFTY, unread
from .where import Where, read_where
from .words import digits

READ_CHARS = 4000
DEFAULT_DAYS = 5


@dataclass(frozen=True)
class Reading:
    """What stands in the task; nothing is assumed yet. Fields that end in `words` hold what said so."""

    chars: int
    text: str
    """Lower case, number words as digits, without the budget."""
    budget: Budget | None
    where: Where
    days: int | None
    day_words: str
    months: tuple[int, ...]
    month_words: tuple[str, ...]
    first_day: int | None
    """Of the month."""
    first_words: str
    interests: tuple[str, ...]
    party: Party
    style: str
    style_words: str
    quiet: tuple[str, ...]
    weather: str
    unread: tuple[str, ...] = ()
    """The phrases that no reader understood."""
    heard: tuple[str, ...] = ()
    """How it was read over what was said before, in sentences."""
    is_alone: bool = True
    """Whether nothing that was said before is in it."""
    booking: Booking = ""
    is_mute: bool = False
    """Whether the message itself said nothing that can be read."""

    @property
    def given(self) -> frozenset[str]:
        """Which of `days budget month interests place` the task said."""
        heard = {
            "days": self.days is not None,
            "budget": self.budget is not None,
            "month": self.months,
            "interests": self.interests,
            "place": self.where.named,
        }
        return frozenset(name for name, value in heard.items() if value)


def read_task(task: str) -> Reading:
    """Read a task with every reader."""
    budget, text = read_budget(digits(plain(task[:READ_CHARS]).replace("\u2019", "'")))
    where = read_where(task[:READ_CHARS], text)
    days, day_words = read_days(where.rest)
    months, month_words = read_months(where.rest)
    if not months:
        months, month_words = _without(*read_months(where.negatives))
    first_day, first_words = read_first_day(where.rest)
    style, style_words = _style(where.rest)
    reading = Reading(
        chars=len(task),
        text=text,
        budget=budget,
        where=where,
        days=days,
        day_words=day_words,
        months=months,
        month_words=month_words,
        first_day=first_day,
        first_words=first_words,
        interests=tuple(i for i in find_interests(where.rest) if i not in where.unwanted),
        party=read_party(where.rest),
        style=style,
        style_words=style_words,
        quiet=find_quiet(where.rest, where.negatives),
        weather=find_weather(where.rest),
        booking=read_booking(text),
    )
    return replace(reading, unread=_unread(reading))


def _without(months: tuple[int, ...], words: tuple[str, ...]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Every month but these, if any."""
    return (tuple(month for month in range(1, 13) if month not in months) if months else ()), words


def _unread(reading: Reading) -> tuple[str, ...]:
    where = reading.where
    used = [*where.used, *where.named_words, *where.excluded_words, *(plain(name) for name in where.unknown)]
    used += [reading.day_words, *reading.month_words, reading.first_words, *reading.quiet]
    used += party_words(where.rest, reading.party)
    if reading.quiet:
        used += CROWD_WORDS.findall(reading.text)
    return unread(reading.text, [words for words in used if words])


def _style(text: str) -> tuple[str, str]:
    for style, pattern in (("comfort", COMFORT), ("thrifty", THRIFTY)):
        if found := re.search(pattern, text):
            return style, found[0]
    return "standard", ""
