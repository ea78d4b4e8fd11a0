"""The synthesizer: books or plans what the jury chose, sends the debate back, or says why it does none of it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from .booked import booked_before, booking_of
from .dates import first_date
from .days import day_plan
from .optimistic import shortest
from .places import MONTHS, all_places
from .taste import lacking, suitable
from .trip import Trip, build_trip, read_trip, styles_down
from .wish import EXAMPLE, Wish, read_wish
from .words import days_text, people_text

MAX_PROPOSALS = 3
"""The third proposal is the last one; the route in workspace.yaml says the same."""


def decide(state: Mapping[str, Any], ctx: Any) -> dict[str, object]:
    """Add a verdict to the jury's decision: `book`, `plan`, `booked`, `revise` or `none`."""
    wish = read_wish(state["task"], ctx.turns)
    jury = dict(state["decision"])
    visit = state["visits"].get("proposal", 1) or 1
    if jury.get("option"):
        trip = read_trip(jury["option"], wish)
        said = booking_of(trip, wish, _first_day(trip, wish), ctx.turns) if wish.books else ""
        if said:
            return {"text": said, "decision": {**jury, "verdict": "booked", "text": said}}
        verdict = "book" if wish.books else "plan"
        text = f"{verdict.title()} {trip.title} for €{trip.total:,}."
        return {"text": text, "decision": {**jury, "verdict": verdict, "trip": _order(trip, wish)}}
    if visit < MAX_PROPOSALS and suitable(wish) and not wish.refusal:
        reason = f"none of the trips of proposal {visit} fits €{wish.budget or 0:,.0f}"
        return {"text": f"Revise: {reason}.", "decision": {**jury, "verdict": "revise", "reason": reason}}
    reason = why_nothing(wish)
    text = _no_plan(reason, wish, booked_before(ctx.turns) or ["Nothing was booked."])
    return {"text": text, "winner": None, "decision": {**jury, "verdict": "none", "reason": reason, "text": text}}


def _first_day(trip: Trip, wish: Wish) -> date:
    return first_date(trip.month, trip.days, wish.first_day, date.today())


def _order(trip: Trip, wish: Wish) -> dict[str, object]:
    """The trip as `book_trip` takes it."""
    return {
        "place": trip.place.name,
        "first_day": _first_day(trip, wish).isoformat(),
        "plan": [line.partition(": ")[2] for line in day_plan(trip, wish)],
        "party": trip.party,
        "style": trip.style,
        "max_eur": int(wish.budget or trip.total),
    }


def why_nothing(wish: Wish) -> str:
    """The reason in one clause, with the figures that decided."""
    if wish.refusal:
        return wish.refusal
    places = suitable(wish)
    if not places:
        return _nowhere(wish)
    cheapest = min((_cheapest(wish, shortest(wish))), key=lambda trip: trip.total)
    missing = cheapest.total - (wish.budget or 0)
    return (
        f"even the cheapest trip that serves the wish, {cheapest.title}, costs "
        f"€{cheapest.total:,} for {people_text(cheapest.party)}, "
        f"which is €{missing:,.0f} over the budget of €{wish.budget or 0:,.0f}"
    )


def _cheapest(wish: Wish, days: int) -> list[Trip]:
    return [
        build_trip(place, wish, days=days, style=style) for place in suitable(wish) for style in styles_down(wish.style)
    ]


def _nowhere(wish: Wish) -> str:
    when = " or ".join(MONTHS[month - 1] for month in wish.months) or "any month"
    asked = [
        p
        for p in all_places()
        if p.id not in wish.where.excluded and (not wish.where.named or p.id in wish.where.named)
    ]
    if not asked:
        return "every place that is known here is ruled out"
    thing = {"snow": "snow to ski on", "beach": "beach weather for a swim"}[lacking(asked[0], wish)]
    if len(asked) == 1:
        return f"{asked[0].name} has no {thing} in {when}"
    return f"none of the {len(asked)} places in question has {thing} in {when}"


def _no_plan(reason: str, wish: Wish, booked: Sequence[str]) -> str:
    lines = ["# No plan fits", "", f"No plan fits, because {reason}{'' if reason.endswith('?') else '.'}"]
    if wish.budget and not wish.refusal and suitable(wish):
        floor = shortest(wish)
        lines += [
            "",
            f"I looked at cheaper places, cheaper rooms and fewer days, down to {days_text(floor)}. This would work:",
        ]
        best = min(_cheapest(wish, floor), key=lambda trip: trip.total)
        lines.append(f"- a budget of €{best.total:,}: {best.title}")
        short = [trip for days in range(1, floor) for trip in _cheapest(wish, days) if trip.fits(wish)]
        if short:
            lines.append(f"- fewer days: {max(short, key=lambda trip: (trip.days, -trip.total)).title}")
    if wish.refusal.endswith("known here") or "not among the places" in wish.refusal:
        lines += ["", "Known here: " + ", ".join(sorted(place.name for place in all_places())) + "."]
    elif "in English" not in reason:
        lines += ["", f"A task reads like: {EXAMPLE}"]
    if "in English" not in reason:
        lines += ["", "What I assumed:", "", *(f"- {note}" for note in wish.assumptions)]
    return "\n".join([*lines, "", *booked])
