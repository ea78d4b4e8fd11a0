"""What a model is told: messages of text, of content blocks where files come with them, and of tools."""

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypedDict

Block = Mapping[str, str]
"""LangChain's standard content blocks, which each provider's package puts into its own format:
`{type: text, text}`, `{type: image, mime_type, base64}`, `{type: file, mime_type, base64, filename}`."""
Content = str | Sequence[Block]


class Message(TypedDict):
    """One message; JSON throughout, as the journal's digest is made of it."""

    role: Literal["system", "user", "assistant", "tool"]
    content: Content
    tool_calls: NotRequired[Sequence[Mapping[str, object]]]
    """What an assistant asked for, `{id, name, args}` each; `args` is text where it wrote no JSON object."""
    tool_call_id: NotRequired[str]
    """Which of those calls a tool's message answers."""
    name: NotRequired[str]
    """The tool that answers."""


def text_of(content: Content) -> str:
    """The text of a message; of blocks, that of the text blocks, a blank line between them."""
    if isinstance(content, str):
        return content
    return "\n\n".join(block["text"] for block in content if block["type"] == "text")


def media_types(messages: Sequence[Message]) -> set[str]:
    """The media types of what the messages hold beside text."""
    contents = (message["content"] for message in messages)
    blocks = (block for content in contents if not isinstance(content, str) for block in content)
    return {block["mime_type"] for block in blocks if "mime_type" in block}
