"""What SQLite's files can suffer, and what any database does; `test_postgres.py` has what a server does."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agentctl.errors import StoreUnusable
from agentctl.store import Store, open_checkpointer
from agentctl.store.fault import unusable
from agentctl.store.holder import Holder
from agentctl.store.writer import Op, Writer
from tests.store.conftest import MakeRun, OpenStore

ROOT = Path(__file__).parents[2]


def state_file(root: Path, data: bytes) -> Path:
    path = root / ".agentctl" / "state.db"
    path.parent.mkdir()
    path.write_bytes(data)
    return path


GARBAGE = b"this is no database at all " * 100
HALF = b"SQLite format 3\0" + b"\xff" * 4000


@pytest.mark.parametrize("data", [GARBAGE, HALF, b"x"])
async def test_a_damaged_file_is_refused_and_kept(tmp_path: Path, data: bytes, make_run: MakeRun) -> None:
    path = state_file(tmp_path, data)

    async with Store(tmp_path) as store:
        with pytest.raises(StoreUnusable, match="is damaged or not an SQLite database") as caught:
            await store.create_run(make_run())

    assert caught.value.exit_code == 5
    assert f"mv {path}" in caught.value.hint
    assert path.read_bytes() == data


async def test_to_open_it_again_drops_nobodys_locks(tmp_path: Path, make_run: MakeRun) -> None:
    """Closing any descriptor of a file drops the process's locks on it; another process then takes its WAL away."""
    count = "c.execute('SELECT count(*) FROM runs').fetchone()[0]"
    look = f"import sys, sqlite3; c = sqlite3.connect(sys.argv[1]); print({count})"

    async def seen() -> int:
        command = [sys.executable, "-c", look, str(tmp_path / ".agentctl" / "state.db")]
        return int(await asyncio.to_thread(subprocess.check_output, command))

    async with Store(tmp_path) as store:
        await store.create_run(make_run())
        async with Store(tmp_path) as other, open_checkpointer(tmp_path):
            await other.list_runs()
        assert await seen() == 1  # as the last to close, as it thinks, it would fold the WAL and delete it
        await store.create_run(make_run())
        assert await seen() == 2
    assert await seen() == 2


async def test_damaged_checkpoints_are_refused_and_kept(tmp_path: Path) -> None:
    state_file(tmp_path, b"")
    path = tmp_path / ".agentctl" / "checkpoints.db"
    path.write_bytes(GARBAGE)

    with pytest.raises(StoreUnusable, match=r"checkpoints\.db is damaged"):
        async with open_checkpointer(tmp_path):
            pass

    assert path.read_bytes() == GARBAGE


async def test_pages_that_break_later_fail_the_write(tmp_path: Path, make_run: MakeRun) -> None:
    async with Store(tmp_path) as store:
        row = await store.create_run(make_run())
    path = tmp_path / ".agentctl" / "state.db"
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))

    async with Store(tmp_path) as store:
        with pytest.raises(StoreUnusable, match="is damaged"):
            await store.get_run(row.run_id)


async def test_a_project_that_cannot_be_written_is_one_clear_error(tmp_path: Path, make_run: MakeRun) -> None:
    (tmp_path / ".agentctl").write_text("a file where the folder should be")

    async with Store(tmp_path) as store:
        with pytest.raises(StoreUnusable, match=r"state\.db: "):
            await store.create_run(make_run())
    with pytest.raises(StoreUnusable, match=r"checkpoints\.db: "):
        async with open_checkpointer(tmp_path):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_read_only_project_says_so(tmp_path: Path, make_run: MakeRun) -> None:
    tmp_path.chmod(0o500)
    async with Store(tmp_path) as store:
        with pytest.raises(StoreUnusable, match="it cannot be written"):
            await store.create_run(make_run())


async def test_an_event_that_was_lost_is_said_at_the_next_write(open_store: OpenStore, make_run: MakeRun) -> None:
    async with open_store() as store:
        row = await store.create_run(make_run())
        other = await store.create_run(make_run())
        for _ in range(2):
            store.put_event({"type": "warning", "seq": 1, "run_id": row.run_id})
        await store.update_run(other.run_id, active_s=1.0)

        with pytest.raises(StoreUnusable, match=r"(?i)unique"):
            await store.update_run(row.run_id, active_s=1.0)
        await store.update_run(row.run_id, active_s=2.0)  # said once


async def test_one_bad_row_does_not_fail_its_neighbours(store: Store, make_run: MakeRun) -> None:
    rows = [make_run() for _ in range(6)]
    rows[3] = rows[2]

    done = await asyncio.gather(*(store.create_run(row) for row in rows), return_exceptions=True)

    assert [isinstance(each, StoreUnusable) for each in done] == [False, False, False, True, False, False]
    assert len(await store.list_runs(10)) == 5


async def test_an_event_that_is_lost_is_said_on_closing(tmp_path: Path) -> None:
    state_file(tmp_path, GARBAGE)
    store = Store(tmp_path)
    store.put_event({"type": "warning", "seq": 1, "run_id": "r"})

    with pytest.raises(StoreUnusable, match="is damaged"):
        await store.close()


async def test_a_closed_store_refuses(store: Store, make_run: MakeRun) -> None:
    await store.close()

    with pytest.raises(StoreUnusable, match="is closed"):
        await store.create_run(make_run())


async def test_a_file_that_was_repaired_can_be_used_at_once(tmp_path: Path, make_run: MakeRun) -> None:
    path = state_file(tmp_path, GARBAGE)
    async with Store(tmp_path) as store:
        with pytest.raises(StoreUnusable):
            await store.create_run(make_run())

        path.rename(path.with_suffix(".damaged"))
        await store.create_run(make_run())


async def test_a_waiting_writer_gets_the_lock_when_it_is_free(tmp_path: Path, make_run: MakeRun) -> None:
    async with Store(tmp_path) as store:
        row = await store.create_run(make_run())
        holder = sqlite3.connect(tmp_path / ".agentctl" / "state.db", check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")
        threading.Timer(0.1, holder.rollback).start()

        await store.update_run(row.run_id, status="done")

        holder.close()


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
async def test_the_first_opening_waits_for_a_lock_as_every_later_one(
    tmp_path: Path, make_run: MakeRun, lock: str
) -> None:
    """SQLite itself does not, for one of them: it switches the file to a WAL there."""
    path = state_file(tmp_path, b"")
    holder = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    holder.execute(f"BEGIN {lock}")
    threading.Timer(0.5, holder.rollback).start()

    async with Store(tmp_path) as store:
        await store.create_run(make_run())

    holder.close()


async def test_a_caller_that_gave_up_does_not_stop_the_write(store: Store, make_run: MakeRun) -> None:
    row = make_run()
    task = asyncio.ensure_future(store.create_run(row))
    await asyncio.sleep(0)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await store.get_run(row.run_id)).task == row.task


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("database is locked", "another process has held it for over 10 seconds"),
        ("attempt to write a readonly database", "it cannot be written"),
        ("unable to open database file", "it cannot be written"),
        ("database or disk is full", "the disk is full or failing"),
        ("no such table: runs", "it cannot be used"),
        ("database disk image is malformed", "is damaged"),
    ],
)
def test_what_sqlite_says_is_told_with_a_way_out(said: str, told: str) -> None:
    error = unusable(Path("state.db"), sqlite3.OperationalError(said))

    assert told in str(error)
    assert error.hint


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_thread_that_a_bug_has_ended(tmp_path: Path) -> None:
    def bug(database: object, rows: object) -> None:
        raise KeyError("bug")

    writer = Writer(tmp_path, None, Holder())
    loop = asyncio.get_running_loop()
    ops = [Op(bug, waiter=loop.create_future()) for _ in range(3)]
    for op in ops:
        writer.put(op)

    for op in ops:
        assert op.waiter is not None
        with pytest.raises(StoreUnusable, match="the store's thread has stopped"):
            await op.waiter
    with pytest.raises(StoreUnusable, match="is closed"):
        writer.put(Op(bug))
    writer.close()


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from agentctl.errors import StoreUnusable
from tests.store.conftest import MakeRun
from agentctl.store import Store, RunRow, new_id

async def main():
    async with Store(Path(sys.argv[1])) as store:
        row = await store.create_run(
            RunRow(run_id=new_id(), session_id="s", user_id="u", workspace="w", generation="0", task="t")
        )
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        try:
            for number in range(100):
                await store.update_run(row.run_id, active_s=float(number), result={"x": "y" * 20_000})
        except StoreUnusable as error:
            print(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.update_run(row.run_id, status="failed")
        print((await store.get_run(row.run_id)).active_s == number - 1)

asyncio.run(main())
"""


@pytest.mark.slow
def test_a_full_disk_fails_the_write_and_nothing_before_it(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], env=env, capture_output=True, text=True, check=True
    )

    assert "the disk is full or failing" in done.stdout
    assert done.stdout.splitlines()[-1] == "True"
    assert done.stderr == ""
