"""`kill -9` at any moment: `resume` goes on, and nothing that had finished is done again."""

import os
import random
import time
from collections import Counter
from subprocess import Popen

import pytest

from tests.fakes import ChatServer
from tests.runtime.process import KEY, Event, Project, events, facts, kill

KILLS = int(os.environ.get("AGENTCTL_TEST_KILLS", "30"))
KILLS_A_RUN = 3

WORK = """\
version: 1
model: {{name: "openai:gpt-4o-mini", base_url: "{url}"}}
stages:
  work:
    agents: [slow, blocking, asked, told, killer]
    next: judge
  judge:
    agents: [first, last]
    order: sequential
    next:
      - {{when: "visits.work < 3", to: work}}
      - {{to: final}}
agents:
  slow: {{kind: python, entry: "work:slow"}}
  blocking: {{kind: python, entry: "work:blocking"}}
  asked: {{prompt: "I am asked {{{{ visits.work }}}}"}}
  told: {{prompt: "I am told {{{{ visits.work }}}}"}}
  killer: {{kind: python, entry: "killer:watch"}}
  first: {{kind: python, entry: "work:slow"}}
  last: {{prompt: "I am last {{{{ visits.work }}}}"}}
"""

CODE = """\
import asyncio, random, time

def note(agent, state):
    with open("notes", "a") as file:
        file.write(f"{agent} {state['visits']['work']}\\n")

async def slow(state, ctx):
    ctx.emit("I think ")
    await asyncio.sleep(random.random() * 0.03)
    ctx.emit("and I think")
    note(ctx.agent, state)
    return f"{ctx.agent} {state['visits']['work']}"

def blocking(state, ctx):
    time.sleep(random.random() * 0.03)
    note(ctx.agent, state)
    return f"{ctx.agent} {state['visits']['work']}"
"""

KILLER = """\
import os, signal, sqlite3, time

def watch(state, ctx):
    '''Kill everything at the moment in which the call that the file names is kept.'''
    if not os.path.exists("kill-after"):
        return None
    with open("kill-after") as file:
        agent, kind, visit = file.read().split()
    if int(visit) != state["visits"]["work"]:
        return None
    connection = sqlite3.connect(".agentctl/state.db")
    wanted = "select 1 from calls where run_id = ? and agent = ? and kind = ? and visit = ? and status = 'done'"
    while not connection.execute(wanted, (ctx.run_id, agent, kind, int(visit))).fetchone():
        time.sleep(0.0002)
    os.remove("kill-after")
    os.killpg(0, signal.SIGKILL)
"""


@pytest.fixture
def work(project: Project, server: ChatServer) -> Project:
    project.env["OPENAI_API_KEY"] = KEY
    project.write("work", {"workspace.yaml": WORK.format(url=server.url), "work.py": CODE, "killer.py": KILLER})
    return project


def at_random(command: Popen[str]) -> str:
    """Let it live for up to 0.4 s from its first event; returns what it printed."""
    with command:
        assert command.stdout is not None
        first = command.stdout.readline()
        time.sleep(random.random() * 0.4)
        kill(command)
        return first + command.stdout.read()


def after_a_call(project: Project, command: Popen[str]) -> str:
    """Wait until the agent `killer` has seen a call being kept, or the run is through."""
    out = command.communicate(timeout=30)[0]
    (project.root / "kill-after").unlink(missing_ok=True)
    return out


def plan(project: Project) -> bool:
    """Whether the next kill comes right after a model or a function returned; if so, of which agent."""
    if random.random() < 0.6:
        return False
    agent, kind = random.choice([("asked", "model"), ("told", "delta"), ("slow", "delta"), ("blocking", "delta")])
    (project.root / "kill-after").write_text(f"{agent} {kind} {random.randint(1, 3)}")
    return True


def finished(project: Project, run_id: str) -> set[str]:
    """`agent visit` of the executions and model calls that had finished."""
    wanted = "select agent, visit from calls where run_id = ? and status = 'done'"
    return {f"{agent} {visit}" for agent, visit in project.rows(wanted, run_id)}


def done_so_far(project: Project, server: ChatServer) -> Counter[str]:
    """How often each execution of a python agent ended, and each model call came to the server."""
    asked = (str(body["messages"][0]["content"]).removeprefix("I am ") for body in server.requests)
    return Counter([*project.notes(), *asked])


def check_told(project: Project, run_id: str, printed: list[Event]) -> None:
    """Everything is kept once, and what was printed is what is kept."""
    kept = {event["seq"]: event for event in project.kept(run_id)}
    numbers = [event["seq"] for event in printed]
    assert numbers == sorted(set(numbers))
    assert all(kept[event["seq"]] == event for event in printed if event["type"] != "token")
    told = Counter(facts(list(kept.values())))
    assert set(told.values()) == {1}
    assert Counter(fact[0] for fact in told) == {"stage.entered": 6, "stage.exited": 6, "agent.finished": 21}


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", range(max(1, KILLS // KILLS_A_RUN)))
def test_a_killed_run_goes_on_where_it_was(work: Project, server: ChatServer, number: int) -> None:
    printed: list[Event] = []
    settled: dict[str, int] = {}
    words = ["run", "work", "a task"]
    for _ in range(KILLS_A_RUN):
        is_planned = plan(work)
        command = work.start(*words, "--json")
        printed += events(after_a_call(work, command) if is_planned else at_random(command))
        run_id = printed[0]["run_id"]
        words = ["resume", run_id]
        done = done_so_far(work, server)
        assert {name: done[name] for name in settled} == settled
        settled = {name: done[name] for name in finished(work, run_id)}
        if was_done := work.status(run_id) == "done":
            break
    seq = printed[-1]["seq"]

    last = work.agentctl(*words, "--json")

    assert last.returncode == 0, last.stderr
    again = events(last.stdout)
    assert again[-1]["status"] == "done"
    done = done_so_far(work, server)
    assert {name: done[name] for name in settled} == settled
    check_told(work, run_id, [*printed, *(event for event in again if event["seq"] > seq)])
    if was_done:
        assert again == work.kept(run_id)[-1:]
    else:
        assert again[0]["resumed"] is True
        assert again[-1]["usage"]["model_calls"] == 9
