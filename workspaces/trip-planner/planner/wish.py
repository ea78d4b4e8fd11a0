"""What a traveller asked for, read out of free text, with every assumption said aloud."""

import re
from dataclasses import dataclass, replace

from .dates import Reader, read_days, read_months
from .interests import find_interests, find_weather
from .money import IN_EUR, Budget, read_budget, wants_no_limit
from .places import plain
from .where import Where, nearest, read_where
from .words import digits

READ_CHARS = 4000
DEFAULT_DAYS = 5
MAX_DAYS, MAX_PARTY = 30, 12
EXAMPLE = "Five days of food and art in October for 1200 euros"
_TRIP = re.compile(
    r"\b(?:trips?|travel\w*|holidays?|vacations?|journey|getaway|city ?break|surprise|anywhere|somewhere"
    r"|honeymoon|go away)\b"
)
_OTHER_TRANSPORT = re.compile(
    r"\b(?:by (?:train|car|bus|boat|ferry|bike)|without flying|no (?:flights?|flying|planes?)|not fly(?:ing)?"
    r"|road ?trip|interrail)\b"
)
_PARTY: tuple[Reader, ...] = (
    (re.compile(r"\b(?:family|party|group) of (\d{1,3})\b"), lambda found: int(found[1])),
    (
        re.compile(
            r"\b(\d{1,3}) (?:people|persons?|adults?|travell?ers?|friends|of us|pax|guests)\b"
            r"(?: and (\d{1,2}) (?:kids|children|child|kid)\b)?"
        ),
        lambda found: int(found[1]) + int(found[2] or 0),
    ),
    (
        re.compile(r"\bwith (?:my |our )?(\d{1,2}) (?:\w+ )?(?:kids|children|friends|sons|daughters|colleagues)\b"),
        lambda found: int(found[1]) + 1,
    ),
    (
        re.compile(r"\bfor (\d{1,2})(?= ?(?:;|,|\.|$| in\b| and\b| with\b| under\b| from\b| to\b))"),
        lambda found: int(found[1]),
    ),
    (
        re.compile(
            r"\b(?:couple|honeymoon|anniversary|(?:my|with a|with my) (?:wife|husband|partner|girlfriend|boyfriend"
            r"|friend|mum|mother|dad|father|sister|brother|son|daughter|kid|child))\b"
        ),
        lambda _: 2,
    ),
    (re.compile(r"\b(?:solo|alone|by myself|on my own|just me)\b"), lambda _: 1),
)
_THRIFTY = re.compile(r"\b(?:cheap\w*|backpack\w*|shoestring|hostels?|frugal|thrifty|low[- ]cost|tight budget)\b")
_COMFORT = re.compile(r"\b(?:luxur\w+|comfortabl\w+|5[- ]star|fancy|upscale|posh|boutique hotels?)\b")


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
    where: Where
    given: frozenset[str]
    """Which of `days budget month interests place` the task said."""
    assumptions: tuple[str, ...]
    refusal: str
    """Why nothing can be planned, or an empty string."""


def read_wish(task: str) -> Wish:
    """Read a task; whatever it does not say is assumed, and said so."""
    text = digits(plain(task[:READ_CHARS]).replace("\u2019", "'"))
    budget, text = read_budget(text)
    where = read_where(task[:READ_CHARS], text)
    days, (months, _) = read_days(where.rest), read_months(where.rest)
    interests = tuple(i for i in find_interests(where.rest) if i not in where.unwanted)
    party = _read_party(where.rest)
    heard = {
        "days": days is not None,
        "budget": budget is not None,
        "month": months,
        "interests": interests,
        "place": where.named,
    }
    wish = Wish(
        days=DEFAULT_DAYS if days is None else days,
        party=party or 1,
        budget=_total(budget, party or 1, DEFAULT_DAYS if days is None else days),
        budget_text=budget.text if budget and budget.currency != "EUR" else "",
        months=months,
        interests=interests,
        weather=find_weather(where.rest),
        style=_style(where.rest),
        where=where,
        given=frozenset(name for name, value in heard.items() if value),
        assumptions=_assumptions(task, text, where, budget, party, heard),
        refusal="",
    )
    return replace(wish, refusal=_refusal(wish, text))


def _read_party(text: str) -> int | None:
    for pattern, count in _PARTY:
        if found := pattern.search(text):
            return count(found)
    return None


def _style(text: str) -> str:
    if _COMFORT.search(text):
        return "comfort"
    return "thrifty" if _THRIFTY.search(text) else "standard"


def _total(budget: Budget | None, party: int, days: int) -> float | None:
    if budget is None:
        return None
    return budget.eur * (party if budget.each else 1) * (days if budget.daily else 1)


def _assumptions(
    task: str, text: str, where: Where, budget: Budget | None, party: int | None, heard: dict[str, object]
) -> tuple[str, ...]:
    """One sentence for each thing that was not said and had to be chosen."""
    missing = {
        "days": f"no length named: {DEFAULT_DAYS} days",
        "month": "no month named: the one that suits each place best",
        "interests": "no interests named: a bit of everything that a place is good at",
    }
    notes = [sentence for name, sentence in missing.items() if not heard[name]]
    if budget is None:
        limit = "money is no object" if wants_no_limit(text) else "no budget named"
        notes.append(f"{limit}: nothing was ruled out for its price")
    elif budget.currency != "EUR":
        notes.append(
            f"1 {budget.currency} counted as EUR {IN_EUR[budget.currency]:.2f}, a round figure, not today's rate"
        )
    if party is None:
        notes.append(
            "one traveller" if not re.search(r"\b(?:we|us|our)\b", text) else "“we” without a number: one traveller"
        )
    if budget is not None and (party or 1) > 1 and not budget.each:
        notes.append(f"the budget is for all {party} together")
    notes.append(
        f"flights leave from central Europe{f', not from {where.origin}' if where.origin else ''}, at round fares"
    )
    if _OTHER_TRANSPORT.search(text):
        notes.append("only flights are known here, so a flight is counted although you asked for another way to travel")
    if where.named:
        notes += [f"{name} is not a place known here and was left out" for name in where.unknown]
    if len(task) > READ_CHARS:
        notes.append(f"only the first {READ_CHARS:,} of {len(task):,} characters were read")
    return tuple(notes)


def _refusal(wish: Wish, text: str) -> str:
    if not wish.given and not wish.where.unknown and not _TRIP.search(text) and wish.party == 1:
        return f"the task says nothing of a trip that can be read here (in English, please). Try “{EXAMPLE}”"
    if wish.where.unknown and not wish.where.named:
        name = wish.where.unknown[0]
        near = nearest(name)
        return f"{name} is not among the places known here" + (f"; did you mean {near}?" if near else "")
    if wish.where.named_words and not wish.where.named:
        return "every place that you named is also ruled out in the same task"
    if wish.budget is not None and wish.budget <= 0:
        return "the budget is zero"
    if not 1 <= wish.days <= MAX_DAYS:
        return f"a trip of {wish.days} days is outside what is planned here, 1 to {MAX_DAYS} days"
    if not 1 <= wish.party <= MAX_PARTY:
        return f"a party of {wish.party} is outside what is planned here, 1 to {MAX_PARTY} travellers"
    return ""
