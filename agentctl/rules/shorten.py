"""Values of a run, cut short for messages and for `agentctl why`."""

from collections.abc import Mapping, Sequence, Set

WIDTH = 6
LENGTH = 120


def shorten(value: object, depth: int = 3) -> object:
    """Plain JSON that shows `value`: long texts, lists and mappings lose their tails, and say so."""
    if isinstance(value, str):
        return value if len(value) <= LENGTH else f"{value[:LENGTH]}… ({len(value):,} characters)"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return _short_mapping(value, depth)
    if isinstance(value, (Sequence, Set)):
        return _short_list(value, depth)
    return f"a {type(value).__name__}"


def _short_mapping(value: Mapping[object, object], depth: int) -> object:
    if not depth and value:
        return f"a mapping of {len(value)}"
    short: dict[str, object] = {}
    for key in value:
        if len(short) == WIDTH:
            return {**short, "…": f"{len(value) - WIDTH} more"}
        short[str(key)] = shorten(value[key], depth - 1)
    return short


def _short_list(value: Sequence[object] | Set[object], depth: int) -> object:
    if not depth and value:
        return f"a list of {len(value)}"
    short: list[object] = []
    for item in value:
        if len(short) == WIDTH:
            return [*short, f"… {len(value) - WIDTH} more"]
        short.append(shorten(item, depth - 1))
    return short


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
