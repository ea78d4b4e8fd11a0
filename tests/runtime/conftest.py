from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import ChatServer
from tests.runtime.process import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(delay_s=0.02) as server:
        yield server
