"""The optimist: proposes three trips, and widens the search each time the debate comes back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .places import Place, get_place
from .taste import appeal, climate, match
from .trip import STYLES, Trip, build_trip, styles_down
from .wish import Wish, read_wish
from .words import days_text

OPTIONS = 3
SHORTEST_SHARE = 0.6
WEIGHT_OF_OVERSPEND = 0.6
OPENING = {
    1: "What I would love to do:",
    2: "Nothing fitted the budget, so I looked for cheaper places, cheaper rooms and, if need be, fewer days:",
    3: "Still nothing fits, so I cut days, which I say openly:",
}


def propose(state: Mapping[str, Any], ctx: Any) -> dict[str, object]:
    """Propose up to three trips that were not proposed before."""
    wish = read_wish(state["task"], ctx.turns)
    visit = state["visits"].get("proposal", 1) or 1
    seen = {option["id"] for option in state["options"]}
    trips = [] if wish.refusal else choose(wish, visit, seen, _search(wish, ctx))
    if not trips:
        return {"text": "I have nothing to propose."}
    lines = [f"- {trip.title}: €{trip.total:,}. {_praise(trip, wish)}" for trip in trips]
    return {
        "text": "\n".join([OPENING.get(visit, OPENING[3]), *lines]),
        "options": [{"id": t.id, "title": t.title, "text": f"{t.title}: €{t.total:,} for {t.party}"} for t in trips],
        "scores": {trip.id: _scores(trip, wish) for trip in trips},
    }


def _search(wish: Wish, ctx: Any) -> list[Place]:
    """The places that could be had, best first."""
    found = ctx.call_tool_sync(
        "search_trips",
        interests=list(wish.interests),
        months=list(wish.months),
        days=wish.days,
        party=wish.party,
        style=wish.style,
        places=list(wish.where.named),
        without=sorted(wish.where.excluded),
    )
    return [get_place(trip["place"]) for trip in found]


def choose(wish: Wish, visit: int, seen: Iterable[str], places: Sequence[Place]) -> list[Trip]:
    """Up to three trips, best first: dreams at visit 1, cheaper ones at 2, shorter ones from 3."""
    widening = {1: _dreams, 2: _cheaper}.get(visit, _shorter)
    found = _pick(widening(wish, places), wish, set(seen))
    # Where every cheaper style was proposed already, a round would be lost on saying so.
    return found or _pick(_shorter(wish, places), wish, set(seen))


def _pick(trips: Iterable[Trip], wish: Wish, taken: set[str]) -> list[Trip]:
    """The first three, from three countries if possible, else from three places, else any."""
    candidates, found = list(trips), list[Trip]()
    for rule in (_fresh_country, _fresh_place, _any):
        for trip in candidates:
            if len(found) < OPTIONS and trip.id not in taken and rule(trip, found):
                found.append(trip)
                taken.add(trip.id)
    return sorted(found, key=lambda trip: -_worth(trip, wish))


def shortest(wish: Wish) -> int:
    """The fewest days that still count as the trip that was asked for."""
    return max(1, min(wish.days, 2), round(wish.days * SHORTEST_SHARE))


def _dreams(wish: Wish, places: Sequence[Place]) -> Iterator[Trip]:
    styles = [wish.style]
    if len(places) < OPTIONS and wish.style == "standard":  # a style that was asked for is not traded for variety
        styles = ["standard", *(style for style in STYLES if style != "standard")]
    trips = [build_trip(place, wish, style=style) for style in styles for place in places]
    yield from sorted(trips, key=lambda trip: -_worth(trip, wish))


def _cheaper(wish: Wish, places: Sequence[Place]) -> Iterator[Trip]:
    trips = [build_trip(place, wish, style=style) for place in places for style in styles_down(wish.style)]
    yield from sorted(trips, key=lambda trip: (not trip.fits(wish), -_worth(trip, wish)))


def _shorter(wish: Wish, places: Sequence[Place]) -> Iterator[Trip]:
    lengths = range(wish.days - 1, shortest(wish) - 1, -1)
    trips = [
        build_trip(place, wish, days=days, style=style)
        for place in places
        for days in lengths
        for style in styles_down(wish.style)
    ]
    yield from sorted(trips, key=lambda trip: (not trip.fits(wish), -trip.days, -_worth(trip, wish)))


def _fresh_country(trip: Trip, found: list[Trip]) -> bool:
    return all(trip.place.country != other.place.country for other in found)


def _fresh_place(trip: Trip, found: list[Trip]) -> bool:
    return all(trip.place.id != other.place.id for other in found)


def _any(trip: Trip, found: list[Trip]) -> bool:
    return True


def _worth(trip: Trip, wish: Wish) -> float:
    """Appeal, less for every euro over budget; a little over does not frighten an optimist."""
    comfort = {"thrifty": -0.05, "standard": 0.0, "comfort": 0.02}[trip.style]
    over = max(0.0, trip.total / wish.budget - 1) if wish.budget else 0.0
    far = 0.02 * max(0.0, trip.place.hours - 2 * trip.days)
    return appeal(trip.place, wish) + comfort - WEIGHT_OF_OVERSPEND * over - far


def _praise(trip: Trip, wish: Wish) -> str:
    top = [text for interest, text in trip.place.highlights if not wish.interests or interest in wish.interests]
    return (
        f"{trip.place.high[trip.month - 1]} °C by day in {trip.month_name}; think of {(top or [trip.place.name])[0]}."
    )


def _scores(trip: Trip, wish: Wish) -> dict[str, float]:
    pleasant = climate(trip.place, trip.month, wish)
    return {
        "novelty": round(min(1.0, trip.place.rare + 0.2), 2),
        "confidence": round(min(1.0, 0.5 + 0.1 * len(wish.given)), 2),
        "quality": round(min(1.0, match(trip.place, wish) + 0.1 * pleasant) * trip.share(wish), 2),
        "risk": 0.2 if trip.fits(wish) else 0.4,
    }


def shortened(trip: Trip, wish: Wish) -> str:
    """How the trip is less than what was asked for, or an empty string."""
    less = [f"{days_text(trip.days)} instead of {days_text(wish.days)}"] if trip.days < wish.days else []
    if trip.style in list(styles_down(wish.style))[1:] and wish.style != "standard":
        less.append(f"{trip.style} rooms and meals instead of {wish.style}")
    return " and ".join(less)
