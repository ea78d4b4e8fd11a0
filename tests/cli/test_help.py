import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agentctl.cli import app
from agentctl.logs import COMPONENTS, LEVELS
from tests.cli.conftest import Command


def test_help_cuts_no_summary(agentctl: Command) -> None:
    assert "..." not in agentctl("--help").out.partition("Commands:")[2]


def commands(group: Any, *above: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, groups too."""
    yield above
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, *above, name)


def test_every_command_takes_h_for_help_and_names_what_its_options_take(agentctl: Command) -> None:
    for words in commands(typer.main.get_command(app)):
        code, out, _ = agentctl(*words, "-h")

        assert (code, out) == (0, agentctl(*words, "--help").out), words
        assert not re.search(r"^ +-.*<(?![^>]*\|)", out, re.MULTILINE), words  # a choice of words may be shown so


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
