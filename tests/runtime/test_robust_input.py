"""Bad input, and what it gets: one clear sentence, the right exit code, nothing half-written."""

from pathlib import Path

import pytest

from tests.fakes import ChatServer
from tests.runtime.process import KEY, Project, events

ECHO = """\
version: 1
stages: {only: {agents: [echo]}}
agents:
  echo: {kind: python, entry: "work:echo"}
"""
ECHO_CODE = "def echo(state):\n    return state['task']\n"
ASK = """\
version: 1
model: MODEL
stages:
  one: {agents: [note]}
  two: {agents: [ask]}
agents:
  note: {kind: python, entry: "work:echo"}
  ask: {prompt: Answer., retry: {attempts: 2, backoff_s: 0.01}}
"""


@pytest.fixture
def echo(project: Project) -> Project:
    project.write("echo", {"workspace.yaml": ECHO, "work.py": ECHO_CODE})
    return project


def ask(project: Project, model: str) -> None:
    project.write("ask", {"workspace.yaml": ASK.replace("MODEL", model), "work.py": ECHO_CODE})


def is_untouched(project: Project) -> bool:
    return sorted(path.name for path in project.root.iterdir()) == ["workspaces"]


@pytest.mark.slow
@pytest.mark.parametrize("task", ["", "  \n"])
def test_an_empty_task_is_refused(echo: Project, task: str) -> None:
    said = echo.agentctl("run", "echo", task)

    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("error: the task is empty\nhint: ")


@pytest.mark.slow
def test_an_unknown_workspace_is_told_the_nearest_name(echo: Project) -> None:
    said = echo.agentctl("run", "ecco", "a task")

    assert (said.returncode, said.stdout) == (3, "")
    assert "no workspace 'ecco' under workspaces/, did you mean 'echo'?" in said.stderr
    assert "Traceback" not in said.stderr


@pytest.mark.slow
def test_broken_yaml_names_its_line_and_column(echo: Project) -> None:
    echo.write("echo", {"workspace.yaml": ECHO.replace("agents: [echo]", "agents: [echo")})

    said = echo.agentctl("run", "echo", "a task")

    assert (said.returncode, said.stdout) == (3, "")
    assert said.stderr.startswith("workspaces/echo/workspace.yaml:2:")
    assert "Traceback" not in said.stderr


@pytest.mark.slow
def test_an_unknown_role_is_told_the_nearest_name(echo: Project) -> None:
    echo.write("echo", {"workspace.yaml": ECHO.replace("agents: [echo]", "agents: [ecco]")})

    said = echo.agentctl("run", "echo", "a task")

    assert said.returncode == 3
    assert "'echo'" in said.stderr.splitlines()[0] + said.stderr.splitlines()[1]


@pytest.mark.slow
def test_a_missing_key_is_named_before_anything_runs(project: Project) -> None:
    ask(project, "openai:gpt-4o-mini")

    said = project.agentctl("run", "ask", "a task", "--json")

    assert (said.returncode, said.stdout) == (5, "")
    assert "OPENAI_API_KEY" in said.stderr.splitlines()[0]
    has_state = (project.root / ".agentctl" / "state.db").exists()
    assert not has_state or project.rows("select * from runs") == []


@pytest.mark.slow
def test_a_model_that_fails_says_who_and_how_often(project: Project, server: ChatServer) -> None:
    server.faults.extend(["500"] * 2)
    project.env["OPENAI_API_KEY"] = KEY
    ask(project, f'{{name: "openai:gpt-4o-mini", base_url: "{server.url}"}}')

    failed = project.agentctl("run", "ask", "a task", "--json")
    run_id = events(failed.stdout)[0]["run_id"]
    done = project.agentctl("resume", run_id, "--json")

    error = events(failed.stdout)[-1]["error"]
    assert (failed.returncode, error["code"], len(server.requests)) == (4, "model-server-error", 3)
    assert "openai:gpt-4o-mini" in error["message"]
    assert "(status 500) after 2 attempts" in error["message"]
    assert done.returncode == 0
    assert [event["agent"] for event in events(done.stdout) if event["type"] == "agent.started"] == ["ask"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["🗺️ 👩‍👩‍👧", "a\x1b]0;title\x07\x1b[2J\x00b", "שלום עולם \u202e", "é" * 524_288])
def test_any_text_is_a_task(echo: Project, text: str) -> None:
    shown = echo.agentctl("run", "echo", "-", stdin=text)
    told = echo.agentctl("run", "echo", "-", "--json", stdin=text)

    assert (shown.returncode, told.returncode) == (0, 0), shown.stderr
    assert events(told.stdout)[-1]["output"] == text
    for out in (shown.stdout, shown.stderr):
        assert "\x1b" not in out
        assert "\x00" not in out
    assert "Traceback" not in shown.stderr + told.stderr


@pytest.mark.slow
def test_a_task_that_is_not_utf8_runs(echo: Project) -> None:
    (echo.root / "task").write_bytes(b"caf\xe9 \xff")
    with (echo.root / "task").open() as task:
        said = echo.start("run", "echo", "-", stdin=task)
        out, _ = said.communicate(timeout=30)

    assert (said.returncode, out) == (0, "caf\ufffd \ufffd\n")


LEAK = """\
import os

def echo(state, ctx):
    ctx.emit(os.environ["OPENAI_API_KEY"])
    return "I have " + os.environ["OPENAI_API_KEY"]
"""


@pytest.mark.slow
def test_keys_reach_nothing_that_is_kept_or_shown(project: Project, server: ChatServer) -> None:
    """Not even when a server, an agent or its error says them."""
    server.faults.extend([None, "401"])
    server.replies.clear()
    server.replies.append(f"your key is {KEY}")
    project.env["OPENAI_API_KEY"] = KEY
    ask(project, f'{{name: "openai:gpt-4o-mini", base_url: "{server.url}"}}')
    project.write("ask", {"work.py": LEAK})

    first = project.agentctl("run", "ask", "a task", "--json")
    second = project.agentctl("run", "ask", "a task")
    seen = [first.stdout, first.stderr, second.stdout, second.stderr]

    assert (first.returncode, second.returncode) == (0, 4)
    assert not [text for text in seen if KEY in text]
    assert [str(path) for path in files(project.root) if KEY.encode() in path.read_bytes()] == []


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]
