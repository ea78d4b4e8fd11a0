"""What sessions may be called, and tagged with."""

import re
from collections.abc import Mapping, Sequence

from agentctl.errors import SessionNotFound, UsageError

MAX_TAGS = 100
"""Tags of one session; as many keys of metadata."""
_NAME = re.compile(r"[^\W_][\w .@+-]{0,63}", re.ASCII)
_LIKE_ID = re.compile(r"[0-9][0-9a-hjkmnp-tv-z]{17}")
_MAX_TAG, _MAX_VALUE = 64, 1_000


def checked_name(name: str) -> str:
    """The name without blanks around it.

    Raises:
        UsageError: it cannot name a session.
    """
    name = name.strip()
    if _LIKE_ID.fullmatch(name):
        raise SessionNotFound(name, reason=f"no session {name!r}, and a name may not look like an id")
    if not _NAME.fullmatch(name):
        hint = "take up to 64 letters, digits, blanks and any of _ . @ + -, and begin with a letter or digit"
        raise UsageError(f"{name!r} cannot name a session", hint=hint)
    return name


def checked_tags(tags: Sequence[str]) -> list[str]:
    """The tags, each once.

    Raises:
        UsageError: one cannot be a tag, or there are over `MAX_TAGS`.
    """
    tags = list(dict.fromkeys(tag.strip() for tag in tags))
    if bad := [tag for tag in tags if not _is_tag(tag)]:
        raise UsageError(f"{bad[0]!r} cannot be a tag", hint=_HINT)
    _check_count(len(tags), "tags")
    return tags


def checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata.

    Raises:
        UsageError: a key or a value cannot be one, or there are over `MAX_TAGS`.
    """
    for key, value in metadata.items():
        if not _is_tag(key):
            raise UsageError(f"{key!r} cannot be a key of metadata", hint=_HINT)
        if len(value) > _MAX_VALUE or not value.isprintable():
            hint = f"take up to {_MAX_VALUE:,} printable characters"
            raise UsageError(f"the value of {key!r} cannot be noted on a session", hint=hint)
    _check_count(len(metadata), "keys of metadata")
    return dict(metadata)


_HINT = f"take up to {_MAX_TAG} printable characters, the first of them no hyphen"


def _is_tag(tag: str) -> bool:
    return 0 < len(tag) <= _MAX_TAG and tag.isprintable() and tag == tag.strip() and tag[0] != "-"


def _check_count(count: int, what: str) -> None:
    if count > MAX_TAGS:
        raise UsageError(f"{count} {what} are too many for a session", hint=f"take at most {MAX_TAGS}")
