"""Python of a workspace: a private package per workspace and generation."""

import sys
from pathlib import Path

import pytest

import agentctl
from agentctl.errors import WorkspaceError
from tests.conftest import WriteWorkspace
from tests.runs import run, workspace

ONE = {"a": {"entry": "work:speak_of"}}


def using(code: str, **files: str) -> dict[str, str]:
    """A workspace whose agent is `speak_of` in `work.py`, with more python files."""
    more = {f"{name}.py": text for name, text in files.items()}
    return {**workspace({"talk": ["a"]}, ONE, code), **more}


async def test_two_workspaces_may_have_files_of_one_name(write_workspace: WriteWorkspace) -> None:
    for name in ("first", "second"):
        files = using("\nfrom data import WORD\ndef speak_of(state): return WORD\n", data=f"WORD = {name!r}\n")
        root = write_workspace(name, files)
    async with agentctl.open(root) as hub:
        assert [(await hub.run(name, "go")).output for name in ("first", "second", "first")] == [
            "first", "second", "first",
        ]  # fmt: skip


async def test_two_generations_are_apart(write_workspace: WriteWorkspace) -> None:
    """The old hub goes on with what it has loaded, lazily imported siblings included."""
    code = "\ndef speak_of(state):\n    import data\n    return data.WORD\n"
    root = write_workspace("demo", using(code, data="WORD = 'old'\n"))
    async with agentctl.open(root) as old:
        before = await old.run("demo", "go")
        write_workspace("demo", {"data.py": "WORD = 'new'\n"})
        async with agentctl.open(root) as new:
            now = await new.run("demo", "go")
        after = await old.run("demo", "go")

    assert [before.output, now.output, after.output] == ["old", "new", "old"]
    assert before.generation == after.generation != now.generation


async def test_two_projects_with_the_same_files_share_no_module(
    write_workspace: WriteWorkspace, tmp_path: Path
) -> None:
    code = "\ncalls = []\ndef speak_of(state):\n    calls.append(1)\n    return f'{len(calls)} {__file__}'\n"
    first = write_workspace("demo", using(code))
    second = tmp_path / "second"
    for path, text in using(code).items():
        target = second / "workspaces/demo" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    async with agentctl.open(first) as one, agentctl.open(second) as two:
        outputs = [(await hub.run("demo", "go")).output.split() for hub in (one, two, one)]

    assert [count for count, _ in outputs] == ["1", "1", "2"]
    assert outputs[1][1].startswith(str(second))


async def test_siblings_import_each_other_in_every_way(write_workspace: WriteWorkspace) -> None:
    code = """
import data
import pack.inner
import pack.inner as renamed
from . import data as relative
from .pack import inner, WORD
from pack.inner import deep as d
from pack.deeper.leaf import up
from pack import *
def speak_of(state):
    assert data is relative and pack.inner is renamed is inner
    return " ".join([data.WORD, inner.deep(), WORD, up(), starred, __name__.split(".")[-1]])
"""
    files = {
        **using(code, data="WORD = 'data'\n"),
        "pack/__init__.py": "WORD = 'pack'\nstarred = 'star'\n",
        "pack/inner.py": "from .. import data\ndef deep(): return 'deep ' + data.WORD\n",
        "pack/deeper/leaf.py": "from ..inner import deep\nfrom ... import data\ndef up(): return 'up ' + data.WORD\n",
    }
    result = await run(write_workspace("demo", files))

    assert result.output == "data deep data pack up data star work"


async def test_the_standard_library_and_installed_packages_are_not_hidden(write_workspace: WriteWorkspace) -> None:
    """`agents/` with nothing but YAML is no package; a `json.py` of the workspace is reached by `from .`."""
    code = """
import json, yaml
from . import json as mine
try:
    import agents
except ModuleNotFoundError:
    agents = None
def speak_of(state): return f"{json.dumps([1])} {mine.WORD} {yaml.__name__} {agents}"
"""
    files = {**using(code, json="WORD = 'mine'\n"), "agents/b.yaml": "prompt: hi\non_error: skip\n"}
    files["workspace.yaml"] = files["workspace.yaml"].replace("- a", "- a\n    - b") + "model: offline\n"
    result = await run(write_workspace("demo", files))

    assert result.output.startswith("[1] mine yaml None")


async def test_nothing_is_left_behind(write_workspace: WriteWorkspace) -> None:
    path = list(sys.path)
    root = write_workspace("demo", using("\nimport data\ndef speak_of(state): return data.WORD\n", data="WORD = 'x'\n"))
    async with agentctl.open(root) as hub:
        await hub.run("demo", "go")
        assert [name for name in sys.modules if "demo" in name]

    assert sys.path == path
    assert not [name for name in sys.modules if "workspace_demo" in name]
    assert "data" not in sys.modules and "work" not in sys.modules
    assert not list(root.rglob("*.pyc"))


async def test_data_files_beside_a_module_belong_to_its_generation(write_workspace: WriteWorkspace) -> None:
    code = """
from pathlib import Path
def speak_of(state): return Path(__file__).with_name("note.txt").read_text() + " " + __file__
"""
    root = write_workspace("demo", {**using(code), "note.txt": "old"})
    async with agentctl.open(root) as hub:
        first = await hub.run("demo", "go")
        write_workspace("demo", {"note.txt": "new"})
        second = await hub.run("demo", "go")

    assert first.output == second.output == f"old {root}/.agentctl/generations/demo/{first.generation}/work.py"


async def test_the_bytes_that_were_hashed_are_the_ones_that_run(write_workspace: WriteWorkspace) -> None:
    """An edit behind the back of the stored generation changes nothing in a live process."""
    code = "\ndef speak_of(state):\n    import data\n    return data.WORD\n"
    root = write_workspace("demo", using(code, data="WORD = 'hashed'\n", other="X = 1\n"))
    async with agentctl.open(root) as hub:
        await hub.run("demo", "go")
        stored = next(root.glob(".agentctl/generations/demo/*/other.py"))
        stored.chmod(0o600)
        stored.write_text("WORD = 'tampered'\n")

        assert (await hub.run("demo", "go")).output == "hashed"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("\nimport nowhere_at_all\ndef speak_of(state): ...\n", "No module named 'nowhere_at_all'"),
        ("\nfrom ... import outside\ndef speak_of(state): ...\n", "leaves the workspace"),
        ("\nraise SystemExit(3)\ndef speak_of(state): ...\n", "SystemExit: 3"),
        ("\n1 / 0\ndef speak_of(state): ...\n", "ZeroDivisionError"),
    ],
)
async def test_a_module_that_cannot_be_imported_is_a_fault_of_the_workspace(
    write_workspace: WriteWorkspace, code: str, said: str
) -> None:
    with pytest.raises(WorkspaceError, match=said):
        await run(write_workspace("demo", using(code)))


async def test_modules_that_several_threads_need_are_imported_once(write_workspace: WriteWorkspace) -> None:
    """Both agents import it in the same moment: neither sees it half done."""
    code = """
import threading
together = threading.Barrier(4)
def speak_of(state):
    together.wait(5)
    from . import data
    return data.WORD
"""
    agents = {role: {"entry": "work:speak_of"} for role in "abcd"}
    slow = "import threading\nthreading.Event().wait(0.05)\nWORD = 'whole'\n"
    files = {**workspace({"talk": list("abcd")}, agents, code), "data.py": slow}

    assert (await run(write_workspace("demo", files))).output == "\n\n".join(["whole"] * 4)


async def test_classes_of_a_module_know_their_module(write_workspace: WriteWorkspace) -> None:
    code = """
from __future__ import annotations
import dataclasses, pickle, typing
@dataclasses.dataclass
class Point:
    x: int
def speak_of(state):
    return f"{pickle.loads(pickle.dumps(Point(3))).x} {typing.get_type_hints(Point)}"
"""
    files = using("")
    files["work.py"] = code
    assert (await run(write_workspace("demo", files))).output == "3 {'x': <class 'int'>}"
