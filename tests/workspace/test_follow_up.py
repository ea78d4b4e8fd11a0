"""One fault is one problem, and its hint shows what to write."""

from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.models.providers import PROVIDERS
from agentctl.workspace import check_folders, check_workspace, list_workspaces

Write = Callable[..., Path]
TWO = "agents:\n  a: {prompt: hi, scores: [risk]}\n  b: {prompt: hi, scores: [risk]}\n"
LOOP = "stages: {t: {agents: [a, b], next: [{when: done, to: t}, {to: final}]}}\n" + TWO
WRITERS = "channels: {p: {type: last, writers: [a, b]}}\n" + TWO


def problems_of(write_workspace: Write, text: str, **more: str) -> list[tuple[str, str]]:
    files = {"workspace.yaml": f"version: 1\n{text}", **{key.replace("__", "."): value for key, value in more.items()}}
    return [(one.code[:4], one.hint) for one in check_workspace(write_workspace("demo", files), "demo")[1]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("stages: {t: {agents: [a, b], next: [{when: visits.t <, to: t}, {to: final}]}}\n" + TWO, "E501"),
        ("stages: {t: {agents: [a, b], next: [{when: vists.t < 3, to: t}, {to: final}]}}\n" + TWO, "E502"),
        ("limits: {max_step: 3}\n" + LOOP, "E101"),
        ("limts: {max_steps: 3}\n" + LOOP, "E101"),
        ("stages: {t: {agents: [a, b], order: seq}}\n" + WRITERS, "E105"),
        ("stages: {t: {agents: [a, b], ordr: sequential}}\n" + WRITERS, "E101"),
        ("stages: {t: {agents: [a, bb, d]}}\n" + TWO + "  d: {kind: decision, quorum: 2}\n", "E201"),
        ("stages: {t: {agents: [a, b, d]}}\n" + TWO + "  d: {kind: decison, quorum: 2}\n", "E105"),
        (
            "stages: {t: {agents: [a]}}\n"
            "agents: {a: {prompt: x, capability: synth, output: {v: {type: string, to: decision}}}}\n",
            "E105",
        ),
        ("stages: {t: {agents: [a], weights: {risk: 1}}}\nagents: {a: {prompt: hi, scores: risk}}\n", "E103"),
        (
            "stages: {t: {agents: [a], exit: {when: len(p) > 1}}}\nchannels: {p: {type: sum, writers: [aa]}}\n"
            "agents: {a: {prompt: hi, output: {v: {type: string, to: p}}}}\n",
            "E201",
        ),
        ("stages: {t: {agents: [a]}}\nagents: {a: {prompt: '{{ history }}', reads: [histroy]}}\n", "E203"),
        ("stages: {t: {agents: [a]}}\nagnets: {a: {prompt: hi}}\n", "E101"),
        (
            "stages: {t: {agents: [a], exit: {when: p == 1}}}\nchanels: {p: {type: last, writers: [a]}}\n"
            "agents: {a: {prompt: '{{ p }}', reads: [p]}}\n",
            "E101",
        ),
    ],
)
def test_what_only_follows_from_another_fault_is_not_reported(write_workspace: Write, text: str, code: str) -> None:
    assert [found for found, _ in problems_of(write_workspace, text)] == [code]


def test_what_does_not_follow_is_reported_beside_it(write_workspace: Write) -> None:
    text = (
        "stages:\n  t: {agents: [a, b], max_rounds: many, next: [{when: done, to: final}, {to: final}]}\n"
        "  u: {agents: [a, b, c], order: seq, exit: {quorum: 9}}\n" + WRITERS
    )

    assert [code for code, _ in problems_of(write_workspace, text)] == ["E401", "E103", "E201", "E105", "E304"]


@pytest.mark.parametrize(
    ("stage", "agent", "hint"),
    [
        ("agents: a", "prompt: hi", "write `[a]`"),
        ("agents: [a], next: [choose]", "prompt: hi", "write `[{to: choose}]`"),
        ("agents: [a], next: 3", "prompt: hi", "write `[{to: 3}]`"),
        ("agents: [a], exit: 3", "prompt: hi", "write `{quorum: 3}`"),
        ("agents: [a]", "prompt: hi, exit: 3", "write `{max_runs: 3}`"),
        ("agents: [a]", "prompt: hi, scores: 'a: [b'", "write `[…]`"),
        ("agents: [a]", "prompt: 3", "put it in quotes"),
        ("agents: [a], next: [{to: 3}]", "prompt: hi", "put it in quotes"),
        ("agents: [a]", "prompt: hi, tools: ", "give it a value, or remove the key"),
    ],
)
def test_the_hint_shows_the_right_form(write_workspace: Write, stage: str, agent: str, hint: str) -> None:
    text = f"stages: {{t: {{{stage}}}}}\nagents: {{a: {{{agent}}}}}\n"

    assert problems_of(write_workspace, text) == [("E103", hint)]


def test_a_stage_may_be_called_as_a_key(write_workspace: Write) -> None:
    text = "stages: {next: {agents: a}}\nagents: {a: {prompt: hi}}\n"

    assert problems_of(write_workspace, text) == [("E103", "write `[a]`")]


def test_an_empty_file_has_no_key_to_remove(write_workspace: Write) -> None:
    _, problems = check_workspace(write_workspace("demo", {"workspace.yaml": ""}), "demo")

    assert [problem.hint for problem in problems] == ["write its keys; `agentctl schema` lists them"]


@pytest.mark.parametrize("prompt", ["hi", "Hello.", "'{{ task }}'", "Answer in 3.5 words", "'see a/b and c.md.'"])
def test_words_are_not_taken_for_a_path(write_workspace: Write, prompt: str) -> None:
    text = f"stages: {{t: {{agents: [a]}}}}\nagents:\n  a:\n    prompt: {prompt}\n"

    assert problems_of(write_workspace, text) == []


@pytest.mark.parametrize("provider", [*PROVIDERS, "azure-openai", "OpenAI", "acme"])
def test_known_providers_and_wholly_other_ones_are_let_pass(write_workspace: Write, provider: str) -> None:
    text = f"model: {provider}:x\nstages: {{t: {{agents: [a]}}}}\nagents: {{a: {{prompt: hi}}}}\n"

    assert problems_of(write_workspace, text) == []


@pytest.mark.parametrize(
    ("code", "is_right"),
    [
        ("def run(state): ...", True),
        ("async def run(state, ctx): ...", True),
        ("def run(state, *, ctx): ...", True),
        ("def run(*args): ...", True),
        ("def run(state, ctx, more=1): ...", True),
        ("@wrap\ndef run(): ...", True),
        ("def run(): ...\nrun = wrap(run)", True),
        ("class run: ...", True),
        ("async def run(state, ctx, foo): ...", False),
        ("def run(*, ctx): ...", False),
        ("run = 1\ndef run(a, b, c, d=1): ...", False),
    ],
)
def test_an_entry_takes_the_state_and_perhaps_a_context(write_workspace: Write, code: str, is_right: bool) -> None:
    text = "stages: {t: {agents: [a]}}\nagents: {a: {kind: python, entry: 'impl:run'}}\n"

    found = problems_of(write_workspace, text, impl__py=code)

    assert [name for name, _ in found] == ([] if is_right else ["E605"])


def test_folders_that_are_no_workspace_are_pointed_out(write_workspace: Write) -> None:
    root = write_workspace("good")
    for name in ("empty", "other", ".hidden", "__pycache__"):
        (root / "workspaces" / name).mkdir()
    (root / "workspaces" / "other" / "workspace.yml").write_text("version: 1\n")
    (root / "workspaces" / "notes.txt").write_text("")

    found = {name: [(one.path, one.hint, one.severity) for one in each] for name, each in check_folders(root).items()}

    assert found == {
        "empty": [("workspaces/empty", "add a workspace.yaml, or move the folder away", "warning")],
        "other": [("workspaces/other/workspace.yml", "rename it to workspace.yaml", "warning")],
    }
    assert list_workspaces(root) == ["good"]
    assert check_folders(root / "nowhere") == {}
