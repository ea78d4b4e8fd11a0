"""Reads how many travel out of free text."""

import re
from dataclasses import dataclass

from .dates import Reader

_KIN = (
    r"(?:wife|husband|partner|girlfriend|boyfriend|fiancee?|friend|mum|mom|mother|dad|father|sister|brother"
    r"|son|daughter|kid|child)"
)
_MANY = r"(?:kids|children|child|kid|friends|sons|daughters|colleagues)"
_AFTER_FOR = (
    r"in|and|with|under|from|to|for|on|at|by|a|during|within|near|around|this|next|my|our|we|who|please|of us|including"
)
_PARTY: tuple[Reader, ...] = (
    (re.compile(r"\b(?:family|party|group|couple) of (\d{1,3})\b"), lambda found: int(found[1])),
    (
        re.compile(
            r"\b(\d{1,3}) (?:people|persons?|adults?|travell?ers?|friends|of us|pax|guests)\b"
            r"(?:,? (?:and|with|plus) (\d{1,2}) (?:kids|children|child|kid)\b)?"
        ),
        lambda found: int(found[1]) + int(found[2] or 0),
    ),
    (
        re.compile(rf"\b(?:my |our )?{_KIN} and (?:i and )?(?:my |our |the )?(\d{{1,2}}) (?:\w+ )?{_MANY}\b"),
        lambda found: int(found[1]) + 2,
    ),
    (
        re.compile(rf"\bwith (?:my |our )?(\d{{1,2}}) (?:\w+ )?{_MANY}\b"),
        lambda found: int(found[1]) + 1,
    ),
    (
        re.compile(rf"\bfor (?:the |us )?(\d{{1,2}})(?!\d)(?=\s*(?:[;,.!?:)]|$|\d|(?:{_AFTER_FOR})\b))"),
        lambda m: int(m[1]),
    ),
    (re.compile(r"\b(?:us|we) (\d{1,2})\b(?! ?(?:days?|nights?|weeks?))"), lambda found: int(found[1])),
    (re.compile(r"\bwith (?:my |our )?(?:\w+ )?(?:parents|grandparents|mum and dad|mom and dad)\b"), lambda _: 3),
    (re.compile(r"\bfor (?:my |our )?(?:\w+ )?(?:parents|grandparents|mum and dad|mom and dad)\b"), lambda _: 2),
    (
        re.compile(
            rf"\b(?:(?:a |as a )?couple(?! of)|honeymoon|anniversary|(?:my|with a|with my) {_KIN}(?: and i| and me)?)\b"
        ),
        lambda _: 2,
    ),
    (re.compile(r"\b(?:solo|alone|by myself|on my own|just me)\b"), lambda _: 1),
)
_RECIPIENT = re.compile(r"\bfor (?:my |our )(?:parents|grandparents|family|friends|" + _KIN[3:])


@dataclass(frozen=True)
class Party:
    """How many, and the words that said so, empty if nothing did."""

    size: int
    words: str


def read_party(text: str) -> Party:
    """How many travel; one if nothing says so."""
    for pattern, count in _PARTY:
        if found := pattern.search(text):
            return Party(count(found), found[0])
    return Party(1, "")


def party_words(text: str, party: Party) -> list[str]:
    """What in `text` was used to know who travels."""
    others = [found[0] for found in _RECIPIENT.finditer(text)] if party.size > 1 else []
    return [word for word in (party.words, *others) if word]


def party_note(text: str, party: Party) -> str:
    """What was assumed of the party, or an empty string."""
    if not party.words:
        return "“we” without a number: one traveller" if re.search(r"\b(?:we|us|our)\b", text) else "one traveller"
    if not re.search(r"\d", party.words) and party.size > 1:
        return f"“{party.words}” read as {party.size} travellers"
    return ""
