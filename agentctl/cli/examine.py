"""The checks of `agentctl doctor`. They change nothing, but what servers say is logged."""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.cli.disk import filesystem, is_network
from agentctl.cli.finding import Finding
from agentctl.cli.integrity import look
from agentctl.cli.version import DISTRIBUTION
from agentctl.errors import UsageError
from agentctl.models.providers import PROVIDERS, resolve_auto
from agentctl.settings import Settings
from agentctl.workspace import Workspace, check_workspace, find_root, list_workspaces
from agentctl.workspace.mcp_config import declared_servers

if TYPE_CHECKING:
    from agentctl.tools.server_health import ServerHealth

_LOW_BYTES = 200_000_000
_CHECK_S = 2.0
"""A file of gigabytes is checked as far as this goes."""
_PACKAGES = (
    "langgraph",
    "langgraph-checkpoint-sqlite",
    "langchain",
    "langchain-openai",
    "pydantic",
    "sqlalchemy",
    "rich",
    "typer",
)
"""Whose versions are shown; all that are required are looked for."""


def examine(start: Path | None) -> list[Finding]:
    """Look at everything that a run needs."""
    root = find_root(start)
    workspaces = {name: check_workspace(root, name)[0] for name in list_workspaces(root)}
    findings = [*_python(), *_packages(), *_project(root, start), *_disk(root), *_workspaces(workspaces)]
    had_langsmith = [name for name in os.environ if name.startswith(("LANGSMITH_", "LANGCHAIN_")) and "TRACING" in name]
    try:
        settings = Settings.load(root)
    except UsageError as error:
        return [*findings, Finding("settings", "problem", str(error), error.hint)]
    database = look(root, settings.database_url, _CHECK_S)
    findings += [*database, *_servers(workspaces, settings), *_settings(settings), *_models(settings)]
    return [*findings, *_langsmith(settings, had_langsmith)]


def _python() -> Iterator[Finding]:
    found = f"{platform.python_version()}, {sys.executable}, {platform.system()}"
    # Windows has none of the file locks and signals that runs rely on.
    is_posix = os.name == "posix"
    yield Finding("python", "ok" if is_posix else "problem", found, "" if is_posix else "use WSL")


def _packages() -> Iterator[Finding]:
    try:
        required = [line for line in metadata.requires(DISTRIBUTION) or [] if "extra ==" not in line]
        needed = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in required]
        found = [f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}"]
    except metadata.PackageNotFoundError:
        needed, found = list(_PACKAGES), [f"{DISTRIBUTION} not installed, run from a checkout"]
    versions = {name: _version(name) for name in needed}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        yield Finding("packages", "problem", f"missing: {', '.join(missing)}", f"pip install '{DISTRIBUTION}'")
    found += [f"{name} {versions[name]}" for name in _PACKAGES if versions.get(name)]
    yield Finding("packages", "ok", ", ".join(found))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _project(root: Path, start: Path | None) -> Iterator[Finding]:
    why = "--root or AGENTCTL_ROOT" if start else "found from here upwards"
    if (root / "workspaces").is_dir():
        yield Finding("project", "ok", f"{root} ({why})")
    else:
        fix = "go to a project, pass --root, or begin one here with `agentctl new NAME`"
        yield Finding("project", "warning", f"{root} has no workspaces/", fix)
    for folder in (root / ".agentctl", root / "logs", root):
        if folder.is_dir() and (reason := _refusal(folder)):
            fix = f"make {folder} writable, or choose another project with --root"
            yield Finding("writable", "problem", f"{folder} cannot be written: {reason}", fix)
            return
    yield Finding("writable", "ok", f"{root}")


def _refusal(folder: Path) -> str:
    """Why no file can be made in `folder`; empty if one can. Permission bits alone do not tell."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _disk(root: Path) -> Iterator[Finding]:
    kind, free = filesystem(root), shutil.disk_usage(root).free
    found = f"{kind or 'unknown file system'}, {free / 1e9:,.1f} GB free"
    if kind and is_network(kind):
        fix = "keep the project on a local disk: several machines on one SQLite file lose data"
        yield Finding("disk", "warning", f"network disk: {found}", fix)
    elif free < _LOW_BYTES:
        yield Finding("disk", "warning", found, "free some space: a full disk ends runs")
    else:
        yield Finding("disk", "ok", found)


def _workspaces(workspaces: Mapping[str, Workspace | None]) -> Iterator[Finding]:
    broken = [name for name, workspace in workspaces.items() if workspace is None]
    if broken:
        found = f"{len(broken)} of {len(workspaces)} invalid: {', '.join(broken)}"
        yield Finding("workspaces", "warning", found, f"agentctl validate {' '.join(broken)}")
    elif workspaces:
        yield Finding("workspaces", "ok", f"{len(workspaces)} valid: {', '.join(workspaces)}")


def _servers(workspaces: Mapping[str, Workspace | None], settings: Settings) -> Iterator[Finding]:
    """Starts or reaches each declared server, all at once; loads nothing where there is none."""
    declared = [config for workspace in workspaces.values() if workspace for config in declared_servers(workspace)]
    if all(config.spec.disabled for config in declared):
        return
    from agentctl.cli.drive import drive
    from agentctl.tools.server_health import examine_servers

    for health in drive(examine_servers(settings.root, settings.env)):
        found = f"{health.server} of {health.workspace}: {health.found}"
        fix = "" if health.is_up else _server_fix(health, workspaces[health.workspace])
        yield Finding("server", "warning" if fix else "ok", found, fix)


def _server_fix(health: "ServerHealth", workspace: Workspace | None) -> str:
    if "login" in health.found:
        return f"log in at a terminal with `agentctl tools list {health.workspace}`"
    if "environment" in health.found:
        return "export it, or give it a default there: `${NAME:-default}`"
    assert workspace is not None
    return f"mend the server, or its entry in workspaces/{workspace.name}/{workspace.spec.tools.servers}"


def _settings(settings: Settings) -> Iterator[Finding]:
    dotenv = settings.root / ".env"
    found = (
        f"max_runs {settings.max_runs}, max_concurrent_agents {settings.max_concurrent_agents}, "
        f"blocking_threads {settings.blocking_threads}, debug {'on' if settings.debug else 'off'}, "
        f".env {'read' if dotenv.is_file() else 'none'}"
    )
    yield Finding("settings", "ok", found)
    if dotenv.is_file() and dotenv.stat().st_mode & 0o077:
        yield Finding("settings", "warning", f"{dotenv} can be read by other users", f"chmod 600 {dotenv}")


def _models(settings: Settings) -> Iterator[Finding]:
    set_, unset = list[str](), list[str]()
    for name in dict.fromkeys(facts.key for facts in PROVIDERS.values() if facts.key):
        if not settings.env.get(name):
            unset.append(name)
        else:
            set_.append(f"{name} (environment)" if os.environ.get(name) else f"{name} (.env)")
    yield Finding("keys", "ok", f"set: {', '.join(set_) or 'none'}; not set: {', '.join(unset) or 'none'}")
    usable = sorted({name for name, facts in PROVIDERS.items() if find_spec(facts.package)})
    yield Finding("providers", "ok", f"installed: {', '.join(usable) or 'none'}")
    model, why = resolve_auto(settings.env)
    if model == "offline":
        fix = "export OPENAI_API_KEY=…, put it into .env, or set AGENTCTL_MODEL=provider:name"
        yield Finding("model", "warning", f"`auto` takes offline, which makes words up: {why}", fix)
    else:
        yield Finding("model", "ok", f"`auto` takes {model}: {why}")


def _langsmith(settings: Settings, variables: list[str]) -> Iterator[Finding]:
    if settings.langsmith:
        fix = "unset AGENTCTL_LANGSMITH to keep prompts and answers on this machine"
        yield Finding("langsmith", "warning", "tracing is allowed: runs may be sent to LangSmith", fix)
    else:
        ignored = f"; ignored: {', '.join(sorted(variables))}" if variables else ""
        yield Finding("langsmith", "ok", f"off, nothing is sent{ignored}")
