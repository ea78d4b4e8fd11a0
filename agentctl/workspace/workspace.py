"""A loaded workspace: its specs and the very bytes that they were read from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING

from agentctl.errors import Problem
from agentctl.workspace.document import Part
from agentctl.workspace.spec import WorkspaceSpec
from agentctl.workspace.stages import StageRegistry

if TYPE_CHECKING:
    from agentctl.workspace.trial import TrialSpec


@dataclass(frozen=True)
class Workspace:
    """Immutable; serves every run of its generation.

    `spec.agents` has every role, of files and inline. `files` are the artifacts by path
    relative to the workspace; `folder` is where they lie, which is the stored generation
    for a workspace that was loaded from one.
    """

    name: str
    root: Path
    folder: Path
    spec: WorkspaceSpec
    files: Mapping[str, bytes]
    generation: str
    warnings: tuple[Problem, ...]
    parts: Mapping[str, Part]
    """Role to where it is declared."""
    trials: Mapping[str, "TrialSpec"] = field(default_factory=dict)
    """Its tests by name, as far as they are right; no part of the generation."""

    @cached_property
    def stages(self) -> StageRegistry:
        """The stages, with defaults filled in."""
        return StageRegistry(self.spec)

    def text(self, path: str) -> str:
        """The text of an artifact, which must exist and be UTF-8."""
        return self.files[normpath(path)].decode("utf-8-sig")

    def prompt(self, role: str) -> str | None:
        """The template of a role's prompt, from its file if it names one."""
        spec = self.spec.agents[role]
        return self.text(spec.prompt_path) if spec.prompt_path is not None else spec.prompt

    def schema(self, path: str) -> dict[str, object]:
        """The JSON Schema in an artifact, which must exist."""
        schema: dict[str, object] = json.loads(self.text(path))
        return schema
