"""Each code has a broken workspace that gets it, at the exact place in the user's own file."""

from pathlib import Path

import pytest

from agentctl.workspace import check_workspace
from agentctl.workspace.codes import CODES, TABLE
from tests.workspace.cases import CASES, Case, marked_place
from tests.workspace.errors_page import write


@pytest.mark.parametrize("case", CASES, ids=[f"{case.code}-{case.says[:40]}" for case in CASES])
def test_a_broken_workspace_gets_its_code_at_its_place(tmp_path: Path, case: Case) -> None:
    write(tmp_path / "workspaces" / case.name, case)

    _, problems = check_workspace(tmp_path, case.name)

    file, line, col = marked_place(case)
    place = (f"workspaces/{case.name}/{file}", line, col)
    found = [problem for problem in problems if problem.code.startswith(case.code) and case.says in problem.message]
    assert [(problem.path, problem.line, problem.col) for problem in found] == [place], problems
    assert found[0].hint


def test_every_code_has_a_case() -> None:
    assert {case.code for case in CASES} == set(CODES)


def test_codes_and_names_are_unique() -> None:
    assert len({code.id for code in TABLE}) == len({code.name for code in TABLE}) == len(TABLE)
