"""Promises about pipes: one process each."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import WriteWorkspace

pytestmark = pytest.mark.slow

TALKER = {
    "workspace.yaml": 'version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: "m:f"}}\n',
    "m.py": """\
async def f(state, ctx):
    ctx.emit('tok\\x1b[2Jen')
    return 'said \\x1b[2J \\x9b2J שלום \\ud800 end'
""",
}


def agentctl(root: Path, *words: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")}
    kept |= {"PYTHONPATH": str(Path(__file__).parents[2]), "AGENTCTL_MODEL": "offline", **env}
    command = [sys.executable, "-m", "agentctl", *words]
    return subprocess.run(command, cwd=root, env=kept, capture_output=True, timeout=50, check=False)


def test_stdout_carries_the_answer_only(write_workspace: WriteWorkspace) -> None:
    ran = agentctl(write_workspace("talk", TALKER), "run", "talk", "x")

    assert (ran.returncode, ran.stdout.decode()) == (0, "said \\x1b[2J \\x9b2J שלום \\ud800 end\n")
    assert "✓ a" in ran.stderr.decode()
    assert b"\x1b" not in ran.stderr


def test_json_is_json_lines_and_nothing_else(write_workspace: WriteWorkspace) -> None:
    ran = agentctl(write_workspace("talk", TALKER), "run", "talk", "x", "--json")
    events = [json.loads(line) for line in ran.stdout.splitlines()]

    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("run.started", "run.finished")
    assert events[-1]["output"] == "said \x1b[2J \x9b2J שלום \ud800 end"
    assert not {0x1B, 0x9B} & set(ran.stdout.decode(errors="replace").encode("utf-16-le"))


def test_quiet_prints_the_answer_only(write_workspace: WriteWorkspace) -> None:
    ran = agentctl(write_workspace("talk", TALKER), "run", "talk", "x", "--quiet")

    assert (ran.stdout.decode(), ran.stderr) == ("said \\x1b[2J \\x9b2J שלום \\ud800 end\n", b"")


def test_a_locale_without_unicode_gets_escapes_and_no_bug(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk", TALKER)
    ran = agentctl(root, "run", "talk", "x", PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")

    assert ran.returncode == 0
    assert b"\\u05e9" in ran.stdout


def test_a_reader_that_leaves_is_no_error(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk")
    command = f"{sys.executable} -m agentctl schema | head -c 10; echo ${{PIPESTATUS[0]}}"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    ran = subprocess.run(["bash", "-c", command], cwd=root, env=env, capture_output=True, text=True, check=False)

    assert ran.stdout.endswith("0\n")
    assert ran.stderr == ""


PRINTER = {
    "workspace.yaml": TALKER["workspace.yaml"],
    "m.py": """\
def f(state):
    print('printed \\x1b[2J')
    print('partly', end='', flush=True)
    return 'said'
""",
}


def test_what_a_workspace_prints_is_not_the_answer(write_workspace: WriteWorkspace) -> None:
    ran = agentctl(write_workspace("talk", PRINTER), "run", "talk", "x")

    assert ran.stdout == b"said\n"
    assert b"printed \\x1b[2J\npartly" in ran.stderr


def test_half_a_printed_line_ends_before_ours(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk", PRINTER)
    printed = agentctl(root, "run", "talk", "x").stderr.decode().splitlines()
    quiet = agentctl(root, "run", "talk", "x", "--quiet")

    assert "partly" in printed
    assert "  ✓ a: said" in printed
    assert quiet.stderr.endswith(b"partly\n")


def test_what_a_workspace_prints_does_not_break_the_json(write_workspace: WriteWorkspace) -> None:
    ran = agentctl(write_workspace("talk", PRINTER), "run", "talk", "x", "--json")

    assert json.loads(ran.stdout.splitlines()[-1])["output"] == "said"
    assert b"printed" not in ran.stdout


CHILD = {
    "workspace.yaml": TALKER["workspace.yaml"],
    "m.py": """\
import os, subprocess, sys
def f(state):
    subprocess.run(["echo", "CHILD"])
    os.write(1, b"RAW\\n")
    print("DUNDER", file=sys.__stdout__, flush=True)
    return "the answer"
""",
}


def test_what_an_agents_child_prints_never_reaches_stdout(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk", CHILD)
    plain, lines = agentctl(root, "run", "talk", "x", "--quiet"), agentctl(root, "run", "talk", "x", "--json")

    assert plain.stdout == b"the answer\n"
    assert {b"CHILD", b"RAW", b"DUNDER"} <= set(plain.stderr.splitlines())
    assert json.loads(lines.stdout.splitlines()[-1])["type"] == "run.finished"


@pytest.mark.parametrize("words", ["list", "run talk x --quiet", "run talk x --json"])
def test_a_full_disk_under_stdout_is_said(write_workspace: WriteWorkspace, words: str) -> None:
    root = write_workspace("talk", TALKER)
    ran = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m agentctl {words} > /dev/full"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}, capture_output=True, text=True,
    )  # fmt: skip

    assert ran.returncode == 5
    assert "No space left" in ran.stderr
    assert "bug" not in ran.stderr
