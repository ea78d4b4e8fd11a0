"""What the environment and the project's `.env` say."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from agentctl.errors import UsageError

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"", "0", "false", "no", "off"})
# Each of these alone makes langsmith or langchain send runs, or route calls, to LangSmith.
_LANGSMITH = (
    "LANGSMITH_TRACING",
    "LANGSMITH_TRACING_V2",
    "LANGCHAIN_TRACING",
    "LANGCHAIN_TRACING_V2",
    "LANGSMITH_GATEWAY",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the process, read once."""

    root: Path
    max_runs: int = 100
    """Runs at once in a process; as many wait."""
    max_concurrent_agents: int = 100
    """Agents at once in a process."""
    blocking_threads: int = 10
    """Threads for blocking agents: 5 for up to 5 users, 10 to 15 up to 20, 20 to 30 above."""
    model: str | None = None
    """What `model: auto` takes."""
    database_url: str | None = field(default=None, repr=False)
    """Postgres instead of the project's own files; may hold a password."""
    redis_url: str | None = field(default=None, repr=False)
    """Where what agents remember is kept, instead of the project's own file; may hold a password."""
    debug: bool = False
    """Show tracebacks."""
    langsmith: bool = False
    """Allow LangSmith tracing."""
    allow_private_urls: bool = False
    """Fetch from the addresses of this machine and its networks too."""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment over the keys and AGENTCTL_* of `.env`."""

    @classmethod
    def load(cls, root: Path, environ: MutableMapping[str, str] = os.environ) -> "Settings":
        """Read the settings; in `environ`, LangSmith is switched off unless AGENTCTL_LANGSMITH=1.

        Raises:
            UsageError: a number or a switch is none.
        """
        env = {**_dotenv(root / ".env"), **environ}
        settings = cls(
            root=root,
            max_runs=_count(env, "AGENTCTL_MAX_RUNS", 100),
            max_concurrent_agents=_count(env, "AGENTCTL_MAX_CONCURRENT_AGENTS", 100),
            blocking_threads=_count(env, "AGENTCTL_BLOCKING_THREADS", 10),
            model=env.get("AGENTCTL_MODEL", "").strip() or None,
            database_url=_database(env),
            redis_url=_redis(env),
            debug=_switch(env, "AGENTCTL_DEBUG"),
            langsmith=_switch(env, "AGENTCTL_LANGSMITH"),
            allow_private_urls=_switch(env, "AGENTCTL_ALLOW_PRIVATE_URLS"),
            env=MappingProxyType(env),
        )
        if not settings.langsmith:
            _forbid_langsmith(environ)
        return settings


def is_key(name: str) -> bool:
    """Whether a variable of that name holds a provider's key."""
    return name.endswith(("_API_KEY", "_API_TOKEN", "_ACCESS_KEY")) or name == "HF_TOKEN"


def _dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        found = dotenv_values(path, interpolate=False)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint="make it a UTF-8 file of NAME=value lines") from error
    wanted = {name for name in found if name.startswith("AGENTCTL_") or is_key(name)}
    return {name: value for name, value in found.items() if value is not None and name in wanted}


def _forbid_langsmith(environ: MutableMapping[str, str]) -> None:
    environ.update(dict.fromkeys(_LANGSMITH, "false"))
    langsmith = sys.modules.get("langsmith.utils")
    if langsmith is not None and environ is os.environ:
        # It remembers what it has read of the environment before.
        langsmith.get_env_var.cache_clear()


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise UsageError(f"{name} is {text!r}, not a whole number of at least 1", hint=f"unset it for {default}")
    return number


def _database(env: Mapping[str, str]) -> str | None:
    url = env.get("AGENTCTL_DATABASE_URL", "").strip()
    if url and not url.startswith(("postgresql://", "postgres://")):
        raise UsageError(
            "AGENTCTL_DATABASE_URL is not a postgresql:// URL",
            hint="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it to use SQLite",
        )
    return url or None


def _redis(env: Mapping[str, str]) -> str | None:
    url = env.get("REDIS_URL", "").strip()
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise UsageError(
            "REDIS_URL is not a redis://, rediss:// or unix:// URL",
            hint="write redis://USER:PASSWORD@HOST:6379/0, or unset it to use a file of the project",
        )
    return url or None


def _switch(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "").strip().lower()
    if text not in _TRUE | _FALSE:
        raise UsageError(f"{name} is {text!r}, neither on nor off", hint=f"set {name}=1, or unset it")
    return text in _TRUE
