"""`kill -9` around tool calls: what finished is done once, and what nobody knows of is never done again unasked."""

import asyncio
import json
import os
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

import agentctl
from agentctl.events import Event
from agentctl.store import Approval, Decision
from tests.conftest import WriteWorkspace
from tests.runtime.tooled import call, calls, forkserver, notes, tooled

KILLS = int(os.environ.get("AGENTCTL_TEST_KILLS", "60"))
KILLS_A_RUN = 4
BATCHES = 4
LONGEST_S = 0.15
"""From the first event on: about as long as a run takes."""

TOOLS = """\
import asyncio, os, random, time
from agentctl import tool

def _write(line):
    with open("notes", "a") as file:
        file.write(line + "\\n")

def _return(line):
    os.write(int(os.environ["TELL"]), b"r")  # the call returns now
    return line

async def note(line: str) -> str:
    await asyncio.sleep(random.random() * 0.01)
    _write(line)
    return _return(line)

def note_slowly(line: str) -> str:
    time.sleep(random.random() * 0.01)
    _write(line)
    time.sleep(random.random() * 0.01)
    return _return(line)

@tool(idempotent=True)
def mark(line: str) -> str:
    _write(line)
    return _return(line)
"""
CODE = """\
from contextlib import suppress
from agentctl.errors import ToolFailed

async def walks(state, ctx):
    for tool, line in [("note", "walks-1"), ("note_slowly", "walks-2")]:
        with suppress(ToolFailed):
            await ctx.call_tool(tool, line=line)

def blocks(state, ctx):
    for tool, line in [("note_slowly", "blocks-1"), ("mark", "blocks-repeatable")]:
        with suppress(ToolFailed):
            ctx.call_tool_sync(tool, line=line)
"""
LINES = {"asks-1", "asks-2", "walks-1", "walks-2", "blocks-1", "blocks-repeatable"}
Plan = tuple[str, int] | float
"""Kill right after the n-th return (`r`) or commit (`c`) of a call; or so many seconds after the first event."""


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    names = ["note", "note_slowly", "mark"]
    agents = {
        "asks": {"prompt": "Call.", "tools": names},
        "walks": {"entry": "work:walks", "tools": names},
        "blocks": {"entry": "work:blocks", "tools": names},
    }
    replies = [
        calls(call("note", line="asks-1"), call("note_slowly", line="asks-2"), delay_s=0.005),
        {"text": "asked", "delay_s": 0.005},
    ]
    rules = {"approve": {"note": "always", "note_slowly": "never", "mark": "never"}}
    return write_workspace("demo", tooled(agents, replies, CODE, tools=TOOLS, rules=rules))


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    return forkserver(__name__)


@dataclass
class Life:
    """One process of a run: `run_id` to go on with, and whether it allows to call again what nobody knows of."""

    root: str
    env: dict[str, str]
    run_id: str | None
    repeats: bool
    in_place: bool
    """Whether it is asked while the run is under way; else the run waits, and it decides before the next resume."""

    def live(self, pipe: Connection) -> None:
        """What the process does."""
        os.environ.clear()
        os.environ.update(self.env, TELL=str(pipe.fileno()))
        os.chdir(self.root)
        asyncio.run(self._work(pipe.fileno()))

    async def _work(self, fd: int) -> None:
        def tell(event: Event) -> None:
            if event.type in ("run.started", "tool.returned"):
                os.write(fd, b"s" if event.type == "run.started" else b"c")

        async def ask(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
            return {each.id: self._decision(each) for each in approvals if self.in_place or each.kind == "call"}

        async with agentctl.open(self.root) as hub:
            if self.run_id is None:
                await hub.run("demo", "do it", on_event=tell, ask=ask)
                return
            for approval in await hub.store.approvals.list(user=None, run_id=self.run_id):
                await hub.store.approvals.decide(approval.id, self._decision(approval), user=None)
            await hub.resume(self.run_id, on_event=tell, ask=ask)

    def _decision(self, approval: Approval) -> Decision:
        return Decision(approve=approval.kind == "call" or self.repeats)


def lived(processes: ForkServerContext, life: Life, plan: Plan | None) -> bool:
    """Let a process live until the plan kills it, or it ends; returns whether it was killed."""
    ours, theirs = processes.Pipe()
    worker = processes.Process(target=life.live, args=(theirs,))
    worker.start()
    theirs.close()
    seen: Counter[bytes] = Counter()
    while byte := os.read(ours.fileno(), 1):
        seen[byte] += 1
        if isinstance(plan, float) and seen[b"s"] == 1 and byte == b"s":
            time.sleep(plan)
            worker.kill()
        elif isinstance(plan, tuple) and byte == plan[0].encode() and seen[byte] == plan[1]:
            end = time.perf_counter() + random.random() * 0.001
            while time.perf_counter() < end:
                pass
            worker.kill()
    worker.join()
    was_killed = worker.exitcode == -9
    assert was_killed or worker.exitcode == 0
    ours.close()
    worker.close()
    return was_killed


@dataclass
class Evidence:
    """What the files of a project say of its last run."""

    root: Path
    settled: dict[str, int] = field(default_factory=dict)
    """Line to how often it was there when its call had finished."""

    def rows(self, query: str, *values: object) -> list[tuple[str, ...]]:
        with closing(sqlite3.connect(self.root / ".agentctl" / "state.db", timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def run(self) -> tuple[str, str]:
        """Id and status of the run; empty before there is one."""
        if not (self.root / ".agentctl" / "state.db").exists():
            return "", ""
        rows = self.rows("select run_id, status from runs order by run_id desc limit 1")
        return (rows[0][0], rows[0][1]) if rows else ("", "")

    def finished(self, run_id: str) -> dict[str, str]:
        """Line of each call whose result is kept, to its status."""
        wanted = "select result from calls where run_id = ? and kind = 'tool' and status = 'done'"
        kept = [json.loads(row[0]) for row in self.rows(wanted, run_id)]
        return {each["args"]["line"]: each["outcome"]["status"] for each in kept}

    def told(self, run_id: str) -> dict[str, str]:
        """Line of each call to its status, as the events say; each is told once."""
        rows = self.rows("select event from run_events where run_id = ? order by seq", run_id)
        events = [json.loads(row[0]) for row in rows]
        lines = {event["call_id"]: event["args"]["line"] for event in events if event["type"] == "tool.called"}
        returned = [event for event in events if event["type"] == "tool.returned"]
        assert len(returned) == len(LINES)
        return {lines[event["call_id"]]: event["status"] for event in returned}

    def check(self, run_id: str) -> None:
        """What had finished before was not done again since."""
        written = notes(self.root)
        assert {line: written[line] for line in self.settled} == self.settled
        if finished := self.finished(run_id):  # of a run that is done, no journal is left
            self.settled = {line: written[line] for line in finished}

    def check_end(self, run_id: str, *, repeats: bool) -> Counter[str]:
        """Every call was made once, and again only if somebody said so; returns how often each was asked for."""
        self.check(run_id)
        wanted = "select args, status from approvals where run_id = ? and kind = 'unknown'"
        asked = [(json.loads(args)["line"], status) for args, status in self.rows(wanted, run_id)]
        assert {status for _, status in asked} <= {"approved" if repeats else "denied"}
        allowed = Counter(line for line, _ in asked)
        finished, written = self.told(run_id), notes(self.root)
        assert finished.keys() == written.keys() | LINES == LINES
        for line, status in finished.items():
            most = 1 + allowed[line] * repeats
            assert status == ("ok" if repeats or not allowed[line] else "unknown"), line
            if line.endswith("repeatable"):
                assert written[line] >= 1 and not allowed[line]
            elif allowed[line]:
                assert (1 if repeats else 0) <= written[line] <= most, line
            else:
                assert written[line] == 1, line
        return allowed


def near(kills: int) -> Plan:
    """Within a millisecond of a call's return, or of the commit of its result; later lives have fewer calls to make."""
    return random.choice("rrc"), random.randint(1, 2 if kills else 5)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_killed_run_repeats_no_call_that_finished_and_none_that_nobody_knows_of(
    root: Path, processes: ForkServerContext, batch: int
) -> None:
    killed = near_a_return = runs = 0
    asked: Counter[str] = Counter()
    while killed < KILLS // BATCHES:
        repeats, in_place = runs % 2 == 0, (runs // 2 + batch) % 2 == 0
        (root / "notes").unlink(missing_ok=True)
        evidence, before, of_this_run = Evidence(root), Evidence(root).run()[0], 0
        while True:
            run_id, status = evidence.run()
            run_id = "" if run_id == before else run_id
            if run_id and status == "done":
                break
            assert status != "failed"
            life = Life(str(root), dict(os.environ), run_id or None, repeats, in_place)
            plan = near(of_this_run) if 2 * near_a_return <= killed + of_this_run else random.random() * LONGEST_S
            was_killed = lived(processes, life, plan if of_this_run < KILLS_A_RUN else None)
            of_this_run += was_killed
            near_a_return += was_killed and isinstance(plan, tuple)
            if (now := evidence.run()[0]) != before:
                evidence.check(now)
        killed, runs = killed + of_this_run, runs + 1
        asked += evidence.check_end(run_id, repeats=repeats)
    assert 2 * near_a_return >= killed
    what = f"{killed} kills in {runs} runs, {near_a_return} of them near a return"
    print(f"{what}; asked {asked.total()} times whether to call again: {dict(asked)}")
