"""Reads one YAML file from libyaml's events, so that depth and expansion are bounded while it is read.

`yaml.compose` recurses in C and would end the process on a deeply nested file. Scalars
follow YAML 1.2's core schema (`no` and `12:30` are text), keys are text as written.
"""

import re
from collections.abc import Callable

import yaml

from agentctl.workspace.diagnostics import Diagnostics, shown
from agentctl.workspace.document import Document
from agentctl.workspace.node import Node

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH = 64
MAX_NODES = 100_000
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLAIN: tuple[tuple[str, re.Pattern[str], Callable[[str], str | int | float | bool | None]], ...] = (
    ("null", re.compile(r"~|null|Null|NULL|"), lambda _: None),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE"), lambda text: text[0] in "tT"),
    ("int", re.compile(r"[-+]?[0-9]{1,300}"), int),
    ("int", re.compile(r"0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}"), lambda text: int(text, 0)),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"), lambda text: float(text.replace(".", "", 1))),
)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_MAY_BE_PLAIN = frozenset("~-+.0123456789nNtTfF")
_TAG = "tag:yaml.org,2002:"
_NOT_HERE = ("a `key: value` may not stand here", "check the indentation, and quote text that holds `: `")
_WORDS = {
    "mapping values are not allowed here": _NOT_HERE,
    "mapping values are not allowed in this context": _NOT_HERE,
    "did not find expected key": ("expected a key here", "check the indentation of this line"),
    "did not find expected '-' indicator": ("expected a list entry (`- …`) here", "check the indentation"),
    "could not find expected ':'": ("a key without `:` begins here", "write `key: value`"),
    "found undefined tag handle": ("an unknown tag stands here", "remove it"),
    "found character that cannot start any token": ("a value may not begin with this character", "quote the text"),
    "found unknown escape character": ("an unknown escape in double quotes", "use single quotes, or double the `\\`"),
}


class _Fault(Exception):
    """What ends the reading of one file."""

    def __init__(self, code: str, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.offset, self.hint = code, offset, hint


def read_yaml(path: str, text: str, report: Diagnostics) -> Document | None:
    """Parse `text`, noting every fault; `None` where no value could be read."""
    document = Document(path, text)
    if bad := _FORBIDDEN.search(text):
        message = f"character U+{ord(bad[0]):04X} is not allowed in YAML"
        report.add("E709", document.place(bad.start()), message)
        return None
    reader = _Reader(document, report)
    try:
        reader.read()
    except _Fault as fault:
        report.add(fault.code, document.place(fault.offset), str(fault), fault.hint)
        return None
    except yaml.MarkedYAMLError as error:
        _note_syntax(document, error, reader, report)
        return None
    return document


def _note_syntax(document: Document, error: yaml.MarkedYAMLError, reader: "_Reader", report: Diagnostics) -> None:
    text, context, problem = document.text, error.context or "", error.problem or "cannot be read"
    offset, unclosed = _offset(text, error.problem_mark), reader.unclosed
    words, hint = _WORDS.get(problem, (problem, ""))
    if "simple key" in context:
        offset = _offset(text, error.context_mark)
    if "quoted" in context and not text[offset:].strip():
        unclosed = _offset(text, error.context_mark)
    if unclosed is not None and not text[offset:].strip():
        offset = unclosed
        words, hint = "a bracket or quote that is opened here is never closed", "close it"
    elif len(text[slice(*reader.quoted)].splitlines()) > 1 and len(text[reader.quoted[1] : offset].splitlines()) < 2:
        words = f"the quote that is opened here is closed only in line {document.place(reader.quoted[1]).line}"
        offset, hint = reader.quoted[0], "close it where its text ends"
    elif "\t" in text[text.rfind("\n", 0, offset) + 1 : offset + 1]:
        words, hint = "a tab may not indent", "indent with spaces"
    report.add("E701", document.place(offset), words, hint)


def _offset(text: str, mark: yaml.error.Mark | None) -> int:
    """The offset of a mark; libyaml's scanner sets line and column only, in lines as YAML counts them."""
    if mark is None:
        return 0
    return min(sum(map(len, text.splitlines(keepends=True)[: mark.line])) + mark.column, len(text))


def _start(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.index


def _end(event: yaml.Event) -> int:
    assert event.end_mark is not None
    return event.end_mark.index


class _Reader:
    """Builds nodes from events, iteratively."""

    def __init__(self, document: Document, report: Diagnostics) -> None:
        self._document, self._report = document, report
        self._anchors: dict[str, Node | None] = {}
        self._open: list[Node] = []
        self._names: list[str | None] = []
        self._keys: list[tuple[int, str] | None] = []
        self._merges: list[list[tuple[int, Node]]] = []
        self._documents = 0
        self.quoted = (0, 0)
        """Where the last text in quotes begins and ends."""

    @property
    def unclosed(self) -> int | None:
        """Where the innermost `[` or `{` stands that was open when reading ended."""
        return next((node.start for node in reversed(self._open) if self._document.text[node.start] in "[{"), None)

    def read(self) -> None:
        """Hang the file's value into the document."""
        for event in yaml.parse(self._document.text, Loader=LOADER):
            if isinstance(event, yaml.ScalarEvent):
                self._put(self._scalar(event), event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._end(event)
            elif isinstance(event, yaml.AliasEvent):
                self._put(self._target(event), event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise _Fault("E701", "a second document begins here", _start(event), "keep one a file")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        at = _start(event)
        if len(self._open) >= MAX_DEPTH:
            raise _Fault("E706", f"nested over {MAX_DEPTH} deep", at)
        if self._awaits_key():
            raise _Fault("E701", "a key must be text", at, "write `key: value`")
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._check_tag(event, "map" if is_mapping else "seq")
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(Node("mapping" if is_mapping else "list", self._begin_of(event)))
        self._names.append(event.anchor)
        self._keys.append(None)
        self._merges.append([])

    def _begin_of(self, event: yaml.NodeEvent) -> int:
        """Where the value itself begins: libyaml counts its anchor and tag in."""
        properties = _PROPERTIES.match(self._document.text, _start(event))
        return properties.end() if properties else _start(event)

    def _end(self, event: yaml.CollectionEndEvent) -> None:
        node = self._open.pop()
        node.end = _end(event)
        self._keys.pop()
        for at, merged in self._merges.pop():
            self._merge(node, at, merged)
        if name := self._names.pop():
            self._anchors[name] = node
        self._put(node, None)

    def _put(self, node: Node, event: yaml.NodeEvent | None) -> None:
        """Hang a finished value where it belongs, or take it as the next key."""
        if event is not None and isinstance(event, yaml.ScalarEvent) and event.anchor:
            self._anchors[event.anchor] = node
        if not self._open:
            self._document.root = node
            return
        parent = self._open[-1]
        if parent.kind == "list":
            parent.entries.append(node)
            self._grow(parent, node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = self._key(node, event)
        else:
            self._keys[-1] = None
            self._enter(parent, key, node)

    def _awaits_key(self) -> bool:
        return bool(self._open) and self._open[-1].kind == "mapping" and self._keys[-1] is None

    def _key(self, node: Node, event: yaml.NodeEvent | None) -> tuple[int, str]:
        at = _start(event) if event is not None else node.start
        if isinstance(event, yaml.ScalarEvent):
            return at, str(event.value)
        if node.kind != "scalar":
            raise _Fault("E701", "a key must be text", at, "write `key: value`")
        return at, str(node.value)

    def _enter(self, parent: Node, key: tuple[int, str], node: Node) -> None:
        at, name = key
        if name == "<<" and self._document.text[at] == "<":
            self._merges[-1].append((at, node))
        elif name in parent.items:
            first = self._document.place(parent.items[name][0]).line
            message = f"key {shown(name)} stands twice in one mapping, first in line {first}"
            self._report.add("E702", self._document.place(at), message)
        else:
            parent.items[name] = (at, node)
            self._grow(parent, node)

    def _merge(self, node: Node, at: int, merged: Node) -> None:
        """YAML's `<<`: keys of the mapping itself win, then those of the first merged."""
        for source in merged.entries if merged.kind == "list" else [merged]:
            if source.kind != "mapping":
                raise _Fault("E701", "`<<` takes a mapping, or a list of mappings", at)
            for name, entry in source.items.items():
                if name not in node.items:
                    node.items[name] = entry
                    self._grow(node, entry[1])

    def _grow(self, parent: Node, node: Node) -> None:
        parent.size += node.size
        parent.height = max(parent.height, node.height + 1)
        if parent.size > MAX_NODES:
            raise _Fault("E705", f"expands to over {MAX_NODES:,} values", parent.start)
        if parent.height > MAX_DEPTH:
            raise _Fault("E706", f"nested over {MAX_DEPTH} deep", parent.start)

    def _target(self, event: yaml.AliasEvent) -> Node:
        at = _start(event)
        if event.anchor not in self._anchors:
            raise _Fault("E701", f"no anchor &{event.anchor} stands before this alias", at, "quote text with `*`")
        node = self._anchors[event.anchor]
        if node is None:
            raise _Fault("E705", f"alias *{event.anchor} contains itself", at)
        return node

    def _check_tag(self, event: yaml.NodeEvent, *allowed: str) -> str:
        """The short name of the event's tag, or an empty string for none."""
        tag: str = getattr(event, "tag", None) or ""
        if tag in ("", "!"):
            return ""
        name = tag.removeprefix(_TAG)
        if name not in allowed:
            raise _Fault("E701", f"tag {shown(tag)} may not stand here", _start(event), "remove it")
        return name

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        node = Node("scalar", self._begin_of(event), _end(event), event.value, event.style)
        if event.style in ("'", '"'):
            self.quoted = (node.start, node.end)
        tag = self._check_tag(event, "str", "null", "bool", "int", "float")
        if tag == "str" or (not tag and not event.implicit[0]):
            return node
        for name, pattern, convert in _PLAIN if not event.value or event.value[0] in _MAY_BE_PLAIN else ():
            if (not tag or tag in (name, "float")) and pattern.fullmatch(event.value):
                node.value = convert(event.value)
                return node
        if tag:
            raise _Fault("E701", f"{shown(event.value)} is no {tag}", _start(event))
        return node
