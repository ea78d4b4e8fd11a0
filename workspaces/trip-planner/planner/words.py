"""Turns number words into digits, so that what reads numbers reads digits only."""

import re

UNITS = dict(
    zip(
        (
            *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
            *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        ),
        range(1, 20),
        strict=True,
    )
)
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_WORD = re.compile(
    rf"\b(?:(?P<tens>{'|'.join(TENS)})(?:[ -](?P<one>{'|'.join(list(UNITS)[:9])}))?|(?P<unit>{'|'.join(UNITS)}))\b"
)
_PHRASES = (
    (re.compile(r"\ba couple of\b(?! (?:hundred|thousand))"), "2"),
    (re.compile(r"\ba few\b"), "3"),
    (re.compile(r"\b(?:a )?dozen\b"), "12"),
    (re.compile(r"\ba (?=hundred\b|thousand\b|grand\b)"), "1 "),
    (re.compile(r"(\d) thousand (?:and )?(\d) hundred"), r"\1.\2 thousand"),
    (re.compile(r"\bhalf a (?=thousand|grand)"), "0.5 "),
)


def digits(text: str) -> str:
    """`five days for twelve hundred euros` reads `5 days for 12 hundred euros`."""
    text = _WORD.sub(_value, text)
    for pattern, value in _PHRASES:
        text = pattern.sub(value, text)
    return text


def _value(match: re.Match[str]) -> str:
    if match["unit"]:
        return str(UNITS[match["unit"]])
    return str(TENS[match["tens"]] + UNITS.get(match["one"] or "", 0))
