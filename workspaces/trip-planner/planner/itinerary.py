"""A booked trip as two files: an itinerary to read, and one for the calendar."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp

from .costs import cost_table
from .dates import date_text, dates_text
from .trip import Trip
from .words import people_text

FOLDER, TEXT, CALENDAR = "trips", "itinerary.md", "itinerary.ics"
OCTETS = 75
"""Of a line of a calendar, by RFC 5545."""


@dataclass(frozen=True)
class Itinerary:
    """A trip on its days."""

    trip: Trip
    first: date
    plan: tuple[str, ...]
    """What to do, one line a day."""

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.trip.days - 1)

    @property
    def when(self) -> str:
        """For people."""
        return dates_text(self.first, self.last)

    @property
    def uid(self) -> str:
        """The same for the same trip, whenever it is booked."""
        trip = self.trip
        what = [trip.id, trip.party, self.first.isoformat(), *self.plan]
        return f"{hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16]}@trip-planner.agentctl"

    def save(self, root: Path) -> tuple[Path, bool]:
        """Write both files into a folder of their own below `root/trips`, whole or not at all.

        Returns:
            the folder, and whether it is new: the same trip is booked once, another one of that place and day
            beside it.

        Raises:
            ValueError: `trips` leads out of `root`.
        """
        trips = root / FOLDER
        if not trips.resolve().is_relative_to(root.resolve()):
            raise ValueError(f"{FOLDER}/ leads out of the project, to {trips.resolve()}")
        trips.mkdir(exist_ok=True)
        fresh = Path(mkdtemp(prefix=".booking-", dir=trips))
        try:
            fresh.chmod(0o755)
            (fresh / TEXT).write_text(self.markdown(), encoding="utf-8")
            (fresh / CALENDAR).write_bytes(self.calendar(datetime.now(UTC)))
            return self._place(fresh, trips)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _place(self, fresh: Path, trips: Path) -> tuple[Path, bool]:
        slug, number = f"{self.trip.place.id}-{self.first.isoformat()}", 1
        while True:
            folder = trips / (slug if number == 1 else f"{slug}-{number}")
            try:
                if not folder.exists():  # else an empty one would be taken
                    return fresh.rename(folder), True
            except OSError:
                if not folder.exists():
                    raise
            if self._is_in(folder):
                return folder, False
            number += 1

    def _is_in(self, folder: Path) -> bool:
        calendar = folder / CALENDAR
        return calendar.is_file() and f"UID:{self.uid}\r\n".encode() in calendar.read_bytes()

    def markdown(self) -> str:
        """The itinerary to read."""
        trip = self.trip
        days = [
            f"- {date_text(self.first + timedelta(days=number))}: {_line(text)}"
            for number, text in enumerate(self.plan)
        ]
        parts = [
            f"# {trip.title}",
            f"{self.when}, for {people_text(trip.party)}: €{trip.total:,}.",
            "\n".join(["## Day by day", "", *days]),
            "\n".join(["## What it costs", "", *cost_table(trip)]),
            "Written by trip-planner. Prices are typical figures; no airline, hotel or museum knows of it.",
        ]
        return "\n\n".join(parts) + "\n"

    def calendar(self, stamp: datetime) -> bytes:
        """The same as iCalendar (RFC 5545): one event over all days, with the plan in its description."""
        place = self.trip.place
        lines = [
            *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//agentctl//trip-planner//EN", "CALSCALE:GREGORIAN"),
            *("BEGIN:VEVENT", f"UID:{self.uid}", f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}"),
            f"DTSTART;VALUE=DATE:{self.first:%Y%m%d}",
            f"DTEND;VALUE=DATE:{self.last + timedelta(days=1):%Y%m%d}",  # the first day that is no longer part of it
            f"SUMMARY:{_escaped(self.trip.title)}",
            f"LOCATION:{_escaped(f'{place.name}, {place.country}')}",
            f"DESCRIPTION:{_escaped(chr(10).join(map(_line, self.plan)))}",
            *("TRANSP:OPAQUE", "END:VEVENT", "END:VCALENDAR"),
        ]
        return b"".join(_folded(line) + b"\r\n" for line in lines)


def _line(text: str) -> str:
    """Without line breaks and what else cannot be shown, which no file may get from a plan."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _escaped(text: str) -> str:
    for mark in "\\;,":
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """At most 75 octets a line; what goes on begins with a space. No character is cut in two."""
    lines = [b""]
    for octets in (character.encode() for character in line):
        if len(lines[-1]) + len(octets) > OCTETS:
            lines.append(b" ")
        lines[-1] += octets
    return b"\r\n".join(lines)
