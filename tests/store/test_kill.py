import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("journalled_worker.py")
KILLS = int(os.environ.get("AGENTCTL_TEST_KILLS", "8"))
ENV = {**os.environ, "PYTHONPATH": str(ROOT)}


TEN_RUNS = """
import asyncio, sys
from pathlib import Path
import agentctl.store.database, langgraph.checkpoint.sqlite.aio
from agentctl.store import RunRow, Store, new_id, open_checkpointer

async def main(root):
    async with Store(root) as store, open_checkpointer(root) as saver:
        for _ in range(10):
            row = await store.create_run(
                RunRow(run_id=new_id(), session_id="s", user_id="u", workspace="w", generation="0", task="t")
            )
            store.put_event({"type": "run.started", "seq": 1, "run_id": row.run_id})
            place = {"thread_id": row.run_id, "checkpoint_ns": "", "checkpoint_id": "1"}
            await saver.aput_writes({"configurable": place}, [("a", 1)], "task")
            await store.update_run(row.run_id, status="done")

print("ready", flush=True)
sys.stdin.readline()
asyncio.run(main(Path(sys.argv[1])))
"""


def start(root: Path, notes: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(WORKER), str(root), str(notes)], env=ENV)


def lines(notes: Path) -> list[list[str]]:
    return [line.split() for line in notes.read_text().splitlines()] if notes.exists() else []


def kill_after(worker: subprocess.Popen[bytes], notes: Path, more: int) -> None:
    """Kill the worker a random moment after it has written `more` further lines."""
    wanted = len(lines(notes)) + more
    while worker.poll() is None and len(lines(notes)) < wanted:
        time.sleep(0.0005)
    time.sleep(random.random() * 0.002)
    worker.kill()
    worker.wait()


@pytest.mark.slow
def test_a_call_that_was_answered_never_runs_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    for _ in range(KILLS):
        kill_after(start(tmp_path, notes), notes, more=random.randint(0, 30))

    assert start(tmp_path, notes).wait() == 0

    answered: dict[str, str] = {}
    for what, name, nonce in lines(notes):
        if what == "run":
            assert name not in answered
        assert answered.get(name, nonce) == nonce
        if what == "ack":
            answered[name] = nonce
    assert len(answered) == 3 * 25 + 3


@pytest.mark.slow
def test_a_kill_while_the_database_is_made_does_no_harm(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    for _ in range(max(KILLS // 2, 2)):
        worker = start(tmp_path, notes)
        while worker.poll() is None and not (tmp_path / ".agentctl").exists():
            time.sleep(0.0002)
        time.sleep(random.random() * 0.03)
        worker.kill()
        worker.wait()

    assert start(tmp_path, notes).wait() == 0


@pytest.mark.slow
def test_four_processes_open_a_fresh_project_at_once(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", TEN_RUNS, str(tmp_path)], env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for worker in workers:  # all four have imported what they need, and race for the file alone
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(b"go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate()

    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
