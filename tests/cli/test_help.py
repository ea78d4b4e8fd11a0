import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.logs import COMPONENTS, LEVELS
from tests.cli.conftest import Command

HEAVY = [
    *("langgraph", "langchain_core", "langmem", "fastmcp", "mcp", "redis", "pydantic", "yaml", "watchdog"),
    *("rich.console", "sqlalchemy", "jinja2", "asyncio", "agentctl.workspace", "agentctl.logs"),
]
COMMANDS = [
    "run",
    "chat",
    "resume",
    "why",
    "runs",
    "sessions",
    "list",
    "show",
    "approvals",
    "tools",
    "test",
    "mcp",
    "graph",
    "validate",
    "new",
    "schema",
    "logs",
    "db",
    "doctor",
]


def loaded_by(code: str, folder: str = ".") -> set[str]:
    script = f"{code}; import sys; print('\\n' + ' '.join(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder)
    return set(ran.stdout.splitlines()[-1].split())


def test_help_imports_nothing_heavy() -> None:
    assert not [name for name in HEAVY if name in loaded_by("import agentctl.cli")]


@pytest.mark.slow
@pytest.mark.parametrize("words", [["list"], ["validate"], ["show", "debate"], ["graph", "debate"], ["schema"]])
def test_looking_does_not_import_the_engine(words: list[str]) -> None:
    code = (
        f"import contextlib, agentctl.cli\nwith contextlib.suppress(SystemExit): agentctl.cli.main({words})\nimport os"
    )

    assert not loaded_by(code) & {"langgraph", "langchain", "langchain_core", "sqlalchemy", "alembic", "genai_prices"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(agentctl: Command, command: str) -> None:
    code, out, err = agentctl(command, "--help")

    assert (code, err) == (0, "")
    assert f"agentctl {command}" in out or "Usage:" in out
    assert "--help" in out


def test_help_names_every_command(agentctl: Command) -> None:
    out = agentctl("--help").out

    assert [command for command in COMMANDS if f"\n  {command} " not in out] == []


def test_help_cuts_no_summary(agentctl: Command) -> None:
    assert "..." not in agentctl("--help").out.partition("Commands:")[2]


def test_the_version_is_told(agentctl: Command) -> None:
    code, out, _ = agentctl("--version")

    assert code == 0
    assert out.startswith("agentctl")


@pytest.mark.parametrize("words", [["list"], ["doctor"], ["run", "x", "y"], ["why"], ["logs"], ["new", "x"], ["runs"]])
def test_a_root_that_is_no_folder_is_a_usage_error(agentctl: Command, tmp_path: Path, words: list[str]) -> None:
    code, out, err = agentctl(*words, "--root", str(tmp_path / "nowhere"))

    assert (code, out) == (2, "")
    assert f"error: no such folder: {tmp_path}/nowhere" in err
    assert not (tmp_path / "nowhere").exists()


def test_a_short_id_is_as_short_as_the_store_takes() -> None:
    from agentctl.cli.options import MIN_RUN_ID
    from agentctl.store.store import MIN_PREFIX

    assert MIN_RUN_ID == MIN_PREFIX


def test_unknown_options_are_usage_errors(agentctl: Command) -> None:
    for words in (
        ["list", "--nope"],
        ["nope"],
        ["show"],
        ["graph", "x", "--format", "png"],
        ["logs", "--level", "loud"],
    ):
        assert agentctl(*words).code == 2, words


def test_logs_offers_the_components_and_levels_that_exist() -> None:
    """Spelt out twice, because importing them would slow every `--help`."""
    from typing import get_args

    from agentctl.cli.logs import ComponentName, LevelName

    assert get_args(ComponentName) == COMPONENTS
    assert get_args(LevelName) == LEVELS
