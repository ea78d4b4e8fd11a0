"""Reads names of places that nothing here knows, so that they are not taken for nothing."""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .dates import SEASONS
from .interests import find_interests
from .places import MONTHS, names, plain
from .unread import unread
from .words import digits

_NAME = r"[^\W\d_a-z][\w'\u2019-]+"
_AFTER_PREPOSITION = re.compile(
    rf"\b(?:in|to|on|visit|visiting|around|at|see|seeing|explore|exploring|near|through|across|towards?)\s+"
    rf"({_NAME}(?:\s+{_NAME})*)"
)
_LOWER = re.compile(
    r"\b(?:days?|nights?|weeks?|week-?end|fortnight|trip|holidays?|vacation)\s+(?:in|to|around)\s+([^\W\d_][\w'-]{2,})"
)
_LENGTH = r"(?i:days?|nights?|weeks?|weekend|trip|honeymoon|holidays?|getaway)"
_WHEN = r"(?i:\d|(?:one|two|three|four|five|six|seven|ten|an?|long|weekend|week|in|for|next|with|under|on)\b)"
_BESIDE_LENGTH = re.compile(
    rf"(?:(?:^|[.;!?,\n]\s*|\b{_LENGTH}\s+)({_NAME}(?:\s+{_NAME})*)(?=\s*(?:[,.;:!?-]|$|{_WHEN})))"
    rf"|\b({_NAME}(?:\s+{_NAME})*)(?=\s+{_LENGTH}\b)"
)
_ADJECTIVE = re.compile(r"(?:ic|ian|ful|ous|ive|ing|ed|al|able|ly|ish|ist|ary|tion|ness|less|friendly)s?$")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NO_PLACE = {
    *(name.lower() for name in MONTHS),
    *(name[:3].lower() for name in MONTHS),
    *SEASONS,
    *_WEEKDAYS,
    *("sept", "the", "somewhere", "some", "any", "anywhere", "our", "your", "early", "late", "mid", "total"),
    *("and", "one", "town", "nature", "peace", "style", "comfort", "eat", "see", "relax", "visit", "spain's"),
    *("euro", "euros", "eur", "usd", "gbp", "next", "this", "low", "high", "off", "two", "three", "four"),
    *("five", "museums", "art", "food", "i", "we", "budget", "another", "warm", "sunny", "good", "new"),
    *("day", "days", "night", "nights", "week", "weeks", "weekend", "fortnight", "holiday", "holidays", "trip"),
    *("weekends", "week-end", "honeymoon", "getaway", "vacation", "break"),
    *("old", "that", "which", "my", "his", "her", "their", "business", "english"),
}
_COMMON = {"nice", "beautiful", "great", "lovely", "best", "different", "various", "several", "cheap", "hot", "cold"}


def find_unknown(task: str, rest: str, is_known: Callable[[str], bool]) -> tuple[str, ...]:
    """Names that look like places and are none of those known here, in the order of the task.

    Args:
        task: as written; capitals tell names.
        rest: lower case, without exclusions and origin; only what still stands in it counts.
        is_known: whether a name (lower case) holds the name of a known place.
    """
    found = [match[1] for match in _AFTER_PREPOSITION.finditer(task)]
    found += [match[1] for match in _LOWER.finditer(rest) if match[1] not in _COMMON]
    found += _beside_length(task)
    found += [match[0] for match in _elsewhere().finditer(rest)]
    unknown: dict[str, str] = {}
    for name in found:
        low = plain(name).replace("\u2019", "'")
        words = low.split()
        is_none = any(word in _NO_PLACE or word in names() for word in (low, words[0], words[-1]))
        standing = re.search(rf"(?<!\w){re.escape(low)}(?!\w)", rest)
        if standing and not is_none and not is_known(low) and not find_interests(low) and digits(low) == low:
            unknown.setdefault(low, name if name != low else name.title())
    return _longest(unknown, rest)


def _longest(unknown: dict[str, str], rest: str) -> tuple[str, ...]:
    """Without those that are part of another, as they stand in the text."""
    kept = [low for low in unknown if not any(low != other and low in other for other in unknown)]
    return tuple(unknown[low] for low in sorted(kept, key=rest.find))


def _beside_length(task: str) -> list[str]:
    """Capitalised words next to a length or at the start, that are no words of a wish."""
    pairs = [match[1] or match[2] for match in _BESIDE_LENGTH.finditer(task)]
    return [
        name
        for name in pairs
        if name[0].isupper() and unread(digits(plain(name))) == (plain(name),) and not _ADJECTIVE.search(name)
    ]


@cache
def _elsewhere() -> re.Pattern[str]:
    """Well-known places that are not among those known here, however they are written."""
    listed = (Path(__file__).parent / "elsewhere.txt").read_text(encoding="utf-8").split()
    spaced = sorted((name.replace("-", " ") for name in listed), key=len, reverse=True)
    return re.compile(rf"(?<![\w-])(?:{'|'.join(name for name in spaced if name not in names())})(?![\w-])")
