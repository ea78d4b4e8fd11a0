import asyncio
import os
import socket
import stat
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from agentctl.errors import RunHeld, RunNotFound, UsageError
from agentctl.store import CallKey, Journal, RunRow, Store
from agentctl.store.holder import is_alive, process_start, this_host
from tests.store.conftest import MakeRun, OpenStore

ROOT = Path(__file__).parents[2]
LONG_AGO = "2020-01-01T00:00:00.000Z"


async def test_a_run_comes_back_as_it_was_stored(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run(task="🗺️ \x00\x1b[2J \ud800 \u202e", model="offline", timeout_s=3.5))

    assert await store.get_run(row.run_id) == row
    assert row.is_held


async def test_names_of_any_length_are_kept(store: Store, make_run: MakeRun) -> None:
    long = "x" * 300
    row = await store.create_run(make_run(workspace=long, model=long, user_id=long))
    store.put_event({"type": "warning", "seq": 1, "run_id": row.run_id}, long)
    await (await Journal.open(store, row.run_id)).put_delta(CallKey(long, long, 1, 1), {})

    assert await store.get_run(row.run_id) == RunRow(**{**asdict(row), "seq": 1})
    assert await store.event_keys(row.run_id) == {long}


async def test_a_result_is_kept_and_the_run_is_touched(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run(created_at=LONG_AGO))

    await store.update_run(row.run_id, status="done", result={"output": "x", "usage": {"cost_usd": None}}, active_s=1.5)

    found = await store.get_run(row.run_id)
    assert (found.status, found.active_s) == ("done", 1.5)
    assert found.result == {"output": "x", "usage": {"cost_usd": None}}
    assert found.created_at == LONG_AGO < found.updated_at


async def test_a_run_is_found_by_the_start_of_its_id(store: Store, make_run: MakeRun) -> None:
    for name in ("abcdef111", "abcdef222", "xyz_aa333"):
        await store.create_run(make_run(run_id=name))

    assert (await store.get_run(" ABCDEF2")).run_id == "abcdef222"
    with pytest.raises(UsageError, match="several runs begin with 'abcdef': abcdef222, abcdef111"):
        await store.get_run("abcdef")
    with pytest.raises(RunNotFound, match="did you mean 'abcdef111'"):
        await store.get_run("abcdfe111")
    with pytest.raises(RunNotFound):
        await store.get_run("abcde")  # too short to mean one run for long
    with pytest.raises(RunNotFound):
        await store.get_run("xyz%aa")


async def test_the_whole_id_wins_over_longer_ones(store: Store, make_run: MakeRun) -> None:
    for name in ("abcdef", "abcdef2"):
        await store.create_run(make_run(run_id=name))

    assert (await store.get_run("abcdef")).run_id == "abcdef"


async def test_runs_are_listed_newest_first(store: Store, make_run: MakeRun) -> None:
    rows = [await store.create_run(make_run(workspace=name, session_id=name * 2)) for name in "aba"]

    assert await store.list_runs(10) == rows[::-1]
    assert await store.list_runs(1) == [rows[2]]
    assert await store.list_runs(10, workspace="a") == [rows[2], rows[0]]
    assert await store.list_runs(10, session_id="bb") == [rows[1]]


async def test_an_unknown_run_cannot_be_changed(store: Store) -> None:
    with pytest.raises(RunNotFound):
        await store.update_run("nothing", status="done")
    with pytest.raises(RunNotFound):
        await store.sessions.reenter("nothing")


async def test_a_run_that_nobody_holds_is_taken_by_one_only(
    store: Store, open_store: OpenStore, make_run: MakeRun
) -> None:
    async with open_store() as gone:
        row = await gone.create_run(make_run())
    async with open_store() as other:
        taken = await asyncio.gather(
            *(each.sessions.reenter(row.run_id) for each in (store, other)), return_exceptions=True
        )
        assert (await store.get_run(row.run_id)).is_held

    assert [type(each) for each in taken].count(RunHeld) == 1
    [begun] = [each[0] for each in taken if isinstance(each, tuple)]
    assert (begun.run.run_id, begun.run.lease) == (row.run_id, 2)


async def test_a_failed_run_may_be_taken_in_the_same_process(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run(status="failed"))
    assert not row.is_held

    begun, _ = await store.sessions.reenter(row.run_id)
    assert (begun.run.status, begun.run.is_held) == ("running", True)


HOLD = """
import asyncio, sys
from pathlib import Path
from agentctl.store import RunRow, Store

async def main(root, url, run_id):
    async with Store(Path(root), url=url or None) as store:
        await store.create_run(
            RunRow(run_id=run_id, session_id="s", user_id="u", workspace="w", generation="0", task="t")
        )
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.slow
async def test_a_process_that_was_killed_holds_nothing(store: Store, tmp_path: Path, url: str | None) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path), url or "", "run111"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    assert (await store.get_run("run111")).is_held

    child.kill()  # not waited for: it stays a zombie, which holds nothing either
    while process_start(child.pid) is not None:
        await asyncio.sleep(0.001)

    assert not (await store.get_run("run111")).is_held
    child.wait()
    child.stdout.close()
    assert not (await store.get_run("run111")).is_held


async def test_journals_of_old_unfinished_runs_expire(store: Store, open_store: OpenStore, make_run: MakeRun) -> None:
    async def perform() -> int:
        return 1

    kinds = {
        "old failed": make_run(status="failed", updated_at=LONG_AGO),
        "old killed": make_run(updated_at=LONG_AGO),
        "old running": make_run(updated_at=LONG_AGO),
        "old waiting": make_run(status="waiting", updated_at=LONG_AGO),
        "new failed": make_run(status="failed"),
    }
    for kind, row in kinds.items():
        async with open_store() as holder:
            await (holder if kind == "old killed" else store).create_run(row)
        await (await Journal.open(store, row.run_id)).call(CallKey("a", "s", 1, 1), "model", "m", {}, perform)

    expired = await store.prune(days=7)

    assert {name for name, row in kinds.items() if row.run_id in expired} == {"old failed", "old killed"}
    without = {name for name, row in kinds.items() if not await store.calls(row.run_id)}
    assert without == {"old failed", "old killed"}
    assert (await store.get_run(kinds["old failed"].run_id)).expired
    assert await store.prune(days=7) == []


async def test_a_run_that_is_done_needs_no_journal(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run())
    await (await Journal.open(store, row.run_id)).put_delta(CallKey("a", "s", 1, 1), {})

    await store.update_run(row.run_id, status="failed")
    assert len(await store.calls(row.run_id)) == 1
    await store.update_run(row.run_id, status="done")
    assert await store.calls(row.run_id) == []


async def test_the_state_belongs_to_its_owner_alone(tmp_path: Path, make_run: MakeRun) -> None:
    """SQLite only: Postgres has no files of ours."""
    folder = tmp_path / ".agentctl"
    async with Store(tmp_path) as store:
        await store.create_run(make_run())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert {"state.db", "state.db-wal"} <= modes.keys()


async def test_many_loops_and_threads_share_a_store(store: Store, make_run: MakeRun) -> None:
    rows = [make_run() for _ in range(8)]

    async def write(row: RunRow) -> None:
        await store.create_run(row)
        await asyncio.gather(*(store.update_run(row.run_id, active_s=float(n)) for n in range(20)))

    threads = [threading.Thread(target=lambda row=row: asyncio.run(write(row))) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.to_thread(thread.join)

    assert {row.active_s for row in await store.list_runs(10)} == {19.0}


async def test_closing_leaves_no_thread_and_no_file(open_store: OpenStore, tmp_path: Path, make_run: MakeRun) -> None:
    store = open_store()
    await store.create_run(make_run())

    await store.close()
    await store.close()

    assert "agentctl-store" not in {thread.name for thread in threading.enumerate()}
    if Path("/proc/self/fd").exists():
        assert not [fd for fd in os.listdir("/proc/self/fd") if str(tmp_path) in readlink(fd)]


def readlink(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


def test_a_pid_says_something_only_where_it_can_be_seen() -> None:
    """Containers may share a host's name, and each has its own process 1; after a restart, pids mean others."""
    name, *rest = this_host().split(" ")
    assert len(rest) == (2 if sys.platform == "linux" else 0)
    gone = {"pid": os.getpid(), "pid_started": "another time", "expires_at": 2.0}

    assert not is_alive(this_host(), **gone, now=1.0)
    for host in ("elsewhere", f"{name} another-boot {rest[-1:]}", f"{this_host()}0"):
        assert is_alive(host, **gone, now=1.0)
        assert not is_alive(host, **gone, now=2.0)


async def test_a_holder_is_told_by_the_name_of_its_host(store: Store, make_run: MakeRun) -> None:
    row = await store.create_run(make_run())

    assert row.host == socket.gethostname()
    with pytest.raises(RunHeld, match=rf"in process {os.getpid()} on {socket.gethostname()}$"):
        await store.sessions.reenter(row.run_id)
