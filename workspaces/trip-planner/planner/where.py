"""Reads which places are asked for, and which are ruled out, out of free text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from .dates import SEASONS
from .interests import find_interests
from .places import MONTHS, all_places, names, plain

_NEGATIVE = re.compile(
    r"\b(?:not|no|without|avoid(?:ing)?|except(?:ing)?(?: for)?|excluding|skip(?:ping)?|hates?|dislikes?|never"
    r"|anywhere but|instead of|rather than|other than|been to|already (?:saw|seen|know)"
    r"|don'?t (?:like|want))\s+"
    r"(?!only\b|just\b|too\b|more than\b|over\b|matter\b|object\b)(?:(?:to|in|the|any|into|about|go|going|see)\s+)*"
    r"([^.;!?\n]{2,120}?)(?=[.;!?\n]|$|,? but\b|\bwith\b|\bfor\b|\bin\b"
    r"|\b(?:and|,) (?:lots|plenty|more|some|good|great|lovely)\b"
    r"|, (?!(?:or|and|nor)\b)(?!\w+(?: or| and|,|$)))"
)
_ORIGIN = re.compile(
    r"\b(?:(?:flying|leaving|departing|starting|travelling|going)?\s*from|based in|i live in|we live in)\s+"
    r"((?!\d)[a-z][\w'-]+(?: (?!to\b|in\b|for\b|with\b|on\b|by\b|and\b)[a-z][\w'-]+)?)"
)
_CAPITALISED = re.compile(
    r"\b(?:in|to|visit|visiting|around|at|see|explore)\s+((?:[A-Z][\w'\u2019-]+)(?:\s+[A-Z][\w'\u2019-]+)*)"
)
_LOWER = re.compile(
    r"\b(?:days?|nights?|weeks?|week-?end|fortnight|trip|holidays?|vacation)\s+(?:in|to|around)\s+([^\W\d_][\w'-]{2,})"
)
_NO_PLACE = {
    *(name.lower() for name in MONTHS),
    *(name[:3].lower() for name in MONTHS),
    *SEASONS,
    "sept",
    "the",
    "somewhere",
    "some",
    "any",
    "anywhere",
    "our",
    "your",
    "early",
    "late",
    "mid",
    "total",
    "and",
    "one",
    "town",
    "nature",
    "peace",
    "style",
    "comfort",
    "eat",
    "see",
    "relax",
    "visit",
    "spain's",
    "euro",
    "euros",
    "eur",
    "usd",
    "gbp",
    "next",
    "this",
    "low",
    "high",
    "off",
    "two",
    "three",
    "four",
    "five",
    "museums",
    "art",
    "food",
    "i",
    "we",
    "budget",
    "another",
    "warm",
    "sunny",
    "good",
    "new",
    "nice",
    "old",
}


@dataclass(frozen=True)
class Where:
    """`named` and `excluded` are ids; `unknown` are names that were asked for and that nothing here knows."""

    named: tuple[str, ...]
    named_words: tuple[str, ...]
    excluded: frozenset[str]
    excluded_words: tuple[str, ...]
    unwanted: frozenset[str]
    """Interests that are to be left out."""
    unknown: tuple[str, ...]
    origin: str
    rest: str
    """The text without exclusions and origin, lower case."""


def read_where(task: str, text: str) -> Where:
    """Read places and exclusions.

    Args:
        task: as written; capitals tell names.
        text: the same in `plain` letters, budget removed.
    """
    origin = ""
    if found := _ORIGIN.search(text):
        origin, text = found[1].strip(), text[: found.start()] + " ; " + text[found.end() :]
    negatives = " ; ".join(found[1] for found in _NEGATIVE.finditer(text))
    rest = _NEGATIVE.sub(" ; ", text)
    excluded_words, named_words = _known(negatives), _known(rest)
    excluded = {id_ for word in excluded_words for id_ in names()[word]}
    excluded |= set(names().get(origin, ()))
    named = [id_ for word in _narrowest(named_words) for id_ in names()[word] if id_ not in excluded]
    return Where(
        named=tuple(dict.fromkeys(named)),
        named_words=named_words,
        excluded=frozenset(excluded),
        excluded_words=excluded_words,
        unwanted=frozenset(find_interests(negatives)),
        unknown=_unknown(task, rest, origin),
        origin=origin.title(),
        rest=rest,
    )


def nearest(name: str) -> str:
    """The known place whose name is nearest to `name`, or an empty string."""
    by_name = {plain(place.name): place.name for place in all_places()}
    near = get_close_matches(plain(name), by_name, n=1, cutoff=0.7)
    return by_name[near[0]] if near else ""


def _known(text: str) -> tuple[str, ...]:
    """The known names in `text`, longest first so that `new york` is not read as `york`."""
    found = []
    for name in sorted(names(), key=len, reverse=True):
        pattern = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
        if re.search(pattern, text):
            found.append(name)
            text = re.sub(pattern, " ", text)
    return tuple(found)


def _narrowest(words: Iterable[str]) -> list[str]:
    """Drop what only says where another name lies: of `Kyoto, Japan`, Japan."""
    words = list(words)
    sets = {word: set(names()[word]) for word in words}
    return [word for word in words if not any(sets[other] < sets[word] for other in words)]


def _unknown(task: str, rest: str, origin: str) -> tuple[str, ...]:
    found = [match[1] for match in _CAPITALISED.finditer(task)] + [match[1] for match in _LOWER.finditer(rest)]
    unknown = []
    for name in found:
        low = plain(name)
        words = low.split()
        is_known = any(word in names() or word in _NO_PLACE for word in (low, words[0], words[-1])) or bool(_known(low))
        if not is_known and low != origin and not find_interests(low) and re.search(rf"\b{re.escape(low)}\b", rest):
            unknown.append(name if name != low else name.title())
    return tuple({plain(name): name for name in reversed(unknown)}.values())
