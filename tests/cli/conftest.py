"""Call the command line in this process, in a project of its own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from agentctl.cli import main


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


@pytest.fixture
def bare_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key, no setting, no colour choice of the developer's; whatever a command sets is undone."""
    kept = dict(os.environ)
    for name in kept:
        if (
            name.startswith(("AGENTCTL_", "LANGSMITH_", "LANGCHAIN_"))
            or name.endswith("_API_KEY")
            or name in ("NO_COLOR", "REDIS_URL")
        ):
            del os.environ[name]
    monkeypatch.chdir(tmp_path)
    yield
    os.environ.clear()
    os.environ.update(kept)


@pytest.fixture
def agentctl(bare_environment: None, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command as the shell would: `agentctl("list", "--json")`."""

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = 0
        try:
            main(list(words))
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
        return Outcome(code, *capsys.readouterr())

    return call
