"""Reads and checks `tests/*.yaml`. A test that is wrong keeps no workspace from running."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from posixpath import normpath

from agentctl.workspace.artifacts import IS_CASSETTE
from agentctl.workspace.diagnostics import Diagnostics, shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft, Trials, may_be_trial, read_document, validated
from agentctl.workspace.trial import TrialSpec


def read_trials(draft: Draft) -> Trials:
    """The tests of a workspace.

    Args:
        draft: the workspace, as far as it could be read; nothing of it is changed.
    """
    report = draft.report.like()
    own = replace(draft, report=report, broken=set())
    specs: dict[str, TrialSpec] = {}
    files = set()
    for path in sorted(filter(may_be_trial, draft.artifacts.files)):
        document = read_document(path, draft.artifacts, report)
        if document is not None and document.root.items.keys() == {"replies"}:
            continue  # a file for `scripted:`
        files.add(path)
        part = Part(document) if document is not None else None
        spec = validated(TrialSpec, part, ("tests", path), own) if part else None
        if part and spec:
            _check(draft, report, spec, part)
        wrong = (problem for problem in report.problems if problem.severity == "error")
        if spec and not any(problem.path.endswith(f"/{path}") for problem in wrong):
            specs[PurePosixPath(path).stem] = spec
    return Trials(specs, report.problems, frozenset(files))


def _check(draft: Draft, report: Diagnostics, spec: TrialSpec, part: Part) -> None:
    """Names of stages, agents and tools, and the cassette."""
    roles, stages = list(draft.parts), draft.declared("stages")
    for code, word, name, known, at in [
        *(("E202", "stage", name, stages, at) for name, at in _stages(spec, part)),
        *(("E201", "agent", name, roles, at) for name, at in _agents(spec, part)),
    ]:
        _check_name(report, code, f"{at.name}: unknown {word}", name, known, at)
    _check_tools(draft, report, spec, part)
    if spec.cassette is not None:
        _check_cassette(draft, report, spec, part, spec.cassette)


def _stages(spec: TrialSpec, part: Part) -> Iterator[tuple[str, Part]]:
    for index, stage in enumerate(spec.expect.path or ()):
        yield stage, part / "expect" / "path" / index
    for index, reply in enumerate(spec.replies or ()):
        if reply.stage is not None:
            yield reply.stage, part / "replies" / index / "stage"


def _agents(spec: TrialSpec, part: Part) -> Iterator[tuple[str, Part]]:
    for index, reply in enumerate(spec.replies or ()):
        if reply.agent is not None:
            yield reply.agent, part / "replies" / index / "agent"


def _check_name(report: Diagnostics, code: str, what: str, name: str, known: Collection[str], at: Part) -> None:
    if name not in known:
        report.add(code, at.value, f"{what} {name!r}{report.suggest(name, known)}")


def _check_tools(draft: Draft, report: Diagnostics, spec: TrialSpec, part: Part) -> None:
    agents = draft.agents.values()
    listed = [*(name for agent in agents for name in agent.tools), *(c.tool for agent in agents for c in agent.calls)]
    for name, stubs in spec.tools.items():
        at = part / "tools" / name
        if not any(fnmatchcase(name, pattern) for pattern in listed):
            message = f"{at.name}: no agent lists a tool {name!r}{report.suggest(name, listed)}"
            report.add("E204", at.key, message, "correct the name, or list the tool under an agent's `tools`")
        if not stubs:
            report.add("E104", at.value, f"{at.name} must not be empty")


def _check_cassette(draft: Draft, report: Diagnostics, spec: TrialSpec, part: Part, path: str) -> None:
    at = part / "cassette"
    clean, left_out = normpath(path), draft.artifacts.left_out
    if path.startswith(("/", "~")) or clean == ".." or clean.startswith("../"):
        report.add("E707", at.value, f"cassette: {shown(path)} leaves the workspace", "record it within the workspace")
    elif left_out.get(clean) != IS_CASSETTE:
        known = [name for name, why in left_out.items() if why == IS_CASSETTE]
        what = "is no cassette" if clean in draft.artifacts.files else "does not exist"
        hint = "record one with `agentctl run … --record FILE`"
        report.add("E207", at.value, f"cassette: {shown(path)} {what}{report.suggest(clean, known)}", hint)
    for key in ("tools", "approvals"):
        if key in spec.model_fields_set:
            message = f"{key} has no use in a test with a cassette, which answers tools and approvals too"
            report.add("E107", (part / key).key, message)
