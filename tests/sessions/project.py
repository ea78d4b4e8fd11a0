"""A project with two small workspaces, on both kinds of databases."""

from pathlib import Path

import pytest

from tests.conftest import WriteWorkspace
from tests.runs import workspace

PLAIN = "def heard(state, ctx): return ' | '.join([*(turn['user'] for turn in ctx.turns), state['task']])\n"
"""Says what it was asked in this session so far."""
MIND = """
from langgraph.func import entrypoint
@entrypoint()
def mind(state, *, previous=None):
    if state["task"] == "odd":
        return entrypoint.final(value="kept", save={1, 2})
    told = [*(previous or []), state["task"]]
    return entrypoint.final(value=" ".join(told), save=told)
"""
"""Remembers by itself; told `odd`, what no JSON can hold."""


@pytest.fixture(params=["sqlite", "postgres"])
def project(request: pytest.FixtureRequest, write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the workspaces `plain` and `mind`."""
    if request.param == "postgres":
        monkeypatch.setenv("AGENTCTL_DATABASE_URL", str(request.getfixturevalue("postgres_url")))
    write_workspace(
        "plain", workspace({"talk": ["a"], "end": ["a"]}, {"a": {"entry": "work:heard", "exit": "once"}}, PLAIN)
    )
    return write_workspace("mind", workspace({"talk": ["a"]}, {"a": {"entry": "work:mind"}}, MIND))
