"""What a measuring agent found, and how it tells the others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .source import Tree, read_tree

MAX_FINDINGS = 40
"""Per agent; how many more there are is said."""


@dataclass(frozen=True)
class Finding:
    """One thing to mend, at `file:line`; the scores are 0 to 1."""

    kind: str
    file: str
    line: int
    title: str
    text: str
    severity: float
    confidence: float
    effort: float

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def id(self) -> str:
        """Unique as long as one kind says a thing once a line; the title tells the rest apart."""
        return f"{self.kind}:{self.where}:{self.title}"


@dataclass(frozen=True)
class Measured:
    """What one agent found, and what it looked at, in one sentence."""

    findings: Sequence[Finding]
    summary: str


def measured(task: str, measure: Callable[[Tree], Measured], *, with_project: bool = False) -> dict[str, object]:
    """Run one measurement on the tree of the task, as an agent's output fields.

    Raises:
        NothingToReview: there is no Python at the path; the run fails.
    """
    result = measure(read_tree(task, with_project=with_project))
    worst = sorted(result.findings, key=lambda f: (-f.severity * f.confidence, f.where))
    more = len(worst) - MAX_FINDINGS
    summary = result.summary + (f" Only the worst {MAX_FINDINGS} of {len(worst)} are listed." if more > 0 else "")
    return {
        "text": summary,
        "options": [_option(finding) for finding in worst[:MAX_FINDINGS]],
        "scores": {finding.id: _scores(finding) for finding in worst[:MAX_FINDINGS]},
    }


def counted(number: int, noun: str) -> str:
    """`1 function`, `3 functions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _option(finding: Finding) -> Mapping[str, str]:
    return {"id": finding.id, "title": f"{finding.where} {finding.title}", "text": finding.text}


def _scores(finding: Finding) -> Mapping[str, float]:
    return {"severity": finding.severity, "confidence": finding.confidence, "effort": finding.effort}
