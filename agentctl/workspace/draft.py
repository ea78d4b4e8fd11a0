"""A workspace on its way to being valid: its specs as far as they could be read, and what is at fault.

One bad value never hides the other problems: it is reported, taken out, and the rest is
validated again without it. What was taken out stays declared, so that nothing else is
blamed for it.
"""

import ast
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from agentctl.errors import Problem
from agentctl.workspace.artifacts import Artifacts, decode, is_text
from agentctl.workspace.diagnostics import Diagnostics, Place
from agentctl.workspace.discovery import MANIFEST
from agentctl.workspace.document import Document, Part
from agentctl.workspace.invalid import faults_by_loc, note_faults, without
from agentctl.workspace.node import Loc
from agentctl.workspace.spec import AgentSpec, StageSpec, WorkspaceSpec
from agentctl.workspace.yamlfile import read_yaml

if TYPE_CHECKING:
    from agentctl.workspace.trial import TrialSpec

Model = TypeVar("Model", bound=BaseModel)


@dataclass
class Draft:
    """What the checks look at, and where they report.

    `spec` has every role merged into `agents`; `parts` says where each role stands.
    """

    artifacts: Artifacts
    report: Diagnostics
    main: Part
    documents: dict[str, Document]
    spec: WorkspaceSpec | None = None
    parts: dict[str, Part] = field(default_factory=dict)
    agents: dict[str, AgentSpec] = field(default_factory=dict)
    broken: set[Loc] = field(default_factory=set)
    strangers: set[str] = field(default_factory=set)
    """Roles that something names and nothing declares."""
    trees: dict[str, ast.Module | None] = field(default_factory=dict)
    """Syntax trees of the Python files that were looked into."""

    @property
    def stages(self) -> dict[str, StageSpec]:
        """The stages that could be read."""
        return self.spec.stages if self.spec else {}

    def declared(self, kind: str) -> list[str]:
        """Every name under a key of workspace.yaml, faulty ones too."""
        return list((self.main / kind).node.items) if kind in self.main.node.items else []

    def is_whole(self, *kinds: str) -> bool:
        """Whether nothing was taken out of these keys of workspace.yaml, so that what is missing there is missing."""
        return self.spec is not None and not any(loc[0] in kinds for loc in self.broken if loc)

    def is_broken(self, *loc: str) -> bool:
        """Whether the value at up to three keys, or one around it, was taken out, so that what is read is a default."""
        return any(loc[:depth] in self.broken for depth in range(1, len(loc) + 1))


@dataclass(frozen=True)
class Trials:
    """The tests of a workspace: those that are right, by name, what is wrong with others, and their files."""

    specs: "dict[str, TrialSpec]" = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: frozenset[str] = frozenset()


def may_be_trial(path: str) -> bool:
    """Whether a file is a test, unless it holds nothing but `replies`."""
    return path.startswith("tests/") and path.endswith(".yaml") and path.count("/") == 1


def read_draft(artifacts: Artifacts, report: Diagnostics) -> Draft:
    """Parse and validate workspace.yaml and every `agents/*.yaml`."""
    documents = {path: read_document(path, artifacts, report) for path in [MANIFEST, *_agent_files(artifacts, report)]}
    known = {path: document or Document(path, "") for path, document in documents.items()}
    draft = Draft(artifacts, report, Part(known[MANIFEST]), known)
    _check_encodings(artifacts, known, report)
    if documents[MANIFEST] is not None:
        draft.spec = validated(WorkspaceSpec, draft.main, (), draft)
    if draft.spec is None:
        draft.broken.add(())
    else:
        draft.agents.update(draft.spec.agents)
    draft.parts.update({role: draft.main / "agents" / role for role in draft.declared("agents")})
    for path, document in documents.items():
        if path != MANIFEST:
            _add_agent(PurePosixPath(path).stem, Part(known[path]), draft, is_read=document is not None)
    if draft.spec is not None:
        draft.spec = draft.spec.model_copy(update={"agents": dict(draft.agents)})
    return draft


def _add_agent(role: str, part: Part, draft: Draft, *, is_read: bool) -> None:
    if role in draft.parts:
        first = draft.parts[role].key
        message = f"role {role!r} is declared already in {first.path}, line {first.line}"
        draft.report.add("E208", part.value, message)
        return
    draft.parts[role] = part
    spec = validated(AgentSpec, part, ("agents", role), draft) if is_read else None
    if spec is None:
        draft.broken.add(("agents", role))
    else:
        draft.agents[role] = spec


def _agent_files(artifacts: Artifacts, report: Diagnostics) -> list[str]:
    found = []
    for path in artifacts.files:
        if path.startswith("agents/") and path.count("/") == 1:
            if path.endswith(".yaml"):
                found.append(path)
            elif path.endswith(".yml"):
                report.add("E712", Place(path), f"{path} is not read", severity="warning")
    return found


def read_document(path: str, artifacts: Artifacts, report: Diagnostics) -> Document | None:
    """A YAML file among the artifacts; `None`, and a problem, if it cannot be read."""
    content = artifacts.files.get(path)
    if content is None:
        if path not in artifacts.left_out:
            report.add("E708", Place(path), f"{path} is no file")
        return None
    text = decode(path, content, report)
    return read_yaml(path, text, report) if text is not None else None


def _check_encodings(artifacts: Artifacts, known: Collection[str], report: Diagnostics) -> None:
    for path, content in artifacts.files.items():
        if path not in known and is_text(path) and not content.isascii():
            decode(path, content, report)


def validated(model: type[Model], part: Part, owner: Loc, draft: Draft) -> Model | None:
    """The spec at `part`, less what is at fault; `None` if nothing is left."""
    data: object = part.node.plain()
    for attempt in range(4):
        try:
            return model.model_validate(data)
        except ValidationError as error:
            faults = faults_by_loc(error, part)
            # Later attempts fail only for what the first one took out.
            if attempt == 0:
                draft.broken |= {(*owner, *loc)[:3] for loc in note_faults(faults, part, model, draft.report)}
            if () in faults:
                return None
            without(data, faults)
            if model is WorkspaceSpec and isinstance(data, dict):
                data.setdefault("version", 1)
    return None
