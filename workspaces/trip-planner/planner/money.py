"""Reads a budget out of free text."""

import re
from dataclasses import dataclass

IN_EUR = {"EUR": 1.0, "USD": 0.9, "GBP": 1.15, "CHF": 1.05}
"""Round figures, said so in every plan that uses one."""
SIGNS = {
    "EUR": r"€|euros?|eur",
    "USD": r"us\$|\$|usd|(?:us )?dollars?|bucks",
    "GBP": r"£|gbp|pounds?(?: sterling)?|quid",
    "CHF": r"chf|(?:swiss )?francs?",
}
_SIGN = "(?:" + "|".join(f"(?P<{{side}}{code}>{sign})" for code, sign in SIGNS.items()) + ")"
_MINUS = r"(?P<minus>minus\s+|(?<!\w)[-\u2212])?"
_NUMBER = r"(?<![\d.,])(?P<number>(?:\d{1,3}(?:[.,' ]\d{3})+|\d{1,9})(?:[.,]\d{1,2})?)(?!\d)"
_SCALE = r"(?:\s?(?P<scale>k|thousand|hundred|grand)\b)?"
_EACH = r"(?:\s*(?P<each>(?:per|a|each) (?:person|head|adult)|/\s?person|each|pp\b|p\.p\.))?"
_DAILY = r"(?:\s*(?P<daily>(?:per|a|each) day|/\s?day|daily))?"
_AROUND = _EACH + _DAILY + r"(?:\s*(?P<later>each|per person|a head))?"
_BEFORE = re.compile(_MINUS + _SIGN.format(side="a") + r"\s?(?P<below>-)?" + _NUMBER + _SCALE + _AROUND)
_AFTER = re.compile(_MINUS + _NUMBER + _SCALE + r"[\s-]?" + _SIGN.format(side="b") + r"(?!\w)" + _AROUND)
_BARE = re.compile(
    r"(?:budget(?: is| of)?:?|under|below|up to|at most|no more than|max(?:imum)?|spend|for|on|with|have|got|costs?"
    r"|around|about)\s+"
    + _MINUS
    + _NUMBER
    + _SCALE
    + r"(?!\s*-?(?:day|night|week|people|person|adult|friend|of us|°|degree|january|february|march|april|may|june|july"
    r"|august|september|october|november|december))" + _AROUND
)
_NAMED = re.compile(
    _MINUS + _NUMBER + _SCALE + _AROUND + r"\s+(?:total |max |maximum )?(?:budget|max|maximum|in total|total|all in)\b"
)
_SCALED = re.compile(
    _MINUS
    + _NUMBER
    + r"\s?(?P<scale>k|thousand|grand)\b(?!\s*-?(?:met|step|people|year|run|race|km|mile|island|photo))"
    + _AROUND
)
UNLIMITED = re.compile(
    r"money (?:is )?no object|no (?:budget )?limit|unlimited budget|any budget|price doesn.?t matter"
)
_SMALLEST_BARE = 60


@dataclass(frozen=True)
class Budget:
    """What may be spent; `eur` is converted, `text` as it was written."""

    eur: float
    text: str
    currency: str
    each: bool
    daily: bool


def read_budget(text: str) -> tuple[Budget | None, str]:
    """The first budget in `text` (lower case, number words as digits), and the text without it."""
    for pattern in (_BEFORE, _AFTER, _BARE, _NAMED, _SCALED):
        for match in pattern.finditer(text):
            budget = _budget(match)
            if pattern in (_BARE, _NAMED) and abs(budget.eur) < _SMALLEST_BARE:
                continue
            return budget, text[: match.start()] + " ; " + text[match.end() :]
    return None, text


def wants_no_limit(text: str) -> bool:
    """Whether `text` says that money does not matter."""
    return bool(UNLIMITED.search(text))


def _budget(match: re.Match[str]) -> Budget:
    groups = match.groupdict()
    currency = next((key[1:] for key, value in groups.items() if value and key[1:] in IN_EUR), "EUR")
    scale = {"k": 1000, "thousand": 1000, "grand": 1000, "hundred": 100}.get(groups["scale"] or "", 1)
    sign = -1 if groups["minus"] or groups.get("below") else 1
    amount = sign * _amount(groups["number"]) * scale
    each = bool(groups["each"] or groups["later"])
    return Budget(amount * IN_EUR[currency], f"{currency} {amount:,.0f}", currency, each, bool(groups["daily"]))


def _amount(written: str) -> float:
    """`1.200`, `1,200`, `1 200` and `1'200` are thousands; `1.2` and `99,50` have decimals."""
    whole, mark, decimals = re.sub(r"[ ']", "", written), "", ""
    if cut := re.fullmatch(r"(.*)([.,])(\d{1,2})", whole):
        whole, mark, decimals = cut.groups()
    digits = re.sub(r"[.,]", "", whole)
    return float(f"{digits}.{decimals}" if mark else digits)
