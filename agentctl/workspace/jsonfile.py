"""Reads one JSON file of a workspace, with or without the place of each of its values."""

import json
import re

from agentctl.workspace.diagnostics import Diagnostics, Place, shown
from agentctl.workspace.document import Document
from agentctl.workspace.node import Node
from agentctl.workspace.yamlfile import MAX_DEPTH

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


def read_json(path: str, text: str, report: Diagnostics) -> dict[str, object] | None:
    """The object in a JSON file; `None`, and a problem, if it is none."""
    try:
        value: object = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        hint = "JSON has no comments: remove it" if text[error.pos : error.pos + 2] in ("//", "/*") else ""
        message = f"{path}: {error.msg[:1].lower()}{error.msg[1:]}"
        report.add("E710", Document(path, text).place(error.pos), message, hint)
    except RecursionError:
        report.add("E706", Place(path), f"{path}: nested over {MAX_DEPTH} deep")
    except ValueError as error:
        report.add("E710", Place(path), f"{path}: {error}")
    else:
        if isinstance(value, dict):
            return value
        report.add("E710", Place(path), f"{path} must hold an object")
    return None


def read_placed(path: str, text: str, report: Diagnostics) -> Document | None:
    """The same as a document, which knows where each value stands; a key that stands twice is a problem too."""
    document = Document(path, text)
    if read_json(path, text, report) is None:
        return None
    try:
        document.root = _Placer(document, report).value(_skip(text, 0))
    except RecursionError:
        report.add("E706", Place(path), f"{path}: nested over {MAX_DEPTH} deep")
        return None
    return document


def _refuse(constant: str) -> None:
    msg = f"{constant} is no JSON"
    raise ValueError(msg)


def _skip(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    assert space is not None
    return space.end()


class _Placer:
    """Walks JSON that is known to be valid, and notes where each value stands."""

    def __init__(self, document: Document, report: Diagnostics) -> None:
        self._document, self._text, self._report = document, document.text, report

    def value(self, at: int, depth: int = 0) -> Node:
        if depth > MAX_DEPTH:
            raise RecursionError
        if self._text[at] not in "{[":
            value, end = _DECODER.raw_decode(self._text, at)
            return Node("scalar", at, end, value)
        node = Node("mapping" if self._text[at] == "{" else "list", at)
        at = _skip(self._text, at + 1)
        while self._text[at] not in "}]":
            child = self._mapped(node, at, depth) if node.kind == "mapping" else self.value(at, depth + 1)
            if node.kind == "list":
                node.entries.append(child)
            at = _skip(self._text, child.end)
            if self._text[at] == ",":
                at = _skip(self._text, at + 1)
        node.end = at + 1
        return node

    def _mapped(self, node: Node, at: int, depth: int) -> Node:
        key, end = _DECODER.raw_decode(self._text, at)
        child = self.value(_skip(self._text, _skip(self._text, end) + 1), depth + 1)
        if key in node.items:
            first = self._document.place(node.items[key][0]).line
            message = f"key {shown(key)} stands twice in one mapping, first in line {first}"
            self._report.add("E702", self._document.place(at), message)
        node.items[key] = (at, child)
        return child
