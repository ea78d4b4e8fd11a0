"""Tests of a workspace for one command: found, run, and told."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from agentctl.cli.aside import printing_aside, stdout_kept
from agentctl.cli.output import cut, json_text, plural, safe
from agentctl.cli.words import took
from agentctl.errors import Problem, UsageError, WorkspaceInvalid, did_you_mean
from agentctl.sessions.trial import Fault, Verdict, try_out
from agentctl.workspace import check_workspace

INVALID = "invalid"
"""What is at fault in a test that cannot be run."""

SHOWN = 300
"""Characters of a value in one line."""


async def tried(root: Path, name: str, wanted: Sequence[str]) -> list[Verdict]:
    """The verdicts on the tests of a workspace, or on those that are wanted; what is wrong in a test's file are faults.

    Raises:
        WorkspaceInvalid: the workspace has problems.
        UsageError: there is no such test.
    """
    workspace, problems = check_workspace(root, name)
    wrong = [problem for problem in problems if problem.severity == "error"]
    if workspace is None:
        raise WorkspaceInvalid(name, wrong)
    invalid = _invalid(wrong)
    known = sorted({*workspace.trials, *invalid})
    if not known:
        hint = f"write {workspace.folder}/tests/<name>.yaml; see docs/testing.md"
        raise UsageError(f"workspace {name!r} has no tests", hint=hint)
    for word in wanted:
        if word not in known:
            what = f"workspace {name!r} has no test {word!r}{did_you_mean(word, known)}"
            raise UsageError(what, hint=f"there are {', '.join(known)}")
    os.environ["AGENTCTL_CWD"] = str(workspace.folder)  # a task names files of the workspace, wherever one stands
    os.chdir(root)  # as in every run
    chosen = list(dict.fromkeys(wanted)) or known
    with stdout_kept(), printing_aside():
        found = await try_out(workspace, [each for each in chosen if each not in invalid])
    verdicts = {verdict.name: verdict for verdict in found} | invalid
    return [verdicts[each] for each in chosen]


def _invalid(problems: Sequence[Problem]) -> dict[str, Verdict]:
    """A verdict on each file of a test that is wrong, by the test's name."""
    faults: dict[str, list[Fault]] = {}
    for problem in problems:
        got = f"{problem}\nhint: {problem.hint}" if problem.hint else str(problem)
        faults.setdefault(Path(problem.path).stem, []).append(Fault(INVALID, "a valid test", got))
    return {name: Verdict(name, found, 0.0) for name, found in faults.items()}


def render(workspace: str, verdicts: Sequence[Verdict], format: str) -> str:
    """The verdicts as `text`, `json` or `junit`."""
    return _RENDERERS[format](workspace, verdicts)


def _text(workspace: str, verdicts: Sequence[Verdict]) -> str:
    lines = []
    for verdict in verdicts:
        lines.append(f"{'FAIL' if verdict.faults else 'ok  '} {verdict.name} ({took(verdict.duration_s)})")
        lines += [f"       {line}" for fault in verdict.faults for line in _told(fault)]
    failed = _failed(verdicts)
    lines.append(f"{workspace}: {plural(len(verdicts), 'test')}, {f'{failed} failed' if failed else 'all passed'}")
    return "\n".join(lines)


def _told(fault: Fault) -> list[str]:
    """A fault in lines; the text of a run's own error keeps its lines."""
    got = str(fault.got).splitlines() if fault.what in (INVALID, "call", "run", "status") else [_value(fault.got)]
    first, *more = got or [""]
    return [f"{fault.what}: expected {_value(fault.expected)}", f"    got {first}", *(f"    {line}" for line in more)]


def _value(value: object) -> str:
    return cut(value if isinstance(value, str) and "\n" not in value else json_text(value), SHOWN)


def _json(workspace: str, verdicts: Sequence[Verdict]) -> str:
    failed = _failed(verdicts)
    rows = [{"name": each.name, "passed": not each.faults, **_rounded(asdict(each))} for each in verdicts]
    whole = {"workspace": workspace, "passed": len(verdicts) - failed, "failed": failed, "tests": rows}
    return json_text(whole, indent=2)


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "duration_s": round(row["duration_s"], 3)}


def _junit(workspace: str, verdicts: Sequence[Verdict]) -> str:
    failed, time_s = _failed(verdicts), sum(verdict.duration_s for verdict in verdicts)
    counts = f'tests="{len(verdicts)}" failures="{failed}"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="agentctl test" {counts}>',
        f'<testsuite name={quoteattr(workspace)} {counts} errors="0" time="{time_s:.3f}">',
    ]
    for verdict in verdicts:
        named = f"classname={quoteattr(workspace)} name={quoteattr(safe(verdict.name))}"
        lines.append(f'<testcase {named} time="{verdict.duration_s:.3f}">')
        if verdict.faults:
            told = safe("\n".join(line for fault in verdict.faults for line in _told(fault)))
            summary = ", ".join(fault.what for fault in verdict.faults)
            lines.append(f"<failure message={quoteattr(summary)}>{escape(told)}</failure>")
        lines.append("</testcase>")
    return "\n".join([*lines, "</testsuite>", "</testsuites>"])


def _failed(verdicts: Sequence[Verdict]) -> int:
    return sum(1 for verdict in verdicts if verdict.faults)


_RENDERERS: Mapping[str, Callable[[str, Sequence[Verdict]], str]] = {"text": _text, "json": _json, "junit": _junit}
