import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.logs import env_secrets, mask, mask_values


def test_secrets_are_found_by_their_variable() -> None:
    env = {"OPENAI_API_KEY": "abcdefgh", "MY_TOKEN": "t0ken-t0ken", "PATH": "/usr/bin", "EMPTY_API_KEY": " "}

    assert set(env_secrets(env)) == {"abcdefgh", "t0ken-t0ken"}


def test_the_password_of_a_url_is_a_secret_as_it_stands_and_as_it_is_typed() -> None:
    env = {"AGENTCTL_DATABASE_URL": "postgresql://me:p%40ss:w@db.local:5432/app", "HOME_PAGE": "https://a.b/c@d"}

    assert set(env_secrets(env)) == {"p%40ss:w", "p@ss:w"}


def test_a_password_in_a_url_is_masked_however_short() -> None:
    assert mask("at postgresql://me:pw@db:5432/app, see https://a.b/x:y@z") == (
        "at postgresql://***@db:5432/app, see https://a.b/x:y@z"
    )


@pytest.mark.parametrize(
    "key",
    [
        "sk-proj-abcDEF0123456789abcDEF",
        "sk-ant-api03-abc_DEF-0123456789",
        "gsk_abcdefghij0123456789",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "xoxb-1234567890-abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_123",
    ],
)
def test_what_looks_like_a_key_is_masked(key: str) -> None:
    assert mask(f"refused: {key!r} is wrong") == "refused: '***' is wrong"
    assert mask(f"Authorization: Bearer {key}").endswith("***")


def test_ordinary_words_are_left() -> None:
    text = "task-force, risk-assessment-of-everything, bearer of news, a-very-long-name-with-dashes"

    assert mask(text, ["short", ""]) == text


@given(secret=st.text(min_size=8), before=st.text(), after=st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    import json

    for text in (before + secret + after, json.dumps({"error": before + secret + after})):
        masked = mask(text, [secret])
        assert secret not in masked or secret in before + "***" + after or re.search(re.escape(secret), "***" + after)


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    assert mask("x=longsecret-and-more", ["longsecret", "longsecret-and-more"]) == "x=***"


def test_every_string_of_a_value_is_masked_and_nothing_else() -> None:
    value = {"n": 12345678, "deep": [{"12345678": "a 12345678"}], "none": None}

    assert mask_values(value, lambda text: mask(text, ["12345678"])) == {
        "n": 12345678,
        "deep": [{"***": "a ***"}],
        "none": None,
    }
