"""`schemas/*.json`, and what names them."""

from collections.abc import Iterator

from agentctl.workspace.artifacts import decode
from agentctl.workspace.checks.path import find_file
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.jsonfile import read_json

RECORDS = ("proposal", "critique", "decision")
TYPES = ("string", "number", "integer", "boolean", "array", "object")


def check_schemas(draft: Draft) -> None:
    """Every schema file, and every reference to one."""
    for path in draft.artifacts.files:
        if path.startswith("schemas/") and path.endswith(".json"):
            text = decode(path, draft.artifacts.files[path], draft.report)
            for fault in _faults(read_json(path, text, draft.report) if text is not None else None):
                draft.report.add("E714", Place(path), f"{path}: {fault}")
    for name, part, known, code in _references(draft):
        if name in known:
            continue
        if name.endswith(".json"):
            _check_schema_file(draft, part, name)
        else:
            near = draft.report.suggest(name, known)
            message = f"{part.name}: {shown(name)} is none of {', '.join(known)}, and no schemas/*.json{near}"
            draft.report.add(code, part.value, message)


def _faults(schema: object) -> Iterator[str]:
    """What no answer could be checked against; the whole of JSON Schema is not looked at."""
    if isinstance(schema, list):
        for part in schema:
            yield from _faults(part)
    if not isinstance(schema, dict):
        return
    ref, type_ = schema.get("$ref"), schema.get("type")
    if isinstance(ref, str) and not ref.startswith("#"):
        yield f"`$ref` to {shown(ref)}, which is not in this file"
    names = type_ if isinstance(type_, list) else [type_]
    if "type" in schema and not isinstance(type_, dict) and not all(name in (*TYPES, "null") for name in names):
        yield f"`type` {shown(type_)} is none of {', '.join(TYPES)}"
    for key, part in schema.items():
        if key not in ("const", "default", "enum", "examples"):
            yield from _faults(part)


def _references(draft: Draft) -> Iterator[tuple[str, Part, tuple[str, ...], str]]:
    for name, stage in draft.stages.items():
        if stage.record is not None:
            yield stage.record.name, _named(draft.main / "stages" / name / "record"), RECORDS, "E206"
    for role, spec in draft.agents.items():
        part = draft.parts[role]
        if spec.memory.record is not None:
            yield spec.memory.record.name, _named(part / "memory" / "record"), RECORDS, "E206"
        for field, output in spec.output.items():
            yield output.type, part / "output" / field / "type", TYPES, "E105"


def _named(part: Part) -> Part:
    """Where the name stands, whether in the short form or in the full one."""
    return part / "name" if part.node.kind == "mapping" else part


def _check_schema_file(draft: Draft, part: Part, name: str) -> None:
    path = find_file(draft, part, name, "schema")
    if path is not None and not path.startswith("schemas/"):
        draft.report.add("E206", part.value, f"{part.name}: {shown(name)} does not lie in schemas/")
