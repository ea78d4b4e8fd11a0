"""Works out a budget that is wanted relative to the one before, or to what the last plan cost."""

import re
from collections.abc import Callable
from dataclasses import replace

from .last_plan import LastPlan
from .money import IN_EUR, Budget, read_budget
from .reading import DEFAULT_DAYS, Reading

CHEAPER_BY = 0.1
"""What `cheaper` takes off the last plan at least."""
STYLES_DOWN = {"comfort": "standard", "standard": "thrifty", "thrifty": "thrifty"}
_PARTS = {"half": 0.5, "third": 1 / 3, "quarter": 0.25}
_TIMES = {"twice": 2, "double": 2, "triple": 3, "3 times": 3}
_SUM = r"(?:money|budget|prices?|costs?|amount|sum)"
_OF = r"(?: of)?(?: the| that| this| my| our| its?)?"
_FOR = r"(?<!\w)(?:for |with |at |on )?(?:only |just )?"
FRACTION = (
    rf"{_FOR}(?:(?P<n>an?|\d) )?(?P<part>half|third|quarter)s?"
    rf"(?:{_OF}[\s-]{_SUM}| as (?:much|expensive)| (?:of )?(?:that|it))\b"
    r"|\bfor (?P<alone>half)\b(?! (?:an?|the|of|board|price)\b)"
)
MULTIPLE = rf"{_FOR}(?P<times>{'|'.join(_TIMES)})(?:{_OF} {_SUM}| as much| that)\b"
PERCENT = (
    rf"{_FOR}(?P<n>\d{{1,3}}) ?(?:%|percent|per cent)(?: (?P<way>less|cheaper|lower|off|more|higher)|{_OF} {_SUM})\b"
)
_CURRENCY = r"(?:€|\$|£|euros?|eur|usd|dollars?|bucks|pounds?|quid|gbp|chf|francs?)"
AMOUNT = (
    rf"{_FOR}(?P<amount>(?:(?:€|\$|£) ?)?(?<![\d.,])\d[\d.,]{{0,12}} ?(?:k\b|thousand|hundred)? ?{_CURRENCY}?"
    r"(?: (?:each|(?:a|per) (?:day|person|head)))?)"
)
_MORE = ("more", "extra", "on top", "up", "raise", "raised", "increase", "increased")
BY = (
    r"\b(?P<way>up|raised?|increased?|down|cut|reduced?|lower(?:ed)?|decreased?)\b[^.;!?\d€$£]{0,30}?\bby "
    rf"{AMOUNT}(?!\w)"
)
DELTA = (
    r" ?(?P<way>less|cheaper|lower|fewer|off|more|extra|on top)\b(?! (?:or less|days?|nights?|weeks?|people|persons)\b)"
)
CHEAPER = (
    r"\b(?:(?:a (?:bit|little|lot) |much |far |even |something )?(?:cheaper|less (?:expensive|pricey|money))"
    r"|(?:(?:that's|that is|it's|it is) )?(?:far |much |way )?too (?:expensive|dear|pricey|costly|much money)"
    r"|not (?:so|that|as) expensive|(?:spend|costs?|pay|cost(?:ing)?) less|for less"
    r"|(?:(?:i|we) )?(?:can't|cannot|can not) afford (?:that|it|this|so much))\b(?! than (?:\d|€|\$|£))"
)


def part_of(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> tuple[Reading, str] | None:
    """`half the money`, `a third of the budget`, `twice the price`."""
    groups = found.groupdict()
    factor = _TIMES.get((groups.get("times") or "").lower(), 1.0)
    if not groups.get("times"):
        count = groups.get("n") or "1"
        factor = (int(count) if count.isdigit() else 1) * _PARTS[(groups["part"] or groups["alone"]).lower()]
    return _spend(before, plan, lambda total: total * factor)


def percent(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> tuple[Reading, str] | None:
    """`20% less`, `10 percent more`, `80% of the budget`."""
    share, way = int(found["n"]) / 100, (found["way"] or "").lower()
    factor = share if not way else 1 + share if way in ("more", "higher") else 1 - share
    return _spend(before, plan, lambda total: total * factor)


def sum_more(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> tuple[Reading, str] | None:
    """`300 euros less`, `€100 more`, `cut the budget by 200`."""
    amount, _ = read_budget(f"for {found['amount'].lower().strip()}")
    if amount is None:
        return None
    by = amount.eur * shares(amount, before) * (1 if found["way"].lower() in _MORE else -1)
    return _spend(before, plan, lambda total: total + by)


def less(before: Reading, plan: LastPlan | None, found: re.Match[str]) -> tuple[Reading, str] | None:
    """`cheaper`: a style down, and a tenth less than the last plan cost."""
    style = STYLES_DOWN[before.style]
    down = replace(before, style=style, style_words="")
    if plan is None:
        return down, f"{style} rooms and meals"
    total = round(plan.total * (1 - CHEAPER_BY))
    if before.budget and before.budget.eur * shares(before.budget, before) <= total:
        return down, f"{style} rooms and meals, within the budget of before"
    return (
        replace(down, budget=Budget(total, f"EUR {total:,}", "EUR", each=False, daily=False)),
        f"{style} rooms and meals, and at most €{total:,}, a tenth less than the last plan",
    )


def _spend(before: Reading, plan: LastPlan | None, of: Callable[[float], float]) -> tuple[Reading, str] | None:
    """The budget before, for everybody and all days, made into another one.

    Who asks for less than before wants less than the last plan cost, too: a budget that it left
    half unspent would otherwise be cut without any effect.
    """
    budget = before.budget
    last = Budget(plan.total, f"EUR {plan.total:,}", "EUR", each=False, daily=False) if plan else None
    source = "of before"
    if budget is None or (plan and budget.eur > 0 and _is_idle(budget, before, plan, of)):
        budget, source = last, "of the last plan"
    if budget is None:
        return None
    times = shares(budget, before)
    total = of(budget.eur * times)
    eur = total / times
    text = f"{budget.currency} {eur / IN_EUR[budget.currency]:,.0f}"
    return (
        replace(before, budget=replace(budget, eur=eur, text=text)),
        f"€{total:,.0f} in all, after the €{budget.eur * times:,.0f} {source}",
    )


def _is_idle(budget: Budget, before: Reading, plan: LastPlan, of: Callable[[float], float]) -> bool:
    """Whether it would be less money, and still enough for the last plan."""
    total = budget.eur * shares(budget, before)
    return plan.total <= of(total) < total


def shares(budget: Budget, before: Reading) -> int:
    """How many times the sum is spent: for each traveller, on each day."""
    days = DEFAULT_DAYS if before.days is None else before.days
    return (before.party.size if budget.each else 1) * (max(1, days) if budget.daily else 1)
