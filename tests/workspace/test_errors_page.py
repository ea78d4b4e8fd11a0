"""`docs/errors.md` says what the code says."""

from pathlib import Path

from tests.workspace.errors_page import page

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def test_the_page_of_errors_is_in_step_with_the_code() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.workspace.errors_page > docs/errors.md`"
