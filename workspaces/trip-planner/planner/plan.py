"""The planner: writes out the plan and what it takes. It books nothing itself."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from .booked import booked_before, booking_of, how_to_book, to_book
from .costs import cost_table, table
from .dates import date_text
from .days import day_plan
from .devil import objection
from .optimistic import shortened
from .trip import Trip, read_trip
from .weights import read_weights
from .wish import Wish, read_wish
from .words import people_text

METRICS = ("novelty", "confidence", "quality", "risk")


def write_plan(state: Mapping[str, Any], ctx: Any) -> str:
    """The whole plan as text: choice, reasons, days, costs, assumptions, what to book."""
    wish = read_wish(state["task"], ctx.turns)
    trip = read_trip(state["winner"], wish)
    first = date.fromisoformat(state["decision"]["trip"]["first_day"])
    parts = (
        _head(trip, wish),
        _why(state, trip, wish),
        _days(trip, wish),
        _costs(trip, wish),
        _assumed(wish, first),
        _booking(state, ctx, trip, wish, first),
    )
    return "\n\n".join(parts)


def _head(trip: Trip, wish: Wish) -> str:
    budget = f" of your €{wish.budget:,.0f}" if wish.budget is not None else ""
    budget += f" ({wish.budget_text})" if wish.budget_text else ""
    place = trip.place
    lines = [
        f"# {trip.title}",
        "",
        f"{place.name}, {place.country}, for {people_text(trip.party)}: €{trip.total:,}{budget}. "
        f"In {trip.month_name} it is usually "
        f"{place.high[trip.month - 1]} °C by day, and {_rain(place.rain[trip.month - 1])}.",
    ]
    if less := shortened(trip, wish):
        lines += ["", f"This is less than you asked for: {less}, because nothing more fits the budget."]
    return "\n".join(lines)


def _rain(days: int) -> str:
    return f"about {days} days of the month see some rain" if days > 1 else "it hardly ever rains"


def _why(state: Mapping[str, Any], trip: Trip, wish: Wish) -> str:
    totals, vetoed = state["decision"].get("totals", {}), list(state["decision"].get("vetoed", []))
    weights = read_weights()
    rows = [[*("option", *METRICS), "total"]]
    for option in sorted(state["options"], key=lambda option: (option["id"] in vetoed, -totals.get(option["id"], 0.0))):
        sums = [
            sum(scores.get(metric, 0.0) for scores in state["rewards"].get(option["id"], {}).values())
            for metric in METRICS
        ]
        last = "struck" if option["id"] in vetoed else f"{totals.get(option['id'], 0.0):.2f}"
        rows.append([option["title"], *(f"{value:.2f}" for value in sums), last])
    rows.append(["weight", *(str(weights.get(metric, 0 if weights else 1)) for metric in METRICS), ""])
    lines = ["## Why this one", "", *table(rows), "", _story(state, trip, wish), ""]
    lines.append(f"The devil's advocate objects: {objection(trip, wish)[0]}.")
    return "\n".join([*lines, *_dissent(state)])


def _story(state: Mapping[str, Any], trip: Trip, wish: Wish) -> str:
    proposals = state["visits"].get("proposal", 1) or 1
    strong = sorted(wish.interests, key=lambda i: -trip.place.interests.get(i, 0.0))
    good = " and ".join(f"{i} ({trip.place.interests.get(i, 0.0):.0%})" for i in strong[:3]) or "a bit of everything"
    story = (
        "Three agents scored each option from 0 to 1; the table shows the sums. "
        f"A total is each sum times its weight, added up, and the highest wins. {trip.place.name} stands for {good}."
    )
    if proposals > 1:
        story += f" It took {proposals} proposals: what was over budget is struck."
    elif state["decision"].get("vetoed"):
        story += " What was over budget is struck."
    return story


def _dissent(state: Mapping[str, Any]) -> list[str]:
    titles = {option["id"]: option["title"] for option in state["options"]}
    heard = state["decision"].get("dissent", [])
    return [
        f"The {entry['agent']} agent would rather have taken {titles.get(entry['option'], entry['option'])}."
        for entry in heard
    ]


def _days(trip: Trip, wish: Wish) -> str:
    return "\n".join(["## Day by day", "", *day_plan(trip, wish)])


def _costs(trip: Trip, wish: Wish) -> str:
    return "\n".join(["## What it costs", "", *cost_table(trip, wish.budget)])


def _assumed(wish: Wish, first: date) -> str:
    notes = list(wish.assumptions)
    if wish.first_day is None:
        notes.append(f"no day named: from {date_text(first)}")
    notes.append("prices and weather are round, typical figures from a small bundled table, not live data")
    return "\n".join(["## What I assumed", "", *(f"- {note}" for note in notes)])


def _booking(state: Mapping[str, Any], ctx: Any, trip: Trip, wish: Wish, first: date) -> str:
    """What is needed, and what is booked; of a booking under way whoever makes it speaks."""
    lines = ["## Booking", "", to_book(trip, wish, first)]
    if state["decision"]["verdict"] != "book":
        lines += ["", booking_of(trip, wish, first, ctx.turns) or _not_yet(ctx)]
    return "\n".join(lines)


def _not_yet(ctx: Any) -> str:
    booked = booked_before(ctx.turns)
    what = "This trip is not" if booked else "Nothing is booked yet"
    return "\n".join([*booked, f"{what}: say {how_to_book(ctx)}."])
