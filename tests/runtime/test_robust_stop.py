"""Ctrl-C and SIGTERM: gone within a second, with what was done kept."""

import signal
import subprocess
import time

import pytest

from tests.runtime.process import Event, Project, events

HANG = """\
version: 1
stages:
  one: {agents: [quick]}
  two: {agents: [hang]}
agents:
  quick: {kind: python, entry: "work:quick"}
  hang: {kind: python, entry: "work:ENTRY"}
"""

CODE = """\
import asyncio, os, time

def note(name):
    with open("notes", "a") as file:
        file.write(name + "\\n")

def quick(state):
    note("quick")
    return "quick"

def sleep(state):
    if os.path.exists("healed"):
        note("hang")
        return "healed"
    time.sleep(60)

def spin(state):
    while True:
        pass

class Runnable:
    async def ainvoke(self, state):
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)

runnable = Runnable()

async def stubborn(state):
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def blocks_the_loop(state):
    await asyncio.sleep(0.1)
    time.sleep(60)
"""


def start(project: Project, entry: str = "sleep") -> tuple[subprocess.Popen[str], list[Event]]:
    """A run whose second agent hangs by now, and what it has printed."""
    project.write("hang", {"workspace.yaml": HANG.replace("ENTRY", entry), "work.py": CODE})
    run = project.start("run", "hang", "a task", "--json")
    told: list[Event] = []
    assert run.stdout is not None
    while not told or told[-1]["type"] != "agent.started" or told[-1]["agent"] != "hang":
        told += events(run.stdout.readline())
    time.sleep(0.2)
    return run, told


def stop(run: subprocess.Popen[str], *numbers: int) -> tuple[float, str]:
    """Send signals, and return how long the process then lived, and what it printed."""
    began = time.monotonic()
    for number in numbers:
        run.send_signal(number)
        time.sleep(0.05)
    with run:
        assert run.stdout is not None
        out = run.stdout.read()
        run.wait(20)
    return time.monotonic() - began, out


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("entry", ["sleep", "spin", "runnable"])
def test_a_signal_ends_a_run_under_a_blocking_agent(project: Project, entry: str, number: int) -> None:
    run, _ = start(project, entry)

    took_s, out = stop(run, number)

    assert (run.returncode, took_s < 1.0) == (130, True), took_s
    last = events(out)[-1]
    assert (last["status"], last["error"]["code"]) == ("cancelled", "cancelled")
    assert project.status(last["run_id"]) == "cancelled"
    log = (project.root / "logs" / "workspaces" / "hang" / "orchestrator.log").read_text()
    assert '"cancelled"' in log


@pytest.mark.slow
@pytest.mark.parametrize("entry", ["stubborn", "blocks_the_loop"])
def test_a_signal_ends_what_does_not_let_go(project: Project, entry: str) -> None:
    run, told = start(project, entry)

    took_s, _ = stop(run, signal.SIGINT)

    assert (run.returncode, took_s < 1.0) == (130, True), took_s
    assert project.status(told[0]["run_id"]) == "running"


@pytest.mark.slow
def test_the_second_signal_leaves_at_once(project: Project) -> None:
    run, _ = start(project, "stubborn")

    took_s, _ = stop(run, signal.SIGINT, signal.SIGINT)

    assert (run.returncode, took_s < 0.3) == (130, True), took_s


@pytest.mark.slow
def test_a_stopped_run_can_be_resumed_and_a_live_one_cannot(project: Project) -> None:
    run, told = start(project)
    run_id = told[0]["run_id"]
    refused = project.agentctl("resume", run_id)
    stop(run, signal.SIGINT)
    (project.root / "healed").touch()
    done = project.agentctl("resume", run_id, "--json")

    assert refused.returncode == 2
    assert f"run {run_id} is still running in process {run.pid}" in refused.stderr
    assert done.returncode == 0
    assert (events(done.stdout)[0]["resumed"], events(done.stdout)[-1]["output"]) == (True, "healed")
    assert project.notes() == ["quick", "hang"]
    assert [event["seq"] for event in project.kept(run_id)] == list(range(1, events(done.stdout)[-1]["seq"] + 1))
