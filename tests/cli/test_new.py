import json
import os
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace


def test_a_new_workspace_validates_and_runs(agentctl: Command, tmp_path: Path) -> None:
    code, out, err = agentctl("new", "mine")

    assert (code, out) == (0, f"{tmp_path}/workspaces/mine\n")
    assert 'agentctl run mine "Tea or coffee?"' in err
    assert agentctl("validate") == (0, "mine: valid\n", "")
    ran = agentctl("run", "mine", "Tea or coffee?", "--json")
    finished = json.loads(ran.out.splitlines()[-1])
    assert (ran.code, finished["status"], finished["stages"][0]) == (0, "done", "draft")


@pytest.mark.parametrize("source", ["trip-planner", "debate", "code-review"])
def test_ready_made_ones_are_copied_into_any_project(agentctl: Command, tmp_path: Path, source: str) -> None:
    code, _, err = agentctl("new", "mine", "--from", source)

    assert code == 0
    assert "agentctl run mine" in err
    assert agentctl("validate", "mine").code == 0
    assert (tmp_path / "workspaces/mine/README.md").is_file()
    assert not [path for path in tmp_path.rglob("*") if path.name == "__pycache__" or path.name.startswith(".new-")]


def test_the_projects_own_come_before_ready_made_ones(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    root = write_workspace("debate", {"note.txt": "ours"})
    (root / "workspaces/debate/run.sh").write_text("#!/bin/sh\n")
    (root / "workspaces/debate/run.sh").chmod(0o500)

    assert agentctl("new", "mine", "--from", "debate").code == 0
    assert (root / "workspaces/mine/note.txt").read_text() == "ours"
    assert (root / "workspaces/mine/run.sh").stat().st_mode & 0o777 == 0o744


@pytest.mark.parametrize("name", ["Mine", "1x", "", "a b", "../out", "a/b", "user", "x" * 65, "é", "-x"])
def test_names_that_cannot_be_are_refused(agentctl: Command, tmp_path: Path, name: str) -> None:
    assert agentctl("new", "--", name).code == 2
    assert os.listdir(tmp_path) == []


def test_nothing_is_overwritten(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    root = write_workspace("mine")
    before = (root / "workspaces/mine/workspace.yaml").read_text()
    code, out, err = agentctl("new", "mine")

    assert (code, out) == (2, "")
    assert "exists already" in err
    assert (root / "workspaces/mine/workspace.yaml").read_text() == before


def test_an_unknown_source_gets_the_nearest_and_creates_nothing(agentctl: Command, tmp_path: Path) -> None:
    code, _, err = agentctl("new", "mine", "--from", "debats")

    assert code == 3
    assert "did you mean 'debate'?" in err
    assert os.listdir(tmp_path) == []


def test_a_copy_with_problems_says_so(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", "version: 2\n")

    assert "agentctl validate mine" in agentctl("new", "mine", "--from", "bad").err


def test_a_place_that_cannot_be_written_is_one_clear_error(agentctl: Command, tmp_path: Path) -> None:
    (tmp_path / "workspaces").write_text("a file")
    code, out, err = agentctl("new", "mine")

    assert (code, out) == (3, "")
    assert err.startswith("error: ")
    assert "hint: " in err
