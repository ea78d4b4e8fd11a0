"""What was booked earlier in the conversation, as its answers say; and what is said where nothing was."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from .dates import dates_text
from .days import days_with_entries
from .trip import Trip
from .wish import Wish
from .words import days_text

_BOOKED = re.compile(r"^Booked(?: already)?: (.+)$", re.MULTILINE)


def booked_before(turns: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each booking in a line, oldest first."""
    found = [line for turn in turns for line in _BOOKED.findall(str(turn.get("answer") or ""))]
    return [f"Booked already: {line}" for line in dict.fromkeys(found)]


def booking_of(trip: Trip, wish: Wish, first: date, turns: Sequence[Mapping[str, Any]]) -> str:
    """What was booked when this trip was planned, whoever changed what before it was booked; empty if nothing was."""
    head, needs = f"# {trip.title}\n", to_book(trip, wish, first)
    for turn in reversed(turns):
        answer = str(turn.get("answer") or "")
        found = _BOOKED.match(answer[answer.rstrip().rfind("\n") + 1 :])  # whoever books speaks last
        if found and answer.startswith(head) and f"{needs}\n" in answer:
            return f"Booked already: {found[1]}"
    return ""


def to_book(trip: Trip, wish: Wish, first: date) -> str:
    """When the trip is, and what it needs."""
    nights = trip.days - 1
    lines = [f"- return flights to {trip.place.name} for {trip.party}"]
    if nights:
        rooms = -(-trip.party // 2)
        lines.append(f"- {rooms} room{'s' * (rooms > 1)} for {nights} night{'s' * (nights > 1)}, {trip.style}")
    if days := days_with_entries(trip, wish):
        lines.append(f"- timed entries for museums and monuments, on {days_text(days)} of the plan")
    return "\n".join([f"{dates_text(first, first + timedelta(days=nights))}:", "", *lines])


def how_to_book(ctx: Any) -> str:
    """What to say, in this conversation or as a command."""
    return f'“book it” (`agentctl run {ctx.workspace} "book it" --session {ctx.session_id}`)'


def not_booked(state: Mapping[str, Any], ctx: Any) -> str:
    """Says that nothing was booked, and why, where that is known."""
    told = [entry["text"] for entry in state["history"] if (entry["data"] or {}).get("tool") == "book_trip"]
    why = told[-1] if told else "it was not allowed, or could not be done"
    booked = booked_before(ctx.turns)
    what = "This trip was not booked" if booked else "Nothing was booked"
    return "\n".join([*booked, f"{what}: {why}. Say {how_to_book(ctx)} to be asked again."])
