"""Says what pydantic found in the words of somebody who writes YAML."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TypedDict, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError

from agentctl.workspace.diagnostics import Diagnostics, listed, shown
from agentctl.workspace.document import Part
from agentctl.workspace.node import Loc


class Fault(TypedDict):
    """One entry of `ValidationError.errors()`, as far as it is read here."""

    type: str
    loc: Loc
    msg: str
    input: object
    ctx: Mapping[str, object]


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_RANGES = {
    "greater_than": ("over", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("under", "lt"),
    "less_than_equal": ("at most", "le"),
}
_SHORT_FORMS = frozenset({"model", "exit", "on_error", "reload", "next"})
"""Keys that take text for a mapping."""
_HINTS = {
    "api_key": "keys come from the environment or `.env`, never from YAML",
    "temperature": "settings of a model stand under `model: {name: …, temperature: …}`",
    "max_tokens": "settings of a model stand under `model: {name: …, max_tokens: …}`; a run's under `limits:`",
    "max_steps": "it stands under `limits:`",
    "max_cost_usd": "it stands under `limits:`",
    "name": "the name of a workspace is its folder's, that of a role its file's stem",
    "role": "the role is the file's stem, or the key under `agents:`",
    "id": "the role is the file's stem, or the key under `agents:`",
    "instructions": "what an agent is told stands under `prompt:`",
    "system": "what an agent is told stands under `prompt:`",
    "routes": "ways out of a stage stand under `next:`",
    "edges": "ways out of a stage stand under its `next:`",
    "if": "a condition stands under `when:`",
}


def faults_by_loc(error: ValidationError, part: Part) -> dict[Loc, list[Fault]]:
    """What pydantic found, by where it stands in the file."""
    found: dict[Loc, list[Fault]] = {}
    for entry in error.errors(include_url=False):
        fault = cast("Fault", entry)
        found.setdefault(_written(part, fault), []).append(fault)
    return found


def note_faults(faults: Mapping[Loc, list[Fault]], part: Part, model: type[BaseModel], report: Diagnostics) -> set[Loc]:
    """Report each fault at its place in the file; return what is at fault, a misspelt key as it was meant."""
    return {_note(loc, found, part, model, report) for loc, found in faults.items()}


def _written(part: Part, fault: Fault) -> Loc:
    """The part of pydantic's location that stands in the file; short forms and unions add to it."""
    node, written = part.node, list[str | int]()
    for step in fault["loc"]:
        child = node.child(step)
        if child is None and step == 0 and node.kind == "mapping":
            continue  # one that may stand for a list of one
        if child is None:
            break
        node = child[1]
        written.append(step)
    if fault["type"] == "missing":
        written.append(fault["loc"][-1])
    return tuple(written)


def _note(loc: Loc, faults: list[Fault], part: Part, model: type[BaseModel], report: Diagnostics) -> Loc:
    at = part
    for step in loc:
        at = at / step
    fault = faults[0]
    kind, name = fault["type"], at.name or "the file"
    if kind == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        key = str(loc[-1])
        near = report.nearest(key, known)
        hint = _HINTS.get(key, "") or ("" if near else f"known keys: {', '.join(known)}")
        meant = f", did you mean {near!r}?" if near else ""
        report.add("E101", at.key, f"{name} is not a known key{meant}", hint)
        return (*loc[:-1], near or key)
    if kind == "missing":
        report.add("E102", at.key, f"{name} is missing")
    elif kind == "exactly_one":
        keys = cast("list[str]", fault["ctx"]["keys"])
        report.add("E106", at.value, f"{name} must have exactly one of {listed(keys)}")
    elif kind == "literal_error":
        _note_literal(fault, at, report)
    else:
        _note_value(faults, at, report)
    return loc


def _note_literal(fault: Fault, at: Part, report: Diagnostics) -> None:
    expected, given = str(fault["ctx"]["expected"]), fault["input"]
    known = re.findall(r"'([^']*)'", expected)
    near = report.suggest(given, known) if isinstance(given, str) else ""
    report.add("E105", at.value, f"{at.name} must be {expected}, got {shown(given)}{near}")


def _note_value(faults: list[Fault], at: Part, report: Diagnostics) -> None:
    fault, given = faults[0], shown(faults[0]["input"])
    kind, name, ctx = fault["type"], at.name or "the file", fault.get("ctx", {})
    if kind in _TYPES:
        kinds = dict.fromkeys(_TYPES.get(fault["type"], fault["msg"]) for fault in faults)
        prefix = "text or " if at.loc and at.loc[-1] in _SHORT_FORMS else ""
        place = at.value if fault["input"] is not None else at.key
        hint = _form(at.loc, {fault["type"] for fault in faults}, fault["input"])
        report.add("E103", place, f"{name} must be {prefix}{listed(kinds)}, got {given}", hint)
    elif kind in _RANGES:
        words, key = _RANGES[kind]
        report.add("E104", at.value, f"{name} must be {words} {ctx[key]:g}, got {given}")
    elif kind in ("too_short", "string_too_short"):
        report.add("E104", at.value, f"{name} must not be empty")
    elif kind == "finite_number":
        report.add("E104", at.value, f"{name} must be a finite number, got {given}")
    else:
        report.add("E103", at.value, f"{name}: {fault['msg'].lower()}")


def _form(loc: Loc, wanted: Collection[str], given: object) -> str:
    """What to write in the place of a value of the wrong type."""
    word = str(given) if re.fullmatch(r"[\w.*/, -]+", str(given)) else "…"
    if not loc:
        return "write its keys; `agentctl schema` lists them"
    if given is None:
        return "give it a value, or remove the key"
    if isinstance(given, dict | list):
        return ""
    if loc[2:3] == ("next",) and len(loc) < 5:
        return f"write `[{{to: {word}}}]`"
    if loc[-1] == "exit" and len(loc) != 2 and type(given) is int:
        return f"write `{{{'quorum' if loc[0] == 'stages' else 'max_runs'}: {word}}}`"
    if "list_type" in wanted:
        return f"write `[{word}]`"
    return "put it in quotes" if "string_type" in wanted and isinstance(given, int | float) else ""


def _fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """The keys that the mapping at `loc` may have."""
    steps = list(loc)
    while steps:
        nested, depth = _nested(model.model_fields[str(steps[0])].annotation)
        if nested is None:
            return []
        model = nested
        del steps[: depth + 1]
    return list(model.model_fields)


def _nested(annotation: object) -> tuple[type[BaseModel] | None, int]:
    """The model within an annotation, and how many lists or mappings are around it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 0
    origin = get_origin(annotation)
    depth = 1 if origin in (list, dict) else 0
    for argument in get_args(annotation):
        nested, deeper = _nested(argument)
        if nested is not None:
            return nested, depth + deeper
    return None, 0


def without(data: object, locs: Iterable[Loc]) -> None:
    """Remove from parsed YAML what is at fault, so that the rest can still be checked.

    A fault within a list takes the whole list along: removing one entry would shift the
    positions of those behind it.
    """
    for loc in locs:
        target, last = data, None
        for step in loc:
            if isinstance(target, dict):
                if step not in target:
                    break
                last = (target, str(step))
                target = target[str(step)]
            elif isinstance(target, list) and isinstance(step, int) and step < len(target):
                target = target[step]
            else:
                break
        if last is not None:
            last[0].pop(last[1], None)
