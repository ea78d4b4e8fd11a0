import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace


def complete(line: str, cwd: Path, **env: str) -> list[str]:
    """What bash would be offered for the last word of `line`."""
    asked = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AGENTCTL_")},
        "_AGENTCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **env,
    }
    code = "import sys; sys.argv = ['agentctl']; from agentctl.cli import main; main()"
    ran = subprocess.run([sys.executable, "-c", code], env=asked, cwd=cwd, capture_output=True, text=True, check=False)
    return ran.stdout.split()


@pytest.mark.slow
def test_workspace_names_are_completed(
    write_workspace: WriteWorkspace, tmp_path_factory: pytest.TempPathFactory
) -> None:
    write_workspace("trip")
    root = write_workspace("debate")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    assert complete("agentctl run ", root) == ["debate", "trip"]
    assert complete("agentctl show tr", root) == ["trip"]
    assert complete("agentctl validate trip de", root) == ["debate"]
    assert complete("agentctl show de", elsewhere, AGENTCTL_ROOT=str(root)) == ["debate"]
    assert complete(f"agentctl graph --root {root} t", elsewhere) == ["trip"]
    assert complete("agentctl new x --from code", elsewhere) == ["code-review"]


@pytest.mark.slow
def test_run_ids_and_roles_are_completed(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk")
    assert complete("agentctl why ", root) == []
    agentctl("run", "talk", "x", "--model", "offline")
    [run] = json.loads(agentctl("runs", "--json").out)

    assert complete("agentctl why ", root) == [run["run_id"]]
    assert complete(f"agentctl resume {run['run_id'][:3]}", root) == [run["run_id"]]
    assert complete("agentctl why zz", root) == []
    assert complete("agentctl logs --agent ", root) == ["speaker"]
    assert complete("agentctl logs talk --agent x", root) == []


@pytest.mark.slow
def test_the_completion_script_can_be_shown(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['agentctl', '--show-completion', 'bash']; from agentctl.cli import main; main()"
    env = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)

    assert "_AGENTCTL_COMPLETE=complete_bash" in ran.stdout
