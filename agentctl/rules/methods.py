"""The methods that expressions may call, by what they are called on. There is no other way to reach one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from agentctl.rules.shorten import name_of
from agentctl.rules.values import Meter, items, key


def call_method(meter: Meter, target: Any, name: str, arguments: Sequence[Any]) -> Any:
    """Call a method of a mapping, list or text.

    Raises:
        TypeError: the target has no such method, or does not take these arguments.
    """
    if isinstance(target, str):
        method = _OF_TEXT.get(name)
    elif isinstance(target, Mapping):
        method = _OF_MAPPING.get(name)
    elif isinstance(target, Sequence):
        method = _OF_LIST.get(name)
    else:
        method = None
    if method is None:
        raise TypeError(f"{name_of(target)} has no method `{name}`")
    return method(meter, target, *arguments)


def _get(meter: Meter, target: Mapping[Any, Any], wanted: Any, default: Any = None) -> Any:
    return target.get(key(meter, wanted), default)


def _count(meter: Meter, target: Sequence[Any], wanted: Any) -> int:
    meter.pay_all(target)
    return target.count(wanted)


def _index(meter: Meter, target: Sequence[Any], wanted: Any) -> int:
    meter.pay_all(target)
    if wanted not in target:
        raise ValueError(f"{name_of(wanted)} is not in {name_of(target)}")
    return target.index(wanted)


def _of_text(method: Callable[..., Any], cost: int) -> Callable[..., Any]:
    """A method of `str`; it costs one step per 2**`cost` characters."""

    def checked(meter: Meter, target: str, *arguments: Any) -> Any:
        meter.pay(len(target) >> cost)
        return method(target, *arguments)

    return checked


_OF_MAPPING: Final[dict[str, Callable[..., Any]]] = {
    "get": _get,
    "keys": items,
    "values": lambda meter, target: items(meter, target.values()),
    "items": lambda meter, target: items(meter, target.items()),
}
_OF_LIST: Final[dict[str, Callable[..., Any]]] = {"count": _count, "index": _index}
_OF_TEXT: Final[dict[str, Callable[..., Any]]] = {
    "count": _of_text(str.count, 7),
    "index": _of_text(str.index, 7),
    "lower": _of_text(str.lower, 7),
    "upper": _of_text(str.upper, 7),
    "strip": _of_text(str.strip, 9),
    "split": _of_text(str.split, 6),
    "startswith": _of_text(str.startswith, 12),
    "endswith": _of_text(str.endswith, 12),
}
