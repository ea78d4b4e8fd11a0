"""Spreads a place's highlights over the days of a trip."""

import re
from itertools import cycle, islice

from .trip import Trip
from .wish import Wish

EVENING = ("nightlife", "music")
_WHOLE_DAY = re.compile(r"\b(?:a|long|quiet) (?:long |quiet )?day\b|\bday out\b|\ba day by\b")
_TICKETED = re.compile(
    r"\b(?:museums?|palaces?|castles?|cathedral|tower|sagrada|alcázar|acropolis|knossos|pompeii|opera|collection|kalsa"
    r"|parliament|villa|temples?|mosque|hagia|alhambra|walls)\b",
    re.IGNORECASE,
)
_FREE = "free, for what you liked best"


def day_plan(trip: Trip, wish: Wish) -> list[str]:
    """One line a day; what was asked for comes first, and a day with nothing left is free."""
    wanted = _by_interest(trip, wish)
    evenings = [text for interest, text in wanted if interest in EVENING]
    whole = [text for interest, text in wanted if interest not in EVENING and _WHOLE_DAY.search(text)]
    short = [text for interest, text in wanted if interest not in EVENING and text not in whole]
    return [
        f"- Day {day}: {_when(day, trip.days)}{_joined(by_day, evening)}"
        for day, (by_day, evening) in enumerate(_spread(trip.days, short, whole, evenings), 1)
    ]


def days_with_entries(trip: Trip, wish: Wish) -> int:
    """How many days of the plan name something that sells timed tickets."""
    sights = [text for interest, text in trip.place.highlights if interest == "art" or _TICKETED.search(text)]
    return sum(any(text in line for text in sights) for line in day_plan(trip, wish))


def _spread(days: int, short: list[str], whole: list[str], evenings: list[str]) -> list[tuple[list[str], str]]:
    """For each day, what to do by day and in the evening; excursions stay off the first and the last day."""
    plan: list[list[str]] = [[] for _ in range(days)]
    middle = list(range(1, days - 1))
    lacking = max(0, days - len(short))
    # An excursion every third day, and more of them where there is not enough in town.
    for day, text in zip(middle[1::2] + middle[::2], whole[: max(len(middle) // 3, lacking)], strict=False):
        plan[day].append(text)
    open_days = [day for day in range(days) if not plan[day]]
    seconds = [day for day in open_days if day in middle] or open_days
    for day, text in zip((*open_days, *islice(cycle(seconds), len(seconds))), short, strict=False):
        plan[day].append(text)
    nights = dict(zip(range(days - 1), evenings, strict=False))
    return [(texts, nights.get(day, "")) for day, texts in enumerate(plan)]


def _joined(texts: list[str], evening: str) -> str:
    by_day = "; then ".join(texts) or _FREE
    return f"{by_day}; in the evening, {evening}" if evening else by_day


def _by_interest(trip: Trip, wish: Wish) -> list[tuple[str, str]]:
    """Highlights, those of the interests first, one interest after the other in turn."""
    shown = [(i, text) for i, text in trip.place.highlights if i not in wish.where.unwanted]
    shown = [(i, text) for i, text in shown if i not in ("snow", "beach") or trip.place.offers(i, trip.month)]
    ordered: list[tuple[str, str]] = []
    queues = {interest: [pair for pair in shown if pair[0] == interest] for interest in wish.interests}
    while any(queues.values()):
        ordered += [queue.pop(0) for queue in queues.values() if queue]
    return [*ordered, *(pair for pair in shown if pair not in ordered)]


def _when(day: int, days: int) -> str:
    if days == 1:
        return "there and back; "
    if day == 1:
        return "arrive; "
    return "" if day < days else "fly home in the evening; before that, "
