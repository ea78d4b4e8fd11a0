"""`agentctl memory`, as people and scripts use it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.services import REDIS_PASSWORD, RedisServer

CODE = """
async def propose(state, ctx):
    return {"text": f"{ctx.agent} on\\x1b[2J\\n{state['task']}", "options": [{"id": "x"}]}
"""
STAGES = {"one": ["a"], "two": ["b"]}


@pytest.fixture
def project(write_workspace: WriteWorkspace, agentctl: Command) -> Path:
    """Two users' runs of the workspaces `demo` and `other`."""
    agents: dict[str, Any] = {role: {"entry": "work:propose", "memory": {"record": "proposal"}} for role in "ab"}
    write_workspace("other", workspace(STAGES, agents, CODE))
    root = write_workspace("demo", workspace(STAGES, agents, CODE))
    for name, task, user in (("demo", "tea", "mia"), ("demo", "milk", "mia"), ("other", "rum", "ada")):
        assert agentctl("run", name, task, "--session", task, "--user", user).code == 0
    return root


def listed(agentctl: Command, *words: str) -> list[dict[str, Any]]:
    code, out, _ = agentctl("memory", "list", "--json", *words)
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_records_are_listed_newest_first(agentctl: Command, project: Path) -> None:
    found = listed(agentctl, "--user", "mia")
    _, out, err = agentctl("memory", "list", "--user", "mia")

    assert [(one["agent"], one["content"]["text"].split("\n")[1]) for one in found] == [
        ("b", "milk"), ("a", "milk"), ("b", "tea"), ("a", "tea"),
    ]  # fmt: skip
    assert found[0].keys() >= {
        "id",
        "workspace",
        "session_id",
        "run_id",
        "stage",
        "visit",
        "round",
        "kind",
        "expires_at",
    }
    assert out.splitlines()[0].endswith("two 1.1  b  proposal  b on\\x1b[2J milk")
    assert (err, "\x1b" in out) == ("", False)


def test_records_are_picked(agentctl: Command, project: Path) -> None:
    run = listed(agentctl, "--user", "mia")[-1]["run_id"]
    picks = (
        ["demo"], ["workspaces/demo/"], ["other"], ["--session", "tea"], ["--session", "-1"], ["--run", run[:8]],
        ["--agent", "a"], ["--stage", "two", "--session", "tea"], ["-n", "1"], ["--run", "nothing"],
    )  # fmt: skip
    counts = [len(listed(agentctl, "--user", "mia", *words)) for words in picks]

    assert counts == [4, 4, 0, 2, 2, 2, 2, 1, 1, 0]
    assert len(listed(agentctl, "--user", "ada", "other")) == 2


def test_nobody_sees_another_users_records(agentctl: Command, project: Path) -> None:
    theirs = listed(agentctl, "--user", "ada")[0]
    for words in (["--session", theirs["session_id"]], ["--run", theirs["run_id"]], ["other"]):
        assert listed(agentctl, "--user", "mia", *words) == []


def test_what_is_forgotten_is_gone(agentctl: Command, project: Path) -> None:
    refused = agentctl("memory", "forget", "--user", "mia", "--session", "tea")
    done = agentctl("memory", "forget", "--user", "mia", "--session", "tea", "--agent", "a", "--yes")

    assert (refused.code, done.code) == (2, 0)
    assert "forgot 1 record" in done.err
    assert [one["agent"] for one in listed(agentctl, "--user", "mia", "--session", "tea")] == ["b"]
    assert agentctl("memory", "forget", "--user", "mia", "--yes").code == 2
    assert len(listed(agentctl, "--user", "ada")) == 2


def test_stats_count_a_users_records(agentctl: Command, project: Path) -> None:
    _, out, _ = agentctl("memory", "stats", "--user", "mia")
    _, as_json, _ = agentctl("memory", "stats", "--user", "mia", "--json", "other")

    assert out.splitlines()[0].startswith("4 records, ")
    assert out.splitlines()[1:] == ["workspaces: demo 4", "agents: a 2, b 2", "kinds: proposal 4"]
    assert json.loads(as_json)["records"] == 0


def test_looking_into_an_empty_project_leaves_nothing(agentctl: Command, tmp_path: Path) -> None:
    (tmp_path / "workspaces").mkdir()
    listing, stats = agentctl("memory", "list"), agentctl("memory", "stats")

    assert (listing.code, listing.out, stats.out) == (0, "", "0 records\n")
    assert list(tmp_path.iterdir()) == [tmp_path / "workspaces"]


def test_a_deleted_session_takes_its_records(agentctl: Command, project: Path) -> None:
    assert agentctl("sessions", "delete", "tea", "--user", "mia", "--yes").code == 0

    assert {one["content"]["text"].split("\n")[1] for one in listed(agentctl, "--user", "mia")} == {"milk"}


def test_a_redis_that_is_away_is_said_and_told_of_later(
    agentctl: Command, project: Path, mortal_redis: RedisServer
) -> None:
    """A run goes on without it; a look into the memory does not."""
    os.environ["REDIS_URL"] = mortal_redis.url
    mortal_redis.kill()
    run = agentctl("run", "demo", "away", "--user", "mia", "--json")
    look = agentctl("memory", "list", "--user", "mia")
    mortal_redis.start()

    warnings = [event["message"] for line in run.out.splitlines() if (event := json.loads(line))["type"] == "warning"]
    assert (run.code, len(warnings), look.code) == (0, 1, 5)
    assert "start it, or correct REDIS_URL" in look.err
    assert REDIS_PASSWORD not in f"{run.out}{run.err}{look.err}"
    assert len(listed(agentctl, "--user", "mia")) == 2


@pytest.mark.parametrize("url", ["localhost:6379", "http://host"])
def test_a_url_of_no_redis_is_refused(agentctl: Command, project: Path, url: str) -> None:
    os.environ["REDIS_URL"] = url

    assert agentctl("memory", "list").code == 2
