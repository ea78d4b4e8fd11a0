"""What is wrong with a database, told in one sentence with a way out."""

from pathlib import Path
from typing import NamedTuple

from agentctl.errors import StoreUnusable
from agentctl.store.postgres import Server

_URL = "correct AGENTCTL_DATABASE_URL"


class _Answer(NamedTuple):
    """What Postgres means when it gives one of `states`, or says one of `words` where there is no state yet."""

    states: tuple[str, ...]
    words: tuple[str, ...]
    what: str
    hint: str


_ANSWERS = (
    _Answer(
        ("28",),
        ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'fatal: role "'),
        "it refuses this user or password",
        f"{_URL}, or ask who runs the server",
    ),
    _Answer(("3D000",), ('fatal: database "',), "it does not exist", f"create it with `createdb`, or {_URL}"),
    _Answer(("53300",), ("too many c", "connection slots"), "it takes no more connections", "try again later"),
    _Answer(("57P03",), ("starting up", "shutting down"), "it is starting or stopping", "try again in a moment"),
    _Answer(("55P03",), (), "another process has held it for over 10 seconds", "stop that process, or try again later"),
    _Answer(("57014",), (), "a statement took over 30 seconds", "see what keeps the server busy, then try again"),
    _Answer(("53100",), (), "its disk is full", "free some space there, then `agentctl resume` the run"),
    _Answer(("25006",), (), "it cannot be written: it is a copy", f"{_URL} to name the primary server"),
    _Answer(("42501",), (), "this user may not do that", "make the user the owner of the database"),
    _Answer(
        ("57P", "08", "25P0"),
        (
            "server closed",
            "connection is lost",
            "connection is closed",
            "consuming input failed",
            "sending query failed",
        ),
        "the connection was lost",
        "see that the server runs, then `agentctl resume` the run",
    ),
    _Answer(
        (),
        (
            "connection failed",
            "connection is bad",
            "connection to server",
            "timeout",
            "resolve host",
            "could not",
            "couldn't get a connection",
        ),
        "the server cannot be reached",
        f"start it, or {_URL}",
    ),
)
"""The first that fits is told."""


_SMALLEST = 512
"""Bytes of a page: SQLite takes a shorter file for an empty one, and would write over it."""


def check_size(path: Path) -> None:
    """Refuse a file that is too short for a database and not empty. It is looked at, never opened: see `opening`.

    Raises:
        StoreUnusable: it is.
        OSError: it is not there.
    """
    if 0 < path.stat().st_size < _SMALLEST:
        raise corrupt(path)


def corrupt(path: Path) -> StoreUnusable:
    """The file is damaged; nobody but the user may replace it."""
    return StoreUnusable(
        f"{path} is damaged or not an SQLite database; it was left as it is",
        hint=f"restore a copy of it, or start with an empty one: `mv {path} {path}.damaged`",
        code="store-corrupt",
    )


def unusable(place: Path | Server, error: BaseException) -> StoreUnusable:
    """Translate what the database, the way to it or the operating system said about it."""
    return _refused(place, error) if isinstance(place, Server) else _broken(place, error)


def _broken(path: Path, error: BaseException) -> StoreUnusable:
    said = str(getattr(error, "orig", None) or error)
    low = said.lower()
    if "not a database" in low or "malformed" in low:
        return corrupt(path)
    if "disk is full" in low or "no space left" in low or "disk i/o error" in low:
        what, hint = "the disk is full or failing", "free some space, then `agentctl resume` the run"
    elif "readonly" in low or "read-only" in low or "permission denied" in low or "unable to open" in low:
        what, hint = "it cannot be written", f"make {path.parent} writable, or choose another project with `--root`"
    elif "locked" in low or "busy" in low:
        what, hint = "another process has held it for over 10 seconds", "stop that process, or try again later"
    else:
        what, hint = "it cannot be used", "see `agentctl doctor`"
    return StoreUnusable(f"{path}: {what} ({said})", hint=hint)


def _refused(server: Server, error: BaseException) -> StoreUnusable:
    cause = getattr(error, "orig", None) or error
    said = " ".join(str(cause).split())
    if server.password:
        said = said.replace(server.password, "***")
    state, low = getattr(cause, "sqlstate", None) or "", said.lower()
    for answer in _ANSWERS:
        if state.startswith(answer.states) if state else any(word in low for word in answer.words):
            return StoreUnusable(f"{server}: {answer.what} ({said})", hint=answer.hint)
    return StoreUnusable(f"{server}: it cannot be used ({said})", hint="see `agentctl doctor`")
