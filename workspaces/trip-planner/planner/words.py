"""Numbers in words: turned into digits, so that what reads numbers reads digits only, and written out."""

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
    rf"\b(?:(?P<tens>{'|'.join(TENS)})(?:[ -](?P<one>{'|'.join(list(UNITS)[:9])}))?|(?P<unit>{'|'.join(UNITS)}))\b",
    re.IGNORECASE,
)
_PHRASES = (
    (re.compile(r"\ba couple of\b(?! (?:hundred|thousand))", re.IGNORECASE), "2"),
    (re.compile(r"\ba few\b", re.IGNORECASE), "3"),
    (re.compile(r"\b(?:a )?dozen\b", re.IGNORECASE), "12"),
    (re.compile(r"\ba (?=hundred\b|thousand\b|grand\b)", re.IGNORECASE), "1 "),
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
        return str(UNITS[match["unit"].lower()])
    return str(TENS[match["tens"].lower()] + UNITS.get((match["one"] or "").lower(), 0))


def days_text(days: int) -> str:
    """`1 day`, `5 days`."""
    return f"{days} day{'s' if days != 1 else ''}"


def people_text(party: int) -> str:
    """`one traveller`, `4 travellers`."""
    return "one traveller" if party == 1 else f"{party} travellers"
