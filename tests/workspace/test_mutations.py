"""A valid workspace with anything in the place of anything: problems, never a crash, and never silence."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.workspace import check_workspace

VALID: dict[str, object] = {
    "version": 1,
    "description": "everything",
    "model": {"name": "auto", "fallbacks": ["offline", {"name": "openai:x"}]},
    "start": "first",
    "stages": {
        "first": {
            "agents": ["a", "b"],
            "exit": {"quorum": 1},
            "weights": {"risk": -1, "quality": "1 if visits.first < 2 else 2"},
            "record": "proposal",
            "next": [{"when": "visits.first < 3 and len(history) > 1", "to": "first"}, {"to": "last"}],
        },
        "last": {"agents": ["d", "e"], "order": "sequential", "exit": {"when": "decision.option == 'x'"}},
    },
    "agents": {
        "a": {"prompt": "{{ task }} {{ tone }}", "scores": ["risk", "quality"], "on_error": {"fallback": "c"}},
        "b": {"kind": "python", "entry": "impl:run", "exit": {"until": "rounds > 1"}, "reads": ["task"]},
        "c": {"prompt": "x", "output": {"mood": {"type": "string", "to": "moods"}}, "memory": {"record": "critique"}},
        "d": {"kind": "decision", "veto": {"metric": "risk", "above": 0.5}, "quorum": 1},
        "e": {
            "kind": "tool",
            "calls": [
                {"tool": "look", "args": {"q": "{{ task }}", "n": [1, {"k": "x {{ tone }}"}]}},
                {"tool": "now", "when": "len(results) < 3 and agent == 'e'"},
            ],
        },
    },
    "channels": {"moods": {"type": "last", "writers": ["c"]}},
    "limits": {"max_steps": 10},
    "tools": {"approve": {"lo*": "always"}, "each": {"look": {"optional": True}}, "servers": "mcp.json"},
    "memory": {"semantic": "off", "recall": {"max": 1}},
    "reload": "pin",
    "variables": {"tone": "kind"},
}
FILES = {"impl.py": "def run(state): ...\n", "mcp.json": "{}", "tools/web.py": "def look(q, n): ...\n"}


def paths(value: object, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, inner in items for path in [(*at, key), *paths(inner, (*at, key))]]


def put(value: dict[str, object], path: tuple[str | int, ...], new: object, *, drop: bool) -> dict[str, object]:
    changed: dict[str, object] = json.loads(json.dumps(value))
    target: Any = changed
    for step in path[:-1]:
        target = target[step]
    if drop:
        del target[path[-1]]
    else:
        target[path[-1]] = new
    return changed


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
WORDS = st.sampled_from(
    ["a", "c", "first", "final", "x.md", "../x", "python:x:y", "scripted:x", "{{ y }}", "{% if", "x.json", "é:ü"]
)
ANYTHING = SCALARS | WORDS | st.lists(SCALARS | WORDS, max_size=3) | st.dictionaries(WORDS, SCALARS | WORDS, max_size=3)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("mutations")
    (root / "workspaces" / "demo" / "tools").mkdir(parents=True)
    for path, text in FILES.items():
        (root / "workspaces" / "demo" / path).write_text(text)
    return root


def check(project: Path, value: object) -> None:
    (project / "workspaces" / "demo" / "workspace.yaml").write_text(json.dumps(value))
    workspace, problems = check_workspace(project, "demo")
    assert (workspace is None) == any(problem.severity == "error" for problem in problems)
    assert all(problem.line >= 1 and problem.col >= 1 and problem.message for problem in problems)


def test_the_unchanged_workspace_is_valid(project: Path) -> None:
    (project / "workspaces" / "demo" / "workspace.yaml").write_text(json.dumps(VALID))

    assert check_workspace(project, "demo")[1] == []


@given(st.sampled_from(paths(VALID)), ANYTHING, st.booleans())
@settings(deadline=None, max_examples=300)
def test_anything_in_the_place_of_anything_is_reported(
    project: Path, path: tuple[str | int, ...], new: object, drop: bool
) -> None:
    check(project, put(VALID, path, new, drop=drop))


@given(st.sampled_from(paths(VALID)), st.text(max_size=6), ANYTHING)
@settings(deadline=None, max_examples=100)
def test_any_key_beside_any_key_is_reported(project: Path, path: tuple[str | int, ...], key: str, new: object) -> None:
    if isinstance(path[-1], str):
        check(project, put(VALID, (*path[:-1], key), new, drop=False))
