"""Which files code-review reads, and what it says where there are none."""

import pytest

from agentctl.errors import RunError


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("nowhere", "no file or folder 'nowhere' exists"),
        ("empty", "holds no Python file"),
        ("notes.txt", "is not a Python file"),
        ("", "no file or folder '' exists"),
        ("x" * 100_000, "no file or folder"),
        ("\x00", "no file or folder"),
    ],
)
def test_nothing_to_review_fails_and_says_why(review, called_from, task, reason) -> None:
    (called_from / "empty").mkdir()
    (called_from / "notes.txt").write_text("hi")

    with pytest.raises(RunError, match="there is nothing to review") as failed:
        review.test_gaps.measure({"task": task})

    assert reason in str(failed.value)


def test_a_copied_folder_is_counted_once(review, called_from) -> None:
    for folder in ("mine", "theirs"):
        (called_from / folder).mkdir()
        (called_from / folder / "__init__.py").write_text("")
        (called_from / folder / "a.py").write_text("try:\n    f()\nexcept:\n    g()\n")

    found = review.error_handling.measure({"task": "."})["options"]
    said = review.complexity.measure({"task": "."})["text"]

    assert [option["title"] for option in found] == ["mine/a.py:3 bare `except:`"]
    assert "read 3 files" in said and "1 copy of a file already read left out" in said


def test_hidden_folders_environments_and_link_loops_are_skipped(review, called_from) -> None:
    for folder in (".hidden", "node_modules", "mine"):
        (called_from / folder).mkdir()
        (called_from / folder / "a.py").write_text("x = 1\n")
    (called_from / "mine/pyvenv.cfg").write_text("")
    (called_from / "loop").symlink_to(called_from)
    (called_from / "b.py").write_text("x = 1\n")

    assert [module.name for module in review.source.read_tree(".").modules] == ["b.py"]
