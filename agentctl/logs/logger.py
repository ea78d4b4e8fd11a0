"""The one way into the log files: records are queued, a thread writes them in batches."""

import re
import threading
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from agentctl.events.bus import say
from agentctl.events.event import now
from agentctl.logs.file import MAX_BYTES, append, locked
from agentctl.logs.mask import env_secrets, map_text, mask
from agentctl.logs.record import MAX_TEXT, Component, Level, cut, to_line

_LINGER_S = 0.05
"""Records of this long are written together: opening a file costs more than a line."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")

Record = dict[str, object]


def logs_folder(root: Path) -> Path:
    """Where the logs of a project's workspaces lie."""
    return root / "logs" / "workspaces"


class AgentLogger:
    """Writes the logs of all workspaces of a project.

    Cheap to make; its thread starts with the first record. `log` may be called from any
    thread. A disk that cannot be written is said once, and never fails a run.
    """

    def __init__(self, root: Path, *, secrets: Sequence[str] | None = None, max_bytes: int = MAX_BYTES) -> None:
        """Name the project.

        Args:
            root: project folder; the files lie in its `logs/workspaces`.
            secrets: values to mask besides what looks like a key; default: those in the environment.
            max_bytes: size at which a file is rotated.
        """
        self._folder = logs_folder(root)
        self._secrets = env_secrets() if secrets is None else tuple(secrets)
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._pending: list[Record] = []
        self._is_closing = False
        self._has_failed = False
        self._thread: threading.Thread | None = None

    def log(
        self,
        workspace: str,
        component: Component,
        level: Level,
        message: str,
        *,
        agent: str = "",
        event: str = "",
        **more: object,
    ) -> None:
        """Queue one record; returns at once. After `close` it does nothing.

        Args:
            workspace: whose log it is.
            component: names the file; `agent` means the file of `agent`.
            level: how bad it is.
            message: one sentence.
            agent: role that it is about.
            event: type of the event behind it, if any.
            more: `session_id`, `run_id`, and JSON values of the caller's own.
        """
        record: Record = {
            "ts": now(),
            "level": level,
            "component": component,
            "workspace": workspace,
            "session_id": more.pop("session_id", ""),
            "run_id": more.pop("run_id", ""),
            "agent": agent,
            "event": event,
            "message": message,
            **more,
        }
        with self._changed:
            if self._is_closing:
                return
            self._pending.append(record)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="agentctl-logs", daemon=True)
                self._thread.start()
            if len(self._pending) == 1:
                self._changed.notify()

    def close(self) -> None:
        """Write what is queued and end the thread. May be called again."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while batch := self._take():
            try:
                self._write(batch)
            except OSError as error:
                if not self._has_failed:
                    self._has_failed = True
                    say(f"logs cannot be written: {error}; the run goes on without them")

    def _take(self) -> list[Record]:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._is_closing)
            self._changed.wait_for(lambda: self._is_closing, _LINGER_S)
            batch, self._pending = self._pending, []
            return batch

    def _write(self, batch: list[Record]) -> None:
        by_workspace: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for record in batch:
            by_workspace[str(record["workspace"])][_file_name(record)].append(self._line(record))
        for workspace, lines_by_name in by_workspace.items():
            folder = self._folder / _safe(workspace)
            for each in (self._folder.parent, self._folder, folder):
                each.mkdir(mode=0o700, exist_ok=True)
            with locked(folder):
                for name, lines in lines_by_name.items():
                    append(folder / name, "".join(lines).encode(), max_bytes=self._max_bytes)

    def _line(self, record: Record) -> str:
        line = to_line(record)
        if len(line) > MAX_TEXT:  # masked first: half a key is no key that would be recognised
            short = map_text(record, lambda text: cut(mask(text, self._secrets)))
            line = to_line(cast("Record", short))
        return mask(line, self._secrets)


def _file_name(record: Record) -> str:
    if record["component"] == "agent":
        return f"agents/{_safe(str(record['agent']))}.log"
    return f"{_safe(str(record['component']))}.log"


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name) or "_"
