"""What an external server says of its tools, as far as it can be believed."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_types import Tool

MAX_TOOLS = 500
_MAX_SCHEMA_CHARS = 65_536
_MAX_DESCRIPTION_CHARS = 8_192
_THEIRS = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_OURS = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class ServerTool:
    """One tool of a server.

    Attributes:
        name: as agents list it and models call it, `<server>_<tool>`, `[A-Za-z0-9_-]{1,64}`.
        remote: as its server calls it.
        schema: JSON Schema of the arguments, an object's; checked, and without references to elsewhere.
        read_only, destructive, idempotent, open_world: its server's hints; None where it gives none.
    """

    name: str
    remote: str
    description: str
    schema: dict[str, Any]
    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


def usable_tools(server: str, found: "Iterable[Tool]") -> tuple[tuple[ServerTool, ...], dict[str, str]]:
    """The tools that can be offered, and why each of the others cannot, by its server's name for it."""
    tools, left_out = dict[str, ServerTool](), dict[str, str]()
    for number, tool in enumerate(found):
        name = f"{server}_{re.sub(r'[./]', '_', tool.name)}"
        reason = "" if number < MAX_TOOLS else f"its server has over {MAX_TOOLS} tools"
        reason = reason or _fault(tool, name)
        if not reason and name in tools:
            reason = f"another tool of its server is called {name!r} too"
        if reason:
            left_out.setdefault(tool.name[:128], reason)
        else:
            tools[name] = _usable(tool, name)
    return tuple(tools.values()), left_out


def _usable(tool: "Tool", name: str) -> ServerTool:
    hints = tool.annotations
    description = (tool.description or "")[:_MAX_DESCRIPTION_CHARS]
    return ServerTool(
        name,
        tool.name,
        description,
        tool.input_schema,
        read_only=hints.read_only_hint if hints else None,
        destructive=hints.destructive_hint if hints else None,
        idempotent=hints.idempotent_hint if hints else None,
        open_world=hints.open_world_hint if hints else None,
    )


def _fault(tool: "Tool", name: str) -> str:
    """Why a tool cannot be offered; empty if it can."""
    from jsonschema import Draft202012Validator, SchemaError

    if not _THEIRS.fullmatch(tool.name):
        return "its name has characters that no tool's may have, or over 128 of them"
    if not _OURS.fullmatch(name):
        return f"its name is over 64 characters as {name!r}"
    schema = tool.input_schema
    try:
        if len(json.dumps(schema)) > _MAX_SCHEMA_CHARS:
            return f"the schema of its arguments is over {_MAX_SCHEMA_CHARS:,} characters"
        if schema.get("type", "object") != "object":
            return "the schema of its arguments is not an object's"
        if any(_leads_away(schema)):
            return "the schema of its arguments refers to another document"
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"the schema of its arguments is none: {error.message[:200]}"
    except RecursionError:
        return "the schema of its arguments is nested too deeply"
    return ""


def _leads_away(schema: object) -> Iterator[bool]:
    """A reference to an address would be fetched by who checks arguments."""
    if isinstance(schema, dict):
        for key, part in schema.items():
            yield key in ("$ref", "$dynamicRef") and isinstance(part, str) and not part.startswith("#")
            yield from _leads_away(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _leads_away(part)
