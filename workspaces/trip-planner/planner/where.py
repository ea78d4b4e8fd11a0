"""Reads which places are asked for, and which are ruled out, out of free text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from .dates import SEASONS
from .elsewhere import find_unknown
from .interests import find_interests
from .places import MONTHS, all_places, names, plain

_NEGATIVE = re.compile(
    r"\b(?:not|no|without|avoid(?:ing)?|except(?:ing)?(?: for)?|excluding|skip(?:ping)?|hates?|dislikes?|never"
    r"|forget(?: about)?|leave out|anywhere but|instead of|rather than|other than|been to|already (?:saw|seen|know)"
    r"|don'?t (?:like|want)|(?:less|fewer)(?! than\b| hot\b))\s+"
    r"(?!(?:only|just|too|so|(?:more|longer|less|fewer) than|over|matter|object)\b)"
    r"(?:(?:to|in|the|any|into|about|go|going|see)\s+)*"
    r"([^.;!?\n]{2,120}?)(?=[.;!?\n]|$|,? but\b|\bwith\b|\bfor\b|\bin\b"
    r"|\b(?:and|,) (?:lots|plenty|more|some|good|great|lovely)\b"
    r"|(?:\band\b|,) (?:\w+ ){0,3}?(?:loves?|likes?|adores?|enjoys?|prefers?|wants?|needs?"
    r"|(?:fond of|crazy about|mad about|into))\b"
    r"|, (?!(?:or|and|nor)\b)(?!\w+(?: or| and|,|$)))"
)
_NOT_ORIGIN = (
    rf"the|my|our|a|an|home|here|there|about|around|mid|early|late|{'|'.join(MONTHS)}|{'|'.join(SEASONS)}".lower()
)
_END = r"to|in|for|with|on|by|and|or|at|via|during|next|this|airport|please"
_FROM = (
    r"(?:\b(?:(?:flying|leaving|departing|departure|starting|travelling|traveling|coming|going|flights?)?\s*"
    r"(?<!far )(?<!away )(?<!escape )from|based in|living in|starting in|(?:i|we) live in|(?:i'm|we're|i am|we are) in"
    r"|leaving|departing)\s+)"
)
_ORIGIN = (
    rf"{_FROM}((?!\d|(?:{_NOT_ORIGIN})\b)[a-z][\w'-]+(?: (?!(?:{_END})\b)[a-z][\w'-]+)?)"
    rf"((?: (?:or|and) (?:from )?(?:{{known}}))*)(?: airport)?"
)


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
    used: tuple[str, ...]
    """The words that said where from."""
    negatives: str
    """What the task does not want, lower case."""
    rest: str
    """The text without exclusions and origin, lower case."""


def read_where(task: str, text: str) -> Where:
    """Read places and exclusions.

    Args:
        task: as written; capitals tell names.
        text: the same in `plain` letters, budget removed.
    """
    text, origins, used = _without_origins(text)
    negatives = " ; ".join(found[1] for found in _NEGATIVE.finditer(text))
    rest = _NEGATIVE.sub(" ; ", text)
    excluded_words, named_words = _known(negatives), _known(rest)
    excluded = {id_ for word in excluded_words for id_ in names()[word]}
    excluded |= {id_ for origin in origins for word in _known(origin) for id_ in names()[word]}
    named = [id_ for word in _narrowest(named_words) for id_ in names()[word] if id_ not in excluded]
    return Where(
        named=tuple(dict.fromkeys(named)),
        named_words=named_words,
        excluded=frozenset(excluded),
        excluded_words=excluded_words,
        unwanted=frozenset(find_interests(negatives)),
        unknown=find_unknown(task, rest, lambda name: bool(_known(name))),
        origin=" or ".join(origin.title() for origin in origins),
        used=used,
        negatives=negatives,
        rest=rest,
    )


def _without_origins(text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The text without where the journey starts, the starts, and the words that said so.

    `from Berlin`, `from Berlin or Prague`, `Berlin to Rome`: none of them is a destination.
    """
    from_, to = _origin_patterns()
    origins, used = [], []
    for pattern in (from_, to):
        for found in pattern.finditer(text):
            origins += [part for part in re.split(r" (?:or|and) (?:from )?", "".join(found.groups(""))) if part]
            used.append(found[0].strip())
        text = pattern.sub(" ; ", text)
    return text, tuple(dict.fromkeys(origins)), tuple(used)


@cache
def _origin_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    known = "|".join(re.escape(name) for name in sorted(names(), key=len, reverse=True))
    return (
        re.compile(_ORIGIN.replace("{known}", known)),
        re.compile(rf"(?<!\bto )(?<!\bin )(?<![\w-])({known})(?= ?(?:to|->|\u2192|>) [a-z])"),
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
