"""LangGraph threads, in which graphs of a workspace remember a session: copied and deleted.

Works on any checkpointer. A thread keeps every checkpoint that was ever put into it, so where a
memory stands is named by thread and checkpoint. The checkpoint of the outer graph also names those
of the nested graphs with a memory of their own, under `HEADS` in its metadata (see `branch`).
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver, Checkpoint, CheckpointTuple

HEADS = "agentctl_heads"
"""Metadata of an outer graph's checkpoint: `{namespace: checkpoint id}` of the nested graphs at that time."""
_DELTAS = "counters_since_delta_snapshot"


async def find_state(saver: "BaseCheckpointSaver[Any]", thread_id: str, checkpoint_id: str) -> "list[CheckpointTuple]":
    """The outer graph's checkpoint, then those of its nested graphs; empty if one of them is not there."""
    root = await _find(saver, thread_id, "", checkpoint_id)
    if root is None:
        return []
    nested = [await _find(saver, thread_id, name, head) for name, head in heads_of(root).items()]
    return [root, *(found for found in nested if found)] if all(nested) else []


def heads_of(root: "CheckpointTuple") -> dict[str, str]:
    """Namespace to checkpoint id of the nested graphs, without those that remember nothing."""
    return dict(cast("Mapping[str, Any]", root.metadata).get(HEADS, {}))


def unsaved_deltas(found: "CheckpointTuple") -> list[str]:
    """The delta channels whose value is not in the checkpoint, but in the writes of its ancestors."""
    counted = cast("Mapping[str, Any]", found.metadata).get(_DELTAS, {})
    checkpoint = found.checkpoint
    return [
        name for name in counted if name in checkpoint["channel_versions"] and name not in checkpoint["channel_values"]
    ]


async def copy_thread(saver: "BaseCheckpointSaver[Any]", source: tuple[str, str], target_thread_id: str) -> bool:
    """Copy the state at one checkpoint, nested graphs included, under the same checkpoint id.

    Args:
        source: thread id and checkpoint id; its history stays behind.
        target_thread_id: may hold other checkpoints already, which stay.

    Returns:
        whether it was there; if not, nothing is copied.
    """
    state = await find_state(saver, *source)
    for found in reversed(state):  # the outer graph's last: with it, the copy is whole
        await _put_copy(saver, found, target_thread_id)
    return bool(state)


async def delete_threads(saver: "BaseCheckpointSaver[Any]", thread_ids: Iterable[str]) -> None:
    """Delete these threads with everything in them; unknown ones are no error."""
    for thread_id in thread_ids:
        await saver.adelete_thread(thread_id)


async def put_state(
    saver: "BaseCheckpointSaver[Any]",
    thread: tuple[str, str],
    checkpoint: "Checkpoint",
    metadata: Mapping[str, Any],
    parent: str | None = None,
) -> None:
    """Write one whole checkpoint into `thread`, given as thread id and namespace."""
    configurable = {"thread_id": thread[0], "checkpoint_ns": thread[1], "checkpoint_id": parent}
    await saver.aput({"configurable": configurable}, checkpoint, cast("Any", metadata), checkpoint["channel_versions"])


async def _find(
    saver: "BaseCheckpointSaver[Any]", thread_id: str, namespace: str, checkpoint_id: str
) -> "CheckpointTuple | None":
    configurable = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}
    return await saver.aget_tuple({"configurable": configurable})


async def _put_copy(saver: "BaseCheckpointSaver[Any]", found: "CheckpointTuple", thread_id: str) -> None:
    thread = thread_id, found.config["configurable"]["checkpoint_ns"]
    parent = await _put_deltas(saver, found, thread) if unsaved_deltas(found) else None
    await put_state(saver, thread, found.checkpoint, found.metadata, parent)


async def _put_deltas(saver: "BaseCheckpointSaver[Any]", found: "CheckpointTuple", thread: tuple[str, str]) -> str:
    """Put what the delta channels are rebuilt from into one parent; returns its checkpoint id."""
    from langgraph.checkpoint.base import empty_checkpoint

    names = unsaved_deltas(found)
    history = await saver.aget_delta_channel_history(config=found.config, channels=names)
    parent = empty_checkpoint()
    parent["id"] = str(UUID(int=UUID(found.checkpoint["id"]).int - 1))  # savers look for it among the smaller ones
    parent["channel_values"] = {name: history[name]["seed"] for name in names if "seed" in history[name]}
    parent["channel_versions"] = {name: saver.get_next_version(None, None) for name in parent["channel_values"]}
    await put_state(saver, thread, parent, {"source": "fork", "step": -2, "parents": {}})
    configurable = {"thread_id": thread[0], "checkpoint_ns": thread[1], "checkpoint_id": parent["id"]}
    # One list under one task: savers keep the order of that, and not of tasks whose paths are unknown here.
    # Always the same task, so that a second copy adds nothing.
    writes = [(name, value) for name in names for _, _, value in history[name]["writes"]]
    await saver.aput_writes({"configurable": configurable}, writes, str(uuid5(UUID(parent["id"]), "copy")))
    return parent["id"]
