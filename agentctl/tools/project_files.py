"""Reading below the project's root: no way leads out of it, nor to what is hidden or secret."""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from typing import Any

MAX_BYTES = 1024 * 1024
MAX_LISTED = 1_000
MAX_LOOKED_AT = 50_000
_SECRET = re.compile(
    r".*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)|id_(rsa|dsa|ecdsa|ed25519)(\..*)?"
    r"|.*(credential|secret|password|passwd|htpasswd).*",
    re.IGNORECASE,
)


class PathRefused(Exception):
    """The path may not be read; the text says why."""


class ProjectFiles:
    """What `read_file` and `list_files` see of a project."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read_file(self, path: str) -> Any:
        """Read a file of the project.

        Args:
            path: relative to the project's root; text, an image or a PDF, up to 1 MiB.
        """
        parts = _parts(path)
        if not parts:
            raise PathRefused(f"{path!r} is a folder; see what is in it with list_files")
        with self._folder(parts[:-1]) as folder, _refusing(path):
            content = _read(parts[-1], folder, path)
        return as_content(content, guess_type(parts[-1])[0] or "", path)

    def list_files(self, path: str = ".", pattern: str = "*") -> list[str]:
        """List the files below a folder of the project.

        Args:
            path: the folder, relative to the project's root.
            pattern: a glob, such as `*.md`, for a file's name or its path; the first 1,000 are listed.
        """
        found: list[str] = []
        start = PurePosixPath(*_parts(path))
        with self._folder(start.parts) as folder:
            for looked_at, name in enumerate(_files(folder)):
                if len(found) == MAX_LISTED or looked_at == MAX_LOOKED_AT:
                    return [*found, "… and more: take a narrower path or pattern"]
                if fnmatchcase(name, pattern) or fnmatchcase(PurePosixPath(name).name, pattern):
                    found.append(str(start / name))
        return found

    @contextmanager
    def _folder(self, parts: tuple[str, ...]) -> Iterator[int]:
        """A handle of a folder, reached step by step, so that no link is followed, whenever it was put there."""
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in parts:
                with _refusing("/".join(parts)):
                    below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


def as_content(body: bytes, media_type: str, name: str) -> Any:
    """Text as it is, an image or a PDF as a file.

    Raises:
        PathRefused: it is neither.
    """
    from fastmcp.utilities.types import File, Image

    if media_type.startswith("image/") and media_type != "image/svg+xml":
        return Image(data=body, format=media_type.removeprefix("image/"))
    if media_type == "application/pdf":
        return File(data=body, format="pdf", name=PurePosixPath(name).name)
    try:
        return body.decode("utf-8-sig", "replace" if media_type == "text/html" else "strict")
    except UnicodeDecodeError:
        raise PathRefused(f"{name} is neither text nor an image nor a PDF") from None


def _parts(path: str) -> tuple[str, ...]:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\0" in path or path.startswith("~"):
        raise PathRefused(f"{path!r} leaves the project; paths are relative to its root")
    for part in pure.parts:
        if _is_hidden(part):
            raise PathRefused(f"{path!r} is not readable here: hidden files and files with secrets are left out")
    return pure.parts


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or _SECRET.fullmatch(name) is not None


@contextmanager
def _refusing(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise PathRefused(f"there is no {path!r} in the project") from None
    except OSError as error:  # ELOOP or ENOTDIR of a link
        raise PathRefused(f"{path!r} cannot be read: {error.strerror}; links are not followed") from None


def _read(name: str, folder: int, path: str) -> bytes:
    # Without O_NONBLOCK, opening a pipe that nobody writes waits for ever.
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise PathRefused(f"{path!r} is no file")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise PathRefused(f"{path!r} is over {MAX_BYTES:,} bytes")
    return content


def _files(folder: int) -> Iterator[str]:
    """Regular files below, by path, in order."""
    for at, folders, names, here in os.fwalk(".", dir_fd=folder, follow_symlinks=False):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            if not _is_hidden(name) and _is_regular(name, here):
                yield str(PurePosixPath(at) / name)


def _is_regular(name: str, folder: int) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except OSError:
        return False
