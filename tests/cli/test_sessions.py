"""`agentctl sessions` and `runs --session`, as people and scripts use them."""

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.cli.test_completion import complete
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.runtime.process import Project, kill

TALK = """
import asyncio
from pathlib import Path
from langgraph.func import entrypoint

def talk(state, ctx):
    if state["task"] == "fail":
        raise ValueError("no luck")
    return "to " + state["task"]

async def slow(state):
    await asyncio.sleep(60)

@entrypoint()
def odd(state, *, previous=None):
    return entrypoint.final(value="kept", save={1, 2})
"""
STAGES = {
    "opening": ["a"],
    "debate": {"agents": ["a"], "next": [{"when": "visits.debate < 2", "to": "debate"}, {"to": "final"}]},
}


@pytest.fixture
def talk(write_workspace: WriteWorkspace) -> Path:
    """A project whose workspace `talk` answers `to TASK` after two debates."""
    return write_workspace("talk", workspace(STAGES, {"a": {"entry": "work:talk"}}, TALK))


def listed(agentctl: Command, *words: str) -> list[dict[str, Any]]:
    code, out, _ = agentctl("sessions", "list", "--json", *words)
    assert code == 0
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_sessions_are_listed_with_what_was_asked_last(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "trip", "--meta", "k=v")
    agentctl("run", "talk", "two\nlines", "--session", "trip")
    agentctl("run", "talk", "fail")
    unnamed, trip = listed(agentctl)
    _, out, err = agentctl("sessions", "list")

    facts = {"name": "trip", "workspace": "talk", "turns": 2, "status": "done", "metadata": {"k": "v"}}
    assert trip.items() >= {**facts, "last_task": "two\nlines", "forked_from": None}.items()
    assert [line.split() for line in out.splitlines()] == [
        [unnamed["session_id"], "talk", "1", "turn", f"{unnamed['updated_at'][:19]}Z", "failed", "fail"],
        ["trip", "talk", "2", "turns", f"{trip['updated_at'][:19]}Z", "two", "lines"],
    ]
    assert err == ""
    assert [row["name"] for row in listed(agentctl, "--meta", "k=v", "-w", "talk", "-n", "5")] == ["trip"]
    assert listed(agentctl, "--user", "mia") == listed(agentctl, "--meta", "k=w") == []
    agentctl("sessions", "tag", "trip", "red", "very hot")
    assert agentctl("sessions", "list").out.splitlines()[1].endswith("Z          #red #very hot  two lines")
    for command in (["sessions", "list"], ["runs"]):
        assert agentctl(*command, "-n", "1000001").code == agentctl(*command, "-n", str(10**30)).code == 2


def test_an_unknown_workspace_is_three_unless_it_has_left_sessions(agentctl: Command, talk: Path) -> None:
    looking = (["sessions", "list"], ["sessions", "search", "one"], ["runs"])
    for command in looking:
        code, out, err = agentctl(*command, "-w", "tlak")
        assert (code, out) == (3, "") and "no workspace 'tlak' under workspaces/, did you mean 'talk'?" in err
        assert agentctl(*command, "-w", "talk").code == 0
    assert not (talk / ".agentctl").exists()
    agentctl("run", "talk", "one")
    (talk / "workspaces" / "talk" / "workspace.yaml").unlink()

    for command in looking:
        assert agentctl(*command, "-w", "tlak").code == 3
        assert "one" in agentctl(*command, "-w", "talk").out
    assert agentctl("sessions", "list", "-w", "talk", "--tag", "red").code == 0


def test_looking_leaves_nothing_behind(agentctl: Command, tmp_path: Path) -> None:
    for words in (["list"], ["list", "--json"], ["search", "x"]):
        code, out, _ = agentctl("sessions", *words)
        assert (code, out) == (0, "[]\n" if "--json" in words else "")
    for words in (
        ["show", "x"],
        ["show", "-1"],
        ["export", "x"],
        ["fork", "x"],
        ["rewind", "x", "0"],
        ["delete", "x", "-y"],
    ):
        assert agentctl("sessions", *words).code == 2
    assert agentctl("runs", "--session", "x").code == 2
    assert agentctl("runs").code == 0
    assert list(tmp_path.iterdir()) == []


def test_show_draws_the_turns_and_their_paths(agentctl: Command, talk: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a note")
    agentctl("run", "talk", "one", "--session", "trip", "--file", "note.txt")
    agentctl("run", "talk", "two", "--session", "trip")
    agentctl("sessions", "fork", "trip", "--at", "1", "--name", "other")
    agentctl("sessions", "tag", "other", "red", "blue", "--meta", "k=v")
    [other, trip] = listed(agentctl)
    _, out, err = agentctl("sessions", "show", "other")
    whole = json.loads(agentctl("sessions", "show", "other", "--json").out)
    [turn] = whole["turns"]

    assert err == ""
    assert out.splitlines() == [
        f"other  talk, 1 turn, {other['user']}",
        f"id {other['session_id']}, last used {other['updated_at'][:19]}Z",
        f"forked from {trip['session_id']} after turn 1",
        "tags red, blue",
        "metadata k=v",
        "",
        f"1  done  {turn['started_at'][:19]}Z  run {turn['run_id']}",
        "  > one",
        "  attached note.txt (text/plain, 6 bytes)",
        "  opening → debate ×2",
        "  │ to one",
    ]
    assert (turn["user"], turn["answer"], turn["stages"]) == ("one", "to one", ["opening", "debate", "debate"])
    assert whole["forked_from"] == {"session_id": trip["session_id"], "turn": 1}
    assert whole["usage"] == {"input_tokens": 0, "output_tokens": 0, "model_calls": 0, "tool_calls": 0, "cost_usd": 0}


def test_show_tells_tokens_cost_and_who_won(agentctl: Command) -> None:
    agentctl("new", "debate", "--from", "debate")
    agentctl("run", "debate", "Tea?", "--session", "s", "--model", "offline")
    whole = json.loads(agentctl("sessions", "show", "s", "--json").out)
    usage, winner = whole["turns"][0]["usage"], whole["turns"][0]["winner"]
    spent = f"{usage['input_tokens'] + usage['output_tokens']:,} tokens, $0.00"
    lines = agentctl("sessions", "show", "-1").out.splitlines()

    assert lines[1].endswith(f", {spent}")
    assert f"  {' → '.join(whole['turns'][0]['stages'])}, winner {winner}, {spent}" in lines
    assert any("[simulated]" in line for line in lines)


def test_what_was_said_cannot_pose_as_more(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "x\n\n2  done\x1b[2J\u2028  > me\r  > me", "--session", "s")
    lines = agentctl("sessions", "show", "s").out.split("\n")

    assert [line for line in lines if line.startswith("2")] == []
    assert [line for line in lines if "me" in line and line[:4] not in ("  > ", "  │ ")] == []
    assert "\x1b" not in "".join(lines)


def test_a_long_answer_is_shortened_unless_it_is_asked_for(agentctl: Command, talk: Path) -> None:
    for task in ("y " * 3_000, "z\n" * 50):
        agentctl("run", "talk", task, "--session", "s")
    short, full = agentctl("sessions", "show", "s").out, agentctl("sessions", "show", "s", "--full").out

    assert short.count("see them with --full") == 4
    assert (short.count("y "), short.count("z\n")) < (2_000, 30)
    assert full.count("y") >= 6_000 and full.count(" z\n") == 100 and "--full" not in full


def test_search_looks_into_one_workspace(agentctl: Command, talk: Path, write_workspace: WriteWorkspace) -> None:
    write_workspace("other", workspace(STAGES, {"a": {"entry": "work:talk"}}, TALK))
    for name in ("talk", "other", "other"):
        agentctl("run", name, "Oslo", "--session", name)
    hits = json.loads(agentctl("sessions", "search", "oslo", "-w", "talk", "-n", "1", "--json").out)

    assert {hit["workspace"] for hit in hits} == {"talk"}


def test_search_shows_the_line_with_the_hit(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "first\n" + "a " * 100 + "Grüße aus Oslo " + "b " * 100, "--session", "s")
    agentctl("run", "talk", "oslo", "--session", "t")
    hits = json.loads(agentctl("sessions", "search", "OSLO", "--json").out)
    out = agentctl("sessions", "search", "grÜße").out
    code, nothing, err = agentctl("sessions", "search", "Bergen")

    assert [(hit["name"], hit["turn"], hit["where"]) for hit in hits] == [
        ("t", 1, "user"), ("t", 1, "answer"), ("s", 1, "user"), ("s", 1, "answer"),
    ]  # fmt: skip
    assert [line.split()[:3] for line in out.splitlines()] == [["s", "1", "user"], ["s", "1", "answer"]]
    assert "a Grüße aus Oslo b" in out and "first" not in out and out.count("…") == 4
    assert (code, nothing) == (0, "") and "nobody said 'Bergen'" in err
    assert agentctl("sessions", "search", " ").code == 2


def test_a_fork_prints_its_name_and_a_rewind_what_goes(agentctl: Command, talk: Path) -> None:
    for task in ("one", "two", "three"):
        agentctl("run", "talk", task, "--session", "s")
    assert agentctl("sessions", "fork", "-1", "--name", "f").out == "f\n"
    unnamed = agentctl("sessions", "fork", "s", "--at", "0").out.strip()
    code, out, err = agentctl("sessions", "rewind", "s", "1")

    assert listed(agentctl)[1]["session_id"] == unnamed
    assert (code, out) == (0, "")
    assert err.splitlines() == ["  2  done  two", "  3  done  three", "s has 1 turn now"]
    assert {row["name"]: row["turns"] for row in listed(agentctl)} == {"s": 1, None: 0, "f": 3}
    assert agentctl("sessions", "rewind", "s", "1").err == "s has 1 turn now\n"
    for words in (["rewind", "f", "-1"], ["rewind", "f", "4"], ["fork", "f", "--at", "4"]):
        code, out, err = agentctl("sessions", *words)
        assert (code, out) == (2, "") and "three" not in err and "no turn comes" not in err


def test_a_session_is_renamed_and_tagged(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "s", "--meta", "k=v")
    agentctl("run", "talk", "one", "--session", "t")
    assert agentctl("sessions", "rename", "-2", " new name ").code == 0
    assert agentctl("sessions", "rename", "t", "new name").code == 2
    assert agentctl("sessions", "tag", "new name", "red", "blue").code == 0
    assert agentctl("sessions", "tag", "new name", "--meta", "l=w", "--meta", "k=").code == 0

    [row] = listed(agentctl, "--tag", "red", "--tag", "blue")
    assert (row["name"], row["tags"], row["metadata"]) == ("new name", ["red", "blue"], {"l": "w"})
    assert agentctl("sessions", "tag", "new name").code == 0
    assert listed(agentctl, "--tag", "red") == []
    assert agentctl("sessions", "tag", "t", "--bogus").code == agentctl("sessions", "tag", "t", "--meta", "k").code == 2


def test_deleting_needs_a_yes(agentctl: Command, talk: Path) -> None:
    for name in ("a", "b", "c"):
        agentctl("run", "talk", "one", "--session", name)
    code, out, err = agentctl("sessions", "delete", "a", "b")
    assert (code, out) == (2, "") and "--yes" in err
    assert agentctl("sessions", "delete", "a", "ghost", "--yes").code == 2
    assert len(listed(agentctl)) == 3

    assert agentctl("sessions", "delete", "a", "-2", "a", "--yes").code == 0
    assert [row["name"] for row in listed(agentctl)] == ["c"]
    assert [row["session"] for row in json.loads(agentctl("runs", "--json").out)] == ["c"]


@pytest.mark.parametrize(
    "words",
    [["show"], ["fork"], ["rewind", "0"], ["rename", "x"], ["tag", "x"], ["export"], ["delete", "--yes"]],
    ids=lambda words: words[0],
)
def test_an_unknown_session_is_two_with_the_nearest(agentctl: Command, talk: Path, words: list[str]) -> None:
    agentctl("run", "talk", "one", "--session", "holiday")
    agentctl("run", "talk", "one", "--session", "theirs", "--user", "mia")
    theirs = listed(agentctl, "--user", "mia")[0]["session_id"]
    command, *rest = words
    code, out, err = agentctl("sessions", command, "holyday", *rest)

    assert (code, out) == (2, "") and "did you mean 'holiday'?" in err
    assert agentctl("sessions", command, theirs, *rest).code == 2
    assert agentctl("sessions", command, "theirs", *rest).code == 2
    assert agentctl("runs", "--session", theirs).code == 2
    assert listed(agentctl, "--user", "mia")[0]["name"] == "theirs"
    assert agentctl("runs", "--session", "theirs", "--user", "mia").code == 0


def test_runs_are_listed_by_session(agentctl: Command, talk: Path) -> None:
    for name, task in (("a", "one"), ("b", "two"), ("a", "three")):
        agentctl("run", "talk", task, "--session", name)
    agentctl("run", "talk", "four")

    def tasks(*words: str) -> list[str]:
        return [row["task"] for row in json.loads(agentctl("runs", "--json", *words).out)]

    [_, session, *_] = [row["session_id"] for row in json.loads(agentctl("runs", "--json").out)]
    assert tasks("--session", "a") == tasks("-s", session[:17]) == tasks("-s", "-2") == ["three", "one"]
    assert tasks("-s", "-1") == ["four"]
    assert [line.split()[6] for line in agentctl("runs", "-s", "a").out.splitlines()] == ["a", "a"]
    code, _, err = agentctl("runs", "--session", "c")
    assert code == 2 and "no session 'c'" in err


def test_an_export_comes_in_elsewhere_as_it_went_out(
    agentctl: Command, talk: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "note.bin").write_bytes(bytes(range(256)))
    agentctl("run", "talk", "one 🎉 \udcff\x00 `x`", "--session", "s", "--file", "note.bin")
    out = agentctl("sessions", "export", "s").out
    assert agentctl("sessions", "export", "s", "-o", "s.json").out == ""
    assert (tmp_path / "s.json").read_bytes() == out.encode(errors="backslashreplace")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("talk", "other"):
        shutil.copytree(talk / "workspaces" / "talk", elsewhere / "workspaces" / name)
    at = ["--root", str(elsewhere)]
    code, name, err = agentctl("sessions", "import", "s.json", *at)
    again = json.loads(agentctl("sessions", "export", "s", *at).out)
    before = json.loads(out)

    assert (code, name, err) == (0, "s\n", "imported 1 turn of talk\n")
    assert again["attachments"] == before["attachments"]
    before["turns"][0]["attachments"][0]["path"] = "note.bin"  # a path of elsewhere names no file here
    assert {**again["turns"][0], "run_id": 0} == {**before["turns"][0], "run_id": 0}
    assert agentctl("sessions", "import", "s.json", *at).code == 2
    assert agentctl("sessions", "import", "s.json", "--name", "t", "--workspace", "other", *at).out == "t\n"
    assert [row["workspace"] for row in listed(agentctl, *at)] == ["other", "talk"]


def test_an_export_is_read_from_stdin(agentctl: Command, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agentctl("run", "talk", "one", "--session", "s")
    text = agentctl("sessions", "export", "s").out.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))

    assert agentctl("sessions", "import", "-", "--name", "t").out == "t\n"
    monkeypatch.setattr(sys, "stdin", None)
    assert agentctl("sessions", "import", "-", "--name", "u").code == 2


def test_markdown_is_for_people(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "# not a heading\n```\n## nor this\x1b[2J", "--session", "s")
    out = agentctl("sessions", "export", "s", "--format", "markdown").out

    assert out.startswith("# Session `s`\n\n- Workspace: `talk`\n")
    assert "````text\n# not a heading\n```\n## nor this\\x1b[2J\n````\n" in out
    assert "Answered (by way of `opening → debate ×2`, 0 tokens, $0.0000):" in out


def test_a_malformed_import_imports_nothing(agentctl: Command, talk: Path, tmp_path: Path) -> None:
    agentctl("run", "talk", "one", "--session", "s")
    good = json.loads(agentctl("sessions", "export", "s").out)
    bad = {**good, "version": 2, "turns": [{**good["turns"][0], "turn": "1"}]}
    for text in (json.dumps(bad), "{", "[" * 100_000, ""):
        (tmp_path / "bad.json").write_text(text)
        code, out, err = agentctl("sessions", "import", "bad.json", "--name", "t")
        assert (code, out) == (2, "") and "nothing is imported: $" in err
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    assert (
        "$.version: must be 1; $.turns[0].turn: should be a valid integer"
        in agentctl("sessions", "import", "bad.json").err
    )
    for name in ("ghost.json", str(tmp_path), "a\0b"):
        assert agentctl("sessions", "import", name).code == 2
    (tmp_path / "good.json").write_text(json.dumps(good))
    for words in (["--name", "a/b"], ["--name", "t", "--workspace", "../x"]):
        assert agentctl("sessions", "import", "good.json", *words).code == 2

    assert [row["name"] for row in listed(agentctl)] == ["s"]


def test_a_memory_that_cannot_leave_is_told_on_stderr(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("odd", workspace({"main": ["a"]}, {"a": {"entry": "work:odd"}}, TALK))
    agentctl("run", "odd", "one", "--session", "s")
    code, out, err = agentctl("sessions", "export", "s")

    assert (code, json.loads(out)["threads"]) == (0, {})
    assert err.startswith("warning: left out: the memory 'a#") and "set" in err


@pytest.mark.slow
def test_a_session_with_a_live_run_is_busy_and_with_a_killed_one_interrupted(
    agentctl: Command, write_workspace: WriteWorkspace
) -> None:
    root = write_workspace("slow", workspace({"main": ["a"]}, {"a": {"entry": "work:slow"}}, TALK))
    process = Project(root).start("run", "slow", "wait", "--session", "s", "--json")
    assert process.stdout
    while '"agent.started"' not in process.stdout.readline():
        pass
    try:
        assert listed(agentctl)[0]["status"] == "running"
        for words in (["delete", "s", "--yes"], ["rewind", "s", "0"]):
            code, _, err = agentctl("sessions", *words)
            assert code == 5 and "session s is busy" in err
    finally:
        kill(process)
        process.stdout.close()
        process.stderr.close()  # type: ignore[union-attr]

    assert agentctl("sessions", "list").out.split()[-2:] == ["interrupted", "wait"]
    assert "1  interrupted  " in agentctl("sessions", "show", "s").out
    assert json.loads(agentctl("sessions", "export", "s").out)["turns"][0]["status"] == "killed"
    assert agentctl("sessions", "delete", "s", "--yes").code == 0


@pytest.mark.slow
@pytest.mark.parametrize(("said", "left"), [("y", 0), ("no", 1), ("\x03", 1)], ids=["yes", "no", "ctrl-c"])
def test_on_a_terminal_deleting_asks(agentctl: Command, talk: Path, said: str, left: int) -> None:
    agentctl("run", "talk", "one", "--session", "s")
    terminal = Terminal(talk, "sessions", "delete", "s")
    terminal.until(lambda screen: "Delete s (1 turn) for good? [y/N]" in screen)
    terminal.type(said if said == "\x03" else f"{said}\r")
    code, _ = terminal.end()

    assert (code, len(listed(agentctl))) == ({"y": 0, "no": 2, "\x03": 130}[said], left)


@pytest.mark.slow
def test_on_a_terminal_rewinding_asks_and_a_hit_stands_out(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "s")
    terminal = Terminal(talk, "sessions", "rewind", "s", "0")
    terminal.until(lambda screen: "Forget 1 turn of s? [y/N]" in screen)
    terminal.type("\r")
    found = Terminal(talk, "sessions", "search", "ON")

    assert terminal.end()[0] == 2
    assert found.end()[0] == 0
    assert b"to \x1b[1mon\x1b[0me" in found.raw
    assert listed(agentctl)[0]["turns"] == 1


@pytest.mark.slow
def test_a_yes_forgets_no_more_than_was_asked_for(agentctl: Command, talk: Path) -> None:
    for task in ("one", "two"):
        agentctl("run", "talk", task, "--session", "s")
    terminal = Terminal(talk, "sessions", "rewind", "s", "1")
    terminal.until(lambda screen: "Forget 1 turn of s? [y/N]" in screen)
    agentctl("run", "talk", "three", "--session", "s")
    terminal.type("y\r")

    assert terminal.end()[0] != 0
    assert listed(agentctl)[0]["turns"] == 3


@pytest.mark.slow
def test_session_words_are_completed(agentctl: Command, talk: Path) -> None:
    agentctl("run", "talk", "one", "--session", "holiday")
    for line in ("sessions show ho", "sessions delete x ho", "runs --session ho", "run talk x -s ho", "sessions tag h"):
        assert complete(f"agentctl {line}", talk) == ["holiday"], line
