"""Values of a run, cut short for messages and for `agentctl why`."""

from collections.abc import Mapping, Sequence, Set
from itertools import islice

WIDTH = 6
LENGTH = 120


def shorten(value: object, depth: int = 3) -> object:
    """Plain JSON that shows `value`: long texts, lists and mappings lose their tails, and say so."""
    if isinstance(value, str):
        return value if len(value) <= LENGTH else f"{value[:LENGTH]}… ({len(value):,} characters)"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, (Mapping, Sequence, Set)) or (value and not depth):
        return name_of(value)
    first, more = list(islice(value, WIDTH)), len(value) - WIDTH
    if isinstance(value, Mapping):
        short = {str(key): shorten(value[key], depth - 1) for key in first}
        return {**short, "…": f"{more} more"} if more > 0 else short
    items = [shorten(item, depth - 1) for item in first]
    return [*items, f"… {more} more"] if more > 0 else items


def name_of(value: object) -> str:
    """`value` in one short phrase: its text if it is a scalar, else what kind of thing it is."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else f"{value[:40]}…")
    if isinstance(value, Mapping):
        return f"a mapping of {len(value)}"
    if isinstance(value, (Sequence, Set)):
        return f"a list of {len(value)}"
    return f"a {type(value).__name__}"
