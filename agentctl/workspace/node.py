"""A YAML value that remembers where it stands in the user's file."""

from dataclasses import dataclass, field
from typing import Literal

Plain = dict[str, "Plain"] | list["Plain"] | str | int | float | bool | None
Loc = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """One value. `start` and `end` are character offsets into the text.

    `items` holds a mapping's keys, each with its own offset; `size` and `height` count
    what the node expands to, aliases followed.
    """

    kind: Literal["mapping", "list", "scalar"]
    start: int
    end: int = 0
    value: str | int | float | bool | None = None
    style: str | None = None
    items: dict[str, tuple[int, "Node"]] = field(default_factory=dict)
    entries: list["Node"] = field(default_factory=list)
    size: int = 1
    height: int = 1

    def plain(self) -> Plain:
        """The value as dicts, lists and scalars, nothing shared between aliases."""
        if self.kind == "mapping":
            return {key: node.plain() for key, (_, node) in self.items.items()}
        if self.kind == "list":
            return [node.plain() for node in self.entries]
        return self.value

    def child(self, step: str | int) -> tuple[int, "Node"] | None:
        """The value under a key or index, with the offset where its key begins."""
        if isinstance(step, str):
            return self.items.get(step)
        if self.kind == "list" and 0 <= step < len(self.entries):
            return self.entries[step].start, self.entries[step]
        return None

    def raw_offset(self, text: str, offset: int) -> int:
        """Where in `text` the character `offset` of this scalar's value was written.

        Quotes, escapes, folded lines and indentation make the two differ.
        """
        if not isinstance(self.value, str):
            return self.start
        at = self._body(text)
        for char in self.value[:offset]:
            at = self._after(text, at, char)
        return min(self._seek(text, at, self.value[offset : offset + 1]), self.end)

    def _body(self, text: str) -> int:
        if self.style in ("|", ">"):
            return text.find("\n", self.start) + 1
        return self.start + (1 if self.style else 0)

    def _seek(self, text: str, at: int, char: str) -> int:
        """The next place at or after `at` where `char` may have been written."""
        if self.style == '"' and text[at : at + 1] == "\\" and text[at + 1 : at + 2] not in ("\n", "\r"):
            return at
        if char == " " and text[at : at + 1] in ("\n", "\r"):
            return at
        found = text.find(char, at, self.end)
        return at if found < 0 else found

    def _after(self, text: str, at: int, char: str) -> int:
        at = self._seek(text, at, char)
        if self.style == '"' and text[at : at + 1] == "\\":
            return at + {"x": 4, "u": 6, "U": 10}.get(text[at + 1 : at + 2], 2)
        if char == " " and text[at : at + 1] in ("\n", "\r"):
            while at < self.end and text[at] in " \t\r\n":
                at += 1
            return at
        return at + (2 if self.style == "'" and char == "'" else 1)
