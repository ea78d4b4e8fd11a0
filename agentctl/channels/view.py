"""Read-only views: agents, expressions and prompts see the state, and cannot change it.

A view is made per read and copies nothing. It equals the plain value under it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload


class MappingView(Mapping[str, object]):
    """A mapping that reads like a dict and has no way to change it."""

    __slots__ = ("_under",)

    def __init__(self, under: dict[str, object]) -> None:
        self._under = under

    def __getitem__(self, key: str) -> object:
        return view(self._under[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._under)

    def __len__(self) -> int:
        return len(self._under)

    def __contains__(self, key: object) -> bool:
        return key in self._under

    def __eq__(self, other: object) -> bool:
        return bool(self._under == _bare(other))

    def __repr__(self) -> str:
        return repr(self._under)


class SequenceView(Sequence[object]):
    """A sequence that reads like the list (or tuple) under it; slices and sums are views too."""

    __slots__ = ("_under",)

    def __init__(self, under: list[object] | tuple[object, ...]) -> None:
        self._under = under

    @overload
    def __getitem__(self, index: int) -> object: ...
    @overload
    def __getitem__(self, index: slice) -> "SequenceView": ...
    def __getitem__(self, index: int | slice) -> object:
        return view(self._under[index])

    def __iter__(self) -> Iterator[object]:
        return map(view, self._under)

    def __len__(self) -> int:
        return len(self._under)

    def __contains__(self, value: object) -> bool:
        return _bare(value) in self._under

    def __eq__(self, other: object) -> bool:
        return bool(self._under == _bare(other))

    def __add__(self, other: Sequence[object]) -> "SequenceView":
        return SequenceView([*self._under, *_bare_items(other)])

    def __radd__(self, other: Sequence[object]) -> "SequenceView":
        return SequenceView([*_bare_items(other), *self._under])

    def __repr__(self) -> str:
        return repr(self._under)


def view(value: object) -> Any:
    """A lazy read-only view of a dict or list; scalars and views come back as they are."""
    wrap = _WRAPPERS.get(type(value))
    return value if wrap is None else wrap(value)


def plain(value: object) -> Any:
    """A deep copy of a view, or of anything with views in it, as plain dicts and lists."""
    value = _bare(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, tuple):
        return tuple(plain(item) for item in value)
    return value


def _bare(value: object) -> object:
    return value._under if isinstance(value, (MappingView, SequenceView)) else value


def _bare_items(value: Sequence[object]) -> Sequence[object]:
    bare = _bare(value)
    if not isinstance(bare, (list, tuple)):
        raise TypeError(f"can only add a list to a list, not {type(value).__name__}")
    return bare


_WRAPPERS: dict[type, Callable[[Any], object]] = {dict: MappingView, list: SequenceView, tuple: SequenceView}
