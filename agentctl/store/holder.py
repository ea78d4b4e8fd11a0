"""Which process holds a run, and whether it still lives."""

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from agentctl.store.row import RunRow


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
    """The pid and start of the process we are: what `RunRow.pid` and `RunRow.pid_started` take."""
    pid = os.getpid()
    return pid, _own_start(pid)


@lru_cache(maxsize=1)
def _own_start(pid: int) -> str:
    return process_start(pid) or ""


def holder_alive(row: RunRow) -> bool:
    """Whether the process that took the run still runs, on this machine."""
    return row.pid is not None and process_start(row.pid) == row.pid_started
