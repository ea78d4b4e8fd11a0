"""The artifacts of a workspace: which files they are, read once into bytes, and their hash.

Everything that follows (checks, hash, runs) uses these bytes and never the disk again.
"""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agentctl.workspace.diagnostics import Diagnostics, Place

MAX_BYTES = 1024 * 1024
IGNORE_FILE = ".agentctlignore"
CASSETTE = "# A cassette of agentctl"
"""How a recording of a run begins; whatever its name, it is no artifact."""
_SWAP = (".pyc", ".tmp", ".swp", ".swo", ".swx", "~")
_TEXT = re.compile(r".*\.(yaml|yml|py)|mcp\.json|prompts/.*\.(md|txt|j2)|schemas/.*\.json", re.DOTALL)
IS_CASSETTE = "it is a cassette"
Ignored = Callable[[str], bool]


@dataclass
class Artifacts:
    """`files` by path relative to the workspace, with `/`; `left_out` says why a file is none."""

    files: dict[str, bytes] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def is_text(path: str) -> bool:
    """Whether a file must be small and UTF-8: YAML, prompts, schemas and Python."""
    return _TEXT.fullmatch(path) is not None


def read_artifacts(folder: Path, report: Diagnostics, *, stored: bool = False) -> Artifacts:
    """Read the artifacts under `folder`, noting links that leave it and files that cannot be read.

    Args:
        folder: the workspace's own folder.
        report: takes the problems.
        stored: the folder is a stored generation, so every file of it counts.
    """
    reader = _Folder(folder, report, (lambda _: False) if stored else _ignored(folder, report))
    reader.read()
    return reader.artifacts


def hash_artifacts(files: Mapping[str, bytes]) -> str:
    """The generation's name: 12 hex digits over every path and its bytes."""
    digest = hashlib.sha256()
    for path in sorted(files):
        name = os.fsencode(path)
        digest.update(b"%d %b %d " % (len(name), name, len(files[path])))
        digest.update(files[path])
    return digest.hexdigest()[:12]


class _Folder:
    def __init__(self, folder: Path, report: Diagnostics, ignored: Ignored) -> None:
        self._folder, self._report, self._ignored = folder, report, ignored
        self._real = os.path.realpath(folder)
        self.artifacts = Artifacts()

    def read(self) -> None:
        """Read every folder; a list and not recursion, because folders nest deeper than Python's stack."""
        folders = [""]
        while folders:
            below = folders.pop()
            for entry in self._entries(below):
                path = below + entry.name
                if self._skipped(entry, path):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path + "/")
                else:
                    self._take(entry, path)

    def _entries(self, below: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder / below) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._report.add("E708", Place(below.rstrip("/") or "."), f"cannot be read: {error.strerror}")
            return []

    def _skipped(self, entry: os.DirEntry[str], path: str) -> bool:
        name = entry.name
        if name.startswith(".") or name == "__pycache__" or name.endswith(_SWAP) or (name[0] == name[-1] == "#"):
            return True
        return path != "workspace.yaml" and self._ignored(path + "/" if entry.is_dir(follow_symlinks=False) else path)

    def _take(self, entry: os.DirEntry[str], path: str) -> None:
        if entry.is_symlink() and not self._stays_inside(path):
            return
        try:
            content = read_regular(self._folder / path)
        except OSError as error:
            self._report.add("E708", Place(path), f"{path} cannot be read: {error.strerror}")
            self.artifacts.left_out[path] = "it cannot be read"
            return
        if content is None:
            self.artifacts.left_out[path] = "it is no regular file"
        elif content.startswith(CASSETTE.encode()):
            self.artifacts.left_out[path] = IS_CASSETTE
        elif len(content) > MAX_BYTES:
            self._too_large(path)
        else:
            self.artifacts.files[path] = content

    def _stays_inside(self, path: str) -> bool:
        target = os.path.realpath(self._folder / path)
        if os.path.commonpath((target, self._real)) != self._real:
            self._report.add("E707", Place(path), f"{path} is a link to outside of the workspace")
            self.artifacts.left_out[path] = "it is a link to outside of the workspace"
            return False
        if Path(target).is_dir():
            message = f"{path} is a linked folder, which is not followed"
            self._report.add("E713", Place(path), message, severity="warning")
            self.artifacts.left_out[path] = "it is a linked folder"
            return False
        return True

    def _too_large(self, path: str) -> None:
        self.artifacts.left_out[path] = "it is over 1 MiB"
        if is_text(path):
            self._report.add("E704", Place(path), f"{path} is over 1 MiB")
        else:
            message = f"{path} is over 1 MiB, so it is no artifact: edits of it make no new generation"
            self._report.add("E713", Place(path), message, severity="warning")


def read_regular(path: Path) -> bytes | None:
    """The first `MAX_BYTES` + 1 bytes of a regular file; `None` for a pipe, socket or device.

    Raises:
        OSError: it cannot be opened or read.
    """
    # Without O_NONBLOCK, opening a pipe that nobody writes waits for ever.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        return file.read(MAX_BYTES + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def _ignored(folder: Path, report: Diagnostics) -> Ignored:
    """What `.agentctlignore` says, in the words of .gitignore."""
    try:
        content = read_regular(folder / IGNORE_FILE)
    except FileNotFoundError:
        return lambda _: False
    except OSError as error:
        report.add("E708", Place(IGNORE_FILE), f"{IGNORE_FILE} cannot be read: {error.strerror}")
        return lambda _: False
    text = decode(IGNORE_FILE, (content or b"")[:MAX_BYTES], report) or ""
    # Few workspaces have the file, and the import costs a tenth of a whole `validate`.
    from pathspec import GitIgnoreSpec

    lines = list(_patterns(text, report))
    return GitIgnoreSpec.from_lines(lines).match_file


def _patterns(text: str, report: Diagnostics) -> Iterator[str]:
    from pathspec import GitIgnoreSpec

    for number, line in enumerate(text.splitlines(), 1):
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:
            report.add("E711", Place(IGNORE_FILE, number), f"{line!r} is no pattern")
        else:
            yield line


def decode(path: str, content: bytes, report: Diagnostics) -> str | None:
    """UTF-8 text without its byte order mark; `None`, and a problem, if it is no UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        col = len(before[before.rfind(b"\n") + 1 :].decode("utf-8-sig", "replace")) + 1
        report.add("E703", Place(path, line, col), f"byte 0x{content[error.start]:02x} is no UTF-8")
        return None
