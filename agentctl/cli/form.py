"""A form that a server wants filled in, asked for field by field on a terminal."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from agentctl.cli.output import json_text, line, safe
from agentctl.tools.arguments import Arguments

Read = Callable[[str], Awaitable[str]]
Say = Callable[[str], None]
_WORDS = {"y": True, "yes": True, "true": True, "n": False, "no": False, "false": False}


async def filled_in(schema: Mapping[str, Any], read: Read, say: Say) -> dict[str, Any]:
    """What the user gives for each field of an object; one that may be left out and is, is left out."""
    form: dict[str, Any] = {}
    needed = schema.get("required") or ()
    for name, field in (schema.get("properties") or {}).items():
        field = field if isinstance(field, Mapping) else {}
        is_needed = name in needed
        say(_about(name, field, is_needed=is_needed))
        check = Arguments("the form", {"type": "object", "properties": {name: field}})
        while True:
            text = (await read(f"{line(name)}: ")).strip()
            if not text and "default" not in field and not is_needed:
                break
            value = field["default"] if not text and "default" in field else _value(text, field)
            if fault := _fault(check, name, value):
                say(f"  {safe(fault)}")
                continue
            form[name] = value
            break
    return form


def _about(name: str, field: Mapping[str, Any], *, is_needed: bool) -> str:
    """A field in one line."""
    titles = [str(field[key]) for key in ("title", "description") if field.get(key)]
    kind = "one of " + ", ".join(json_text(each) for each in _choices(field)) if _choices(field) else _kind(field)
    facts = [kind, "needed" if is_needed else "may be empty"]
    if "default" in field:
        facts[1] = f"default {json_text(field['default'])}"
    return f"  {line(': '.join([name, *titles]))} ({line('; '.join(facts))})"


def _choices(field: Mapping[str, Any]) -> list[Any]:
    one_of = field.get("oneOf") or field.get("anyOf") or ()
    return list(
        field.get("enum") or [each["const"] for each in one_of if isinstance(each, Mapping) and "const" in each]
    )


def _kind(field: Mapping[str, Any]) -> str:
    return {"boolean": "yes or no", "string": "text"}.get(str(field.get("type")), str(field.get("type") or "JSON"))


def _value(text: str, field: Mapping[str, Any]) -> Any:
    """What was typed, as the field has it; where it cannot be that, the text, which will be found at fault."""
    if field.get("type") == "string":
        return text
    if field.get("type") == "boolean":
        return _WORDS.get(text.lower(), text)
    by_text = {str(each): each for each in _choices(field)}
    if text in by_text:
        return by_text[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _fault(check: Arguments, name: str, value: object) -> str:
    if value == "":
        return "this is needed"
    fault = check.fault({name: value}) or ""
    return fault.removeprefix("the arguments of the form are wrong: ")
