"""Colour on a terminal, where the user has not declined it (https://no-color.org)."""

import os
import sys
from typing import TextIO

_CODES = {"dim": 2, "bold": 1, "red": 31, "green": 32, "yellow": 33, "cyan": 36}


def paint(text: str, style: str, to: TextIO | None = None) -> str:
    """The text in a style, for stdout unless told; plain in a pipe, with NO_COLOR, and without a style."""
    if not style or not (to or sys.stdout).isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"
