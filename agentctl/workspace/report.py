"""Problems as text for people, and as JSON, SARIF 2.1.0 and JUnit for machines."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Literal
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from agentctl.errors import Problem
from agentctl.workspace.codes import CODES

Format = Literal["text", "json", "sarif", "junit"]
Problems = Mapping[str, Sequence[Problem]]


def render(problems_by_workspace: Problems, format: Format = "text") -> str:
    """The problems of each checked workspace; one without any is named as valid.

    Args:
        problems_by_workspace: in the order that they are shown.
        format: `text`; `json`, one array; `sarif` and `junit`, whole documents.
    """
    return _RENDERERS[format](problems_by_workspace)


def _text(found: Problems) -> str:
    lines: list[str] = []
    for name, problems in found.items():
        for problem in problems:
            prefix = "warning: " if problem.severity == "warning" else ""
            lines.append(_said(replace(problem, message=prefix + problem.message)))
        lines.append(f"{name}: {_summary(problems)}")
    return "\n".join(lines)


def _summary(problems: Sequence[Problem]) -> str:
    counts = [
        f"{count} {severity}{'s' if count != 1 else ''}"
        for severity in ("error", "warning")
        if (count := sum(1 for problem in problems if problem.severity == severity))
    ]
    return ", ".join(counts) or "valid"


def _json(found: Problems) -> str:
    rows = [
        {
            "workspace": name,
            "valid": all(p.severity == "warning" for p in problems),
            "problems": [*map(asdict, problems)],
        }
        for name, problems in found.items()
    ]
    return json.dumps(rows, indent=2)


def _sarif(found: Problems) -> str:
    every = [problem for problems in found.values() for problem in problems]
    rules = sorted({problem.code.split()[0] for problem in every})
    driver = {
        "name": "agentctl",
        "rules": [
            {
                "id": rule,
                "name": CODES[rule].name,
                "shortDescription": {"text": CODES[rule].meaning},
                "help": {"text": CODES[rule].fix},
            }
            for rule in rules
        ],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(problem, rules) for problem in every],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_result(problem: Problem, rules: list[str]) -> dict[str, object]:
    rule = problem.code.split()[0]
    text = f"{problem.message}; hint: {problem.hint}" if problem.hint else problem.message
    place = {
        "artifactLocation": {"uri": quote(problem.path)},
        "region": {"startLine": problem.line, "startColumn": problem.col},
    }
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "level": problem.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
    }


def _junit(found: Problems) -> str:
    failed = sum(1 for problems in found.values() if any(p.severity == "error" for p in problems))
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="agentctl validate" tests="{len(found)}" failures="{failed}">',
        f'<testsuite name="workspaces" tests="{len(found)}" failures="{failed}" errors="0">',
    ]
    for name, problems in found.items():
        lines.append(f'<testcase classname="workspaces" name={quoteattr(name)}>')
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            said = escape("\n".join(map(_said, errors)))
            lines.append(f"<failure message={quoteattr(_summary(errors))}>{said}</failure>")
        warnings = [problem for problem in problems if problem.severity == "warning"]
        if warnings:
            said = escape("\n".join(map(_said, warnings)))
            lines.append(f"<system-out>{said}</system-out>")
        lines.append("</testcase>")
    return "\n".join([*lines, "</testsuite>", "</testsuites>"])


def _said(problem: Problem) -> str:
    return f"{problem}\n    hint: {problem.hint}" if problem.hint else str(problem)


_RENDERERS: Mapping[Format, Callable[[Problems], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "junit": _junit,
}
