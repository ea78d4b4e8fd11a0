"""Structured answers: what is asked, whether it was given, and how to ask once more."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from agentctl.models.call import ModelRequest
from agentctl.models.message import Message

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

SHOWN = 2_000


class AnswerInvalid(Exception):
    """An answer is no JSON object of the schema; the text says where and why."""


def instruction(schema: Mapping[str, object], *, tools: bool = False) -> str:
    """Words that ask for the structure, for models that cannot be bound to it; `tools` may be called first."""
    when = "Call tools as you need them; then answer" if tools else "Answer"
    asked = f"{when} with one JSON object that follows this JSON Schema, and with nothing else:"
    return f"{asked}\n{json.dumps(schema, ensure_ascii=False)}"


def repair_messages(request: ModelRequest, text: str, invalid: AnswerInvalid) -> list[Message]:
    """The conversation so far, the wrong answer, and what is wrong with it."""
    assert request.schema is not None
    again = instruction(request.schema, tools=bool(request.tools))
    return [
        *request.messages,
        {"role": "assistant", "content": text[:SHOWN] or "(nothing)"},
        {"role": "user", "content": f"That answer cannot be used: {invalid}. {again}"},
    ]


def parse_answer(text: str, schema: Mapping[str, object]) -> dict[str, object]:
    """The JSON object in `text`, checked.

    Raises:
        AnswerInvalid: there is none, or it does not follow the schema.
    """
    # 60 ms that only those pay whose model answers in a structure.
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    data: dict[str, Any] = parse_object(text)
    try:
        fault = best_match(_validator(json.dumps(schema, sort_keys=True)).iter_errors(data))
    except Unresolvable as error:
        raise AnswerInvalid(f"the schema refers to {error.ref!r}, which is not in it") from None
    if fault is not None:
        raise AnswerInvalid(f"{fault.json_path}: {fault.message[:200]}")
    return data


def parse_object(text: str) -> dict[str, object]:
    """The JSON object in `text`; a code fence or words around it are dropped.

    Raises:
        AnswerInvalid: there is none.
    """
    start, end = text.find("{"), text.rfind("}")
    try:
        data = json.loads(text[start : end + 1], parse_constant=no_constant) if 0 <= start < end else None
    except ValueError as error:
        raise AnswerInvalid(f"it is no valid JSON ({error})") from None
    if not isinstance(data, dict):
        raise AnswerInvalid("it holds no JSON object")
    return data


def no_constant(word: str) -> object:
    """Refuse what Python's JSON reads and JSON has not, as `json.loads`'s `parse_constant`."""
    raise ValueError(f"{word} is not a number of JSON")


@lru_cache(maxsize=256)
def _validator(schema: str) -> "Validator":
    from jsonschema import Draft202012Validator
    from referencing import Registry

    # An empty registry: a `$ref` to some address is not fetched, for nothing is sent anywhere but to models.
    return Draft202012Validator(json.loads(schema), registry=Registry())
