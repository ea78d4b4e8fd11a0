"""Code-review's measuring agents, on small trees and on this repository."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AGENTS = ("complexity", "dead_code", "error_handling", "test_gaps")


def findings(review, agent: str, path: str) -> list[str]:
    """`file:line title` of each finding of one agent."""
    return [option["title"] for option in getattr(review, agent).measure({"task": path}).get("options", [])]


def report(review, path: str) -> str:
    state = {"task": path, "options": [], "history": [], "decision": {"totals": {}}}
    for agent in AGENTS:
        fields = getattr(review, agent).measure(state)
        state["options"] += fields.get("options", [])
        state["history"].append({"agent": agent, "stage": "measure", "text": fields["text"]})
    return review.report.write_report(state)


def test_complexity_is_counted_as_ruff_counts_it(review, monkeypatch) -> None:
    monkeypatch.setenv("AGENTCTL_CWD", str(ROOT))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "C901", "--output-format", "json"]
    found = subprocess.run(
        [*ruff, "--config", "lint.mccabe.max-complexity=0", "agentctl"], cwd=ROOT, capture_output=True, text=True
    )
    theirs = {
        (Path(hit["filename"]).relative_to(ROOT).as_posix(), int(re.search(r"\((\d+) > 0\)", hit["message"])[1]))
        for hit in json.loads(found.stdout)
    }

    tree = review.source.read_tree("agentctl")
    ours = {
        (module.name, review.complexity.complexity(function))
        for module in tree.modules
        for _, function in review.complexity.named_functions(module.tree)
    }

    assert ours
    assert ours <= theirs


def test_a_complex_function_is_named_with_its_line(review, called_from) -> None:
    branches = "\n".join(f"    if x == {n}:\n        return {n}" for n in range(12))
    (called_from / "a.py").write_text(f"def choose(x):\n{branches}\n")

    assert findings(review, "complexity", "a.py") == ["a.py:1 choose is complex"]


def test_unused_things_are_found_and_used_ones_are_not(review, called_from) -> None:
    (called_from / "a.py").write_text(
        "import os\nimport sys\nfrom json import dumps as write\n\n"
        "def _gone():\n    unread = 1\n    _kept = 2\n    return sys\n\n"
        "def used():\n    return write\n\n__all__ = ['shown']\n\ndef shown():\n    return used\n"
    )

    assert findings(review, "dead_code", "a.py") == [
        "a.py:5 function `_gone` has no user",
        "a.py:6 never reads `unread`",
        "a.py:1 imports `os` for nothing",
    ]


@pytest.mark.parametrize(
    "kept",
    [
        "import os  # noqa: F401\n",
        "from os import path as path\n",
        "try:\n    import tomllib\nexcept ImportError:\n    pass\n",
        "import typing\nx: 'typing.Any' = 1\n",
        "from __future__ import annotations\n",
        "import click\n\n@click.command()\ndef serve():\n    pass\n",
        "class Visitor(Base):\n    def visit_Name(self, node):\n        return node\nVisitor()\n",
        "def f():\n    n = 0\n    def add():\n        nonlocal n\n        n = 1\n    return add\nf()\n",
        "def fill():\n    name = 1\n    return locals()\nfill()\n",
        "def __getattr__(name):\n    return name\n",
    ],
)
def test_what_only_looks_dead_is_left_alone(review, called_from, kept) -> None:
    (called_from / "a.py").write_text(kept)

    assert findings(review, "dead_code", "a.py") == []


def test_uses_outside_the_reviewed_folder_count(review, called_from) -> None:
    (called_from / "lib").mkdir()
    (called_from / "lib/a.py").write_text(
        "def serve():\n    pass\n\ndef entry():\n    pass\n\ndef lonely():\n    pass\n"
    )
    (called_from / "main.py").write_text("import lib.a\nlib.a.serve()\n")
    (called_from / "notes.md").write_text("a lonely word")
    (called_from / "plan.yaml").write_text("entry: lib.a:entry\n")

    assert findings(review, "dead_code", "lib") == ["lib/a.py:7 function `lonely` has no user"]


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("try:\n    f()\nexcept:\n    g()\n", "a.py:3 bare `except:`"),
        ("try:\n    f()\nexcept Exception:\n    pass\n", "a.py:3 swallows every error"),
        ("try:\n    f()\nexcept (OSError, Exception):\n    g()\n", "a.py:3 catches Exception"),
        ("try:\n    f()\nexcept OSError:\n    pass\n", "a.py:3 passes over OSError"),
        ("try:\n    f()\nexcept OSError:\n    raise ValueError('x')\n", "a.py:4 raises without `from`"),
        ("def f():\n    try:\n        g()\n    finally:\n        return 1\n", "a.py:5 `return` in `finally`"),
        ("def f():\n    raise NotImplemented\n", "a.py:2 raises `NotImplemented`"),
        ("GONE = KeyError('x')\ndef f():\n    raise GONE\n", "a.py:3 raises the shared instance `GONE`"),
    ],
)
def test_error_handling_is_judged(review, called_from, code, title) -> None:
    (called_from / "a.py").write_text(code)

    assert findings(review, "error_handling", "a.py") == [title]


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    f()\nexcept Exception:\n    log()\n    raise\n",
        "try:\n    f()\nexcept OSError:\n    pass  # the file may be gone\n",
        "try:\n    f()\nexcept Exception:  # noqa: BLE001 - a boundary\n    g()\n",
        "try:\n    f()\nexcept OSError as error:\n    raise ValueError('x') from error\n",
    ],
)
def test_deliberate_error_handling_is_accepted(review, called_from, code) -> None:
    (called_from / "a.py").write_text(code)

    assert findings(review, "error_handling", "a.py") == []


def test_gaps_are_public_functions_that_no_test_names(review, called_from) -> None:
    (called_from / "a.py").write_text("def known():\n    pass\n\ndef forgotten():\n    pass\n\ndef _own():\n    pass\n")
    (called_from / "test_a.py").write_text("from a import known\n")

    assert findings(review, "test_gaps", "a.py") == ["a.py:4 no test names 1 of its 2 public functions"]


def test_a_file_that_does_not_parse_is_a_finding_and_the_rest_is_reviewed(review, called_from) -> None:
    (called_from / "bad.py").write_text("def f(:\n")
    (called_from / "nul.py").write_bytes(b"x = '\x00'\n")
    (called_from / "latin.py").write_bytes(b"x = '\xe9'\n")
    (called_from / "good.py").write_text("try:\n    f()\nexcept:\n    g()\n")

    said = report(review, ".")

    for part in ("bad.py:1 was not reviewed", "nul.py:1 was not", "latin.py:1 was not", "good.py:3 bare `except:`"):
        assert part in said


def test_simulated_words_are_left_out_of_the_report(review, called_from) -> None:
    (called_from / "a.py").write_text("import os\n")
    state = {"task": "a.py", "decision": {}, "options": [{"id": "dead:a.py:1:x", "title": "a.py:1 x", "text": "y"}]}

    made_up = {**state, "history": [{"agent": "reviewer", "stage": "rank", "text": "[simulated] all is well"}]}
    said = {**state, "history": [{"agent": "reviewer", "stage": "rank", "text": "Mend a.py first."}]}

    assert "all is well" not in review.report.write_report(made_up)
    assert "A model wrote this" in review.report.write_report(said)


def test_on_this_repository_every_location_exists(review, monkeypatch) -> None:
    monkeypatch.setenv("AGENTCTL_CWD", str(ROOT))
    for place in re.findall(r"(?m)^(?:- |\d+\. )([\w/.-]+\.py):(\d+) ", report(review, "agentctl")):
        assert int(place[1]) <= len((ROOT / place[0]).read_text().splitlines())


def test_on_this_repository_unused_means_unused(review, monkeypatch) -> None:
    """Whatever is called unused stands nowhere else in the repository's Python."""
    monkeypatch.setenv("AGENTCTL_CWD", str(ROOT))
    text = "\n".join(path.read_text() for path in (ROOT / "agentctl").rglob("*.py"))

    for title in findings(review, "dead_code", "agentctl"):
        if found := re.search(r"(?:function|class) `(\w+)` has no user", title):
            uses = re.findall(rf"(?<!def )(?<!class )\b{found[1]}\(", text)
            assert not uses, title
