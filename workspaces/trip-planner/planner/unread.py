"""What of a task no reader understood, so that it can be said instead of dropped."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from .interests import COOL, PATTERNS, WARM
from .money import UNLIMITED

SHOWN, LONGEST = 6, 60
TRIP = re.compile(
    r"\b(?:trips?|travel\w*|holidays?|vacations?|journey|getaway|break|surprise|anywhere|somewhere"
    r"|honeymoon|go away|destinations?)\b"
)
OTHER_TRANSPORT = re.compile(
    r"\b(?:by (?:train|car|bus|boat|ferry|bike)|(?:without|no|hates?|avoid|dislike) (?:flights?|flying|planes?)"
    r"|not fly(?:ing)?|road ?trip|interrail)\b"
)
THRIFTY = re.compile(
    r"\b(?:cheap\w*|backpack\w*|shoestring|hostels?|frugal|thrifty|low[- ]cost|(?:tight|low) budget)\b"
)
COMFORT = re.compile(
    r"\b(?:luxur\w+|comfortabl\w+|in comfort|5[- ]stars?|fancy|upscale|posh|boutique hotels?|first class"
    r"|(?:more expensive|nicer|better|fancier) (?:hotels?|rooms?))\b"
)
_ALWAYS = (*PATTERNS.values(), OTHER_TRANSPORT, TRIP, THRIFTY, COMFORT, WARM, COOL, UNLIMITED)
_CUES = ("no", "not", "without", "hate", "hates", "avoid", "never", "don't", "with", "my", "our", "by", "on", "near")
_ARTICLES = ("a", "an", "the")
_WORD = re.compile(r"[^\W_](?:[\w'-]*\w)?")


@cache
def _filler() -> frozenset[str]:
    """Words that say nothing that could be missed."""
    listed = (Path(__file__).parent / "filler.txt").read_text(encoding="utf-8")
    return frozenset((*listed.split(), *_CUES))


def unread(text: str, used: Iterable[str] = ()) -> tuple[str, ...]:
    """The phrases of `text` (lower case) that nothing reads.

    Args:
        used: words that some reader did read, as they stand in the text.
    """
    for words in sorted(used, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", " ; ", text)
    for pattern in _ALWAYS:
        text = pattern.sub(" ; ", text)
    phrases = [_phrase(part) for part in re.split(r"[.,;:!?()\n\u2013\u2014&]|\band\b|\bbut\b|\bor\b", text)]
    return tuple(dict.fromkeys(phrase for phrase in phrases if phrase))


def unread_note(phrases: tuple[str, ...]) -> str:
    """One sentence on what was not understood, or an empty string."""
    if not phrases:
        return ""
    more = f" and {len(phrases) - SHOWN} more" if len(phrases) > SHOWN else ""
    return f"not understood, so left out: {', '.join(f'“{phrase}”' for phrase in phrases[:SHOWN])}{more}"


def _phrase(part: str) -> str:
    """From the first to the last word that means something, with the `no` or `with my` before it."""
    words = _WORD.findall(part)
    telling = [number for number, word in enumerate(words) if word not in _filler()]
    if not telling:
        return ""
    first = telling[0]
    while first and words[first - 1] in (*_CUES, *_ARTICLES):
        first -= 1
    first += words[first] in _ARTICLES
    phrase = " ".join(words[first : telling[-1] + 1])
    return phrase if len(phrase) <= LONGEST else f"{phrase[:LONGEST]}…"


def words_of(text: str) -> list[str]:
    """The words of `text`, without marks."""
    return _WORD.findall(text)
