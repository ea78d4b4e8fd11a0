"""Copies of the whole database, made while other processes write."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from agentctl.errors import ServiceUnavailable, UsageError
from agentctl.store.fault import check_size, corrupt, unusable
from agentctl.store.postgres import Server

_SECRETS = ("password", "sslpassword")


def back_up(root: Path, url: str | None, folder: Path) -> None:
    """Copy what is stored into a new folder: `state.db` and `checkpoints.db`, or a `database.dump` of Postgres.

    Raises:
        ServiceUnavailable: Postgres's own `pg_dump` is not there.
        StoreUnusable: it cannot be read or written, or is damaged; nothing is left of the folder.
        UsageError: the folder exists, or there is nothing to copy.
    """
    state = root / ".agentctl" / "state.db"
    if not url and not state.exists():
        raise UsageError(f"nothing to back up: {state} does not exist", hint="name the project with `--root`")
    server = Server.of(url) if url else None
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise UsageError(f"{folder} exists", hint="name a new folder, or none for one with the time") from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be created: {error.strerror}", hint="name another folder") from error
    try:
        if server is not None:
            _dump(server, folder / "database.dump")
        else:
            # In this order: what the state says of checkpoints is older than the copy of these.
            for path in (state, state.with_name("checkpoints.db")):
                _copy(path, folder / path.name)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _copy(path: Path, target: Path) -> None:
    if not path.exists():
        return
    check_size(path)
    target.touch(mode=0o600)
    try:
        source = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
        with closing(source), closing(sqlite3.connect(target)) as copy:
            source.backup(copy)  # all pages at once: others write on, and the copy is of one moment
            if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise corrupt(path)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, which can be moved alone
    except sqlite3.Error as error:
        raise unusable(path, error) from error


def _dump(server: Server, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise ServiceUnavailable(
            "`pg_dump`, which copies a Postgres database, is not on the PATH",
            hint="install Postgres's client programs, as by `apt-get install postgresql-client`",
        )
    from psycopg.conninfo import make_conninfo

    where = make_conninfo("", **{name: value for name, value in server.parameters.items() if name not in _SECRETS})
    # Other users see the words of a command, and not its environment.
    env = {**os.environ, **({"PGPASSWORD": server.password} if server.password else {})}
    words = [program, "--format=custom", "--no-password", f"--file={target}", f"--dbname={where}"]
    # No time limit: a database takes as long as it is large, and Ctrl-C stops both.
    done = subprocess.run(words, env=env, umask=0o077, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603
    if done.returncode:
        error = unusable(server, OSError(done.stderr))
        if "version mismatch" in done.stderr:
            error.hint = "put the `pg_dump` of the server's version, or a newer one, first on the PATH"
        raise error
