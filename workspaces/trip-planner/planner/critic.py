"""The critic: measures money, weather and fit, and gives a trip over budget the full risk."""

from collections.abc import Mapping
from typing import Any

from .taste import climate, match
from .trip import Trip, read_trip
from .wish import Wish, read_wish

CERTAIN_FAILURE = 1.0
HIGHEST_RISK = 0.9


def measure(state: Mapping[str, Any], ctx: Any) -> dict[str, object]:
    """Score every trip that the critic has not scored yet."""
    wish = read_wish(state["task"], ctx.turns)
    trips = unscored(state, ctx.agent, wish)
    if not trips:
        return {"text": "There is nothing to measure."}
    return {
        "text": "\n".join(f"- {trip.title}: {verdict(trip, wish)}" for trip in trips),
        "scores": {trip.id: _scores(trip, wish) for trip in trips},
    }


def unscored(state: Mapping[str, Any], role: str, wish: Wish) -> list[Trip]:
    """Trips without a score of `role`; scores of one agent add up, so none is given twice."""
    rewards = state["rewards"]
    return [read_trip(option["id"], wish) for option in state["options"] if role not in rewards.get(option["id"], {})]


def verdict(trip: Trip, wish: Wish) -> str:
    """Money and weather in one sentence."""
    rain = f"about {trip.place.rain[trip.month - 1]} days of the month see rain"
    if wish.budget is None:
        return f"€{trip.total:,}, no ceiling to hold it against; {rain}"
    left = wish.budget - trip.total
    money = f"€{left:,.0f} left" if left >= 0 else f"€{-left:,.0f} over budget, so out"
    return f"€{trip.total:,}, {money}; {rain}"


def _scores(trip: Trip, wish: Wish) -> dict[str, float]:
    suits = match(trip.place, wish)
    pleasant = climate(trip.place, trip.month, wish)
    return {
        "novelty": round(trip.place.rare, 2),
        "confidence": round(0.4 + 0.1 * len(wish.given), 2),
        "quality": round((0.75 * suits + 0.25 * pleasant) * trip.share(wish) * _comfort(trip, wish), 2),
        "risk": _risk(trip, wish, pleasant),
    }


def _comfort(trip: Trip, wish: Wish) -> float:
    return 0.9 if trip.style == "thrifty" and wish.style != "thrifty" else 1.0


def _risk(trip: Trip, wish: Wish, pleasant: float) -> float:
    if not trip.fits(wish):
        return CERTAIN_FAILURE
    tightness = (trip.total / wish.budget) ** 2 if wish.budget else 0.3
    return round(min(HIGHEST_RISK, 0.1 + 0.45 * tightness + 0.35 * (1 - pleasant)), 2)
