"""Take secrets out of what is logged, stored and shown."""

import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

MASK = "***"

_MIN_LENGTH = 8
"""A shorter value is more likely an ordinary word than a key."""
_SECRET_NAME = re.compile(r"(API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$", re.IGNORECASE)
_SHAPES = "|".join(
    (
        r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}",  # OpenAI, Anthropic, OpenRouter, Langfuse
        r"\bgsk_[A-Za-z0-9]{20,}",  # Groq
        r"\bhf_[A-Za-z0-9]{20,}",
        r"\bls(?:v2_)?[a-z]{2}_[A-Za-z0-9_]{20,}",  # LangSmith
        r"\bgh[pousr]_[A-Za-z0-9]{30,}",
        r"\bgithub_pat_[A-Za-z0-9_]{30,}",
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
        r"\bAKIA[0-9A-Z]{16}\b",
        r"\bAIza[A-Za-z0-9_-]{35}",
        r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+",  # JSON web tokens
        r"(?<=[Bb]earer )[A-Za-z0-9._~+/-]{16,}=*",
    )
)


def env_secrets(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The values in the environment that are secret by their variable's name: provider keys, tokens, passwords."""
    return tuple(sorted({value for name, value in env.items() if _SECRET_NAME.search(name) and value.strip()}))


def mask(text: str, secrets: Sequence[str] = ()) -> str:
    """Replace each of `secrets`, and what has the shape of a well-known key, by `***`.

    Args:
        text: anything that is to be logged, stored or shown.
        secrets: exact values, as from `env_secrets`; those under 8 characters are left.
    """
    return _pattern(tuple(secrets)).sub(MASK, text)


def mask_values(value: object, masked: Callable[[str], str]) -> object:
    """A copy of a JSON value with `masked` applied to every string in it, keys too."""
    if isinstance(value, str):
        return masked(value)
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, Mapping):
        return {masked(str(key)): mask_values(each, masked) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_values(each, masked) for each in value]
    return value


@lru_cache(maxsize=16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str]:
    long = {secret for secret in secrets if len(secret) >= _MIN_LENGTH}
    # An error text may quote JSON, where the secret is written with escapes.
    forms = long | {json.dumps(secret)[1:-1] for secret in long}
    exact = [re.escape(form) for form in sorted(forms, key=len, reverse=True)]
    return re.compile("|".join([*exact, _SHAPES]))
