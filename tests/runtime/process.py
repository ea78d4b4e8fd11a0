"""Real `agentctl` processes in a project of their own, and what they leave behind."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
CLI = [sys.executable, "-m", "agentctl"]
KEY = "sk-fake-0123456789abcdefghijklmnop"
Event = dict[str, Any]


class Project:
    """A folder with workspaces, and commands that run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        path = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(CHECKOUT)]))
        self.env: dict[str, str] = {**kept, "PYTHONPATH": path, "NO_COLOR": "1"}
        self.env.pop("AGENTCTL_DEBUG", None)

    def write(self, name: str, files: Mapping[str, str]) -> Path:
        """Make or change the workspace `name`."""
        folder = self.root / "workspaces" / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        return folder

    def start(self, *words: str, **more: Any) -> subprocess.Popen[str]:
        """Start `agentctl`, in a process group of its own."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [*CLI, *words], cwd=self.root, env=self.env, text=True, start_new_session=True, **{**pipes, **more}
        )

    def agentctl(
        self, *words: str, stdin: str | None = None, timeout_s: float = 30
    ) -> subprocess.CompletedProcess[str]:
        """Run `agentctl` to its end."""
        return subprocess.run(
            [*CLI, *words], cwd=self.root, env=self.env, input=stdin, capture_output=True, text=True, timeout=timeout_s
        )

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the state database."""
        with closing(sqlite3.connect(self.root / ".agentctl" / "state.db", timeout=10)) as connection:
            return connection.execute(query, values).fetchall()

    def kept(self, run_id: str) -> list[Event]:
        """The events of a run that are kept."""
        return [
            json.loads(row[0])
            for row in self.rows("select event from run_events where run_id = ? order by seq", run_id)
        ]

    def status(self, run_id: str) -> str:
        return str(self.rows("select status from runs where run_id = ?", run_id)[0][0])

    def notes(self) -> list[str]:
        """What agents wrote down, a line each."""
        path = self.root / "notes"
        return path.read_text().splitlines() if path.exists() else []


def events(stdout: str) -> list[Event]:
    """The events that a command printed; the last line of a killed one may be half a line."""
    lines = stdout.splitlines()
    if stdout and not stdout.endswith("\n"):
        lines.pop()
    return [json.loads(line) for line in lines]


def kill(process: subprocess.Popen[str]) -> None:
    """`kill -9` the process and its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def facts(told: Sequence[Event]) -> list[tuple[object, ...]]:
    """What may be told once only."""
    once = ("stage.entered", "agent.finished", "scores.merged", "stage.exited")
    names = ("type", "stage", "visit", "round", "agent")
    return [tuple(event.get(name) for name in names) for event in told if event["type"] in once]
