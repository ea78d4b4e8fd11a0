"""One sentence for each thing that a task did not say, or that was read in one of several ways."""

from .dates import month_note
from .money import IN_EUR, wants_no_limit
from .party import party_note
from .reading import DEFAULT_DAYS, READ_CHARS, Reading
from .unread import OTHER_TRANSPORT, unread_note


def assumptions(reading: Reading) -> tuple[str, ...]:
    """What was assumed, what was not understood first."""
    notes = [unread_note(reading.unread), *reading.heard, *_missing(reading), *_read_as(reading), *_money(reading)]
    return tuple(note for note in (*notes, *_journey(reading)) if note)


def _missing(reading: Reading) -> list[str]:
    missing = {
        "days": f"no length named: {DEFAULT_DAYS} days",
        "month": "no month named: the one that suits each place best",
        "interests": "no interests named: a bit of everything that a place is good at",
    }
    return [sentence for name, sentence in missing.items() if name not in reading.given]


def _read_as(reading: Reading) -> list[str]:
    """How words with more than one meaning were taken."""
    notes = [month_note(reading.text, reading.months, reading.month_words), party_note(reading.text, reading.party)]
    if "week" in reading.day_words and "end" in reading.day_words:
        notes.append(f"“{reading.day_words}” read as {reading.days} days, {(reading.days or 1) - 1} nights")
    if reading.style_words and reading.style != "standard":
        words = {"comfort": "the dearest style known here", "thrifty": "the cheapest style known here"}
        notes.append(f"“{reading.style_words}” read as “{reading.style}”, {words[reading.style]}")
    if reading.quiet:
        notes.append(f"“{reading.quiet[0]}” read as a wish to avoid crowds: quieter places count more")
    return notes


def _money(reading: Reading) -> list[str]:
    budget = reading.budget
    if budget is None:
        limit = "money is no object" if wants_no_limit(reading.text) else "no budget named"
        return [f"{limit}: nothing was ruled out for its price"]
    notes = []
    if budget.currency != "EUR":
        rate = f"{IN_EUR[budget.currency]:.2f}"
        notes.append(f"1 {budget.currency} counted as EUR {rate}, a round figure, not today's rate")
    if reading.party.size > 1 and not budget.each:
        notes.append(f"the budget is for all {reading.party.size} together")
    return notes


def _journey(reading: Reading) -> list[str]:
    where = reading.where
    notes = [f"flights leave from central Europe{f', not from {where.origin}' if where.origin else ''}, at round fares"]
    if OTHER_TRANSPORT.search(reading.text):
        notes.append("only flights are known here, so a flight is counted although you asked for another way to travel")
    if where.named:
        notes += [f"{name} is not a place known here and was left out" for name in where.unknown]
    if reading.chars > READ_CHARS:
        notes.append(f"only the first {READ_CHARS:,} of {reading.chars:,} characters were read")
    return notes
