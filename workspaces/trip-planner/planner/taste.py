"""How well a place suits a wish, 0 to 1."""

from .interests import SEASONAL
from .places import Place, all_places
from .wish import Wish

CROWDED = 0.4
"""What a fully crowded place loses for who wants to avoid crowds."""
PLEASANT_C, TOLERANCE_C = 22, 20
BEACH_C, COOL_C, WARM_C = 27, 15, 26
NO_INTEREST = 0.15
EVERYTHING = ("food", "history", "art", "nature")


def match(place: Place, wish: Wish) -> float:
    """How good the place is at what is asked for: the mean, pulled towards its weakest part."""
    strengths = [place.interests.get(interest, NO_INTEREST) for interest in wish.interests or EVERYTHING]
    if not wish.interests:
        strengths = sorted(place.interests.values(), reverse=True)[:4]
    crowds = CROWDED * place.crowds if wish.quiet else 0.0
    unwanted = sum(place.interests.get(interest, 0) > 0.8 for interest in wish.where.unwanted)
    return max(0.0, 0.7 * sum(strengths) / len(strengths) + 0.3 * min(strengths) - 0.25 * unwanted - crowds)


def climate(place: Place, month: int, wish: Wish) -> float:
    """How pleasant that month usually is there for what is asked for."""
    if "snow" in wish.interests:
        return 1.0 if month in place.snow_months else 0.1
    ideal = BEACH_C if "beach" in wish.interests else {"warm": WARM_C, "cool": COOL_C}.get(wish.weather, PLEASANT_C)
    off = abs(place.high[month - 1] - ideal) / TOLERANCE_C
    return max(0.05, min(1.0, 1.05 - off) - place.rain[month - 1] / 60)


def best_month(place: Place, wish: Wish) -> int:
    """The most pleasant of the months that would do."""
    return max(wish.months or range(1, 13), key=lambda month: climate(place, month, wish))


def appeal(place: Place, wish: Wish) -> float:
    """Match and climate in one number."""
    return 0.7 * match(place, wish) + 0.3 * climate(place, best_month(place, wish), wish)


def suitable(wish: Wish) -> list[Place]:
    """Places that are asked for, not ruled out, and have the snow or beach that is asked for, best first."""
    pool = [
        place
        for place in all_places()
        if place.id not in wish.where.excluded
        and (not wish.where.named or place.id in wish.where.named)
        and not lacking(place, wish)
    ]
    return sorted(pool, key=lambda place: -appeal(place, wish))


def lacking(place: Place, wish: Wish) -> str:
    """The seasonal interest that the place cannot serve in its best month, or an empty string."""
    month = best_month(place, wish)
    return next((i for i in SEASONAL if i in wish.interests and not place.offers(i, month)), "")
