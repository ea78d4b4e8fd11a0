"""All tools of one generation: what there is, who may see it, and calling it."""

import asyncio
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from agentctl.errors import WorkspaceError, did_you_mean
from agentctl.settings import Settings
from agentctl.tools.arguments import Arguments
from agentctl.tools.engine import load_fastmcp
from agentctl.tools.functions import Function, load_functions
from agentctl.tools.info import Hints, ToolInfo
from agentctl.tools.local import InThread, LocalServer, as_tool
from agentctl.tools.outcome import ToolOutcome
from agentctl.tools.policy import MAX_RESULT_BYTES, Policy
from agentctl.tools.server import UP
from agentctl.tools.tool import Tool
from agentctl.workspace import Workspace
from agentctl.workspace.code import Code, said

if TYPE_CHECKING:
    from fastmcp.tools import Tool as ServedTool

    from agentctl.tools.server import Server
    from agentctl.tools.server_call import OnElicit
    from agentctl.tools.server_tool import ServerTool

NO_META: Mapping[str, Any] = MappingProxyType({})


class Toolbox:
    """What the agents of one generation can call; serves any number of runs at once.

    Args:
        workspace: its `tools/*.py`, and its rules for tools.
        code: runs the files.
        settings: of the process.
        in_thread: where blocking tools run; not the agents' pool, for an agent that blocks may wait for its tool.
        servers: external ones, acquired and released by who owns them.
    """

    def __init__(
        self,
        workspace: Workspace,
        code: Code,
        settings: Settings,
        in_thread: InThread,
        servers: "Iterable[Server]" = (),
    ) -> None:
        self._workspace, self._code, self._settings, self._in_thread = workspace, code, settings, in_thread
        self._servers = list(servers)
        self._policy = Policy(workspace.spec.tools)
        self._local: LocalServer | None = None
        self._tools: dict[str, Tool] = {}
        self._missing: dict[str, str] = {}
        self._opening = asyncio.Lock()

    @property
    def tools(self) -> Mapping[str, ToolInfo]:
        """Every tool there is, by name, once the box is open."""
        return {name: tool.info for name, tool in self._tools.items()}

    @property
    def missing(self) -> Mapping[str, str]:
        """What is not there, and why: tools, `<server>_` for a server that is away, and what `select` did not find."""
        return MappingProxyType(self._missing)

    async def open(self) -> None:
        """Load the tools and ask the servers; once it is open, ask only those again that were away.

        Raises:
            WorkspaceError: two tools have one name; the box stays as it was.
        """
        async with self._opening:
            if self._local is not None:
                away = [server for server in self._servers if f"{server.name}_" in self._missing]
                await asyncio.gather(*(server.probe() for server in away))  # side by side
                before = dict(self._tools), dict(self._missing)
                try:
                    self._take(away)
                except WorkspaceError:
                    self._tools, self._missing = before  # the next turn is told the same
                    raise
                return
            local = LocalServer()
            served = await self._in_thread(lambda: self._load(local), on_start=lambda: None)
            self._take(self._servers)
            await local.open(served)
            self._local = local

    async def close(self) -> None:
        """End the calls under way; external servers stay."""
        if self._local is not None:
            await self._local.close()

    def select(self, patterns: Sequence[str], enabled: Collection[str] = ()) -> list[ToolInfo]:
        """The tools that an agent sees, in the order of its list; what is nowhere is in `missing` afterwards.

        Args:
            patterns: names and globs, as the agent lists them; no glob stands for a built-in tool.
            enabled: names of the optional tools that this turn asks for.
        """
        found: dict[str, ToolInfo] = {}
        for pattern in patterns:
            fitting = [tool.info for tool in self._tools.values() if _fits(tool.info, pattern)]
            found.update((info.name, info) for info in fitting if not info.optional or info.name in enabled)
            if fitting:
                self._missing.pop(pattern, None)  # of a server that is back
            else:
                self._missing.setdefault(pattern, self._why_not(pattern))
        return list(found.values())

    def is_away(self, pattern: str) -> bool:
        """Whether a pattern may stand for tools of a server that is away."""
        return self._away_for(pattern) is not None

    def _away_for(self, pattern: str) -> str | None:
        literal = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
        for prefix in self._away:
            if literal.startswith(prefix) or (literal != pattern and prefix.startswith(literal)):
                return prefix
        return None

    def _why_not(self, pattern: str) -> str:
        if prefix := self._away_for(pattern):
            return self._missing[prefix]
        return f"no tool is called so{did_you_mean(pattern, list(self._tools))}"

    @property
    def _away(self) -> list[str]:
        return [f"{server.name}_" for server in self._servers if f"{server.name}_" in self._missing]

    def check_arguments(self, name: str, args: object) -> str | None:
        """What is wrong with the arguments of a call, as a sentence to mend them by; None if nothing is."""
        tool = self._tools.get(name)
        if tool is not None:
            return tool.arguments.fault(args)
        reason = self._missing.get(name)
        near = did_you_mean(name, list(self._tools))
        return f"{name} cannot be called: {reason}" if reason else f"there is no tool {name!r}{near}"

    async def call(
        self,
        name: str,
        args: Mapping[str, Any],
        *,
        meta: Mapping[str, Any] = NO_META,
        on_elicit: "OnElicit | None" = None,
    ) -> ToolOutcome:
        """Call a tool; whatever it does is an outcome, and only the caller's own cancellation is raised.

        Args:
            name: of any tool here; whether an agent may call it is the caller's to know.
            args: what is wrong with them is an outcome with status `error`, and nothing runs.
            meta: `_meta` of the request, such as `{"agentctl": {"idempotency_key": …}}`.
            on_elicit: takes what an external server asks the user meanwhile.
        """
        start = time.perf_counter()
        fault = self.check_arguments(name, args)
        outcome = ToolOutcome("error", fault) if fault else await self._tools[name].call(args, meta, on_elicit)
        return replace(outcome, duration_s=time.perf_counter() - start)

    def _load(self, local: LocalServer) -> "list[ServedTool]":
        """In a thread: FastMCP takes a second to import, and a file of the workspace any time to run."""
        from agentctl.tools.built_in import built_in_functions  # loads an HTTP client

        load_fastmcp()
        self._tools, self._missing = {}, {}
        ours = load_functions(self._workspace, self._code)
        self._missing.update(ours.missing)
        served = [self._serve(function, local) for function in [*ours.found, *built_in_functions(self._settings)]]
        return [tool for tool in served if tool is not None]

    def _serve(self, function: Function, local: LocalServer) -> "ServedTool | None":
        from agentctl.tools.built_in import PLACE, RESULT_BYTES

        name = function.name
        limit = self._policy.max_result_bytes(name, RESULT_BYTES.get(name, MAX_RESULT_BYTES))
        try:
            served = as_tool(function, self._in_thread, limit)
        except Exception as error:  # noqa: BLE001 - FastMCP and pydantic have many ways to say that it is no signature
            self._missing[name] = f"{function.place}: {name} cannot be a tool: {said(error)}"
            return None
        info = self._policy.info(
            name,
            description=served.description or "",
            schema=served.parameters,
            source="built-in" if function.place == PLACE else "workspace",
            hints=function.hints,
            max_result_bytes=limit,
        )
        self._add(Tool(info, Arguments(name, served.parameters), function.place, local))
        return served

    def _take(self, servers: "Sequence[Server]") -> None:
        """What servers have that were asked, or why they are away."""
        for server in servers:
            prefix = f"{server.name}_"
            if server.status != UP:
                self._missing[prefix] = f"server {server.name!r} is away: {server.status}"
                continue
            self._missing.pop(prefix, None)
            reasons = {f"{prefix}{name}": f"server {server.name!r}: {why}" for name, why in server.left_out.items()}
            self._missing.update(reasons)
            for tool in server.tools:
                self._add_external(server, tool)

    def _add_external(self, server: "Server", tool: "ServerTool") -> None:
        hints = Hints(
            read_only=tool.read_only is True,
            destructive=tool.destructive is not False,
            idempotent=tool.idempotent is True,
            open_world=tool.open_world is not False,
        )
        info = self._policy.info(
            tool.name, description=tool.description, schema=tool.schema, source=server.name, hints=hints
        )
        self._add(Tool(info, Arguments(tool.name, tool.schema), f"server {server.name!r}", server))

    def _add(self, tool: Tool) -> None:
        name = tool.info.name
        if name in self._tools:
            raise WorkspaceError(
                f"two tools have the name {name!r}: of {self._tools[name].place} and of {tool.place}",
                hint="rename one of them",
                code="tool-name-taken",
            )
        self._tools[name] = tool


def _fits(info: ToolInfo, pattern: str) -> bool:
    return info.name == pattern or (info.source != "built-in" and fnmatchcase(info.name, pattern))
