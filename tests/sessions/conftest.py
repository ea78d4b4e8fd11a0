from pathlib import Path

import pytest

from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.runtime.process import Project
from tests.sessions.talk import remembering


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which one the test's hubs use."""
    monkeypatch.delenv("AGENTCTL_DATABASE_URL", raising=False)
    if request.param == "postgres":
        monkeypatch.setenv("AGENTCTL_DATABASE_URL", request.getfixturevalue("postgres_url"))
    return str(request.param)


@pytest.fixture
def root(write_workspace: WriteWorkspace, tmp_path: Path, database: str) -> Path:
    """A project whose workspace `demo` answers with what it knows, and `plain` with how many turns it was told."""
    code = "\nasync def count(state, ctx): return str(len(ctx.turns))\n"
    agents = {"a": {"entry": "work:count"}}
    write_workspace("plain", workspace({"talk": ["a"]}, agents, code, memory={"turns": {"max": 50}}))
    return write_workspace("demo", remembering(tmp_path))


@pytest.fixture
def project(root: Path) -> Project:
    """The same project, for commands."""
    return Project(root)
