"""One branch of a LangGraph thread: what a call sees of it, and what it adds.

A thread also keeps the checkpoints of calls that died and of turns that were rewound. Started
from an older checkpoint, LangGraph gives the outer graph its state of that time, but a nested graph
with a memory of its own the newest of the whole thread. So a call is shown this view, in which
the newest is what belongs to the branch, and names no checkpoint.

Imports LangGraph, so import this module inside functions.
"""

import copy
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)

from agentctl.store.threads import HEADS, find_state

_OF_A_TASK = ":"
"""In the namespace of a nested graph that remembers nothing: its task's id follows."""


class Branch(BaseCheckpointSaver[Any]):
    """A checkpointer for one call, over the one that keeps everything.

    Attributes:
        heads: namespace to checkpoint id, of what the branch holds; `""` is the outer graph.
    """

    def __init__(self, saver: BaseCheckpointSaver[Any], state: Sequence[CheckpointTuple]) -> None:
        super().__init__(serde=saver.serde)
        self._saver = saver
        places = [found.config["configurable"] for found in state]
        self.heads: dict[str, str] = {place["checkpoint_ns"]: place["checkpoint_id"] for place in places}

    @classmethod
    async def open(cls, saver: BaseCheckpointSaver[Any], thread_id: str, checkpoint_id: str | None) -> Self | None:
        """Branch off at a checkpoint, or off nothing if there is none yet.

        Returns:
            None if that checkpoint, or one of a nested graph at that time, is not there.
        """
        if checkpoint_id is None:
            return cls(saver, ())
        state = await find_state(saver, thread_id, checkpoint_id)
        return cls(saver, state) if state else None

    def _at(self, config: RunnableConfig) -> RunnableConfig | None:
        """`config` with the checkpoint that it means, None if the branch has none."""
        configurable = config["configurable"]
        if configurable.get("checkpoint_id"):
            return config
        head = self.heads.get(configurable.get("checkpoint_ns", ""))
        return {**config, "configurable": {**configurable, "checkpoint_id": head}} if head else None

    def _noting_heads(self, config: RunnableConfig, metadata: CheckpointMetadata) -> CheckpointMetadata:
        if config["configurable"]["checkpoint_ns"]:
            return metadata
        nested = {name: head for name, head in self.heads.items() if name and _OF_A_TASK not in name}
        return cast("CheckpointMetadata", {**metadata, HEADS: nested})

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint asked for, or where the branch stands."""
        at = self._at(config)
        return await self._saver.aget_tuple(at) if at else None

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Put a checkpoint, at which the branch then stands."""
        put = await self._saver.aput(config, checkpoint, self._noting_heads(config, metadata), new_versions)
        self.heads[config["configurable"]["checkpoint_ns"]] = checkpoint["id"]
        return put

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Put writes as they are."""
        await self._saver.aput_writes(config, writes, task_id, task_path)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What the saver has; `config` names its checkpoint."""
        return await self._saver.aget_delta_channel_history(config=config, channels=channels)

    # The same for nested graphs that blocking nodes call.

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `aget_tuple`."""
        at = self._at(config)
        return self._saver.get_tuple(at) if at else None

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `aput`."""
        put = self._saver.put(config, checkpoint, self._noting_heads(config, metadata), new_versions)
        self.heads[config["configurable"]["checkpoint_ns"]] = checkpoint["id"]
        return put

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `aput_writes`."""
        self._saver.put_writes(config, writes, task_id, task_path)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As `aget_delta_channel_history`."""
        return self._saver.get_delta_channel_history(config=config, channels=channels)

    def get_next_version(self, current: Any, channel: None) -> Any:
        """As the saver counts."""
        return self._saver.get_next_version(current, channel)

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> "Branch":
        """The same branch, over a saver that may read these types (`LANGGRAPH_STRICT_MSGPACK`)."""
        clone = copy.copy(self)
        clone._saver = self._saver.with_allowlist(extra_allowlist)
        return clone
