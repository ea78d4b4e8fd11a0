"""The devil's advocate: the strongest objection to each trip, and a harder look at the favourite."""

from collections.abc import Mapping
from typing import Any

from .critic import unscored
from .taste import match
from .trip import Trip
from .wish import Wish, read_wish
from .words import days_text

HIGHEST_RISK = 0.95
FAVOURITE = 0.1


def attack(state: Mapping[str, Any], ctx: Any) -> dict[str, object]:
    """Score every new trip by the worst that can be said of it."""
    wish = read_wish(state["task"], ctx.turns)
    trips = unscored(state, ctx.agent, wish)
    if not trips:
        return {"text": "There is nothing to object to."}
    favourite = max(trips, key=lambda trip: _liked(state, trip))
    lines = [f"- {trip.title}: {objection(trip, wish)[0]}" for trip in trips]
    lines.append(f"The others like {favourite.place.name} best, so I doubt it most.")
    return {
        "text": "\n".join(lines),
        "scores": {trip.id: _scores(trip, wish, FAVOURITE if trip is favourite else 0.0) for trip in trips},
    }


def objection(trip: Trip, wish: Wish) -> tuple[str, float]:
    """The strongest objection, and how much it weighs, 0 to 1."""
    place, rain = trip.place, trip.place.rain[trip.month - 1]
    weakest = min(wish.interests, key=lambda i: place.interests.get(i, 0.0), default="")
    weakness = 1 - place.interests.get(weakest, 0.0) if weakest else 0.0
    travel = min(1.0, 2 * place.hours / (trip.days * 8))
    heard = [
        (_overspend(trip, wish), 0.75 if wish.budget and trip.worst > wish.budget else 0.0),
        (f"{2 * place.hours:g} hours of travel for {days_text(trip.days)}", travel),
        (
            f"crowds: in {trip.month_name} you will not have it to yourself",
            place.crowds * (1.0 if wish.quiet else 0.75),
        ),
        (f"rain: about {rain} days of {trip.month_name} are wet", min(1.0, rain / 20)),
        (f"it is not strong in {weakest}, which you asked for", weakness),
        (
            f"it is {place.high[trip.month - 1]} °C at noon, too hot to walk",
            0.7 if place.high[trip.month - 1] >= 33 else 0.0,
        ),
    ]
    return max(heard, key=lambda pair: pair[1])


def _overspend(trip: Trip, wish: Wish) -> str:
    if wish.budget is None:
        return ""
    return f"with flights at the high fare it costs €{trip.worst:,}, €{trip.worst - wish.budget:,.0f} over budget"


def _liked(state: Mapping[str, Any], trip: Trip) -> float:
    by_agent: Mapping[str, Mapping[str, float]] = state["rewards"].get(trip.id, {})
    return sum(metrics.get("quality", 0.0) - metrics.get("risk", 0.0) for metrics in by_agent.values())


def _scores(trip: Trip, wish: Wish, extra: float) -> dict[str, float]:
    weight = objection(trip, wish)[1]
    return {
        "novelty": round(trip.place.rare * (1 - 0.5 * trip.place.crowds), 2),
        "confidence": round(0.3 + 0.1 * len(wish.given), 2),
        "quality": round(max(0.0, match(trip.place, wish) - 0.3 * weight) * trip.share(wish), 2),
        "risk": round(min(HIGHEST_RISK, 0.25 + 0.6 * weight + extra), 2),
    }
