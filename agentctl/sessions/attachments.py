"""Files that come with a turn: read from disk or fetched, and known by what is in them."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from mimetypes import MimeTypes
from pathlib import Path
from urllib.parse import unquote, urlsplit

from agentctl.errors import AgentctlError, FetchFailed, ServiceUnavailable, UsageError

MAX_BYTES = 20_000_000
"""Of one file."""
FETCH_S = 20.0
UNKNOWN = "application/octet-stream"
UNUSABLE = "attachment-unusable"

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


@dataclass(frozen=True)
class Attachment:
    """A file of a turn; `path` is absolute, or the URL without what may be a key in it."""

    name: str
    media_type: str
    path: str
    body: bytes

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the body, in hex."""
        return sha256(self.body).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return len(self.body)

    def as_dict(self) -> dict[str, object]:
        """The attachment as prompts and `ctx` see it."""
        return {"name": self.name, "media_type": self.media_type, "path": self.path, "bytes": self.body}


async def load_attachments(
    names: Sequence[str | Path | Attachment], *, allow_private: bool = False
) -> list[Attachment]:
    """Read files and fetch URLs, all at once, in the order of `names`.

    Args:
        names: paths, relative to the working directory, and http(s) URLs; what is loaded already is taken as it is.
        allow_private: fetch from addresses of this machine and its networks too.

    Raises:
        UsageError: something is no file, is not readable, empty or too large, or may not be fetched; all are named.
        ServiceUnavailable: nothing but URLs that gave no answer.
    """
    places = dict.fromkeys(str(name) for name in names if not isinstance(name, Attachment))
    urls = [place for place in places if _is_url(place)]
    paths = [place for place in places if not _is_url(place)]
    fetched, read = await asyncio.gather(
        _fetched(urls, allow_private=allow_private),
        asyncio.gather(*(asyncio.to_thread(_read, path) for path in paths)),
    )
    loaded = {**fetched, **dict(zip(paths, read, strict=True))}
    if faults := [found for found in loaded.values() if isinstance(found, AgentctlError)]:
        raise _all_of(faults)
    taken = (name if isinstance(name, Attachment) else loaded[str(name)] for name in names)
    return [found for found in taken if isinstance(found, Attachment)]


def media_type_of(name: str, body: bytes, told: str = "") -> str:
    """The media type of a file: by what is in it, then by its name, then by what its server told.

    What begins like an image or PDF is one; what is UTF-8 without NUL is text, of the kind that
    its name says; nothing else is called either, whatever its name.
    """
    for magic, media_type in _MAGIC:
        if body.startswith(magic):
            return media_type
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "image/webp"
    guess, packed = MimeTypes().guess_type(name, strict=False)
    named = UNKNOWN if packed else guess or told  # of `a.tar.gz` it tells what is in there
    if _is_text(body):
        return named if named.startswith("text/") else "text/plain"
    seen = {media_type for _, media_type in _MAGIC} | {"image/webp", ""}
    return UNKNOWN if named in seen or named.startswith("text/") else named


def _is_text(body: bytes) -> bool:
    if b"\0" in body:
        return False
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_url(name: str) -> bool:
    return "://" in name


def _read(given: str) -> Attachment | AgentctlError:
    try:
        path = Path(os.path.abspath(Path(given).expanduser()))  # noqa: PTH100 - as given, not where links lead
        if path.is_dir():
            return _fault(given, "is a directory")
        if not path.is_file():  # opening a pipe would wait for its writer
            return _fault(given, "is no regular file" if path.exists() else "is not there")
        with path.open("rb") as file:
            body = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # `~nobody` is a RuntimeError
        return _fault(given, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if len(body) > MAX_BYTES:
        return _fault(given, f"is over {MAX_BYTES:,} bytes")
    return _attachment(path.name, str(path), body) if body else _fault(given, "is empty")


async def _fetched(urls: Sequence[str], *, allow_private: bool) -> dict[str, Attachment | AgentctlError]:
    if not urls:
        return {}
    await asyncio.to_thread(import_module, "agentctl.fetch")  # with its HTTP library, which takes a while
    from agentctl.fetch import fetch_all, shown

    found = await fetch_all(urls, max_bytes=MAX_BYTES, timeout_s=FETCH_S, allow_private=allow_private)
    loaded: dict[str, Attachment | AgentctlError] = {}
    for url, one in zip(urls, found, strict=True):
        if isinstance(one, AgentctlError):
            loaded[url] = one
        elif not one.body:
            loaded[url] = _fault(shown(url), "is empty")
        else:
            loaded[url] = await asyncio.to_thread(_attachment, _name_of(url), shown(url), one.body, one.media_type)
    return loaded


def _fault(given: str, reason: str) -> UsageError:
    return UsageError(f"{given!r} {reason}", hint="attach files of 1 byte to 20 MB", code=UNUSABLE)


def _attachment(name: str, path: str, body: bytes, told: str = "") -> Attachment:
    return Attachment(name, media_type_of(name, body, told), path, body)


def _name_of(url: str) -> str:
    """The last part of a URL's path, as a plain file name: whoever saves it by that name stays in their folder."""
    parts = urlsplit(url)
    name = unquote(parts.path).rpartition("/")[2].replace("\0", "")
    return name if name not in ("", ".", "..") else parts.hostname or "file"


def _all_of(faults: Sequence[AgentctlError]) -> AgentctlError:
    if len(faults) == 1:
        return faults[0]
    what = "; ".join(map(str, faults))
    if all(isinstance(fault, FetchFailed) for fault in faults):
        return ServiceUnavailable(what, hint=faults[0].hint, code=FetchFailed.code)
    return UsageError(what, hint="; ".join(dict.fromkeys(fault.hint for fault in faults)), code=UNUSABLE)
