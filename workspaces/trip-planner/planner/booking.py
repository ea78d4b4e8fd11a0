"""Whether a message wants a booking."""

import re
from typing import Literal

Booking = Literal["", "book", "plan"]
"""What a message says of it: nothing, to book, or to plan only."""
_BOOK = re.compile(
    r"\bbook (?:it|this|that|them|me|us|now)\b|\breserve\b"
    r"|(?<!\ba )(?<!\bthe )(?<!\bmy )(?<!\bgood )\bbook\b(?! (?:fairs?|shops?|stores?|clubs?|festivals?)\b)"
    r"|\bgo ahead\b|\b(?:i|we)(?:'ll| will) take it\b",
    re.IGNORECASE,
)
_PLAN = re.compile(
    r"\b(?:don't|do not|not|without|no|never) (?:(?!but |and |then )\w+ ){0,3}?"
    r"(?:book|bookings?|reserve|reservations?)\b"
    r"|\b(?:just|only) (?:a )?plan\b|\bplan only\b",
    re.IGNORECASE,
)


def read_booking(text: str) -> Booking:
    """What `text` says of a booking."""
    if _PLAN.search(text):
        return "plan"
    return "book" if _BOOK.search(text) else ""
