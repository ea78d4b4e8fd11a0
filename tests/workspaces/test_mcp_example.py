"""`examples/mcp-servers`, as its README says: with a server from the package index."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import agentctl

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = ("No matching distribution", "Connection", "Temporary failure", "timed out")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with its `.venv`; without a package index it is skipped, but not where all of the tests must run."""
    folder = tmp_path_factory.mktemp("example") / "mcp-servers"
    shutil.copytree(ROOT / "examples/mcp-servers", folder, ignore=shutil.ignore_patterns(".*", "logs"))
    venv.create(folder / ".venv", with_pip=True)
    command = [folder / ".venv/bin/python", "-m", "pip", "install", "--quiet", "--retries", "1", "mcp-server-time"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode and "CI" not in os.environ and any(words in done.stderr for words in NO_NETWORK):
        pytest.skip(f"mcp-server-time cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_example_runs_with_a_server_of_somebody_else(project, monkeypatch) -> None:
    monkeypatch.chdir(project)

    result = agentctl.run("meeting", "16:30", root=project, model="scripted:replies.yaml")

    assert (result.status, result.usage["tool_calls"]) == ("done", 4)
    assert "Kolkata" in result.output


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_commands_of_its_readme_list_and_call_the_tools(project) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "AGENTCTL_MODEL": "offline"}

    def run(*words: str) -> str:
        command = [sys.executable, "-m", "agentctl", *words]
        return subprocess.run(command, cwd=project, env=env, check=True, capture_output=True, text=True).stdout

    assert {"time_get_current_time", "time_convert_time"} <= set(run("tools", "list", "meeting").split())
    assert "Asia/Tokyo" in run("tools", "call", "meeting", "time_get_current_time", "--arg", "timezone=Asia/Tokyo")
    assert "simulated" in run("run", "meeting", "16:30")


@pytest.mark.slow
def test_the_example_validates_and_says_when_its_server_is_not_there(tmp_path) -> None:
    shutil.copytree(ROOT / "examples/mcp-servers/workspaces", tmp_path / "workspaces")

    result = agentctl.run("meeting", "16:30", root=tmp_path, model="offline")

    assert result.status == "failed" and "time_convert_time" in result.error["message"]
