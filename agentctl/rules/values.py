"""What the operators, functions and methods of expressions do with their values.

Each takes the `Meter` first, and pays for what grows with the size of its arguments.
"""

import math
import operator
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from typing import Any, Final

from agentctl.rules.grammar import MAX_INTEGER
from agentctl.rules.shorten import name_of

BUDGET: Final = 30_000
"""Steps that an evaluation may take; one takes under half a microsecond, so all of them far less than 50 ms."""

Number = int | float
_NUMBERS: Final = frozenset({int, float, bool})
_ATOMS: Final = frozenset({int, float, bool, str, type(None)})
_MISSING: Final = object()


class Exhausted(Exception):
    """The evaluation used up its budget."""


class Meter:
    """Counts the steps of one evaluation. It counts and does not time: a resumed run must decide the same."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = BUDGET

    def pay(self, steps: int) -> None:
        """Use up `steps`.

        Raises:
            Exhausted: there are fewer left.
        """
        self.left -= steps
        if self.left < 0:
            raise Exhausted(f"it takes more than {BUDGET:,} steps")

    def pay_all(self, value: object) -> None:
        """Pay for looking at every part of `value`, as a comparison may."""
        parts = [value]
        while parts:
            part = parts.pop()
            if isinstance(part, str):
                self.pay(len(part) >> 10)
            elif type(part) not in _ATOMS:
                inner = items(self, part.values() if isinstance(part, Mapping) else part)
                parts.extend(inner)


def items(meter: Meter, value: object) -> list[Any]:
    """The items of a list, the keys of a mapping, the characters of a text, as a list of their own."""
    if isinstance(value, Collection):
        meter.pay(len(value) + 1)
        return list(value)
    raise TypeError(f"{name_of(value)} has no items")


def unpack(meter: Meter, value: object, count: int) -> list[Any]:
    """Exactly `count` items of a list."""
    if isinstance(value, (list, tuple, Sequence)) and not isinstance(value, str) and len(value) == count:
        return items(meter, value)
    raise ValueError(f"{name_of(value)} cannot be unpacked into {count} names")


def key(meter: Meter, value: object) -> Any:
    """A value as a key of a mapping or an entry of a set; hashing a long one costs."""
    if type(value) not in _ATOMS:
        meter.pay_all(value)
    return value


def bounded(value: Any) -> Any:
    """The result of arithmetic, unless it is too large."""
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise OverflowError("the result is too large")
    elif not isinstance(value, float) or not math.isfinite(value):
        raise OverflowError("the result is no finite number")
    return value


def arithmetic(symbol: str, compute: Callable[[Any, Any], Any]) -> Callable[[Meter, Any, Any], Any]:
    """An operator on two numbers."""

    def of_numbers(meter: Meter, left: Any, right: Any) -> Any:
        if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
            raise TypeError(f"{name_of(left)} {symbol} {name_of(right)} is not possible")
        return bounded(compute(left, right))

    return of_numbers


def power(left: Number, right: Number) -> Any:
    """`left ** right`, refused before it is computed if it cannot fit."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > 128:
        raise OverflowError("the result is too large")
    return left**right


def add(meter: Meter, left: Any, right: Any) -> Any:
    """The sum of two numbers, or two texts or lists put together."""
    if isinstance(left, str) and isinstance(right, str):
        meter.pay((len(left) + len(right)) >> 9)
        return left + right
    if _is_list(left) and _is_list(right):
        return [*items(meter, left), *items(meter, right)]
    return _add_numbers(meter, left, right)


_add_numbers = arithmetic("+", operator.add)


def equal(meter: Meter, left: Any, right: Any) -> bool:
    """Whether two values are equal; a comparison of two lists or mappings looks at all of one."""
    if type(left) not in _ATOMS and type(right) not in _ATOMS:
        meter.pay_all(left)
    elif type(left) is str:
        meter.pay(len(left) >> 10)
    return bool(left == right)


def ordering(symbol: str, compute: Callable[[Any, Any], bool]) -> Callable[[Meter, Any, Any], bool]:
    """An ordering of two numbers or two texts; false with `None`."""

    def of_alike(meter: Meter, left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if type(left) in _NUMBERS and type(right) in _NUMBERS:
            return compute(left, right)
        if isinstance(left, str) and isinstance(right, str):
            meter.pay(len(left) >> 10)
            return compute(left, right)
        raise TypeError(f"{name_of(left)} {symbol} {name_of(right)} is not possible")

    return of_alike


def contains(meter: Meter, needle: Any, haystack: Any) -> bool:
    """`needle in haystack`: a part of a text, a key of a mapping, an item of a list."""
    if isinstance(haystack, str):
        if not isinstance(needle, str):
            raise TypeError(f"{name_of(needle)} in {name_of(haystack)} is not possible")
        meter.pay(len(haystack) >> 7)
    elif isinstance(haystack, (Mapping, Set)):
        return key(meter, needle) in haystack
    elif _is_list(haystack):
        meter.pay_all(haystack)
    else:
        raise TypeError(f"{name_of(needle)} in {name_of(haystack)} is not possible")
    return needle in haystack


def subscript(meter: Meter, container: Any, index: Any) -> Any:
    """`container[index]` of a mapping, list or text."""
    if isinstance(container, Mapping):
        if key(meter, index) not in container:
            raise KeyError(f"{name_of(container)} has no key {name_of(index)}")
        return container[index]
    if not _is_list(container) and not isinstance(container, str):
        raise TypeError(f"{name_of(container)} has no items")
    if not isinstance(index, (int, slice)):
        raise TypeError(f"{name_of(container)} has no item {name_of(index)}")
    part = container[index]
    if isinstance(index, slice):
        meter.pay(len(part) >> 3)
    return part


def attribute(value: Any, name: str) -> Any:
    """The key of that name if there is one, else `None`."""
    return value.get(name) if isinstance(value, Mapping) else None


def number(value: Any, what: str) -> Any:
    """`value`, which must be a number for `what` to be possible."""
    if type(value) not in _NUMBERS:
        raise TypeError(f"{what} of {name_of(value)} is not possible")
    return value


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _len(meter: Meter, value: Any) -> int:
    if isinstance(value, (str, Mapping, Sequence, Set)):
        return len(value)
    raise TypeError(f"{name_of(value)} has no length")


def _extreme(name: str, choose: Callable[..., Any]) -> Callable[..., Any]:
    def of_alike(meter: Meter, *values: Any, default: Any = _MISSING) -> Any:
        several = items(meter, values[0]) if len(values) == 1 else list(values)
        if not several and default is not _MISSING:
            return default
        if not several:
            raise ValueError(f"{name} of nothing; give it `default=`")
        if not all(type(value) in _NUMBERS for value in several) and not all(type(value) is str for value in several):
            odd = next(value for value in several if type(value) not in _NUMBERS)
            raise TypeError(f"{name} cannot compare {name_of(odd)}")
        return choose(several)

    return of_alike


def _sum(meter: Meter, values: Any, start: Number = 0) -> Any:
    numbers = [number(value, "sum") for value in [*items(meter, values), start]]
    whole = all(isinstance(number, int) for number in numbers)
    return bounded(sum(numbers) if whole else math.fsum(numbers))


def _round(meter: Meter, value: Any, digits: Any = None) -> Any:
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= 15):
        raise ValueError("round takes -15 to 15 digits")
    return bounded(round(number(value, "round"), digits))


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "len": _len,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "sum": _sum,
    "any": lambda meter, values: any(items(meter, values)),
    "all": lambda meter, values: all(items(meter, values)),
    "round": _round,
    "abs": lambda _, value: abs(number(value, "abs")),
}
