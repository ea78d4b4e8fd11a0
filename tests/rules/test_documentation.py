"""What docs/expressions.md shows is true."""

import re
from pathlib import Path

import yaml

from agentctl.rules import BUILTIN_NAMES, FUNCTIONS, METHODS, Expression
from agentctl.rules.grammar import MAX_DEPTH, MAX_LENGTH
from agentctl.rules.values import BUDGET

PAGE = (Path(__file__).parents[2] / "docs" / "expressions.md").read_text(encoding="utf-8")


def test_the_examples_parse() -> None:
    example = yaml.safe_load(re.search(r"```yaml\n(.*?)```", PAGE, re.S)[1])
    texts = [route["when"] for route in example["next"] if "when" in route]
    texts += [example["exit"]["when"], example["weights"]["risk"]]

    assert all(Expression.parse(text).names <= {"decision", *BUILTIN_NAMES} for text in texts)


def test_every_name_function_method_and_limit_is_told() -> None:
    words = set(re.findall(r"[a-z_]+|[\d,]*\d", PAGE))

    assert words >= {*BUILTIN_NAMES, *FUNCTIONS, *METHODS, f"{MAX_LENGTH:,}", f"{BUDGET:,}", str(MAX_DEPTH)}


def test_the_stated_size_of_a_history_fits() -> None:
    history = [{"agent": "critic", "text": "x"}] * 3000

    assert Expression.parse("len([e.text for e in history if e.agent == 'critic'])").evaluate({"history": history})
