"""What a traveller asked for, read out of free text, with every assumption said aloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .conversation import read_conversation
from .foreign import is_foreign
from .money import Budget
from .notes import assumptions
from .places import plain
from .reading import DEFAULT_DAYS, READ_CHARS, Reading
from .unread import TRIP, words_of
from .where import Where, nearest

MAX_DAYS, MAX_PARTY = 30, 12
EXAMPLE = "Five days of food and art in October for 1200 euros"


@dataclass(frozen=True)
class Wish:
    """What is asked for; `budget` is for all travellers, in EUR, None without a ceiling."""

    days: int
    party: int
    budget: float | None
    budget_text: str
    months: tuple[int, ...]
    """That would do, best first or in order; empty if any would."""
    interests: tuple[str, ...]
    weather: str
    style: str
    quiet: bool
    """Whether crowds count against a place."""
    where: Where
    first_day: int | None
    """Of the month, if the task said on which."""
    books: bool
    """Whether the trip is to be booked: a task of its own unless it says otherwise, and whatever asks for it."""
    given: frozenset[str]
    """Which of `days budget month interests place` the task said."""
    assumptions: tuple[str, ...]
    refusal: str
    """Why nothing can be planned, or an empty string."""


def read_wish(task: str, turns: Sequence[Mapping[str, Any]] = ()) -> Wish:
    """Read a task over what was said before; whatever neither says is assumed, and said so.

    Args:
        turns: the conversation so far as `{user, answer}`, oldest first.
    """
    reading = read_conversation(task, turns)
    budget, days = reading.budget, DEFAULT_DAYS if reading.days is None else reading.days
    wish = Wish(
        days=days,
        party=reading.party.size,
        budget=_total(budget, reading.party.size, days),
        budget_text=budget.text if budget and budget.currency != "EUR" else "",
        months=reading.months,
        interests=reading.interests,
        weather=reading.weather,
        style=reading.style,
        quiet=bool(reading.quiet),
        where=reading.where,
        first_day=reading.first_day,
        books=reading.booking == "book" or (reading.is_alone and reading.booking != "plan"),
        given=reading.given,
        assumptions=assumptions(reading),
        refusal="",
    )
    return replace(wish, refusal=_unreadable(task, reading) or _impossible(wish))


def _total(budget: Budget | None, party: int, days: int) -> float | None:
    if budget is None:
        return None
    return budget.eur * (party if budget.each else 1) * (days if budget.daily else 1)


def _unreadable(task: str, reading: Reading) -> str:
    """Why the task is none that can be read here, or an empty string."""
    if is_foreign(words_of(plain(task[:READ_CHARS]))):
        return f"the task is not in the one language that is read here (in English, please). Try “{EXAMPLE}”"
    if reading.is_mute:
        return (
            "nothing in this message can be read as a change of the trip (in English, please). "
            "Try “in June instead”, “for half the money”, “somewhere else” or “book it”"
        )
    where = reading.where
    if not (reading.given or where.unknown or TRIP.search(reading.text) or reading.party.size > 1):
        return f"the task says nothing of a trip that can be read here (in English, please). Try “{EXAMPLE}”"
    if where.unknown and not where.named:
        near = nearest(where.unknown[0])
        known = "is" if len(where.unknown) == 1 else "are"
        names = " and ".join(where.unknown[:3])
        return f"{names} {known} not among the places known here" + (f"; did you mean {near}?" if near else "")
    if where.named_words and not where.named:
        return "every place that you named is also ruled out in the same task"
    return ""


def _impossible(wish: Wish) -> str:
    """Why no trip can be like that, or an empty string."""
    if wish.budget is not None and wish.budget <= 0:
        return "the budget is zero" if wish.budget == 0 else "the budget is below zero"
    if not 1 <= wish.days <= MAX_DAYS:
        return f"a trip of {wish.days} days is outside what is planned here, 1 to {MAX_DAYS} days"
    if not 1 <= wish.party <= MAX_PARTY:
        return f"a party of {wish.party} is outside what is planned here, 1 to {MAX_PARTY} travellers"
    return ""
