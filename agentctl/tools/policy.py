"""What the workspace lets tools do: the most specific of its settings, over what tools say of themselves."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from agentctl.tools.info import Hints, ToolInfo
from agentctl.workspace.spec import ToolsSpec

MAX_RESULT_BYTES = 1024 * 1024
RETRIES = 1
"""Of tools that may be repeated: a server that was away is back at the second attempt."""

Setting = TypeVar("Setting")


class Policy:
    """Settings of the tools of one generation."""

    def __init__(self, spec: ToolsSpec) -> None:
        self._spec = spec

    def info(
        self,
        name: str,
        *,
        description: str,
        schema: Mapping[str, Any],
        source: str,
        hints: Hints,
        max_result_bytes: int = MAX_RESULT_BYTES,
    ) -> ToolInfo:
        """The tool with what holds for it.

        Args:
            name, description, schema, source: as in `ToolInfo`.
            hints: what it says of itself; a server's count only where the workspace trusts them.
            max_result_bytes: where the workspace says nothing.
        """
        is_ours = source in ("workspace", "built-in")
        said = hints if self._setting(name, "trust_hints", is_ours) else Hints()
        return ToolInfo(
            name=name,
            description=description,
            schema=schema,
            source=source,
            read_only=said.read_only,
            destructive=said.destructive and not said.read_only,
            idempotent=said.idempotent,
            open_world=said.open_world,
            approve=next(_by_specificity(name, self._spec.approve), "destructive"),
            timeout_s=self._setting(name, "timeout_s", self._spec.timeout_s),
            retries=self._setting(name, "retries", RETRIES) if said.read_only or said.idempotent else 0,
            max_calls=self._setting(name, "max_calls", None),
            optional=self.is_optional(name),
            max_result_bytes=self.max_result_bytes(name, max_result_bytes),
        )

    def is_optional(self, name: str) -> bool:
        """Whether a tool of that name is off until a turn asks for it."""
        return self._setting(name, "optional", False)

    def max_result_bytes(self, name: str, default: int = MAX_RESULT_BYTES) -> int:
        """How long the results of a tool may be."""
        return self._setting(name, "max_result_bytes", default)

    def _setting(self, name: str, key: str, default: Setting) -> Setting:
        """Each key by itself, so that one glob can set a limit and another one the time."""
        found = (getattr(spec, key) for spec in _by_specificity(name, self._spec.each))
        return next((value for value in found if value is not None), default)


def _by_specificity(name: str, settings: Mapping[str, Setting]) -> Iterator[Setting]:
    """Those whose pattern fits, the name itself first, then the longest pattern."""
    fitting = [pattern for pattern in settings if pattern == name or fnmatchcase(name, pattern)]
    for pattern in sorted(fitting, key=lambda pattern: (pattern != name, -len(pattern))):
        yield settings[pattern]
