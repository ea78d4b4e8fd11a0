"""Messages of LangChain: our conversation as it takes it, and the tool calls of its answers as ours.

Imports LangChain, like `chat`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, ToolMessage

from agentctl.models.message import Message, text_of
from agentctl.models.structured import SHOWN, no_constant

_NOT_IN_NAMES = re.compile("[^A-Za-z0-9_-]")


def langchain_messages(messages: Sequence[Message]) -> list[Message | BaseMessage]:
    """The messages, those of tools as LangChain's own; the others it converts itself."""
    return [_converted(each) if "tool_calls" in each or each["role"] == "tool" else each for each in messages]


def tool_calls_of(message: AIMessage, ordinal: int) -> list[dict[str, object]]:
    """The calls that an answer asks for, `{id, name, args}` each.

    `args` is an object, or what the model wrote where that is none. A call without an id,
    or with that of another, gets one of its place in the conversation.

    Args:
        ordinal: of the model call.
    """
    given: Sequence[Any] = [*message.tool_calls, *message.invalid_tool_calls]
    if isinstance(message, AIMessageChunk):
        # LangChain mends what breaks off in a stream: half a call would look like a whole one.
        given = message.tool_call_chunks or given
    calls: list[dict[str, object]] = []
    known = set()
    for number, call in enumerate(given):
        id_ = call["id"] if call["id"] and call["id"] not in known else f"call_{ordinal}_{number}"
        known.add(id_)
        calls.append({"id": id_, "name": call["name"] or "", "args": _args(call["args"])})
    return calls


def _args(given: object) -> object:
    text = given if isinstance(given, str) else json.dumps(given or {})
    if text.strip() in ("", "null"):  # how some servers call a tool that takes nothing
        return {}
    try:
        args = json.loads(text, strict=False, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return text
    return args if isinstance(args, dict) else text


def _converted(message: Message) -> BaseMessage:
    if message["role"] == "tool":
        return ToolMessage(
            text_of(message["content"]) or "(nothing)",  # some providers refuse messages of no text
            tool_call_id=message["tool_call_id"],
            name=_name(message.get("name", "")),
        )
    calls = [_tool_call(call) for call in message["tool_calls"]]
    return AIMessage(text_of(message["content"]), tool_calls=calls)


def _tool_call(call: Mapping[str, Any]) -> Any:
    """A call as it is sent back; arguments that are no object go as `{"invalid": what was written}`."""
    args = call["args"]
    held = args if isinstance(args, Mapping) else {"invalid": str(args)[:SHOWN]}
    return {"type": "tool_call", "id": call["id"], "name": _name(call["name"]), "args": dict(held)}


def _name(name: str) -> str:
    """What a model called a tool, in characters that its provider takes back."""
    return _NOT_IN_NAMES.sub("_", name)[:64] or "_"
