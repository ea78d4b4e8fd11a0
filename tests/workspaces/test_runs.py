"""The ready-made workspaces, run end to end as a user runs them."""

import shutil
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.events import Event
from agentctl.workspace import check_workspace
from tests.fakes import FileServer

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("trip-planner", "debate", "code-review")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own with the three workspaces, and a command called from this repository."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "workspaces", tmp_path / "workspaces", ignore=ignored)
    monkeypatch.setenv("AGENTCTL_CWD", str(ROOT))
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_ready_made_workspace_validates_without_a_warning(name) -> None:
    workspace, problems = check_workspace(ROOT, name)

    assert workspace is not None
    assert problems == []
    assert (ROOT / "workspaces" / name / "README.md").is_file()


@pytest.mark.parametrize(
    ("task", "stages", "said"),
    [
        (
            "Just plan five days of food and art in October for 1200 euros",
            ["proposal", "synthesis", "plan"],
            "Nothing is booked yet",
        ),
        (
            "Just plan five days of food and art in October for 450 euros",
            ["proposal", "synthesis", "proposal", "synthesis", "plan"],
            "It took 2 proposals",
        ),
        (
            "five days in October for 90 euros",
            ["proposal", "synthesis"] * 3,
            "No plan fits, because",
        ),
        ("hello", ["proposal", "synthesis"], "No plan fits, because"),
    ],
)
def test_trip_planner_goes_the_way_that_its_task_needs(project, task, stages, said) -> None:
    result = agentctl.run("trip-planner", task, root=project, model="offline")

    assert (result.status, list(result.stages)) == ("done", stages)
    assert said in result.output
    assert result.usage["model_calls"] == 0


def test_trip_planner_holds_a_conversation(project) -> None:
    first = agentctl.run(
        "trip-planner", "Just plan a week of beaches in July for 1500 euros", root=project, session="trip"
    )
    second = agentctl.run("trip-planner", "The same for half the money", root=project, session="trip")
    third = agentctl.run("trip-planner", "somewhere else", root=project, session="trip")

    assert first.winner == "crete-7d"
    assert "from earlier in this conversation: 7 days, July, beaches" in second.output
    assert "“for half the money” read as €750 in all" in second.output
    assert third.winner.split("-")[0] not in (None, second.winner.split("-")[0])


def test_trip_planner_follows_the_weights_of_its_file(project) -> None:
    """The jury counts by workspace.yaml, so that editing it changes where one goes."""
    task = "a week in Italy in May, art and nightlife, two people"
    before = agentctl.run("trip-planner", task, root=project).winner
    file = project / "workspaces/trip-planner/workspace.yaml"
    file.write_text(file.read_text().replace("novelty: 1", "novelty: 0"))

    assert agentctl.run("trip-planner", task, root=project).winner != before


def test_debate_reaches_an_answer_offline_and_says_that_it_is_simulated(project) -> None:
    result = agentctl.run("debate", "Tea or coffee?", root=project, model="offline")

    assert result.status == "done"
    assert result.stages[0] == "opening" and result.stages[-1] == "verdict"
    assert "simulated" in result.output
    assert len(result.stages) <= 6


POSITIONS = "{id: tea, title: Tea, text: Calm}, {id: coffee, title: Coffee, text: Awake}"
EQUAL = "{evidence: 1, feasibility: 1, value: 1, risk: 0}"
SCORES = f"scores: {{tea: {EQUAL}, coffee: {EQUAL}}}"
SEARCHING = f"""
replies:
- {{agent: optimistic, text: Two, options: [{POSITIONS}], {SCORES}}}
- {{agent: critic, tool_calls: [{{name: web_search, args: {{query: tea}}}}]}}
- {{agent: critic, text: Looked up, {SCORES}}}
- {{agent: devil, text: Both stain, {SCORES}}}
- {{agent: synthesizer, text: Tea it is, decision: {{verdict: settled, confidence: 0.8}}}}
"""


@pytest.mark.parametrize(("enabled", "said"), [((), "you have no tool"), (("web_search",), "Tea calms")])
def test_debaters_search_the_web_only_where_the_turn_says_so(project, monkeypatch, enabled, said) -> None:
    (project / "replies.yaml").write_text(SEARCHING)
    with FileServer({"/?q=tea": b'{"results": [{"title": "Tea calms", "url": "http://t"}]}'}) as server:
        monkeypatch.setenv("AGENTCTL_SEARCH_URL", f"{server.url}/?q={{query}}")
        monkeypatch.setenv("AGENTCTL_ALLOW_PRIVATE_URLS", "1")
        events = run_events(project, "debate", "Tea?", model=f"scripted:{project / 'replies.yaml'}", tools=enabled)

    assert events[-1].data["status"] == "done"
    assert said in next(event.data["text"] for event in events if event.type == "tool.returned")


def run_events(project: Path, workspace: str, task: str, **options: Any) -> list[Event]:
    events: list[Event] = []
    agentctl.run(workspace, task, root=project, on_event=events.append, **options)
    return events


def test_code_review_ranks_what_it_found_and_leaves_simulated_words_out(project) -> None:
    result = agentctl.run("code-review", "agentctl/rules", root=project, model="offline")

    assert (result.status, list(result.stages)) == ("done", ["measure", "rank", "report"])
    assert result.output.startswith(f"# Review of {ROOT / 'agentctl/rules'}")
    assert "simulated" not in result.output


@pytest.mark.parametrize("task", ["no/such/path", "README.md"])
def test_code_review_of_nothing_ends_as_failed(project, task) -> None:
    result = agentctl.run("code-review", task, root=project, model="offline")

    assert (result.status, result.error["code"]) == ("failed", "nothing-to-review")
    assert result.error["message"].startswith("there is nothing to review: ")


def test_code_review_puts_defects_before_test_gaps(project) -> None:
    branches = "\n".join(f"    if x == {n}:\n        return {n}" for n in range(12))
    (project / "pyproject.toml").write_text("")
    (project / "a.py").write_text(
        f"def choose(x):\n{branches}\n\n"
        "def load():\n    try:\n        choose(1)\n    except OSError:\n        pass\nload()\n"
    )
    (project / "test_b.py").write_text("x = 1\n")

    output = agentctl.run("code-review", str(project / "a.py"), root=project, model="offline").output

    order = [output.index(words) for words in ("choose is complex", "passes over OSError", "no test names")]
    assert order == sorted(order)


def test_a_debate_goes_on_without_a_critic_that_fails(project) -> None:
    replies = project / "replies.yaml"
    position = "{id: tea, title: Tea, text: Calm}, {id: coffee, title: Coffee, text: Awake}"
    scores = (
        "{tea: {evidence: 0.9, feasibility: 1, value: 1, risk: 0},"
        " coffee: {evidence: 0.2, feasibility: 1, value: 1, risk: 1}}"
    )
    replies.write_text(
        "replies:\n"
        f"- {{agent: optimistic, text: Two ways, options: [{position}], scores: {scores}}}\n"
        "- {agent: critic, error: filtered, repeat: true}\n"
        f"- {{agent: devil, text: Both stain, scores: {scores}}}\n"
        "- {agent: synthesizer, text: Tea it is, decision: {verdict: settled, confidence: 0.8}}\n"
    )

    result = agentctl.run("debate", "Tea or coffee?", root=project, model=f"scripted:{replies}")

    assert (result.status, result.winner, result.output) == ("done", "tea", "Tea it is")
