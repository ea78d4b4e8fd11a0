"""One YAML file of a workspace: its values, and where each of them stands."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agentctl.workspace.diagnostics import Place
from agentctl.workspace.node import Loc, Node

_BREAK = re.compile(r"\r\n?|\n")


@dataclass
class Document:
    """`root` is nothing (null) where the file is empty or could not be parsed."""

    path: str
    text: str
    root: Node = field(default_factory=lambda: Node("scalar", 0))

    @cached_property
    def _starts(self) -> list[int]:
        """The offset where each line begins, as editors count lines."""
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def place(self, offset: int) -> Place:
        """The line and column of a character."""
        line = bisect_right(self._starts, offset) - 1
        return Place(self.path, line + 1, offset - self._starts[line] + 1)

    def find(self, loc: Sequence[str | int]) -> tuple[int, Node]:
        """The key's offset and the value at `loc`, or the nearest that encloses it."""
        found = (self.root.start, self.root)
        for step in loc:
            child = found[1].child(step)
            if child is None:
                break
            found = child
        return found


@dataclass(frozen=True)
class Part:
    """A value within a document: an agent's whole file, or one under `agents:`."""

    document: Document
    loc: Loc = ()

    def __truediv__(self, step: str | int) -> "Part":
        return Part(self.document, (*self.loc, step))

    @property
    def node(self) -> Node:
        """The value, or the nearest one that encloses it."""
        return self.document.find(self.loc)[1]

    @property
    def key(self) -> Place:
        """Where the key begins (a list's entry: where the entry begins)."""
        return self.document.place(self.document.find(self.loc)[0])

    @property
    def value(self) -> Place:
        """Where the value begins."""
        return self.document.place(self.node.start)

    def within(self, offset: int) -> Place:
        """Where character `offset` of this scalar was written in the file."""
        return self.document.place(self.node.raw_offset(self.document.text, offset))

    @property
    def name(self) -> str:
        """The dotted name as messages begin: `stages.proposal.next[0].when`."""
        dotted = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in self.loc)
        return dotted.removeprefix(".")
