"""What is installed: the package, and the ready-made workspaces inside it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["pip", "wheel", str(ROOT), "--no-deps", "--no-build-isolation", "-q", "-w", str(folder)]
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def agentctl(site: Path, project: Path, *words: str) -> str:
    env = {**os.environ, "PYTHONPATH": str(site), "AGENTCTL_MODEL": "offline", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", "-m", "agentctl", *words]
    return subprocess.run(command, cwd=project, env=env, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_the_wheel_holds_one_package_and_its_licence(installed: Path) -> None:
    tops = {path.name.split("-")[0] for path in installed.iterdir()}
    names = {path.name for path in installed.rglob("*")}

    assert tops == {"agentctl", "agentctl_workspaces"}
    assert {"LICENSE", "py.typed", "places.json"} <= names
    assert not [name for name in names if name == "__pycache__" or name.endswith(".pyc")]


@pytest.mark.slow
def test_a_workspace_of_the_wheel_is_copied_and_runs(installed: Path, tmp_path: Path) -> None:
    agentctl(installed, tmp_path, "new", "mine", "--from", "trip-planner")
    answer = agentctl(installed, tmp_path, "run", "mine", "Just plan 5 days of food and art in October for €1200", "-q")

    assert answer.startswith("# Madrid, 5 days in October")
