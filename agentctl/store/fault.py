"""What is wrong with a database file, told in one sentence with a way out."""

from pathlib import Path

from agentctl.errors import StoreUnusable

_HEADER = b"SQLite format 3\0"


def check_header(path: Path) -> None:
    """Look at the first 16 bytes of an SQLite file, if there is one.

    Raises:
        StoreUnusable: it is another kind of file, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(path, error) from error
    if head and head != _HEADER:
        raise corrupt(path)


def corrupt(path: Path) -> StoreUnusable:
    """The file is damaged; nobody but the user may replace it."""
    return StoreUnusable(
        f"{path} is damaged or not an SQLite database; it was left as it is",
        hint=f"restore a copy of it, or start with an empty one: `mv {path} {path}.damaged`",
        code="store-corrupt",
    )


def unusable(path: Path, error: BaseException) -> StoreUnusable:
    """Translate what SQLite or the operating system said about `path`."""
    said = str(getattr(error, "orig", None) or error)
    low = said.lower()
    if "not a database" in low or "malformed" in low:
        return corrupt(path)
    if "disk is full" in low or "no space left" in low or "disk i/o error" in low:
        what, hint = "the disk is full or failing", "free some space, then `agentctl resume` the run"
    elif "readonly" in low or "read-only" in low or "permission denied" in low or "unable to open" in low:
        what, hint = "it cannot be written", f"make {path.parent} writable, or choose another project with `--root`"
    elif "locked" in low or "busy" in low:
        what, hint = "another process has held it for over 10 seconds", "stop that process, or try again later"
    else:
        what, hint = "it cannot be used", "see `agentctl doctor`"
    return StoreUnusable(f"{path}: {what} ({said})", hint=hint)
