"""The places that can be proposed, and the names they go by."""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
HIGH_SEASON, LOW_SEASON = {7, 8, 12}, {1, 2, 11}
HAS_BEACH = 0.4
SWIMMING_C = 20


def plain(text: str) -> str:
    """Lower case without accents: `Kraków` reads `krakow`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


@dataclass(frozen=True)
class Place:
    """A destination; prices are honest round figures in EUR, months count from 1."""

    id: str
    name: str
    country: str
    region: str
    names: tuple[str, ...]
    flight: tuple[int, int]
    """Return fare for one from central Europe: low season, high season."""
    hours: float
    """One way, door to door in the air and in between."""
    room: int
    """A double room for one night."""
    meals: int
    """One person, one day."""
    local: int
    """Transport and entries, one person, one day."""
    rare: float
    crowds: float
    high: tuple[int, ...]
    """Usual day temperature in °C, January first."""
    rain: tuple[int, ...]
    """Days with rain, January first."""
    interests: Mapping[str, float]
    highlights: tuple[tuple[str, str], ...]
    """(interest, what to do)."""
    snow_months: frozenset[int]

    def fare(self, month: int) -> int:
        """Usual return fare for one in that month, to the nearest ten."""
        low, high = self.flight
        if month in HIGH_SEASON:
            return high
        return low if month in LOW_SEASON else round((low + high) / 20) * 10

    def offers(self, interest: str, month: int) -> bool:
        """Whether a beach or snow is really there in that month; other interests know no season."""
        if interest == "snow":
            return month in self.snow_months
        if interest == "beach":
            return self.interests.get("beach", 0) >= HAS_BEACH and self.high[month - 1] >= SWIMMING_C
        return True


@cache
def all_places() -> tuple[Place, ...]:
    """Every place in `places.json`, in its order."""
    rows = json.loads((Path(__file__).parent / "places.json").read_text(encoding="utf-8"))
    return tuple(_place(row) for row in rows)


def get_place(place_id: str) -> Place:
    """The place of that id.

    Raises:
        KeyError: there is none.
    """
    return {place.id: place for place in all_places()}[place_id]


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """Every name that means one or more places (city, country, region, alias) with their ids."""
    found: dict[str, list[str]] = {}
    for place in all_places():
        for name in {plain(place.name), plain(place.country), plain(place.region), *place.names}:
            found.setdefault(name, []).append(place.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _place(row: dict[str, Any]) -> Place:
    return Place(
        names=tuple(row.pop("aliases")),
        flight=tuple(row.pop("flight")),
        high=tuple(row.pop("high")),
        rain=tuple(row.pop("rain")),
        highlights=tuple(tuple(line.split(": ", 1)) for line in row.pop("highlights")),
        snow_months=frozenset(row.pop("snow_months", ())),
        **row,
    )
