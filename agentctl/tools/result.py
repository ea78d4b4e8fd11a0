"""What a function returned, as MCP tells it; runs where the function ran, and never past the size limit."""

import inspect
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agentctl.workspace.code import said

if TYPE_CHECKING:
    from fastmcp.tools.base import ToolResult


def to_result(value: Any, max_bytes: int) -> "ToolResult":
    """A function's value: text as it is, content as content, the rest as JSON.

    What is over `max_bytes` is left over it by at least one character, for the reader to cut and say so.

    Raises:
        TypeError, ValueError, RecursionError: it is no JSON.
    """
    from fastmcp.tools.base import ToolResult
    from fastmcp.utilities.types import File

    if isinstance(value, bytes):
        value = _decoded(value) or File(data=value, format="octet-stream")
    if isinstance(value, str):
        return ToolResult(content=[_text(value[: max_bytes + 1])])
    if _is_content(value):
        return value if isinstance(value, ToolResult) else ToolResult(content=value)
    if value is None:
        return ToolResult(content=[])
    text = _json(value, max_bytes)
    if len(text) > max_bytes:
        return ToolResult(content=[_text(text)])
    plain = json.loads(text)
    if isinstance(plain, dict):
        return ToolResult(content=[_text(text)], structured_content=plain)
    return ToolResult(
        content=[_text(text)], structured_content={"result": plain}, meta={"fastmcp": {"wrap_result": True}}
    )


def failure(error: BaseException) -> "ToolResult":
    """What a tool raised, as one line for the model."""
    from fastmcp.tools.base import ToolResult

    return ToolResult(content=[_text(said(error))], is_error=True)


def _text(text: str) -> Any:
    from mcp_types import TextContent

    # Half a character would fail where the result is sent or stored.
    return TextContent(type="text", text=text.encode("utf-8", "replace").decode())


def _decoded(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return ""


def _is_content(value: Any) -> bool:
    from fastmcp.tools.base import ToolResult
    from fastmcp.utilities.types import Audio, File, Image
    from mcp_types import ContentBlock

    content = (ContentBlock, Audio, File, Image)
    if isinstance(value, list | tuple):
        return any(isinstance(item, content) for item in value)
    return isinstance(value, (ToolResult, *content))


def _json(value: Any, max_bytes: int) -> str:
    """As JSON, no further than the limit. In pieces, so that a large value holds up no other thread."""
    written, size = [], 0
    for piece in json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=_plain).iterencode(value):
        written.append(piece)
        size += len(piece)
        if size > max_bytes:
            break
    return "".join(written)[: max_bytes + 1]


def _plain(value: Any) -> Any:
    """What the JSON module does not know: dataclasses, models, dates, sets and the like."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    # Some never end.
    if not isinstance(value, Iterator) and not inspect.isawaitable(value):
        try:
            return to_jsonable_python(value)
        except PydanticSerializationError:
            pass
    raise TypeError(f"it returned {type(value).__name__}, which is no JSON")
