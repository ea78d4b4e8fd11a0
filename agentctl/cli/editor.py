"""The user's own editor, for JSON."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TextIO

from agentctl.errors import UsageError


def editor() -> list[str]:
    """The editor that the user has chosen, as words of a command; empty if none."""
    return shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")


def edited(words: list[str], text: str, terminal: TextIO) -> str:
    """The text as the editor leaves it. Blocks until that ends.

    Raises:
        UsageError: it cannot be started, or fails.
    """
    with tempfile.TemporaryDirectory(prefix="agentctl-") as folder:
        path = Path(folder, "arguments.json")
        path.write_text(text + "\n", encoding="utf-8")
        try:
            subprocess.run([*words, str(path)], stdout=terminal, check=True)  # noqa: S603 - the user's own choice
            return path.read_text(encoding="utf-8", errors="replace").strip()
        except (OSError, subprocess.CalledProcessError) as error:
            raise UsageError(f"the editor failed: {error}", hint="set EDITOR to another one, or to nothing") from error
