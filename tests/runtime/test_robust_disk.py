"""Damaged, read-only and full disks, and many processes on one project."""

import asyncio
import gc
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import agentctl
from tests.runtime.process import Project, events

TRIO = """\
version: 1
stages:
  one: {agents: [a, b]}
  two: {agents: [c]}
agents:
  a: {kind: python, entry: "work:say"}
  b: {kind: python, entry: "work:say"}
  c: {kind: python, entry: "work:say"}
"""
CODE = "async def say(state, ctx):\n    return ctx.agent + state['task']\n"


FILL = """\
import os

def say(state, ctx):
    if ctx.agent == "c" and not os.path.exists("healed"):
        try:
            with open("fill", "wb") as file:
                while True:
                    file.write(b"x" * 4096)
                    file.flush()
        except OSError:
            pass
    with open("/dev/shm/" + os.environ["NOTES"], "a") as file:
        file.write(ctx.agent + "\\n")
    return ctx.agent
"""


@pytest.fixture
def trio(project: Project) -> Project:
    project.write("trio", {"workspace.yaml": TRIO, "work.py": CODE})
    return project


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A small file system of its own at `folder`; skips where mounting is not permitted."""
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"mount: {made.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def is_one_error(said: subprocess.CompletedProcess[str], exit_code: int = 5) -> bool:
    lines = [line for line in said.stderr.splitlines() if line.startswith(("error:", "hint:"))]
    has_both = [line.split(":")[0] for line in lines] == ["error", "hint"]
    return said.returncode == exit_code and has_both and "Traceback" not in said.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("garbage", ("run", "trio", "a task")),
        ("torn", ("run", "trio", "a task")),
        ("pages", ("run", "trio", "a task")),
        ("garbage", ("resume", "abcdefgh")),
        ("pages", ("runs",)),
        ("pages", ("why", "abcdefgh")),
    ],
)
def test_a_damaged_state_is_refused_and_left_alone(trio: Project, damage: str, words: tuple[str, ...]) -> None:
    folder = trio.root / ".agentctl"
    folder.mkdir()
    data = {"garbage": b"no database " * 500, "torn": b"SQLite form", "pages": b"SQLite format 3\0" + b"\xff" * 8000}
    (folder / "state.db").write_bytes(data[damage])

    said = trio.agentctl(*words)

    assert is_one_error(said), said.stderr
    assert "state.db is damaged" in said.stderr
    assert f"mv {folder}/state.db" in said.stderr
    assert (folder / "state.db").read_bytes() == data[damage]
    assert said.stdout == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", [".agentctl", "logs"])
def test_a_file_in_the_place_of_a_folder_is_told(trio: Project, name: str) -> None:
    (trio.root / name).write_text("in the way")

    said = trio.agentctl("run", "trio", "x")

    assert (trio.root / name).read_text() == "in the way"
    if name == "logs":
        assert (said.returncode, said.stdout) == (0, "cx\n")
        assert said.stderr.count("logs cannot be written") == 1
    else:
        assert is_one_error(said), said.stderr


@pytest.mark.slow
def test_a_read_only_project_is_told_once(trio: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "frozen")
    project.root.mkdir()
    with mounted(project.root, "size=1m"):
        project.write("trio", {"workspace.yaml": TRIO, "work.py": CODE})
        subprocess.run(["mount", "-o", "remount,ro", str(project.root)], check=True)
        before = contents(project.root)
        said = project.agentctl("run", "trio", "a task")
        look = project.agentctl("validate", "trio")

        assert is_one_error(said), said.stderr
        assert "writable" in said.stderr
        assert look.returncode == 0
        assert contents(project.root) == before


@pytest.mark.slow
@pytest.mark.parametrize("size", [16, 64, 128, 256])
def test_a_full_disk_is_told_once(trio: Project, tmp_path: Path, size: int) -> None:
    """Wherever in the run it fills up; afterwards the same project works."""
    project = Project(tmp_path / "full")
    project.root.mkdir()
    with mounted(project.root, f"size={size}k"):
        project.write("trio", {"workspace.yaml": TRIO, "work.py": CODE})
        said = project.agentctl("run", "trio", "a task")
        assert said.returncode == 0 or is_one_error(said), said.stderr
        subprocess.run(["mount", "-o", "remount,size=10m", str(project.root)], check=True)
        again = project.agentctl("run", "trio", "x")

        assert (again.returncode, again.stdout) == (0, "cx\n"), again.stderr
        assert list(project.root.rglob(".new-*")) == []


@pytest.mark.slow
def test_a_disk_that_fills_up_in_the_run_keeps_what_was_done(trio: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "full")
    project.root.mkdir()
    notes = Path("/dev/shm") / f"agentctl-{os.getpid()}"
    project.env["NOTES"] = notes.name
    try:
        with mounted(project.root, "size=2m"):
            project.write("trio", {"workspace.yaml": TRIO, "work.py": FILL})
            failed = project.agentctl("run", "trio", "a task", "--json")
            run_id = events(failed.stdout)[0]["run_id"]
            (project.root / "fill").unlink()
            (project.root / "healed").touch()
            done = project.agentctl("resume", run_id)

            assert is_one_error(failed), failed.stderr
            assert "the disk is full" in failed.stderr
            assert (done.returncode, done.stdout) == (0, "c\n"), done.stderr
            assert sorted(notes.read_text().split()) == ["a", "b", "c", "c"]
    finally:
        notes.unlink(missing_ok=True)


TEN_RUNS = """
import sys, agentctl, asyncio
async def main():
    async with agentctl.open(sys.argv[1]) as hub:
        return [(await hub.run("trio", str(number))).status for number in range(10)]
print(*asyncio.run(main()))
"""


@pytest.mark.slow
def test_four_processes_run_ten_runs_each_in_a_fresh_project(trio: Project) -> None:
    command = [sys.executable, "-c", TEN_RUNS, str(trio.root)]
    four = [
        subprocess.Popen(command, env=trio.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [process.communicate(timeout=60) for process in four]

    assert [(out.split(), err) for out, err in said] == [(["done"] * 10, "")] * 4
    assert trio.rows("select status, count(*) from runs group by status") == [("done", 40)]
    assert trio.rows("select count(*) from calls") == [(0,)]


@pytest.mark.slow
def test_four_commands_at_once_in_a_fresh_project(trio: Project) -> None:
    four = [trio.start("run", "trio", str(number)) for number in range(4)]
    said = [process.communicate(timeout=60)[0] for process in four]

    assert said == ["c0\n", "c1\n", "c2\n", "c3\n"]


def memory_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def open_files() -> list[str]:
    """What this process has open: files and sockets, not the loop's own."""
    links = [
        os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if Path(f"/proc/self/fd/{fd}").exists()
    ]
    return sorted(link for link in links if not link.startswith("/proc/"))


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_thousand_runs_leave_nothing_behind(trio: Project) -> None:
    opened, threads = open_files(), set(threading.enumerate())
    async with agentctl.open(trio.root) as hub:
        for number in range(1000):
            if number == 100:
                gc.collect()
                base = memory_mb()
            assert (await hub.run("trio", "a task")).status == "done"
        gc.collect()
        grown = memory_mb() - base

    print(f"memory grew by {grown:.1f} MB over runs 101 to 1,000")
    assert grown < 10
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert open_files() == opened
    # The loop keeps its own executor's threads until it is closed.
    assert {thread.name.partition("_")[0] for thread in set(threading.enumerate()) - threads} <= {"asyncio"}
