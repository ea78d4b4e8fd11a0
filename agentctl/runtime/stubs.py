"""The tools of a workspace in its own tests: answered as a test says, or harmless. No server is started."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from agentctl.agents import BlockingPool
from agentctl.settings import Settings
from agentctl.tools import Toolbox, ToolOutcome
from agentctl.tools.arguments import Arguments
from agentctl.tools.info import Hints
from agentctl.tools.local import LocalServer
from agentctl.tools.server import Servers
from agentctl.tools.tool import Tool
from agentctl.tools.toolbox import NO_META
from agentctl.workspace import Workspace
from agentctl.workspace.code import Code
from agentctl.workspace.trial import StubSpec


class StubbedToolbox(Toolbox):
    """A toolbox that calls nothing but the workspace's own read-only functions.

    Attributes:
        stubs: tool to what it gives, call by call, the last for ever.
        refused: tools that were called, and that no test may call for real.
    """

    stubs: Mapping[str, Sequence[StubSpec]] = {}

    async def open(self) -> None:
        """As of any toolbox; what servers would have is there if it has a stub."""
        await super().open()
        self.refused: list[str] = []
        self._calls: dict[str, int] = {}
        for name in self.stubs:
            if name not in self._tools:
                schema = {"type": "object"}
                info = self._policy.info(name, description="", schema=schema, source="test", hints=Hints())
                self._add(Tool(info, Arguments(name, schema), "the test", LocalServer()))

    def is_away(self, pattern: str) -> bool:
        """What has no stub may be a server's."""
        return True

    async def call(
        self, name: str, args: Mapping[str, Any], *, meta: Mapping[str, Any] = NO_META, on_elicit: object = None
    ) -> ToolOutcome:
        """What the stub gives, whether the tool is read-only or not."""
        if fault := self.check_arguments(name, args):
            return ToolOutcome("error", fault)
        if stubs := self.stubs.get(name):
            number = self._calls[name] = self._calls.get(name, 0) + 1
            return _outcome(stubs[min(number, len(stubs)) - 1])
        info = self.tools[name]
        if info.source == "workspace" and info.read_only:
            return await super().call(name, args, meta=meta)
        self.refused.append(name)
        return ToolOutcome("error", f"the test has no stub for {name}")


def _outcome(stub: StubSpec) -> ToolOutcome:
    if stub.fails is not None:
        return ToolOutcome("error", stub.fails)
    if isinstance(stub.returns, str):
        return ToolOutcome("ok", stub.returns)
    return ToolOutcome("ok", json.dumps(stub.returns, ensure_ascii=False), stub.returns)


class Stubs:
    """Opens the toolbox of one test, in the place of `open_toolbox`.

    Attributes:
        box: the toolbox, once it is open.
    """

    def __init__(self, stubs: Mapping[str, Sequence[StubSpec]]) -> None:
        self._stubs = stubs
        self.box: StubbedToolbox | None = None

    @asynccontextmanager
    async def open(
        self, workspace: Workspace, code: Code, settings: Settings, pool: BlockingPool, servers: Servers
    ) -> AsyncIterator[Toolbox]:
        """See `open_toolbox`."""
        self.box = StubbedToolbox(workspace, code, settings, pool.run)
        self.box.stubs = self._stubs
        try:
            await self.box.open()
            yield self.box
        finally:
            await self.box.close()
