"""Who holds runs: an open store of a process that lives, for as long as it renews its lease.

What a holder claims carries a number that grows with each claim, the fence: a holder that was
taken for dead can write nothing any more.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.errors import RunHeld, RunNotFound
from agentctl.store.id import new_id
from agentctl.store.row import RunRow

if TYPE_CHECKING:
    from agentctl.store.database import Database

LEASE_S = 15.0
"""How long a holder counts as alive after its last renewal."""


@dataclass(slots=True)
class Holder:
    """One open store, and the runs that it holds (id to fence)."""

    lease_s: float = LEASE_S
    name: str = field(default_factory=new_id)
    runs: dict[str, int] = field(default_factory=dict)
    left: set[tuple[str, int]] = field(default_factory=set)
    """Runs (id and fence) that nobody here is at work on any more, while the database has them as ours."""
    on_stop: Callable[[str], None] = lambda run_id: None
    """Told, in the store's thread, of a run of ours that somebody wants to stop, or has taken."""

    @property
    def is_at_work(self) -> bool:
        """Whether there is anything to look after."""
        return bool(self.runs or self.left)

    def insert(self, db: "Database", row: RunRow) -> RunRow:
        """Add a new run, held by us; `keep` it once that is committed."""
        self.renew(db)
        db.runs.insert(replace(row, lease=1), self.name)
        return db.runs.get(row.run_id) or row

    def claim(self, db: "Database", run_id: str) -> RunRow:
        """Take an unfinished run, past the reach of whoever had it; `keep` it once that is committed.

        Raises:
            RunHeld: a process that lives has it.
            RunNotFound: there is no such run.
        """
        row = db.runs.get(run_id)
        if row is None:
            raise RunNotFound(run_id)
        if row.is_held:
            raise RunHeld(run_id, row.pid or 0, row.host)
        self.renew(db)
        db.runs.claim(row, self.name)
        db.runs.update(run_id, {"status": "running"})
        return db.runs.get(run_id) or row

    def keep(self, row: RunRow) -> RunRow:
        """Look after a run that is ours."""
        self.runs[row.run_id] = row.lease
        return row

    def release(self, run_id: str, fence: int | None = None) -> None:
        """Look no more after a run that has ended; with `fence` only if it was not claimed again by now."""
        if fence is None or self.runs.get(run_id) == fence:
            self.runs.pop(run_id, None)

    def renew(self, db: "Database") -> None:
        """Keep what we hold for another `lease_s` seconds."""
        db.holders.renew(self.name, db.now(), self.lease_s)


def is_alive(host: str | None, pid: int | None, pid_started: str | None, expires_at: float | None, now: float) -> bool:
    """Whether a holder may be at work: within its lease and, where its pid can be seen from here, not dead."""
    if host is None or pid is None or expires_at is None or expires_at <= now:
        return False
    return host != this_host() or process_start(pid) == pid_started


@lru_cache(maxsize=1)
def this_host() -> str:
    """The host's name and, after a blank, what tells whose pids mean the same as here: containers may share a name."""
    boot, pids = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    seen = [socket.gethostname()]
    with suppress(OSError):  # only Linux has them
        seen += [boot.read_text().strip(), str(pids.readlink())]
    return " ".join(seen)


def process_start(pid: int) -> str | None:
    """When the process was started, as a word to compare; `None` if it does not run.

    A pid alone is not enough: it is given again to another process.
    """
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        # The command's name may hold blanks and brackets, so count from its last bracket.
        state, *fields = stat.rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]
    found = subprocess.run(["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)  # noqa: S603
    return found.stdout.strip() or None


def this_process() -> tuple[int, str]:
    """The pid and start of the process we are."""
    pid = os.getpid()
    return pid, _own_start(pid)


@lru_cache(maxsize=1)
def _own_start(pid: int) -> str:
    return process_start(pid) or ""
