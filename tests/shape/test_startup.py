"""What quick commands must not import."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("langgraph", "langchain_core", "langmem", "fastmcp", "mcp", "redis", "sqlalchemy", "alembic", "genai_prices")
HELP_HEAVY = (*HEAVY, "pydantic", "yaml", "rich", "jinja2", "asyncio", "watchdog")
HELP_HEAVY += ("agentctl.workspace", "agentctl.logs")


def loaded_by(code: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n' + ' '.join(sys.modules))"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return done.stdout.splitlines()[-1].split()


def test_importing_the_library_loads_nothing() -> None:
    assert [name for name in loaded_by("import agentctl") if name.startswith("agentctl.")] == []


def test_help_imports_nothing_heavy() -> None:
    loaded = loaded_by("import agentctl.cli")

    assert [name for name in HELP_HEAVY if name in loaded] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["list"], ["validate", "trip-planner"], ["show", "debate"], ["graph", "debate"], ["schema"]]
)
def test_looking_imports_no_engine(words: list[str]) -> None:
    loaded = loaded_by(f"import agentctl.cli\ntry: agentctl.cli.main({words})\nexcept SystemExit: pass")

    assert [name for name in HEAVY if name in loaded] == []


@pytest.mark.slow
def test_an_offline_run_imports_no_chat_models(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "workspaces" / "debate", tmp_path / "workspaces" / "debate")
    loaded = loaded_by(f"import agentctl\nagentctl.run('debate', 'Tea?', root={str(tmp_path)!r}, model='offline')")

    assert [n for n in ("langchain_openai", "langchain.chat_models", "genai_prices", "alembic") if n in loaded] == []
