"""A prompt whose constant parts are huge costs nobody anything until it runs, and then it is refused."""

import pytest

from agentctl.workspace.checks.prompt import parse_template


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text",
    [
        "{{ 7 ** 99999999 }}",
        '{{ "a" * 999999999 }}',
        "{{ [0] * 99999999 }}",
        "{{ [1]|tojson(indent=999999999) }}",
        "{% if 7 ** 99999999 %}x{% endif %}",
        "{% set x = 7 ** 99999999 %}{{ x }}",
    ],
)
def test_constants_are_not_computed_at_load(text: str) -> None:
    assert parse_template(text) == ([], [])
