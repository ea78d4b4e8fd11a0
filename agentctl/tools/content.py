"""What a tool answered, as a model is told it: text, and files beside it, within the size limit."""

import json
import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping
from posixpath import basename
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from agentctl.tools.outcome import ToolOutcome

if TYPE_CHECKING:
    from mcp_types import CallToolResult

_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
NOTHING = "(nothing)"


def outcome_of(result: "CallToolResult", max_bytes: int) -> ToolOutcome:
    """The result of a call; what is over `max_bytes` is cut or dropped, and the text says so."""
    content = Content(max_bytes)
    for block in result.content:
        content.add(block)
    text = content.text()
    if result.is_error:
        return ToolOutcome("error", text if text != NOTHING else "the tool failed, and does not say why")
    structured = _structured(result)
    if _size(structured) > max_bytes:
        structured = None
    return ToolOutcome("ok", text, structured, tuple(content.blocks))


class Content:
    """Collects the blocks of one result; `max_bytes` is for all of them together."""

    def __init__(self, max_bytes: int) -> None:
        self._left = self._max = max_bytes
        self._lines: list[str] = []
        self._is_cut, self._dropped = False, 0
        self.blocks: list[Mapping[str, str]] = []

    def add(self, block: Any) -> None:
        """Take one block of MCP."""
        match block.type:
            case "text":
                self._add_text(block.text)
            case "image" | "audio":
                self._add_file(block.type, block.mime_type, block.data, "")
            case "resource_link":
                self._add_text(f"[link: {_line(block.name)}, {_line(str(block.uri))}]")
            case _:
                self._add_resource(block.resource)

    def text(self) -> str:
        """All text, and what is said of the files."""
        lines = [*self._lines]
        if self._is_cut:
            lines.append(f"[cut: the result is over {self._max:,} bytes]")
        if self._dropped:
            what = "1 file was" if self._dropped == 1 else f"{self._dropped} files were"
            lines.append(f"[{what} dropped: the result is over {self._max:,} bytes]")
        return "\n".join(lines) or NOTHING

    def _add_text(self, text: str) -> None:
        if self._is_cut:
            return
        # Half a character of JSON cannot be stored.
        data = text[: self._left + 1].encode("utf-8", "replace")
        self._is_cut = len(data) > self._left
        kept = data[: self._left].decode("utf-8", "ignore")
        self._left -= len(kept.encode()) + 1 if not self._is_cut else self._left
        if kept:
            self._lines.append(kept)

    def _add_resource(self, resource: Any) -> None:
        if hasattr(resource, "text"):
            self._add_text(f"[resource: {_line(str(resource.uri))}]\n{resource.text}")
        else:
            self._add_file("file", resource.mime_type or "", resource.blob, str(resource.uri))

    def _add_file(self, kind: str, media_type: str, data: str, uri: str) -> None:
        size = len(data) * 3 // 4 - data[-2:].count("=")
        if self._is_cut or size > self._left:
            self._dropped += 1
            return
        media_type = media_type.lower() if _MEDIA_TYPE.fullmatch(media_type.lower()) else "application/octet-stream"
        try:
            b64decode(data, validate=True)
        except (NotBase64, ValueError):
            self._add_text(f"[{kind}: {media_type}, dropped: its data is no base64]")
            return
        self._left -= size
        number = len(self.blocks) + 1
        if media_type.startswith("image/"):
            self.blocks.append({"type": "image", "mime_type": media_type, "base64": data})
            self._lines.append(f"[image {number}: {media_type}, {size:,} bytes]")
            return
        subtype = media_type.partition("/")[2]
        name = _file_name(uri) or f"{kind}-{number}{f'.{subtype}' if subtype.isalnum() else ''}"
        self.blocks.append({"type": "file", "mime_type": media_type, "base64": data, "filename": name})
        self._lines.append(f"[{kind} {number}: {name}, {media_type}, {size:,} bytes]")


def _structured(result: "CallToolResult") -> Any:
    """The result as JSON; FastMCP puts what is no object under a key."""
    value = result.structured_content
    fastmcp = (result.meta or {}).get("fastmcp")
    if isinstance(fastmcp, Mapping) and fastmcp.get("wrap_result") and isinstance(value, dict) and len(value) == 1:
        value = value.get("result")
    return None if isinstance(value, str) else value


def _size(structured: Any) -> float:
    try:
        return len(json.dumps(structured, ensure_ascii=False, allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError):
        return float("inf")


def _file_name(uri: str) -> str:
    """The last part of a path, with nothing in it that a file system or a terminal reads."""
    try:
        last = basename(unquote(urlsplit(uri).path))
    except ValueError:
        return ""
    return re.sub(r"[^A-Za-z0-9._-]", "_", last).lstrip(".")[-100:]


def _line(text: str) -> str:
    return " ".join(text.split())[:500]
