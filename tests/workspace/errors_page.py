"""Makes `docs/errors.md`: `python -m tests.workspace.errors_page > docs/errors.md`."""

import inspect
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agentctl.errors import AgentctlError, Problem
from agentctl.workspace import check_workspace
from agentctl.workspace.codes import TABLE, Code
from tests.conftest import WORKSPACE
from tests.workspace.cases import CASES, Case, marked_place, without_mark

HEAD = """\
# Errors

Two kinds: *problems* in the files of a workspace, each with a code, a place and a hint (`agentctl validate`
prints them all), and *errors* that end a command or a run. This page is made from the code by
`python -m tests.workspace.errors_page > docs/errors.md`, and a test compares the two.

## Problems in files

They read `path:line:col: code: sentence`, then `hint: …`; lines and columns count from 1 in your own file.
E1 keys and values, E2 references, E3 flow, E4 who may write a channel, E5 expressions and prompts, E6 Python,
E7 files and YAML. Those marked as warnings do not make a workspace invalid.
"""
ERRORS = """\
## Errors of commands and runs

`error.code` of `run.finished`, and the exit code of the command.

| Error | Code | Exit | Means |
|---|---|--:|---|
"""
TAIL = """
A failed model has the code of its cause: `model-timeout`, `model-rate-limited`, `model-server-error`,
`model-refused`, `model-filtered`, `model-truncated`, `model-context-overflow`, `model-malformed`, `model-auth`,
`model-unreachable` or `model-bad-request`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *[_section(code) for code in TABLE], ERRORS + "\n".join(_rows(AgentctlError)) + TAIL])


def _section(code: Code) -> str:
    case = next(case for case in CASES if case.code == code.id)
    example = _example(case)
    return f"### {code}\n\n{code.meaning}\n\n```text\n{example}\n```\n\n{code.fix}\n"


def _example(case: Case) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root / "workspaces" / case.name, case)
        _, problems = check_workspace(root, case.name)
    problem = next(one for one in problems if one.code.startswith(case.code) and case.says in one.message)
    return "\n".join([*_quoted(case, problem), f"{problem}", f"hint: {problem.hint}"])


def write(folder: Path, case: Case) -> None:
    """Make the workspace of a case."""
    for path, content in {"workspace.yaml": WORKSPACE, **case.files}.items():
        text = without_mark(content)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode() if isinstance(text, str) else text)
    for link, target in case.links.items():
        (folder / link).parent.mkdir(exist_ok=True)
        (folder / link).symlink_to(target)


def _quoted(case: Case, problem: Problem) -> Iterator[str]:
    """The line at fault with a mark under it, where it is a readable one."""
    content = case.files.get(marked_place(case)[0])
    if not isinstance(content, str):
        return
    line = content.replace("⟦", "").split("\n")[problem.line - 1]
    if line.isprintable() and 0 < len(line) <= 110:
        yield line
        yield " " * (problem.col - 1) + "^"


def _rows(error: type[AgentctlError]) -> Iterator[str]:
    for child in sorted(_drawn(error), key=_order):
        summary = (inspect.getdoc(child) or "").split("\n")[0].replace("|", "\\|")
        yield f"| `{child.__name__}` | `{child.code}` | {child.exit_code} | {summary} |"
        yield from _rows(child)


def _drawn(error: type[AgentctlError]) -> list[type[AgentctlError]]:
    """Its subclasses in `agentctl.errors`; others are details of their packages."""
    return [child for child in error.__subclasses__() if child.__module__ == "agentctl.errors"]


def _order(error: type[AgentctlError]) -> int:
    return inspect.getsourcelines(error)[1]


if __name__ == "__main__":
    print(page(), end="")
