"""The tools of the planner: finding trips, and booking one."""

from dataclasses import replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from planner.itinerary import CALENDAR, TEXT, Itinerary
from planner.places import Place, all_places, names, plain
from planner.taste import suitable
from planner.trip import Trip, build_trip
from planner.wish import MAX_DAYS, MAX_PARTY, read_wish
from planner.words import people_text
from pydantic import Field

from agentctl import tool

Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]
Party = Annotated[int, Field(ge=1, le=MAX_PARTY)]
Style = Literal["thrifty", "standard", "comfort"]
Interest = Literal[
    "food",
    "art",
    "history",
    "architecture",
    "nature",
    "beach",
    "nightlife",
    "music",
    "wine",
    "shopping",
    "snow",
    "wellness",
    "family",
]


@tool(read_only=True, open_world=False)
def search_trips(
    interests: list[Interest] | None = None,
    months: list[Annotated[int, Field(ge=1, le=12)]] | None = None,
    days: Days = 5,
    party: Party = 1,
    style: Style = "standard",
    places: list[str] | None = None,
    without: list[str] | None = None,
) -> list[dict[str, Any]]:
    """Find trips that suit a wish, best first, each in its best month, with its usual price.

    Args:
        interests: what they should be good for; a trip for `beach` or `snow` has it in its month.
        months: those that would do, January is 1; none: any.
        days: how long, both ends counted.
        party: how many travel.
        style: of rooms and meals.
        places: cities, countries or regions to choose from; none: all.
        without: cities, countries or regions to leave out.
    """
    blank = read_wish("")
    named = tuple(place.id for name in places or () for place in _find(name))
    excluded = frozenset(place.id for name in without or () for place in _find(name))
    wish = replace(
        blank,
        interests=tuple(interests or ()),
        months=tuple(months or ()),
        days=days,
        party=party,
        style=style,
        where=replace(blank.where, named=named, excluded=excluded),
    )
    return [
        {"place": place.id, "title": trip.title, "country": place.country, "month": trip.month, "eur": trip.total}
        for place in suitable(wish)
        for trip in [build_trip(place, wish)]
    ]


@tool(idempotent=True, open_world=False)
def book_trip(
    place: str,
    first_day: date,
    plan: Annotated[list[str], Field(min_length=1, max_length=MAX_DAYS)],
    party: Party = 1,
    style: Style = "standard",
    max_eur: int | None = None,
) -> str:
    """Book a trip: write its itinerary into the project, as Markdown and for a calendar.

    Args:
        place: city.
        first_day: of the journey.
        plan: what to do, one line for each day.
        party: how many travel.
        style: of rooms and meals.
        max_eur: what it may cost for all together; what costs more is not booked.
    """
    found = _find(place)
    if len(found) > 1:
        raise ValueError(f"{place!r} is more than one place: {', '.join(each.name for each in found)}")
    trip = Trip(found[0], first_day.month, len(plan), style, party)
    if max_eur is not None and trip.total > max_eur:
        raise ValueError(f"{trip.title}, costs €{trip.total:,}, more than the €{max_eur:,} that it may")
    itinerary, project = Itinerary(trip, first_day, tuple(plan)), _project()
    folder, is_new = itinerary.save(project)
    said = f"{'Booked' if is_new else 'Booked already'}: {trip.title}, {itinerary.when}"
    where = folder.relative_to(project)
    return f"{said}, for {people_text(party)}, €{trip.total:,}. See {where / TEXT} and {where / CALENDAR}."


def _project() -> Path:
    """The folder that keeps this generation; the working directory is another one where agentctl is a library."""
    return next((folder.parent for folder in Path(__file__).parents if folder.name == ".agentctl"), Path.cwd())


def _find(name: str) -> list[Place]:
    """The places that a name or an id means.

    Raises:
        ValueError: none.
    """
    ids = names().get(plain(name.strip()), ()) or [place.id for place in all_places() if place.id == name]
    if not ids:
        near = get_close_matches(plain(name), list(names()), n=1)
        raise ValueError(f"no place {name!r} is known here" + (f"; did you mean {near[0].title()}?" if near else ""))
    return [place for place in all_places() if place.id in ids]
