"""Which rule holds for which tool."""

import pytest
from pydantic import ValidationError

from agentctl.tools.info import Hints, ToolInfo
from agentctl.tools.policy import Policy
from agentctl.workspace.spec import ToolsSpec


def info(rules: dict[str, object], name: str = "book_trip", source: str = "workspace", **hints: bool) -> ToolInfo:
    policy = Policy(ToolsSpec.model_validate(rules))
    return policy.info(name, description="", schema={}, source=source, hints=Hints(**hints))


def test_a_tool_that_says_nothing_may_destroy_and_asks() -> None:
    found = info({})

    assert (found.read_only, found.destructive, found.idempotent, found.open_world) == (False, True, False, True)
    assert (found.approve, found.needs_approval, found.is_repeatable) == ("destructive", True, False)
    assert (found.timeout_s, found.retries, found.max_calls, found.optional) == (30, 0, None, False)
    assert found.max_result_bytes == 1024 * 1024


@pytest.mark.parametrize(
    ("approve", "hints", "asks"),
    [
        ("destructive", {}, True),
        ("destructive", {"read_only": True}, False),
        ("destructive", {"destructive": False}, False),
        ("destructive", {"idempotent": True}, True),
        ("never", {}, False),
        ("always", {"read_only": True}, True),
    ],
)
def test_who_is_asked(approve: str, hints: dict[str, bool], asks: bool) -> None:
    assert info({"approve": {"*": approve}}, **hints).needs_approval is asks


@pytest.mark.parametrize("order", [1, -1])
def test_the_most_specific_name_wins_whatever_the_order(order: int) -> None:
    rules = [("*", "never"), ("book_*", "always"), ("book_trip", "destructive")][::order]

    assert info({"approve": dict(rules)}).approve == "destructive"
    assert info({"approve": dict(rules)}, "book_car").approve == "always"
    assert info({"approve": dict(rules)}, "look").approve == "never"


def test_each_setting_goes_to_the_most_specific_name_that_has_it() -> None:
    rules: dict[str, object] = {
        "timeout_s": 9,
        "each": {"*": {"timeout_s": 5, "max_calls": 7}, "book_*": {"max_calls": 1, "optional": True}},
    }
    found = info(rules)

    assert (found.timeout_s, found.max_calls, found.optional) == (5, 1, True)
    assert info(rules, "look").max_calls == 7 and info({"timeout_s": 9}).timeout_s == 9


def test_a_servers_hints_count_where_the_workspace_trusts_them() -> None:
    hints = {"read_only": True, "idempotent": True, "open_world": False}

    assert info({}, "fs_read", "fs", **hints).needs_approval
    assert not info({}, "fs_read", "fs", **hints).is_repeatable
    assert not info({"each": {"fs_*": {"trust_hints": True}}}, "fs_read", "fs", **hints).needs_approval
    assert info({"each": {"*": {"trust_hints": False}}}, **hints).needs_approval


@pytest.mark.parametrize(("hints", "retries"), [({"read_only": True}, 4), ({"idempotent": True}, 4), ({}, 0)])
def test_only_what_may_be_repeated_is_retried(hints: dict[str, bool], retries: int) -> None:
    assert info({"each": {"*": {"retries": 4}}}, **hints).retries == retries


@pytest.mark.parametrize(
    "rules",
    [
        {"approve": {"a": "sometimes"}},
        {"each": {"a": {"timeout_s": 0}}},
        {"each": {"a": {"retries": 11}}},
        {"each": {"a": {"colour": "red"}}},
        {"each": {"a": {"max_result_bytes": "1"}}},
    ],
)
def test_rules_are_strict(rules: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ToolsSpec.model_validate(rules)
