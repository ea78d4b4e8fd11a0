"""What an exported session looks like, and what is wrong with one that does not look so."""

import json
import math
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from agentctl.errors import UsageError
from agentctl.sessions.attachments import MAX_BYTES as MAX_FILE
from agentctl.sessions.name import checked_metadata, checked_name, checked_tags

FORMAT, VERSION = "agentctl-session", 1
MAX_BYTES = 200_000_000
"""Of a whole document."""
MAX_PARTS = 1_500_000
"""Texts, lists, objects and commas between values in a document: each takes about a hundred bytes once it is read."""
MAX_TURNS = 20_000
MAX_KEYS = 200
"""Of an object whose keys are known, or few."""
MAX_DEPTH = 100
MAX_DIGITS = 40
_SHOWN = 20
_LARGEST = 10**15


def _says(check: Callable[[Any], Any]) -> AfterValidator:
    """A check of ours, whose sentence pydantic takes."""

    def checked_by_us(value: Any) -> Any:
        try:
            return check(value)
        except UsageError as error:
            raise ValueError(str(error)) from error

    return AfterValidator(checked_by_us)


def _is(kind: type, called: str) -> PlainValidator:
    """A value of a type; pydantic's own check of text refuses lone surrogates, which a task may have."""

    def check(value: object) -> object:
        if not isinstance(value, kind):
            raise ValueError(f"must be {called}")
        return value

    return PlainValidator(check)


def _few(value: Any) -> Any:
    """Each further key would be a further fault."""
    if isinstance(value, dict) and len(value) > MAX_KEYS:
        raise ValueError(f"holds over {MAX_KEYS} keys")
    return value


def _file_name(name: str) -> str:
    """Whoever saves a file by its name stays in their folder."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError("must be the name of a file")
    return name


Text = Annotated[str, _is(str, "text")]
Values = Annotated[dict[str, Any], _is(dict, "an object")]
Id = Annotated[str, Field(pattern=r"^[0-9a-z]{1,32}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=64)]
Moment = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"),
    AfterValidator(lambda text: datetime.fromisoformat(text) and text),
]
Count = Annotated[int, Field(ge=0, le=_LARGEST)]
Amount = Annotated[float, Field(ge=0, le=_LARGEST)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    _has_few_keys = model_validator(mode="before")(_few)


class Head(_Part):
    """The session itself."""

    session_id: Id
    workspace: Name
    name: Annotated[str, _says(checked_name)] | None
    tags: Annotated[list[str], Field(fail_fast=True), _says(checked_tags)]
    metadata: Annotated[dict[str, str], BeforeValidator(_few), _says(checked_metadata)]
    created_at: Moment
    updated_at: Moment


class File(_Part):
    """What a turn says of an attached file."""

    name: Annotated[Text, AfterValidator(_file_name)]
    media_type: Annotated[str, Field(pattern=r"^[!-~]+/[!-~]+$", max_length=255)]
    path: Text
    size: Annotated[int, Field(ge=1, le=MAX_FILE)]
    digest: Digest


class Usage(_Part):
    """What a turn took."""

    input_tokens: Count
    output_tokens: Count
    cost_usd: Amount | None
    model_calls: Count
    tool_calls: Count
    duration_s: Amount


class Turn(_Part):
    """One turn."""

    turn: int
    run_id: Id | None
    status: Literal["running", "done", "failed", "waiting", "limited", "cancelled", "killed"]
    user: Text
    attachments: Annotated[list[File], Field(fail_fast=True)]
    answer: Text | None
    winner: Text | None
    decision: Values | None
    stages: Annotated[list[Name], Field(fail_fast=True)] | None
    usage: Usage | None
    generation: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None
    started_at: Moment
    finished_at: Moment | None


class Document(_Part):
    """All of it; `threads` is read by `store.portable`."""

    format: Literal["agentctl-session"]
    version: Literal[1]
    session: Head
    turns: list[Turn]
    attachments: dict[Digest, Text]
    threads: dict[Name, Values]


def checked(given: bytes | Mapping[str, object], name: str | None, workspace: str | None) -> Document:
    """The document, if it is whole and true to itself.

    Args:
        given: its JSON, or what that holds.
        name, workspace: put into the session before it is checked.

    Raises:
        UsageError: it is not; the first faults are named with their places.
    """
    data = _parsed(given) if isinstance(given, bytes) else given
    _refuse(_unreadable(data))
    over = {key: value for key, value in (("name", name), ("workspace", workspace)) if value is not None}
    if isinstance(data, Mapping) and isinstance(session := data.get("session"), Mapping):
        data = {**data, "session": {**session, **over}}
    _refuse(_malformed(data))
    document = Document.model_validate(data)
    _refuse(chain(_untrue_turns(document), _untrue_files(document)))
    return document


def faulty(faults: Sequence[str]) -> UsageError:
    """The error that names the first of these faults."""
    more = "; and more" if len(faults) > _SHOWN else ""
    return UsageError(
        f"nothing is imported: {'; '.join(faults[:_SHOWN])}{more}",
        hint="export the session again, and import the file as it is",
        code="import-invalid",
    )


def _refuse(faults: Iterable[str]) -> None:
    """Raise if there are any; looks for no more than are told, as a document may have a million."""
    if first := list(islice(faults, _SHOWN + 1)):
        raise faulty(first)


class _Twice(dict[str, Any]):
    """An object in which `key` stands twice; which of the two is meant, nobody can know."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    twice.key = Counter(key for key, _ in pairs).most_common(1)[0][0]
    return twice


_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[,\[{]', re.DOTALL)
"""A text, or what begins a further value. What stands within a text is no part."""


def _parsed(text: bytes) -> Any:
    if len(text) > MAX_BYTES:
        raise faulty([f"$: it is over {MAX_BYTES:,} bytes"])
    for count, _ in enumerate(_PART.finditer(text)):  # a loop of ours, as others may run in between
        if count >= MAX_PARTS:
            raise faulty([f"$: it holds over {MAX_PARTS:,} values"])
    try:
        return json.loads(
            text.decode("utf-8-sig"),
            object_pairs_hook=_object,
            parse_int=lambda digits: int(digits) if len(digits) <= MAX_DIGITS else math.inf,
        )
    except RecursionError as error:
        raise faulty(["$: it is nested too deeply"]) from error
    except UnicodeDecodeError as error:
        raise faulty([f"$: byte {error.start} is not UTF-8"]) from error
    except json.JSONDecodeError as error:
        raise faulty([f"$: no JSON in line {error.lineno}, column {error.colno}: {error.msg}"]) from error


def _unreadable(data: object) -> Iterator[str]:
    """What JSON lets through and nobody can keep."""
    left: list[tuple[tuple[str | int, ...], object]] = [((), data)]
    while left:
        place, value = left.pop()
        if isinstance(value, _Twice):
            yield f"{_path((*place, value.key))}: stands there twice"
        if isinstance(value, float) and not math.isfinite(value):
            yield f"{_path(place)}: is no finite number, or too large a one"
        if len(place) > MAX_DEPTH:
            yield f"{_path(place[:3])}: is nested over {MAX_DEPTH} deep"
        elif isinstance(value, dict):
            left += [((*place, key), item) for key, item in reversed(value.items())]
        elif isinstance(value, list):
            left += [((*place, at), value[at]) for at in reversed(range(len(value)))]


_TURN = TypeAdapter(Turn)
_ATTACHMENTS = TypeAdapter(dict[Digest, Text])
_THREADS = TypeAdapter(dict[Name, Values])


def _malformed(data: object) -> Iterator[str]:
    """What is wrong with each part, one by one: pydantic would look for every fault of the whole."""
    lists: dict[str, Any] = {"turns": [], "attachments": {}, "threads": {}}
    given = data if isinstance(data, dict) else {}
    there = {name: given[name] for name, empty in lists.items() if isinstance(given.get(name), type(empty))}
    yield from _faults(Document.model_validate, {**given, **{name: lists[name] for name in there}} if given else data)
    if len(turns := there.get("turns", ())) > MAX_TURNS:
        yield f"$.turns: holds over {MAX_TURNS:,}"
        return
    for place, turn in enumerate(turns):
        yield from _faults(_TURN.validate_python, turn, "turns", place)
    for name, adapter in (("attachments", _ATTACHMENTS), ("threads", _THREADS)):
        for key, value in there.get(name, {}).items():
            yield from _faults(adapter.validate_python, {key: value}, name)


def _faults(validate: Callable[[Any], object], part: object, *place: str | int) -> Iterator[str]:
    try:
        validate(part)
    except ValidationError as error:
        yield from (_told(fault, place) for fault in error.errors(include_url=False, include_input=False))


def _untrue_turns(document: Document) -> Iterator[str]:
    for place, turn in enumerate(document.turns):
        if turn.turn != place + 1:
            yield f"$.turns[{place}].turn: must be {place + 1}, got {turn.turn}"
        for at, file in enumerate(turn.attachments):
            if file.digest not in document.attachments:
                yield f"$.turns[{place}].attachments[{at}].digest: is not among the attachments"
    if document.threads and not document.turns:
        yield "$.threads: there is no turn to remember"


def _untrue_files(document: Document) -> Iterator[str]:
    sizes: dict[str, set[int]] = {}
    for file in (file for turn in document.turns for file in turn.attachments):
        sizes.setdefault(file.digest, set()).add(file.size)
    for digest, text in document.attachments.items():
        place = f"$.attachments.{digest}"
        try:
            body = b64decode(text, validate=True)
        except (NotBase64, ValueError):
            yield f"{place}: is not base64"
            continue
        if sha256(body).hexdigest() != digest:
            yield f"{place}: is not the file that the digest names"
        if sizes.get(digest) != {len(body)}:
            yield f"{place}: no turn has it, or has it in another size"


def _told(fault: Any, place: Sequence[str | int]) -> str:
    kind, said = fault["type"], re.sub(r"^(Value error, |[A-Z]\w+ (?=should ))", "", fault["msg"])
    if kind == "missing":
        said = "is missing"
    elif kind == "extra_forbidden":
        said = "is not a known key"
    elif kind == "literal_error":
        said = f"must be {fault['ctx']['expected']}"
    return f"{_path([*place, *(step for step in fault['loc'] if step != '[key]')])}: {said}"


def _path(place: Sequence[str | int]) -> str:
    """Where it stands: `$.turns[2].user`, a key that is no word in quotes and shortened."""
    path = "$"
    for step in place:
        if isinstance(step, int):
            path += f"[{step}]"
        elif re.fullmatch(r"[\w-]{1,64}", step):
            path += f".{step}"
        else:
            path += f"[{json.dumps(step[:64])}]"
    return path
