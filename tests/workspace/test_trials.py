"""`tests/*.yaml` of a workspace: checked with everything else, and no part of what runs."""

import json
from pathlib import Path

import pytest

from agentctl.errors import Problem
from agentctl.workspace import check_workspace, load_generation, load_workspace, store_generation
from tests.conftest import WriteWorkspace

SPEC = """\
version: 1
stages: {talk: {agents: [speaker]}, end: {agents: [speaker]}}
agents: {speaker: {prompt: Speak., tools: [now, "shop_*"]}}
"""
SERVERS = json.dumps({"mcpServers": {"shop": {"command": "x"}}})
GOOD = "task: x\nreplies: [{agent: speaker, text: hi, repeat: true}]\nexpect: {path: [talk, end]}\n"
CASSETTE = "# A cassette of agentctl\n---\ncassette: 1\nworkspace: demo\ngeneration: x\ntask: x\n...\n"


def problems(write: WriteWorkspace, text: str, **files: str) -> list[Problem]:
    named = {name.replace("__", "/") + ".yaml": content for name, content in files.items()}
    root = write("demo", {"workspace.yaml": SPEC, "mcp.json": SERVERS, "tests/t.yaml": text, **named})
    return check_workspace(root, "demo")[1]


@pytest.mark.parametrize(
    ("text", "line", "col", "code", "message"),
    [
        ("task: x\nreplies: []\nexpct: {}\n", 3, 1, "E101", "expct is not a known key, did you mean 'expect'?"),
        ("task: x\nreplies:\n- {agnet: a}\n", 3, 4, "E101", "replies[0].agnet is not a known key, did you"),
        ("task: x\nreplies: []\nexpect: {pth: []}\n", 3, 10, "E101", "expect.pth is not a known key, did you mean"),
        ("replies: []\nexpect: {}\n", 1, 1, "E102", "task is missing"),
        ("task: x\n", 1, 1, "E106", "the file must have exactly one of replies or cassette"),
        ("task: x\nreplies: []\ncassette: c\n", 1, 1, "E106", "the file must have exactly one of replies or cassette"),
        ("task: 3\nreplies: []\n", 1, 7, "E103", "task must be text, got 3"),
        ("task: ''\nreplies: []\n", 1, 7, "E104", "must not be empty"),
        ("task: x\nreplies: []\nexpect: {status: dnoe}\n", 3, 18, "E105", "did you mean 'done'?"),
        ("task: x\nreplies: []\napprovals: maybe\n", 3, 12, "E105", "approvals must be 'approve' or 'deny'"),
        ("task: x\nreplies: []\nexpect: {path: [talk, ende]}\n", 3, 23, "E202", "unknown stage 'ende', did you mean"),
        ("task: x\nreplies: [{stage: tolk}]\n", 2, 19, "E202", "unknown stage 'tolk', did you mean 'talk'?"),
        ("task: x\nreplies: [{agent: speakr}]\n", 2, 19, "E201", "unknown agent 'speakr', did you mean 'speaker'?"),
        ("task: x\nreplies: []\ntools: {nwo: {returns: 1}}\n", 3, 9, "E204", "no agent lists a tool 'nwo'"),
        ("task: x\nreplies: []\ntools: {now: {retruns: 1}}\n", 3, 15, "E101", "did you mean 'returns'?"),
        ("task: x\nreplies: []\ntools: {now: {}}\n", 3, 14, "E106", "must have exactly one of returns or fails"),
        ("task: x\nreplies: []\ntools: {now: []}\n", 3, 14, "E104", "tools.now must not be empty"),
        ("task: x\nreplies: [}\n", 2, 11, "E701", ""),
        ("task: x\ncassette: no.yaml\n", 2, 11, "E207", "cassette: 'no.yaml' does not exist"),
        ("task: x\ncassette: workspace.yaml\n", 2, 11, "E207", "cassette: 'workspace.yaml' is no cassette"),
        ("task: x\ncassette: ../c.yaml\n", 2, 11, "E707", "leaves the workspace"),
        ("task: x\ncassette: tapes/c.yaml\napprovals: deny\n", 3, 1, "E107", "approvals has no use in a test with a"),
    ],
)  # fmt: skip
def test_a_wrong_test_is_told_with_line_and_column(
    write_workspace: WriteWorkspace, text: str, line: int, col: int, code: str, message: str
) -> None:
    [problem] = problems(write_workspace, text, tapes__c=CASSETTE)

    assert (problem.path, problem.line, problem.col) == ("workspaces/demo/tests/t.yaml", line, col)
    assert problem.code.startswith(code)
    assert message in problem.message


def test_good_tests_are_no_problem(write_workspace: WriteWorkspace) -> None:
    stubs = "tools: {now: {returns: null}, shop_buy: [{fails: no}, {returns: {a: 1}}]}\n"
    assert (
        problems(write_workspace, GOOD + stubs, tests__u="task: x\ncassette: tapes/c.yaml\n", tapes__c=CASSETTE) == []
    )


def test_a_wrong_test_keeps_nothing_from_running(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", {"tests/good.yaml": "task: x\nreplies: []\n", "tests/bad.yaml": "tsk: x\n"})
    workspace = load_workspace(root, "demo")

    assert list(workspace.trials) == ["good"]
    assert workspace.warnings == ()


def test_tests_and_cassettes_are_no_part_of_the_generation(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo")
    before = load_workspace(root, "demo")
    write_workspace(
        "demo",
        {"tests/t.yaml": "task: x\nreplies: []\n", "tests/c.yaml": CASSETTE, "tapes/big.yaml": CASSETTE * 20_000},
    )
    after, found = check_workspace(root, "demo")

    assert found == []
    assert after is not None
    assert after.generation == before.generation
    assert list(after.files) == ["workspace.yaml"]
    assert load_generation(root, "demo", store_generation(after).name).generation == before.generation


def test_replies_and_python_under_tests_stay_artifacts(write_workspace: WriteWorkspace) -> None:
    """A model may be `scripted:tests/replies.yaml`, and an entry may lie there."""
    replies = "replies: [{text: hi}]\n"
    root = write_workspace("demo", {"tests/replies.yaml": replies, "tests/fake.py": "", "tests/deep/x.yaml": "a: 1\n"})
    workspace = load_workspace(root, "demo")

    assert sorted(workspace.files) == ["tests/deep/x.yaml", "tests/fake.py", "tests/replies.yaml", "workspace.yaml"]
    assert workspace.trials == {}


def test_a_generation_that_was_stored_with_its_tests_is_still_loaded(
    write_workspace: WriteWorkspace, tmp_path: Path
) -> None:
    """As by a version that knew no tests."""
    from agentctl.workspace.artifacts import hash_artifacts

    root = write_workspace("demo")
    content = (root / "workspaces/demo/workspace.yaml").read_bytes()
    files = {"workspace.yaml": content, "tests/t.yaml": b"tsk: x\n"}
    generation = hash_artifacts(files)
    for path, text in files.items():
        target = root / ".agentctl/generations/demo" / generation / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)

    assert load_generation(root, "demo", generation).generation == generation
