"""Which files are artifacts, and that nothing outside of the folder is read."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentctl.workspace import check_workspace, load_workspace

Write = Callable[..., Path]


def test_artifacts_are_regular_files_that_matter(write_workspace: Write) -> None:
    junk = [".env", ".git/config", "__pycache__/a.pyc", "a.pyc", "x.tmp", ".x.swp", "x.md~", "#x.md#", "b/.hidden/y"]
    kept = {"README.md": "x", "data/binary.bin": b"\xff\0", "a/b/c.txt": "", "odd name é.txt": "x"}

    root = write_workspace("demo", {**dict.fromkeys(junk, "junk"), **kept})

    assert sorted(load_workspace(root, "demo").files) == sorted([*kept, "workspace.yaml"])


def test_ignored_files_are_no_artifacts(write_workspace: Write) -> None:
    files = {
        ".agentctlignore": "*.log\n/data/\n!data/keep\n# comment\nworkspace.yaml\nb/*.txt\n!b/keep.txt\n",
        "a.log": "",
        "data/keep": "",
        "x/data/y": "",
        "b/gone.txt": "",
        "b/keep.txt": "",
    }

    root = write_workspace("demo", files)

    assert sorted(load_workspace(root, "demo").files) == ["b/keep.txt", "workspace.yaml", "x/data/y"]


def test_a_file_of_one_mib_is_an_artifact_and_one_byte_more_is_not(write_workspace: Write) -> None:
    root = write_workspace("demo", {"a.bin": b"\0" * 1024 * 1024, "b.bin": b"\0" * (1024 * 1024 + 1)})

    workspace = load_workspace(root, "demo")

    assert sorted(workspace.files) == ["a.bin", "workspace.yaml"]
    assert [warning.code for warning in workspace.warnings] == ["E713 not-an-artifact"]


@pytest.mark.parametrize("path", ["prompts/x.md", "schemas/x.json", "x.py", "data/x.yaml"])
def test_text_that_agentctl_reads_must_be_small_and_utf_8(write_workspace: Write, path: str) -> None:
    large = check_workspace(write_workspace("large", {path: b"#" * (1024 * 1024 + 1)}), "large")[1]
    latin = check_workspace(write_workspace("latin", {path: b'"\xe9"'}), "latin")[1]

    assert [problem.code for problem in large] == ["E704 too-large"]
    assert "E703 not-utf8" in [problem.code for problem in latin]


def test_a_large_prompt_outside_of_prompts_is_refused_too(write_workspace: Write) -> None:
    text = "version: 1\nstages: {t: {agents: [a]}}\nagents: {a: {prompt: big.md}}\n"
    root = write_workspace("demo", {"workspace.yaml": text, "big.md": b"x" * (1024 * 1024 + 1)})

    workspace, problems = check_workspace(root, "demo")

    assert workspace is None
    assert "E704 too-large" in [problem.code for problem in problems]


def test_a_link_within_the_workspace_is_its_target_s_bytes(write_workspace: Write) -> None:
    root = write_workspace("demo", {"real.txt": "x"})
    (root / "workspaces" / "demo" / "link.txt").symlink_to("real.txt")

    assert load_workspace(root, "demo").files["link.txt"] == b"x"


def test_a_linked_workspace_is_one(write_workspace: Write, tmp_path: Path) -> None:
    root = write_workspace()
    (root / "workspaces" / "other").symlink_to(root / "workspaces" / "demo")

    assert load_workspace(root, "other").spec == load_workspace(root, "demo").spec


def test_a_pipe_is_never_opened_for_waiting(write_workspace: Write) -> None:
    root = write_workspace()
    os.mkfifo(root / "workspaces" / "demo" / "pipe")

    assert sorted(load_workspace(root, "demo").files) == ["workspace.yaml"]


@pytest.mark.parametrize("manifest", ["folder", "dangling", "loop", "outside"])
def test_a_manifest_that_is_no_file_is_a_problem(write_workspace: Write, tmp_path: Path, manifest: str) -> None:
    root = write_workspace()
    path = root / "workspaces" / "demo" / "workspace.yaml"
    path.unlink()
    if manifest == "folder":
        path.mkdir()
    else:
        path.symlink_to({"dangling": "nowhere", "loop": "workspace.yaml", "outside": "/etc/hostname"}[manifest])

    workspace, problems = check_workspace(root, "demo")

    assert workspace is None
    assert [problem.code for problem in problems] == [
        "E707 outside-workspace" if manifest == "outside" else "E708 unreadable"
    ]


@pytest.fixture
def deep_workspace(write_workspace: Write) -> Iterator[Path]:
    root = write_workspace()
    here = os.open(root / "workspaces" / "demo", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    yield root
    # pytest's own removal of temporary folders recurses, and would fail.
    subprocess.run(["rm", "-rf", str(root / "workspaces" / "demo" / "d")], check=True)


def test_folders_nest_deeper_than_python_s_stack(deep_workspace: Path) -> None:
    assert sorted(load_workspace(deep_workspace, "demo").files) == ["workspace.yaml"]


def test_a_name_that_is_no_utf_8_is_shown_escaped(write_workspace: Write) -> None:
    root = write_workspace()
    path = os.fsencode(root / "workspaces" / "demo") + b"/\xff\x1b[2J.py"
    Path(os.fsdecode(path)).write_bytes(b"\xff")

    _, problems = check_workspace(root, "demo")

    assert [problem.path for problem in problems] == ["workspaces/demo/\\udcff\\x1b[2J.py"]


def test_the_hash_is_of_paths_and_bytes(write_workspace: Write) -> None:
    root = write_workspace("demo", {"a.txt": "1", "b.txt": "2"})
    folder = root / "workspaces" / "demo"
    first = load_workspace(root, "demo").generation

    (folder / "a.txt").write_text("2")
    (folder / "b.txt").write_text("1")
    swapped = load_workspace(root, "demo").generation
    (folder / "a.txt").write_text("1")
    (folder / "b.txt").write_text("2")
    (folder / ".hidden").write_text("x")

    assert len(first) == 12
    assert first != swapped
    assert load_workspace(root, "demo").generation == first
