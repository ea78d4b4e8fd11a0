"""Merges what a message says into what was said before, and tells what was kept of it."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from .changes import Change
from .dates import months_text
from .interests import SEASONAL
from .money import wants_no_limit
from .places import get_place, names
from .reading import Reading
from .spending import shares
from .where import Where
from .words import days_text, people_text

_ANYWHERE = re.compile(r"\banywhere\b(?! (?:but|except|other|else|in|near|on)\b)")
_ANY_TIME = re.compile(r"\bany ?time\b|\bany (?:other )?month\b|\bwhenever\b")


def follow_up(
    before: Reading, changed: Reading, now: Reading, changes: Sequence[Change], *, is_same: bool, is_more: bool
) -> Reading:
    """What is wanted after `now` was said.

    Args:
        before: what was wanted until now.
        changed: the same, with the `changes` made.
        is_same: whether the same is wanted for others, so that the money is kept for each.
        is_more: whether interests come on top of those before.
    """
    changed = _without(changed, lifted(now))
    said = {part for part, _, _ in changes} | lifted(now) | now.given | ({"party"} if now.party.words else set())
    wanted = _over(changed, now, is_more=is_more)
    notes = [note for part, _, note in changes if part not in now.given]
    if now.budget is None and (is_same or "budget" in said):
        wanted, note = _for_each(before.party.size, wanted)
        notes.append(note)
    lost = [i for i in before.interests if i not in (*wanted.interests, *wanted.where.unwanted, *now.interests)]
    if lost and not now.interests:
        notes.append(f"{' and '.join(map(_shown, lost))} left out now: not to be had there")
    return replace(wanted, heard=tuple(note for note in (_kept(before, wanted, said), *notes) if note))


def lifted(now: Reading) -> frozenset[str]:
    """Which of `budget month place` shall no longer matter."""
    heard = {
        "budget": wants_no_limit(now.text),
        "month": _ANY_TIME.search(now.text),
        "place": _ANYWHERE.search(now.text),
    }
    return frozenset(part for part, is_lifted in heard.items() if is_lifted)


def _without(before: Reading, parts: Collection[str]) -> Reading:
    """What was said before, without these parts of it."""
    if "budget" in parts:
        style = before.style if before.style != "thrifty" else "standard"
        before = replace(before, budget=None, style=style)
    if "month" in parts:
        before = replace(before, months=(), month_words=(), first_day=None)
    if "place" in parts:
        before = replace(before, where=replace(before.where, named=(), named_words=(), unknown=()))
    return before


def _over(before: Reading, now: Reading, *, is_more: bool) -> Reading:
    """What `now` says, and what only `before` says."""
    interests = now.interests
    if is_more or not interests:
        kept = [interest for interest in before.interests if interest not in now.where.unwanted]
        interests = tuple(dict.fromkeys((*(i for i in kept if _is_served(i, now.where.named)), *now.interests)))
    days, month, style = now.days is not None, bool(now.months), bool(now.style_words)
    return replace(
        now,
        text=f"{before.text} ; {now.text}",
        budget=now.budget or before.budget,
        where=_where(before.where, now.where, now.interests),
        days=now.days if days else before.days,
        day_words=now.day_words if days else before.day_words,
        months=now.months if month else before.months,
        month_words=now.month_words if month else before.month_words,
        first_day=now.first_day if now.first_day or month else before.first_day,
        interests=interests,
        party=now.party if now.party.words else before.party,
        style=now.style if style else before.style,
        style_words=now.style_words if style else before.style_words,
        quiet=now.quiet or before.quiet,
        weather=now.weather or before.weather,
        is_alone=False,
    )


def _is_served(interest: str, named: Collection[str]) -> bool:
    """Whether one of the places that are asked for, if any, ever has what only some places have."""
    if not named or interest not in SEASONAL:
        return True
    return any(get_place(place).offers(interest, month) for place in named for month in range(1, 13))


def _where(before: Where, now: Where, interests: Collection[str]) -> Where:
    """Places asked for now replace those before; places ruled out stay so until one of them is asked for."""
    excluded = before.excluded | now.excluded
    if now.named or now.unknown:
        # Who asks for what was ruled out before wants it after all.
        named = tuple(place for place in now.named if place not in before.excluded) or now.named
        words, unknown = now.named_words, now.unknown
    else:
        named = tuple(place for place in before.named if place not in excluded)
        words, unknown = (before.named_words if named else now.named_words), before.unknown
    ruled_out = (*before.excluded_words, *now.excluded_words)
    return replace(
        now,
        named=named,
        named_words=words,
        unknown=unknown,
        excluded=excluded - set(named),
        excluded_words=tuple(word for word in dict.fromkeys(ruled_out) if not set(names()[word]) <= set(named)),
        unwanted=(before.unwanted | now.unwanted) - set(interests),
        origin=now.origin or before.origin,
    )


def _for_each(size: int, wanted: Reading) -> tuple[Reading, str]:
    """As much money for each traveller as the `size` of the party before had, and a note; as it is if that stays."""
    budget = wanted.budget
    if budget is None or budget.each or size in (0, wanted.party.size):
        return wanted, ""
    budget = replace(budget, eur=budget.eur / size, each=True)
    note = f"the money counted for each: €{budget.eur * shares(budget, wanted):,.0f} in all"
    return replace(wanted, budget=budget), note


def _kept(before: Reading, wanted: Reading, said: Collection[str]) -> str:
    """What of `before` still counts, as one sentence; empty if nothing does."""
    where = before.where
    parts = {
        "days": days_text(before.days) if before.days is not None else "",
        "month": months_text(before.months) if before.months else "",
        "budget": f"€{before.budget.eur * shares(before.budget, before):,.0f}" if before.budget else "",
        "party": people_text(before.party.size) if before.party.words else "",
        "place": " or ".join(word.title() for word in where.named_words) if wanted.where.named else "",
    }
    kept = [text for part, text in parts.items() if text and part not in said]
    kept += [_shown(interest) for interest in before.interests if interest in wanted.interests]
    kept += [f"no {_shown(interest)}" for interest in sorted(where.unwanted & wanted.where.unwanted)]
    kept += [f"not {word.title()}" for word in where.excluded_words if word in wanted.where.excluded_words]
    kept += [before.style] if before.style == wanted.style != "standard" else []
    kept += [before.weather] if before.weather and before.weather == wanted.weather else []
    kept += ["away from crowds"] if before.quiet else []
    kept += [f"from {where.origin}"] if where.origin and where.origin == wanted.where.origin else []
    return f"from earlier in this conversation: {', '.join(kept)}" if kept else ""


def _shown(interest: str) -> str:
    return "beaches" if interest == "beach" else interest
