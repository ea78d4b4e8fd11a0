"""What a graph remembers, as JSON: for a session that is exported, and imported elsewhere.

Imports pydantic, langchain-core and LangGraph, so import this module inside functions.

An imported file is hostile: it is read as plain JSON and four kinds of messages, and nothing that it
says is ever imported by name or unpickled, neither here nor when the checkpoint is read again.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage, message_to_dict
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from agentctl.errors import NotPortable, UsageError
from agentctl.store.threads import HEADS, find_state, put_state, unsaved_deltas

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

_MESSAGE = "$message"
_MESSAGES: dict[str, type[BaseMessage]] = {
    "human": HumanMessage,
    "ai": AIMessage,
    "system": SystemMessage,
    "tool": ToolMessage,
}
_STATE = ("__root__", "__previous__")
"""The two channels with reserved names that hold what a graph remembers, and not how its last run went."""
_FORMAT = 4
"""LangGraph's format of checkpoints in which the branches, as here, are not spelt out."""


class _Thread(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    namespaces: dict[str, dict[str, JsonValue]]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["human", "ai", "system", "tool"]
    data: dict[str, JsonValue]


async def thread_to_json(saver: "BaseCheckpointSaver[Any]", thread_id: str, checkpoint_id: str) -> dict[str, Any]:
    """The state at a checkpoint: `{"namespaces": {namespace: {channel: value}}}`, the outer graph under `""`.

    A message is `{"$message": {"type": "ai", "data": {...}}}`.

    Raises:
        NotPortable: a channel holds what is neither JSON nor such a message, or the checkpoint is not there.
    """
    state = await find_state(saver, thread_id, checkpoint_id)
    if not state:
        raise NotPortable(thread_id, f"checkpoint {checkpoint_id} is not there")
    namespaces: dict[str, dict[str, Any]] = {}
    for found in state:
        for name in unsaved_deltas(found):
            raise NotPortable(thread_id, f"channel {name!r} is a DeltaChannel")
        values = found.checkpoint["channel_values"]
        namespaces[found.config["configurable"]["checkpoint_ns"]] = {
            name: _Leaf(thread_id, name).to_json(value) for name, value in values.items() if _is_state(name, value)
        }
    return {"namespaces": namespaces}


async def thread_from_json(saver: "BaseCheckpointSaver[Any]", thread_id: str, data: object) -> str:
    """Write an exported state into a thread, all of it checked before.

    Returns:
        the id of its new checkpoint.

    Raises:
        UsageError: it is not what `thread_to_json` makes; nothing was written.
    """
    try:
        given = _Thread.model_validate(data)
        if "" not in given.namespaces:
            raise ValueError("the outer graph is missing")
        states = {name: _checkpoint(saver, name, values) for name, values in given.namespaces.items()}
    # A validator of langchain-core's may meet a value of a type that it does not expect.
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise UsageError(
            f"the memory {thread_id!r} cannot be imported: {reason}",
            hint="export the session again, and import the file as it is",
            code="import-invalid",
        ) from error
    root = states.pop("")
    metadata: dict[str, Any] = {"source": "update", "step": 0, "parents": {}}
    for name, state in states.items():
        await put_state(saver, (thread_id, name), state, metadata)
    heads = {name: state["id"] for name, state in states.items()}
    await put_state(saver, (thread_id, ""), root, {**metadata, HEADS: heads})
    return root["id"]


def _is_state(name: str, value: object) -> bool:
    """Whether a channel is memory; what steers a run is at rest when the run has ended."""
    if name.startswith("join:"):
        return bool(value)
    return name in _STATE or not name.startswith(("__", "branch:"))


def _checkpoint(saver: "BaseCheckpointSaver[Any]", namespace: str, values: Mapping[str, JsonValue]) -> Checkpoint:
    """A checkpoint of such values; the saver is known to be able to write it."""
    if ":" in _name(namespace):  # the memory of one task, which no other ever reads
        raise ValueError(f"a graph cannot be called {namespace!r}")
    for name in values:
        if not _is_state(_name(name), None):
            raise ValueError(f"channel {name!r} is reserved")
    state: dict[str, Any] = {
        **empty_checkpoint(),
        "v": _FORMAT,
        "channel_values": {name: _from_json(value) for name, value in values.items()},
        "channel_versions": {name: saver.get_next_version(None, None) for name in values},
    }
    saver.serde.dumps_typed(state)
    return cast("Checkpoint", state)


class _Leaf:
    """A value of a channel on its way out; says where something is that cannot leave."""

    def __init__(self, thread_id: str, channel: str) -> None:
        self._thread_id, self._channel = thread_id, channel

    def to_json(self, value: object) -> object:
        if isinstance(value, BaseMessage):
            return {_MESSAGE: self._message(value)}
        if isinstance(value, dict) and _MESSAGE not in value and all(isinstance(key, str) for key in value):
            return {key: self.to_json(item) for key, item in value.items()}
        if type(value) in (list, tuple):
            return [self.to_json(item) for item in cast("list[object]", value)]
        if value is None or type(value) in (str, bool, int) or (type(value) is float and math.isfinite(value)):
            return value
        raise self._refused(value)

    def _message(self, message: BaseMessage) -> object:
        if _MESSAGES.get(message.type) is not type(message):
            raise self._refused(message)
        return self.to_json(message_to_dict(message))

    def _refused(self, value: object) -> NotPortable:
        return NotPortable(self._thread_id, f"channel {self._channel!r} holds a value of type {type(value).__name__}")


def _from_json(value: JsonValue) -> object:
    if isinstance(value, dict):
        if _MESSAGE in value:
            return _message(value)
        return {key: _from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is not a number of JSON")
    return value


def _message(value: Mapping[str, JsonValue]) -> BaseMessage:
    given = _Message.model_validate(value[_MESSAGE])
    if len(value) > 1:
        raise ValueError("something stands beside a message")
    return _MESSAGES[given.type].model_validate(_from_json(given.data))


def _name(name: str) -> str:
    """`name`, if both databases take it as one."""
    if not name.isprintable():
        raise ValueError(f"a graph or channel cannot be called {name!r}")
    return name
