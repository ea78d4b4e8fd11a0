"""The documentation says what the code does."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import agentctl
from agentctl.sessions import SessionControl
from agentctl.workspace import check_workspace
from tests.shape import reference

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "workspaces").rglob("*.md"))]


@pytest.mark.slow
@pytest.mark.parametrize("name", reference.PAGES)
def test_reference_pages_are_in_step_with_the_code(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == reference.PAGES[name]()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_is_short_and_its_workspace_runs(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    [block] = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    folder = tmp_path / "workspaces" / "mine"
    folder.mkdir(parents=True)
    (folder / "workspace.yaml").write_text(block)

    assert len(readme.splitlines()) < 100
    assert agentctl.run("mine", "Where to eat?", root=tmp_path, model="offline").status == "done"


def test_every_shipped_workspace_validates() -> None:
    shipped = ("trip-planner", "debate", "code-review")  # beside them may lie a reader's own

    assert {name: check_workspace(ROOT, name)[1] for name in shipped} == {name: [] for name in shipped}


def test_every_yaml_block_of_the_docs_is_yaml() -> None:
    for page in PAGES:
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
            yaml.safe_load(block)


def test_every_python_block_of_the_docs_compiles() -> None:
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
            compile(block, page.name, "exec")


def test_the_library_page_has_every_method_of_sessions() -> None:
    section = (ROOT / "docs" / "library.md").read_text().partition("\n## Sessions\n")[2].partition("\n## ")[0]
    told = dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", section, re.MULTILINE))
    methods = inspect.getmembers(SessionControl, inspect.iscoroutinefunction)
    public = {name: inspect.signature(method).parameters for name, method in methods if name[0] != "_"}

    assert {name: re.findall(r"\w+", words) for name, words in told.items()} == {
        name: list(parameters)[1:] for name, parameters in public.items()
    }


def test_the_project_of_the_agents_page_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "agents.md").read_text()
    for path, text in re.findall(r"```\w+\n# (workspaces/\S+)\n(.*?)```", page, re.DOTALL):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    result = agentctl.run("quotes", "A crate to Oslo", root=tmp_path)

    assert (result.status, result.winner, result.output) == ("done", "air", "One day.")


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_short_and_run(script: Path) -> None:
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=ROOT, env=_env())

    assert (done.returncode, done.stderr) == (0, "")
    assert len(script.read_text().splitlines()) < 40
    assert done.stdout


def _env() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}
