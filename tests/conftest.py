"""Fixtures that every test may use."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.services import mortal_redis, postgres, postgres_url, redis_server, redis_url  # noqa: F401

WORKSPACE = """\
version: 1
stages:
  talk:
    agents: [speaker]
agents:
  speaker: {prompt: "Answer: {{ task }}"}
"""

WriteWorkspace = Callable[..., Path]


@pytest.fixture
def write_workspace(tmp_path: Path) -> WriteWorkspace:
    """Write a workspace and return the project's root.

    `files` is the text of workspace.yaml, or path → text or bytes; without a
    workspace.yaml among them, a small valid one is written. Called again with the same
    name, it adds to what is there.
    """

    def write(name: str = "demo", files: str | Mapping[str, str | bytes] = WORKSPACE) -> Path:
        contents = {"workspace.yaml": files} if isinstance(files, str) else dict(files)
        folder = tmp_path / "workspaces" / name
        if not (folder / "workspace.yaml").exists():
            contents.setdefault("workspace.yaml", WORKSPACE)
        for path, content in contents.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return write
