"""What a call says, without what differs from run to run: the same call has the same digest again."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from agentctl.store.journal import digest_of
from agentctl.store.row import CallKind

SLACK_S = 60.0
SHORTEST = 8
"""Characters of a text that may be taken for an id."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")


class Steady:
    """Puts words in the place of a run's ids, and of the times at which it ran.

    Args:
        mask: takes the secrets out.
    """

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask, self._since = mask, time.time()
        self._known: dict[str, str] = {}

    def know(self, text: str, word: str) -> None:
        """From now on `word` stands for `text`."""
        if len(text) >= SHORTEST:
            longest_first = sorted({text: word, **self._known}.items(), key=lambda known: -len(known[0]))
            self._known = dict(longest_first)

    def of(self, value: object) -> tuple[Any, dict[str, str]]:
        """A JSON value with its words, and what they stand for; the data of files is shortened."""
        found: dict[str, str] = {}
        return self._of(json.loads(json.dumps(value, default=str)), found), found

    def _of(self, value: Any, found: dict[str, str]) -> Any:
        if isinstance(value, str):
            return self._text(value, found)
        if isinstance(value, list):
            return [self._of(each, found) for each in value]
        if isinstance(value, dict):
            return {self._text(key, found): _data(key, each) or self._of(each, found) for key, each in value.items()}
        return value

    def _text(self, text: str, found: dict[str, str]) -> str:
        text = self._mask(text).encode("utf-8", "replace").decode()
        for known, word in self._known.items():
            if known in text:
                found[known] = word
                text = text.replace(known, word)

        def word_for(time_: re.Match[str]) -> str:
            if not self._is_now(time_[0]):
                return time_[0]
            found[time_[0]] = "<time>"
            return "<time>"

        return _TIME.sub(word_for, text)

    def _is_now(self, text: str) -> bool:
        """Whether it is a time of this run; any other one is content."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return False
        readings = [moment] if moment.tzinfo else [moment.replace(tzinfo=UTC), moment.astimezone()]
        return any(self._since - SLACK_S <= each.timestamp() <= time.time() + SLACK_S for each in readings)


def digest(kind: CallKind, name: str, content: object) -> str:
    """16 hex digits of what a call says."""
    return digest_of(kind, name, content)[:16]


def _data(key: str, value: object) -> str | None:
    """What stands for the data of a file."""
    if key != "base64" or not isinstance(value, str):
        return None
    return f"{len(value):,} characters, sha256 {hashlib.sha256(value.encode()).hexdigest()[:16]}"
