"""Tools as commands show them: for scripts as plain values, for people as text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from agentctl.cli.output import json_text, line, plural, table
from agentctl.tools import ToolInfo


def whole(info: ToolInfo) -> dict[str, Any]:
    """A tool with all that is known of it."""
    return {**asdict(info), "needs_approval": info.needs_approval}


def overview(info: ToolInfo) -> dict[str, Any]:
    """A tool in a listing."""
    kept = ("name", "source", "needs_approval", "optional", "description")
    return {name: getattr(info, name) for name in kept}


def cells(info: ToolInfo) -> list[str]:
    """A tool's line in a listing."""
    first = next((row for row in info.description.splitlines() if row.strip()), "")
    marks = ", ".join(filter(None, ["asks" if info.needs_approval else "", "optional" if info.optional else ""]))
    return [info.name, _source(info), marks, first]


def losses(missing: Mapping[str, str]) -> Iterator[str]:
    """What is not there, a line for each reason."""
    for reason in dict.fromkeys(missing.values()):
        names = ", ".join(name for name, why in missing.items() if why == reason)
        yield line(f"missing: {names}: {reason}")


def drawing(info: ToolInfo) -> Iterator[str]:
    """A tool in lines; what it says of itself stands behind a bar, so that it can pose as nothing else."""
    yield f"{info.name}  {_source(info)}"
    yield from (f"  │ {row}".rstrip() for row in info.description.splitlines())
    yield from ("", "arguments")
    rows = list(_arguments(info.schema))
    yield from _indented(rows or [["none"]])
    yield from ("", "what it may do")
    yield from _indented(_hints(info))
    yield from ("", "policy")
    yield from _indented(_policy(info))


def _source(info: ToolInfo) -> str:
    return info.source if info.source in ("workspace", "built-in") else f"server {info.source}"


def _indented(rows: Iterable[list[str]]) -> Iterator[str]:
    yield from (f"  {row}".rstrip() for row in table(rows).split("\n"))


def _arguments(schema: Mapping[str, Any]) -> Iterator[list[str]]:
    required = schema.get("required", [])
    for name, value in schema.get("properties", {}).items():
        facts = value if isinstance(value, Mapping) else {}
        need = "required" if name in required else "optional"
        if "default" in facts:
            need = f"default {json_text(facts['default'])}"
        yield [name, takes(facts), need, str(facts.get("description", ""))]


def takes(schema: object) -> str:
    """What a JSON Schema lets through, in a few words."""
    if not isinstance(schema, Mapping):
        return "anything"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema or "const" in schema:
        return " | ".join(json_text(value) for value in schema.get("enum", [schema.get("const")]))
    if options := schema.get("anyOf") or schema.get("oneOf"):
        return " or ".join(dict.fromkeys(map(takes, options)))
    kind = schema.get("type", "anything")
    if kind == "array" and isinstance(schema.get("items"), Mapping):
        return f"list of {takes(schema['items'])}"
    return kind if isinstance(kind, str) else " or ".join(kind)


def _hints(info: ToolInfo) -> Iterator[list[str]]:
    yield ["change", "nothing" if info.read_only else "delete or overwrite" if info.destructive else "only add"]
    yield ["be repeated", "yes" if info.is_repeatable else "no"]
    yield ["reach", "things outside of the project" if info.open_world else "the project only"]


def _policy(info: ToolInfo) -> Iterator[list[str]]:
    yield ["approve", info.approve, "asks before a call" if info.needs_approval else "asks nobody"]
    yield ["timeout_s", f"{info.timeout_s:g}", "for one attempt"]
    yield ["retries", f"{info.retries}", "after the first attempt"]
    yield ["max_result_bytes", f"{info.max_result_bytes:,}", ""]
    yield ["max_calls", "no limit" if info.max_calls is None else plural(info.max_calls, "call"), "in a run"]
    yield ["optional", "yes" if info.optional else "no", "off until a turn asks for it" if info.optional else ""]
