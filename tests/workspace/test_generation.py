"""Stored generations: whole or not at all, private, and never another than the one asked for."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agentctl.errors import GenerationMissing, StoreUnusable
from agentctl.workspace import load_generation, load_workspace, store_generation

Write = Callable[..., Path]
FILES = {"prompts/x.md": "hi", "data/deep/y.bin": b"\0\xff", ".agentctlignore": "*.bin\n!y.bin"}


def test_a_stored_generation_loads_as_it_was(write_workspace: Write) -> None:
    root = write_workspace("demo", FILES)
    workspace = load_workspace(root, "demo")
    store_generation(workspace)
    write_workspace("demo", {"workspace.yaml": "version: 2", "prompts/x.md": "changed"})

    stored = load_generation(root, "demo", workspace.generation)

    assert (stored.spec, stored.files, stored.generation) == (workspace.spec, workspace.files, workspace.generation)
    assert stored.folder == root / ".agentctl" / "generations" / "demo" / workspace.generation
    assert (stored.folder / "data/deep/y.bin").read_bytes() == b"\0\xff"


def test_storing_twice_and_at_once_leaves_one_whole_folder(write_workspace: Write) -> None:
    workspace = load_workspace(write_workspace("demo", FILES), "demo")

    with ThreadPoolExecutor(8) as pool:
        folders = set(pool.map(store_generation, [workspace] * 16))

    (folder,) = folders
    assert [path.name for path in folder.parent.iterdir()] == [workspace.generation]
    assert load_generation(workspace.root, "demo", workspace.generation).files == workspace.files


def test_what_is_stored_is_private(write_workspace: Write) -> None:
    root = write_workspace("demo", FILES)
    store_generation(load_workspace(root, "demo"))

    stored = [root / ".agentctl", *(root / ".agentctl").rglob("*")]

    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in stored}
    assert modes == {(True, 0o700), (False, 0o600)}


def test_a_damaged_generation_is_refused_and_stored_anew(write_workspace: Write) -> None:
    root = write_workspace("demo", FILES)
    workspace = load_workspace(root, "demo")
    folder = store_generation(workspace)
    (folder / "prompts" / "x.md").write_text("changed")

    with pytest.raises(GenerationMissing, match="were changed"):
        load_generation(root, "demo", workspace.generation)
    store_generation(workspace)

    assert load_generation(root, "demo", workspace.generation).files == workspace.files


@pytest.mark.parametrize("generation", ["0" * 12, "", "../demo", "/etc", "x" * 12])
def test_a_generation_that_is_not_there_is_refused(write_workspace: Write, generation: str) -> None:
    with pytest.raises(GenerationMissing, match="does not hold it"):
        load_generation(write_workspace(), "demo", generation)


def test_a_project_that_cannot_be_written_says_so(write_workspace: Write) -> None:
    root = write_workspace()
    (root / ".agentctl").write_text("a file in the way")

    with pytest.raises(StoreUnusable, match="cannot be stored"):
        store_generation(load_workspace(root, "demo"))
