"""Loading: what a workspace has, and that one fault never hides another."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.errors import WorkspaceInvalid, WorkspaceNotFound
from agentctl.workspace import check_workspace, find_root, list_workspaces, load_workspace
from tests.shape.test_startup import loaded_by

Write = Callable[..., Path]

TRIP = """\
version: 1
description: Two agents debate a trip, a synthesizer decides, a booking agent books it.
model: auto
stages:
  proposal:
    agents: [optimistic, critic]
    next: synthesis
  synthesis:
    agents: [synthesizer]
    weights: {novelty: 1, confidence: 1, quality: 2, risk: -1.5}
    record: decision
    next:
      - {when: "decision.verdict == 'revise' and visits.proposal < 3", to: proposal}
      - {when: "decision.verdict == 'book'", to: booking}
      - {to: final}
  booking:
    agents: [booking]
    exit: {when: "len(state['executed_agents_per_stage'].get('booking', [])) >= 1"}
    next: final
limits: {max_steps: 40, timeout_s: 300, max_tokens: 200000, max_cost_usd: 1.0, max_tool_calls: 50}
"""
CRITIC = """\
description: Measures risk and flaws.
kind: skill
prompt: prompts/critic.md
capability: reasoner
reads: [task, history, rewards]
scores: [novelty, confidence, quality, risk]
memory: {recall: [semantic, episodic], record: critique}
exit: once_per_stage
retry: {attempts: 3, backoff_s: 0.5}
timeout_s: 60
on_error: fail
"""
TRIP_FILES = {
    "workspace.yaml": TRIP,
    "agents/critic.yaml": CRITIC,
    "agents/optimistic.yaml": "prompt: |\n  Be glad.\n  {{ task }}\n",
    "agents/synthesizer.yaml": "prompt: x\ncapability: synthesizer\noutput: {verdict: {type: string, to: decision}}\n",
    "agents/booking.yaml": "kind: python\nentry: impl.book:book\n",
    "impl/book.py": "async def book(state, ctx):\n    return 'booked'\n",
    "prompts/critic.md": "\ufeffFind flaws in {{ task }}.{% for h in history %}{{ h.text }}{% endfor %}",
}


def test_the_workspace_of_the_design_loads(write_workspace: Write) -> None:
    root = write_workspace("trip-planner", TRIP_FILES)

    workspace = load_workspace(root, "trip-planner")

    assert list(workspace.spec.agents) == ["booking", "critic", "optimistic", "synthesizer"]
    assert workspace.prompt("critic") == TRIP_FILES["prompts/critic.md"].removeprefix("\ufeff")
    assert workspace.prompt("optimistic") == "Be glad.\n{{ task }}\n"
    assert workspace.stages.start == "proposal"
    assert [route.to for route in workspace.stages.routes("synthesis")] == ["proposal", "booking", "final"]
    assert workspace.warnings == ()


def test_a_stage_without_next_leads_to_the_following_one(write_workspace: Write) -> None:
    text = "version: 1\nstages:\n  a: {agents: [x]}\n  b: {agents: [x]}\nagents: {x: {prompt: hi}}\n"

    stages = load_workspace(write_workspace("demo", text), "demo").stages

    assert [stages.routes(name)[0].to for name in stages.names] == ["b", "final"]


def test_all_problems_of_all_files_come_at_once_in_file_order(write_workspace: Write) -> None:
    files = {
        "workspace.yaml": "version: 2\nstages:\n  talk: {agents: [a, nobody], nxet: final}\nlimits: {max_step: 3}\n",
        "agents/a.yaml": "prompt: '{{ tsk }}'\ntimeout_s: x\nmodel: gpt\n",
        "agents/b.yaml": "kind: [\n",
        "agents/c.yaml": "kind: python\nentry: no:where\n",
    }

    _, problems = check_workspace(write_workspace("demo", files), "demo")

    assert [
        (problem.path.removeprefix("workspaces/demo/"), problem.line, problem.code[:4]) for problem in problems
    ] == [
        ("agents/a.yaml", 1, "E504"),
        ("agents/a.yaml", 2, "E103"),
        ("agents/a.yaml", 3, "E111"),
        ("agents/b.yaml", 1, "E701"),
        ("agents/c.yaml", 2, "E602"),
        ("workspace.yaml", 1, "E105"),
        ("workspace.yaml", 3, "E201"),
        ("workspace.yaml", 3, "E101"),
        ("workspace.yaml", 4, "E101"),
    ]


def test_a_declared_but_broken_agent_is_not_called_unknown(write_workspace: Write) -> None:
    files = {"workspace.yaml": "version: 1\nstages: {talk: {agents: [a]}}\n", "agents/a.yaml": "- 1\n"}

    _, problems = check_workspace(write_workspace("demo", files), "demo")

    assert [problem.code for problem in problems] == ["E103 wrong-type"]


@pytest.mark.parametrize(
    "route",
    [
        "[{when: visits.t < 3, to: t}, {to: final}]",
        "[{when: visits.t >= 3, to: final}, {to: t}]",
        "[{when: rounds < 3, to: t}, {to: final}]",
        "[{when: \"state['visits']['t'] < 3 and visits.t < 3\", to: t}, {to: final}]",
    ],
)
def test_a_loop_with_visits_in_its_condition_is_bounded(write_workspace: Write, route: str) -> None:
    text = f"version: 1\nstages:\n  t:\n    agents: [x]\n    next: {route}\nagents: {{x: {{prompt: hi}}}}\n"

    assert check_workspace(write_workspace("demo", text), "demo")[1] == []


def test_two_synthesizers_in_turn_are_fine(write_workspace: Write) -> None:
    text = (
        "version: 1\nstages: {t: {agents: [a, b], order: sequential}}\n"
        "agents:\n  a: {prompt: x, capability: synthesizer}\n  b: {prompt: x, capability: synthesizer}\n"
    )

    assert check_workspace(write_workspace("demo", text), "demo")[1] == []


def test_a_fallback_writes_in_the_place_of_its_agent(write_workspace: Write) -> None:
    text = (
        "version: 1\nstages: {t: {agents: [a, b]}}\n"
        "agents:\n  a: {prompt: x, on_error: {fallback: c}}\n"
        "  b: {prompt: x, capability: synthesizer}\n  c: {prompt: x, capability: synthesizer}\n"
    )

    _, problems = check_workspace(write_workspace("demo", text), "demo")

    assert [problem.code for problem in problems] == ["E401 two-writers"]


@pytest.mark.parametrize("wanted", ["search", "sea*", "maps_route", "maps_*", "*"])
def test_tools_are_functions_and_those_of_servers(write_workspace: Write, wanted: str) -> None:
    files = {
        "agents/speaker.yaml": f"prompt: hi\ntools: ['{wanted}']\n",
        "workspace.yaml": "version: 1\nstages: {talk: {agents: [speaker]}}\n",
        "tools/web.py": "from agentctl import tool\n@tool(read_only=True)\ndef search(q: str): ...\n",
        "mcp.json": '{"mcpServers": {"maps": {"command": "maps"}}}',
    }

    _, problems = check_workspace(write_workspace("demo", files), "demo")

    assert problems == []


def test_python_is_read_and_never_run(write_workspace: Write) -> None:
    files = {
        "workspace.yaml": "version: 1\nstages: {talk: {agents: [a]}}\nagents: {a: {kind: python, entry: 'm:run'}}\n",
        "m.py": "open('ran', 'w')\nraise SystemExit\ntry:\n    from x import run\nexcept ImportError:\n    run = 1\n",
    }
    root = write_workspace("demo", files)

    assert load_workspace(root, "demo").spec.agents["a"].entry == "m:run"
    assert not Path("ran").exists()


def test_an_unknown_workspace_gets_the_nearest_name(write_workspace: Write) -> None:
    root = write_workspace("trip-planner", TRIP_FILES)

    with pytest.raises(WorkspaceNotFound, match="did you mean 'trip-planner'"):
        load_workspace(root, "trip-planer")


@pytest.mark.parametrize("name", ["", ".", "..", "../demo", "demo/", "/etc", "a\0b", "~"])
def test_a_name_that_is_a_path_is_no_workspace(write_workspace: Write, name: str) -> None:
    with pytest.raises(WorkspaceNotFound):
        load_workspace(write_workspace(), name)


def test_a_manifest_with_the_other_suffix_is_pointed_out(tmp_path: Path) -> None:
    (tmp_path / "workspaces" / "demo").mkdir(parents=True)
    (tmp_path / "workspaces" / "demo" / "workspace.yml").write_text("version: 1")

    with pytest.raises(WorkspaceNotFound) as caught:
        load_workspace(tmp_path, "demo")

    assert caught.value.hint == "rename workspaces/demo/workspace.yml to workspace.yaml"


def test_invalid_raises_with_errors_only(write_workspace: Write) -> None:
    text = "version: 3\nstages: {t: {agents: [a]}}\nagents: {a: {prompt: hi}, b: {prompt: hi}}\n"

    with pytest.raises(WorkspaceInvalid) as caught:
        load_workspace(write_workspace("demo", text), "demo")

    assert [problem.code for problem in caught.value.problems] == ["E105 unknown-value"]


def test_a_bad_workspace_hides_no_other(write_workspace: Write) -> None:
    write_workspace("good")
    write_workspace("Bad Name")
    root = write_workspace("broken", "[")
    (root / "workspaces" / "empty").mkdir()
    (root / "workspaces" / "file").write_text("")

    assert list_workspaces(root) == ["Bad Name", "broken", "good"]
    assert load_workspace(root, "good").name == "good"


def test_the_root_is_the_nearest_folder_with_workspaces(write_workspace: Write, tmp_path: Path) -> None:
    root = write_workspace()
    deep = root / "a" / "b"
    deep.mkdir(parents=True)

    assert find_root(deep) == root.resolve()
    assert list_workspaces(deep) == []


def test_checking_imports_nothing_heavy(write_workspace: Write) -> None:
    root = write_workspace("demo", TRIP_FILES)
    heavy = {"langgraph", "langchain", "langchain_core", "sqlalchemy", "pathspec", "rich", "typer", "asyncio"}
    code = f"import pathlib, agentctl.workspace as w; w.check_workspace(pathlib.Path({str(root)!r}), 'demo')"

    assert heavy.isdisjoint(loaded_by(code))


def test_listing_imports_neither_pydantic_nor_yaml() -> None:
    loaded = loaded_by("from agentctl.workspace import list_workspaces")

    assert {"pydantic", "yaml", "jinja2"}.isdisjoint(loaded)


@pytest.mark.slow
def test_two_hundred_workspaces_of_ten_agents_load_in_five_seconds(write_workspace: Write) -> None:
    roles = [f"r{number}" for number in range(10)]
    for number in range(200):
        files = {
            "workspace.yaml": f"version: 1\nstages:\n  t:\n    agents: [{', '.join(roles)}]\n"
            f"    next: [{{when: visits.t < {number}, to: t}}, {{to: final}}]\n"
        }
        for role in roles:
            files[f"agents/{role}.yaml"] = f"description: {role}\nprompt: prompts/{role}.md\nscores: [risk]\n"
            files[f"prompts/{role}.md"] = f"You are {role} of {number}: {{{{ task }}}}, {{{{ user }}}}\n"
        root = write_workspace(f"w{number}", files)

    began = time.perf_counter()
    problems = [problem for name in list_workspaces(root) for problem in check_workspace(root, name)[1]]

    assert problems == []
    assert time.perf_counter() - began < 5
