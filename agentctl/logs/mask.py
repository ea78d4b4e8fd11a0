"""Take secrets out of what is logged, stored and shown."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

MASK = "***"

_MIN_LENGTH = 8
"""A shorter value is more likely an ordinary word than a key."""
_SECRET_NAME = re.compile(r"(API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"^[a-z][a-z0-9+.-]*://[^\s:/?#@]*:(.+)@", re.IGNORECASE)
_SHAPES = tuple(
    (hints, re.compile(pattern))
    for hints, pattern in (
        (("sk-", "pk-", "rk-"), r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}"),  # OpenAI, Anthropic, OpenRouter, Langfuse
        (("gsk_",), r"\bgsk_[A-Za-z0-9]{20,}"),  # Groq
        (("hf_",), r"\bhf_[A-Za-z0-9]{20,}"),
        (("ls__", "lsv2_"), r"\bls(?:__|v2_[a-z]{2}_)[A-Za-z0-9_]{20,}"),  # LangSmith
        (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{30,}"),
        (("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{30,}"),
        (("xox",), r"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
        (("AKIA",), r"\bAKIA[0-9A-Z]{16}\b"),
        (("AIza",), r"\bAIza[A-Za-z0-9_-]{35}"),
        (("eyJ",), r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+"),  # JSON web tokens
        (("://",), r"(?<=://)[^\s:/?#@\"']*:[^\s/\"']+(?=@)"),  # user:password@host
        (("earer ",), r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*"),
    )
)
"""What keys look like. A pattern is searched only where one of its hints stands: that is 100 times as quick."""


def env_secrets(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The values in the environment that are secret by their variable's name: provider keys, tokens, passwords.

    Of a URL it is the password, as it stands there and as it is typed.
    """
    named = {value for name, value in env.items() if _SECRET_NAME.search(name) and value.strip()}
    in_urls = {found[1] for value in env.values() if (found := _URL_PASSWORD.match(value))}
    return tuple(sorted(named | in_urls | {unquote(password) for password in in_urls}))


def mask(text: str, secrets: Sequence[str] = ()) -> str:
    """Replace each of `secrets`, and what has the shape of a well-known key, by `***`.

    Args:
        text: anything that is to be logged, stored or shown.
        secrets: exact values, as from `env_secrets`; those under 8 characters are left.
    """
    for form in _forms(tuple(secrets)):
        text = text.replace(form, MASK)
    for hints, shape in _SHAPES:
        if any(hint in text for hint in hints):
            text = shape.sub(MASK, text)
    return text


def mask_values(value: object, masked: Callable[[str], str]) -> object:
    """A JSON value with `masked` applied to every string in it, keys too; itself where there is nothing to mask.

    Args:
        value: anything JSON.
        masked: `mask` with its secrets; it knows how JSON writes them.
    """
    # Looking once through the whole as text costs a twentieth of walking through its strings.
    text = json.dumps(value, default=str)
    return value if masked(text) == text else map_text(value, masked)


def map_text(value: object, masked: Callable[[str], str]) -> object:
    """A copy of a JSON value with `masked` applied to every string in it."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked(str(key)): map_text(each, masked) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_text(each, masked) for each in value]
    return value


@lru_cache(maxsize=16)
def _forms(secrets: tuple[str, ...]) -> list[str]:
    """As they are and as JSON writes them, for an error text may quote JSON; the longest first."""
    long = {secret for secret in secrets if len(secret) >= _MIN_LENGTH}
    as_json = {json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for secret in long for ascii_only in (True, False)}
    return sorted(long | as_json, key=len, reverse=True)
