"""YAML: every value knows its place, and no input ends the process."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.workspace import check_workspace
from agentctl.workspace.artifacts import Artifacts
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.document import Document, Part
from agentctl.workspace.draft import read_draft
from agentctl.workspace.yamlfile import read_yaml


def read(text: str) -> Document:
    report = Diagnostics("demo")
    document = read_yaml("a.yaml", text, report)
    assert document is not None, report.problems
    return document


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("", None),
        ("no", "no"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("true", True),
        ("'true'", "true"),
        ("010", 10),
        ("0x1f", 31),
        ("1e3", 1000.0),
        ("-1.5", -1.5),
        ("!!str 5", "5"),
        ("!!float 5", 5),
        ("+", "+"),
        (".5.", ".5."),
        ("9" * 5000, float("inf")),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    assert read(f"x: {text}").root.plain() == {"x": value}


def test_keys_are_text_as_written() -> None:
    assert read("on: 1\n5: 2\ntrue: 3\n'a b': 4\n").root.plain() == {"on": 1, "5": 2, "true": 3, "a b": 4}


def test_merge_keys_yield_to_the_mapping_s_own() -> None:
    document = read("a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 9}\n")

    assert Part(document, ("c",)).node.plain() == {"x": 9, "y": 2, "z": 4}
    assert Part(document, ("c", "z")).key.line == 2


@pytest.mark.parametrize(
    "text",
    [
        'x: ab "⟦q"',
        "x: 'it''s ⟦q'",
        'x: "\\u00e9\\n\\x41 ⟦q"',
        'x: "one\n  two ⟦q"',
        "x: one\n  two\n  ⟦q",
        "x: |\n  one\n    two\n    ⟦q\n",
        "x: >-\n  one\n  two ⟦q\n",
        "x: >\n\n  one\n\n  two ⟦q\n",
        "x: &a !!str 'a ⟦q'",
        "é: 'é 😀 ⟦q'",
        'x: "\\\n   ⟦q"',
    ],
)
def test_an_offset_in_a_value_is_found_in_the_file(text: str) -> None:
    part = Part(read(text.replace("⟦", "")), (text[0],))
    before = text[: text.index("⟦")]

    place = part.within(str(part.node.value).index("q"))

    assert (place.line, place.col) == (before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_lines_are_counted_as_editors_do() -> None:
    text = "a: 1\r\nb: 'x\u2028y'\rc: 3\nd: {e: 4}\n"

    assert Part(read(text), ("d", "e")).key.line == 4


def test_a_byte_order_mark_counts_for_nothing(write_workspace: Callable[..., Path]) -> None:
    root = write_workspace("demo", {"workspace.yaml": "\ufeffversoin: 1\n"})

    _, problems = check_workspace(root, "demo")

    assert (problems[0].line, problems[0].col, problems[0].code) == (1, 1, "E101 unknown-key")


@pytest.mark.parametrize(
    "text",
    [
        "x: " + "[" * 100_000,
        "x: " + "{a: " * 100_000,
        "- " * 100_000,
        "? " * 50_000,
        "a: &a [x]\n" + "".join(f"b{i}: &b{i} [*{'a' if i == 0 else f'b{i - 1}'}]\n" for i in range(500)),
        "a: &a {x: 1}\n<<: " + "[" + "*a," * 200_000 + "]",
        "x: [" + "1," * 400_000 + "]",
    ],
    ids=["flow", "maps", "block", "keys", "alias-chain", "merges", "long"],
)
def test_a_hostile_file_is_refused_quickly(text: str) -> None:
    report = Diagnostics("demo")

    assert read_yaml("a.yaml", text, report) is None
    assert report.problems[0].code[:4] in {"E701", "E705", "E706"}


def check(content: bytes) -> list[str]:
    report = Diagnostics("demo")
    read_draft(Artifacts({"workspace.yaml": content, "agents/a.yaml": content}), report)
    return [problem.code for problem in report.problems]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_problems_and_never_a_crash(content: bytes) -> None:
    assert check(content)


INDICATORS = st.sampled_from("[]{},'\"\\#1a|\t😀\ufeff")
WORDS = st.sampled_from(["stages", "agents", "null", "when", "<<", "&a ", "*a", "!!str ", "!x ", "%YAML 1.2\n"])
BREAKS = st.sampled_from([": ", ":\n", "\n", "\r\n", "  ", "- ", ">-\n", "---\n", "...\n", "? ", "\u2028", "\x85"])


@given(st.lists(INDICATORS | WORDS | BREAKS, max_size=40).map("".join))
@settings(deadline=None, max_examples=300)
def test_any_yaml_like_text_is_problems_and_never_a_crash(text: str) -> None:
    report = Diagnostics("demo")
    document = read_yaml("a.yaml", text, report)

    assert (document is None) == any(problem.code[:4] != "E702" for problem in report.problems)
    check(text.encode())
