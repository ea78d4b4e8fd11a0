"""`kill -9` at any moment: each place of a run is recorded once, and none is missing."""

import random
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest

from tests.runs import workspace
from tests.runtime.process import Project, events, kill

KILLS = 6
CODE = """
import asyncio

async def propose(state, ctx):
    await asyncio.sleep(0.02)
    return {"text": ctx.agent, "options": [{"id": "x"}]}
"""
VISITS = 8


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_killed_and_resumed_runs_are_recorded_once(tmp_path: Path) -> None:
    project, chance = Project(tmp_path), random.Random(5)
    project.env.pop("REDIS_URL", None)
    agents = {role: {"entry": "work:propose"} for role in "abc"}
    again = [{"when": f"visits.work < {VISITS}", "to": "work"}, {"to": "final"}]
    stages = {"work": {"agents": list("abc"), "record": "proposal", "next": again}}
    project.write("demo", workspace(stages, agents, CODE))

    run_id = at_random(project.start("run", "demo", "x", "--json"), chance)
    for _ in range(KILLS - 1):
        at_random(project.start("resume", run_id, "--json"), chance)
    done = project.agentctl("resume", run_id, "--json")

    assert events(done.stdout)[-1]["status"] == "done"
    with closing(sqlite3.connect(tmp_path / ".agentctl" / "memory.db")) as connection:
        places = connection.execute("select visit, agent from records where run_id = ?", (run_id,)).fetchall()
    assert Counter(places) == {(visit, role): 1 for visit in range(1, VISITS + 1) for role in "abc"}


def at_random(command: Popen[str], chance: random.Random) -> str:
    """Let it live for up to 60 ms from its first event; returns the run's id."""
    with command:
        assert command.stdout is not None
        first = command.stdout.readline()
        time.sleep(chance.random() * 0.06)
        kill(command)
    return str(events(first)[0]["run_id"])
