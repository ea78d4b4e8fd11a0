"""Approvals decided with commands, at a terminal, and elsewhere while a run waits."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input

from agentctl.cli.form import filled_in
from agentctl.cli.lines import Silent
from agentctl.cli.person import Person
from agentctl.cli.talk.chat import Chat
from agentctl.errors import SessionBusy
from agentctl.events import BufferedSink
from agentctl.sessions import Hub
from agentctl.store import Approval, Decision
from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.cli.test_chat_terminal import has_prompt
from tests.cli.test_completion import complete
from tests.conftest import WriteWorkspace
from tests.runtime.process import Project

SPEC = """\
version: 1
stages: {book: {agents: [ann, bob], order: parallel}}
agents:
  ann: {kind: python, entry: "m:ann", tools: [book_trip]}
  bob: {kind: python, entry: "m:bob", tools: [book_trip]}
"""
CODE = """\
from agentctl.errors import ToolFailed

async def ann(state, ctx):
    try:
        return await ctx.call_tool("book_trip", to="Rome\\x1b[2J\\u202e", days=3)
    except ToolFailed as error:
        return str(error)

async def bob(state, ctx):
    if state["task"] == "one":
        return "nothing"
    return await ctx.call_tool("book_trip", to="Oslo", days=30)
"""
TOOLS = '''\
def book_trip(to: str, days: int) -> str:
    """Book a trip."""
    with open("booked", "a") as file:
        file.write(f"{days} in {to!r}\\n")
    return f"{days} days in {to} are booked"
'''
ROME = {"to": "Rome\x1b[2J\u202e", "days": 3}


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    """Two agents that each want to book a trip, ann alone for the task `one`."""
    return write_workspace("trip", {"workspace.yaml": SPEC, "m.py": CODE, "tools/trips.py": TOOLS})


def listed(agentctl: Command, *words: str) -> dict[str, dict[str, Any]]:
    """Approvals by agent."""
    code, out, _ = agentctl("approvals", "list", "--json", *words)
    assert code == 0
    return {row["agent"]: row for row in json.loads(out)}


def booked(root: Path) -> list[str]:
    path = root / "booked"
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_what_two_agents_want_is_decided_in_any_order(agentctl: Command, root: Path) -> None:
    assert agentctl("run", "trip", "go", "--session", "s").code == 7
    found = listed(agentctl)
    ann, bob = found["ann"], found["bob"]
    run = ann["run_id"]

    assert list(ann) == [
        "id", "run_id", "agent", "tool", "args", "requested_at", "expires_at", "status", "kind", "why",
    ]  # fmt: skip
    assert (ann["tool"], ann["args"], ann["status"], ann["kind"]) == ("book_trip", ROME, "pending", "call")
    assert listed(agentctl, "--run", run[:10]) == found
    assert listed(agentctl, "--user", "mia") == {}
    assert json.loads(agentctl("runs", "--json").out)[0]["approvals"] == [row["id"] for row in found.values()]
    assert agentctl("runs").out.split()[4:] == ["waiting", "trip", "s", "go"]
    code, _, err = agentctl("run", "trip", "again", "--session", "s")
    assert code == 5
    assert bob["id"][:8] in err

    code, out, err = agentctl("approvals", "deny", bob["id"], "--reason", "too cold")
    assert (code, out) == (0, "")
    assert err == f"denied {bob['id']}; 1 more approval of run {run} to decide: {ann['id']}\n"
    edited = '{"to": "Bergen", "days": 1}'
    code, _, err = agentctl("approvals", "approve", ann["id"][:6].upper(), "--edit-args", edited)
    assert (code, err) == (0, f"approved {ann['id']}; go on with `agentctl resume {run}`\n")
    assert listed(agentctl) == {}
    assert {row["status"] for row in listed(agentctl, "--all").values()} == {"approved", "denied"}
    assert "too cold" in agentctl("approvals", "show", bob["id"]).out

    assert agentctl("resume", run).code == 4  # bob minds
    assert booked(root) == ["1 in 'Bergen'"]


def test_show_shows_all_and_nothing_that_a_terminal_obeys(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one")
    row = listed(agentctl)["ann"]

    code, out, _ = agentctl("approvals", "show", row["id"])

    assert code == 0
    assert '"to": "Rome\\u001b[2J\\u202e"' in out
    assert "\x1b" not in out
    assert "\u202e" not in out
    whole = json.loads(agentctl("approvals", "show", row["id"], "--json").out)
    assert whole.items() >= row.items()
    assert whole["decided_at"] is None
    line = agentctl("approvals", "list").out
    assert line == f'{row["id"][:8]}  book_trip(to="Rome\\u001b[2J\\u202e", days=3)  ann  trip  23 h left\n'


def test_what_cannot_be_decided_is_told(agentctl: Command, root: Path) -> None:
    assert agentctl("approvals", "list").err.startswith("nothing waits for a decision")
    assert agentctl("approvals", "approve", "abcdef").code == 2
    assert not (root / ".agentctl").exists()
    agentctl("run", "trip", "one")
    id_, run = (listed(agentctl)["ann"][name] for name in ("id", "run_id"))
    wrong = id_[:-1] + ("0" if id_[-1] != "0" else "1")

    def refused(*words: str) -> str:
        code, out, err = agentctl("approvals", *words)
        assert (code, out) == (2, "")
        return err

    assert f"did you mean {id_!r}?" in refused("approve", wrong)
    assert "too short" in refused("show", id_[:5])
    assert f"approval {id_!r} is not mia's" in refused("deny", id_, "--user", "mia")
    assert "not JSON: Expecting value at line 1, column 7" in refused("approve", id_, "--edit-args", '{"to":}')
    assert "must be a JSON object" in refused("approve", id_, "--edit-args", "[1]")
    assert "null answers nothing" in refused("approve", id_, "--edit-args", "null")
    assert "NaN is no JSON number" in refused("approve", id_, "--edit-args", '{"days": NaN}')
    assert "once for all" in refused("approve", id_, "--always", "--edit-args", "{}")
    assert "too short" in refused("list", "--run", "abc")
    assert listed(agentctl)["ann"]["status"] == "pending"

    agentctl("approvals", "deny", id_)
    assert "`agentctl resume" in refused("approve", id_)
    assert agentctl("resume", run).code == 0
    told = refused("approve", id_)
    assert "was denied by" in told and "resume" not in told


def test_always_is_for_exactly_this_call_in_this_session(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one", "--session", "s")
    row = listed(agentctl)["ann"]
    assert agentctl("approvals", "approve", row["id"], "--always").code == 0
    assert "in all of the session" in agentctl("approvals", "show", row["id"]).out

    assert agentctl("resume", row["run_id"]).code == 0
    assert agentctl("run", "trip", "one", "--session", "s").code == 0
    assert agentctl("run", "trip", "one", "--session", "other").code == 7
    assert len(booked(root)) == 2


@pytest.mark.slow
def test_ids_are_completed(agentctl: Command, root: Path) -> None:
    assert complete("agentctl approvals show ", root) == []
    agentctl("run", "trip", "one")
    id_ = listed(agentctl)["ann"]["id"]

    assert complete(f"agentctl approvals approve {id_[:3]}", root) == [id_]
    assert complete("agentctl approvals approve zz", root) == []
    agentctl("approvals", "deny", id_)
    assert complete("agentctl approvals deny ", root) == []


@pytest.mark.slow
@pytest.mark.parametrize("words", [["run", "trip", "go"], ["resume"]])
def test_a_run_can_wait_for_what_is_decided_elsewhere(agentctl: Command, root: Path, words: list[str]) -> None:
    if words == ["resume"]:
        agentctl("run", "trip", "go")
        words = ["resume", next(iter(listed(agentctl).values()))["run_id"]]
    with Project(root).start(*words, "--wait", "--quiet") as waiting:
        assert waiting.stderr is not None
        told = waiting.stderr.readline()
        ids = {role: row["id"] for role, row in listed(agentctl).items()}

        waits, how = told.removeprefix("waiting for ").split("; ")
        assert sorted(waits.split(", ")) == sorted(ids.values())
        assert how.startswith("decide with `agentctl approvals approve")
        assert agentctl("approvals", "approve", ids["bob"]).code == 0
        assert booked(root) == []
        err = agentctl("approvals", "approve", ids["ann"]).err
        assert err == f"approved {ids['ann']}; the run goes on by itself\n"
        _, err = waiting.communicate(timeout=20)
    assert (waiting.returncode, err) == (0, "")
    assert len(booked(root)) == 2


# At a terminal


def has(*texts: str) -> Callable[[str], bool]:
    return lambda screen: all(text in screen for text in texts)


@pytest.mark.slow
def test_a_person_is_asked_one_after_the_other(root: Path) -> None:
    terminal = Terminal(root, "run", "trip", "go")
    screen = terminal.until(has("1 of 2", "al[w]ays:"))
    assert "book_trip may change or delete things" in screen
    assert b"\x1b[2J\\" not in terminal.raw
    assert "●" not in screen  # the live view is away meanwhile
    terminal.type("x\r")
    terminal.until(lambda text: text.count("al[w]ays:") == 2)
    terminal.type("d\r")
    terminal.until(has("why?"))
    terminal.type("too dear\r")
    screen = terminal.until(has("2 of 2"))
    terminal.type("a\r")

    code, screen = terminal.end()
    first = "ann" if "1 of 2  ann" in screen else "bob"
    assert code == (0 if first == "ann" else 4)
    assert booked(root) == (["30 in 'Oslo'"] if first == "ann" else ["3 in 'Rome\\x1b[2J\\u202e'"])
    assert "too dear" in screen


@pytest.mark.slow
@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_who_does_not_want_to_decide_leaves_the_run_waiting(agentctl: Command, root: Path, key: str) -> None:
    terminal = Terminal(root, "run", "trip", "go")
    terminal.until(has("1 of 2", "al[w]ays:"))
    terminal.type("a\r")
    terminal.until(has("2 of 2"))
    terminal.type(key)

    code, screen = terminal.end()

    assert code == 7
    assert "left undecided" in screen
    [row] = listed(agentctl).values()
    assert f"agentctl approvals approve {row['id']}" in screen.replace("\n", "")
    assert f"agentctl resume {row['run_id']}" in screen.replace("\n", "")
    assert booked(root) == []
    terminal = Terminal(root, "resume", row["run_id"])
    screen = terminal.until(has("al[w]ays:"))
    assert "1 of 1" not in screen
    terminal.type("a\r")
    assert terminal.end()[0] == 0
    assert len(booked(root)) == 2


@pytest.mark.slow
def test_the_arguments_are_edited_in_the_users_editor(root: Path) -> None:
    """One that cannot write JSON at first, and gets Ctrl-C while it works."""
    script = root / "editor.py"
    script.write_text(
        "import os, pathlib, signal, sys, time\n"
        "path, tries = pathlib.Path(sys.argv[1]), pathlib.Path('tries')\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "seen = path.read_text()\n"
        "path.write_text(seen.replace('3', '2') if tries.exists() else seen.replace('3', '3,,'))\n"
        "if tries.exists(): path.write_text(seen.replace('3,,', '2'))\n"
        "tries.touch()\n"
    )
    terminal = Terminal(root, "run", "trip", "one", EDITOR=f"{sys.executable} {script}", VISUAL="")
    terminal.until(has("al[w]ays:"))
    terminal.type("e\r")
    terminal.until(has("that is not JSON"))
    terminal.type("e\r")

    code, _ = terminal.end()

    assert code == 0
    assert booked(root) == ["2 in 'Rome\\x1b[2J\\u202e'"]


@pytest.mark.slow
def test_without_an_editor_the_arguments_are_edited_on_one_line(root: Path) -> None:
    terminal = Terminal(root, "run", "trip", "one", "--no-stream", EDITOR="", VISUAL="")
    terminal.until(has("al[w]ays:"))
    terminal.type("e\r")
    terminal.until(has("JSON: {"))
    terminal.type("\r")
    terminal.until(has("nothing was changed"))
    terminal.type("e\r")
    terminal.until(lambda text: text.count("JSON: {") == 2)
    terminal.type('\x15{"to": "Bonn", "days": 9}\r')

    assert terminal.end()[0] == 0
    assert booked(root) == ["9 in 'Bonn'"]


@pytest.mark.slow
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_the_question_comes_after_what_was_told_before(root: Path, term: str) -> None:
    terminal = Terminal(root, "run", "trip", "one", "--no-stream", TERM=term)
    screen = terminal.until(has("al[w]ays:"))
    assert screen.index("ann asks for") < screen.index("ann, book_trip")
    assert screen.endswith("al[w]ays:")
    terminal.type("a\r")
    assert terminal.end()[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("words", [["--json"], ["--quiet"]])
def test_nobody_is_asked_where_the_output_is_for_scripts(root: Path, words: list[str]) -> None:
    terminal = Terminal(root, "run", "trip", "one", *words)
    code, screen = terminal.end()
    assert code == 7
    assert "al[w]ays" not in screen


def asked(times: int) -> Callable[[str], bool]:
    return lambda screen: screen.count("al[w]ays:") == times and screen.endswith("al[w]ays:")


def waits_for_input(screen: str) -> bool:
    return has("waiting for somebody", "then `agentctl resume")(screen) and has_prompt(screen)


@pytest.mark.slow
def test_a_chat_asks_again_before_the_next_message_and_keeps_that(agentctl: Command, root: Path) -> None:
    terminal = Terminal(root, "chat", "trip", lines=80)
    terminal.until(has_prompt)
    terminal.type("one\r")
    terminal.until(asked(1))
    terminal.type("\x03")
    screen = terminal.until(waits_for_input)
    assert "left undecided" in screen and "error:" not in screen
    terminal.type("my next\r")
    terminal.until(lambda text: asked(2)(text) and "the last turn waits for approval" in text)
    terminal.type("\x04")
    terminal.until(lambda text: text.count("then `agentctl resume") == 2 and "> my next" in text.rpartition("then")[2])
    row = listed(agentctl)["ann"]
    terminal.type("\x15one\r")
    terminal.until(asked(3))
    terminal.type("w\r")

    screen = terminal.until(lambda text: text.count("are booked") == 2 and has_prompt(text))  # also the message's turn

    assert screen.count("done in") == 2
    assert agentctl("runs", "--json").out.count('"done"') == 2
    assert row["run_id"] in agentctl("runs", "--json").out
    assert len(booked(root)) == 2
    terminal.type("\x04")
    assert terminal.end()[0] == 0


async def test_a_message_that_is_refused_keeps_its_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "plan.txt").write_text("by train")
    async with Hub(root) as hub:
        ready = await hub.runtime.prepare("trip", None)
        chat = Chat(hub=hub, ready=ready, workspace="trip", user=None, model=None, metadata={}, here=root)
        waiting = await chat.send("one", lambda _: None)
        assert await chat.waiting() == waiting.run_id
        chat.files = [str(root / "plan.txt")]

        with pytest.raises(SessionBusy):
            await chat.send("one", lambda _: None)
        assert chat.files == [str(root / "plan.txt")]
        chat.busy = "cancel"
        await chat.send("one", lambda _: None)

        assert chat.files == []
        turns = await hub.sessions.turns(await chat.row())
    assert [(turn.status, len(turn.attachments)) for turn in turns] == [("cancelled", 0), ("waiting", 1)]


@pytest.mark.slow
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_chat_goes_on_with_a_turn_that_waits(agentctl: Command, root: Path, elsewhere: bool) -> None:
    assert agentctl("run", "trip", "one", "--session", "s").code == 7
    id_ = listed(agentctl)["ann"]["id"]
    if elsewhere:
        agentctl("approvals", "approve", id_)
    terminal = Terminal(root, "chat", "--session", "s")
    if elsewhere:
        terminal.until(has("the last turn goes on: it has its approvals"))
    else:
        terminal.until(has(f"the last turn waits for approval {id_[:8]}: book_trip", "al[w]ays:"))
        terminal.type("a\r")
    screen = terminal.until(lambda text: has("are booked", "done in")(text) and has_prompt(text))

    assert "1 turn" in screen
    assert len(booked(root)) == 1
    terminal.type("\x04")
    assert terminal.end()[0] == 0


@pytest.mark.slow
def test_a_chat_that_cancels_drops_a_turn_that_waits(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one", "--session", "s")
    first = listed(agentctl)["ann"]["id"]
    terminal = Terminal(root, "chat", "--session", "s", "--busy", "cancel")
    terminal.until(has_prompt)
    terminal.type("one\r")
    terminal.until(has("al[w]ays:"))
    terminal.type("a\r")
    terminal.until(lambda text: has("are booked")(text) and has_prompt(text))
    terminal.type("\x04")

    assert terminal.end()[0] == 0
    assert [row["status"] for row in json.loads(agentctl("runs", "--json").out)] == ["done", "cancelled"]
    assert agentctl("approvals", "approve", first).err.startswith(f"error: nobody waits for approval {first}")
    assert "another turn took its place" in agentctl("why", row_of(agentctl, "cancelled")).out


def row_of(agentctl: Command, status: str) -> str:
    """The run of that status."""
    [row] = [row for row in json.loads(agentctl("runs", "--json").out) if row["status"] == status]
    return str(row["run_id"])


def test_a_session_that_waits_is_deleted_forked_and_freed(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one", "--session", "s")
    assert agentctl("sessions", "fork", "s", "--name", "other").code == 0
    code, _, err = agentctl("run", "trip", "one", "--session", "s")
    assert (code, err.startswith("error: session s waits for approval")) == (5, True)
    assert "`--busy cancel` drops it" in err
    assert agentctl("run", "trip", "one", "--session", "s", "--busy", "cancel").code == 7
    assert len(listed(agentctl)) == 1

    assert agentctl("sessions", "delete", "s", "--yes").code == 0

    assert listed(agentctl, "--all") == {}
    assert agentctl("run", "trip", "one", "--session", "other").code == 7


@pytest.mark.slow
def test_a_chat_in_a_pipe_is_refused_by_a_session_that_waits_unless_it_cancels(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one", "--session", "s")

    def chat(*words: str) -> tuple[int, str, str]:
        with Project(root).start("chat", "--session", "s", *words, stdin=subprocess.PIPE) as process:
            out, err = process.communicate("one\n", timeout=20)
        return process.returncode, out, err

    code, out, err = chat()
    assert (code, out) == (5, "\n")
    assert "error: session s waits for approval" in err
    assert "the last turn" not in err
    code, out, err = chat("--busy", "cancel")
    assert code == 7
    assert err.count("waiting for somebody") == 1
    assert [row["status"] for row in json.loads(agentctl("runs", "--json").out)] == ["waiting", "cancelled"]


@pytest.mark.slow
def test_eighty_columns_show_what_waits(agentctl: Command, root: Path) -> None:
    agentctl("run", "trip", "one", "--session", "a session with a long name")
    row = listed(agentctl)["ann"]
    agentctl("approvals", "approve", row["id"], "--edit-args", '{"to": "Bonn", "days": 1}')
    agentctl("resume", row["run_id"])
    agentctl("run", "trip", "go")

    code, screen = Terminal(root, "approvals", "list", columns=80).end()
    assert code == 0
    told = sorted(re.split("  +", line)[1:] for line in screen.splitlines())
    assert told[0] == ['book_trip(to="Oslo", days=30)', "bob", "trip", "23 h left"]
    assert (told[1][0][:19], told[1][1:]) == ('book_trip(to="Rome\\', ["ann", "trip", "23 h left"])
    ids = [line.split()[0] for line in screen.splitlines()]
    assert [len(id_) for id_ in ids] == [8, 8]
    assert agentctl("approvals", "show", ids[0]).code == 0

    code, screen = Terminal(root, "runs", columns=80).end()
    rows = [re.split("  +", line) for line in screen.splitlines()]
    assert [row[2:] for row in rows][1] == ["done", "trip", "a session with …", "one"]
    assert [row[2] for row in rows] == ["waiting", "done"]
    assert all(agentctl("why", row[0]).code == 0 for row in rows)


@pytest.mark.parametrize("words", [[], ["--quiet"]])
def test_the_end_of_a_run_that_waits_is_told_once(agentctl: Command, root: Path, words: list[str]) -> None:
    code, _, err = agentctl("run", "trip", "one", *words)
    row = listed(agentctl)["ann"]

    assert code == 7
    assert err.count("waiting for somebody to allow book_trip") == 1
    assert err.endswith(f"approve {row['id']}` or `deny`,\nthen `agentctl resume {row['run_id']}`\n")
    assert err.count("agentctl") == 2
    assert "error:" not in err


@pytest.mark.slow
def test_sigterm_while_asked_leaves_a_usable_terminal(root: Path) -> None:
    terminal = Terminal(root, "run", "trip", "one")
    terminal.until(has("al[w]ays:"))
    terminal.signal(signal.SIGTERM)
    code, _ = terminal.end()
    assert code == 130


# Other kinds


def approval(kind: Any, args: object) -> Approval:
    place = {"session_id": "s", "user_id": "u", "workspace": "w", "agent": "ann", "stage": "talk", "round": 1}
    why = "server 'x' asks: who \x1b[2J are you?"
    return Approval(id="a" * 16, run_id="r", kind=kind, tool="t", args=args, digest="d", why=why, **place)  # type: ignore[arg-type]


async def said_to(row: Approval, *lines: str) -> Decision | None:
    """What a person decides who types these lines."""
    with create_pipe_input() as keys, create_app_session(input=keys), closing(BufferedSink(Silent())) as shown:
        keys.send_text("".join(f"{line}\r" for line in lines) + "\x04")
        return (await Person(shown)([row])).get(row.id)


FORM = {
    "type": "object",
    "required": ["name", "size"],
    "properties": {
        "name": {"type": "string", "title": "Your \x1b[2Jname", "minLength": 2},
        "age": {"type": "integer", "minimum": 0},
        "weight": {"type": "number"},
        "is_new": {"type": "boolean"},
        "size": {"type": "string", "enum": ["S", "L"]},
        "level": {"enum": [1, 2], "default": 2},
    },
}


@pytest.mark.parametrize(
    ("kind", "args", "lines", "decision"),
    [
        ("unknown", {"a": 1}, ["a", "w", "r"], Decision(approve=True)),
        ("unknown", {"a": 1}, ["d", "no"], Decision(approve=False, reason="no")),
        ("graph", {"go": 1}, ["a"], Decision(approve=True)),
        ("graph", {"go": 1}, ["d"], Decision(approve=False)),
        ("graph", "go?", ["", "{bad", "\x15null", '\x15{"x": [1]}'], Decision(approve=True, args={"x": [1]})),
        ("graph", "go?", ["false"], Decision(approve=True, args=False)),
        ("call", {"a": 1}, ["", "yes", "w"], Decision(approve=True, always=True)),
        ("call", {"a": 1}, [], None),
        ("call", {"a": 1}, ["d"], None),
        ("question", {"message": "m", "schema": None, "url": "https://x/\x1b[2J"}, ["a"], Decision(approve=True)),
        ("question", {"message": "m", "schema": FORM, "url": None}, ["d"], Decision(approve=False)),
        ("question", {"message": "m", "schema": FORM, "url": None}, ["c"], Decision(approve=False, args="cancel")),
        (
            "question",
            {"message": "m", "schema": FORM, "url": None},
            ["a", "", "B", "Bo", "x", "-1", "7", "1.5", "perhaps", "yes", "M", "L", ""],
            Decision(
                approve=True,
                args={"name": "Bo", "age": 7, "weight": 1.5, "is_new": True, "size": "L", "level": 2},
            ),
        ),
        (
            "question",
            {"message": "m", "schema": FORM, "url": None},
            ["a", "Bo", "", "", "", "S", "1"],
            Decision(approve=True, args={"name": "Bo", "size": "S", "level": 1}),
        ),
    ],
)
async def test_every_kind_is_decided_in_its_own_words(
    kind: Any, args: object, lines: list[str], decision: Decision | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await said_to(approval(kind, args), *lines) == decision
    assert "\x1b[2J" not in capsys.readouterr().err


async def test_long_arguments_are_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    await said_to(approval("call", {"text": "x" * 5000, "to": list(range(100))}))
    err = capsys.readouterr().err
    assert f"agentctl approvals show {'a' * 16}" in err
    assert len(err) < 4000


async def test_a_form_whose_schema_is_odd_ends_all_the_same() -> None:
    asked: list[str] = []
    lines = iter(["one", "[1]", ""])

    async def read(question: str) -> str:
        asked.append(question)
        return next(lines)

    schema = {"properties": {"any": True, "list": {"type": "array"}, "none": {"type": "null"}}}
    assert await filled_in(schema, read, lambda _: None) == {"any": "one", "list": [1]}
    assert asked == ["any: ", "list: ", "none: "]
    assert await filled_in({}, read, lambda _: None) == {}


async def test_a_key_that_is_none_is_told_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    await said_to(approval("call", {"a": 1}), "x")
    assert "answer a, d, e or w\n" in capsys.readouterr().err
    await said_to(approval("unknown", {"a": 1}), "w")
    assert "answer r, d or e\n" in capsys.readouterr().err


async def test_a_wrong_answer_is_offered_again_as_it_was_written() -> None:
    decision = await said_to(approval("graph", "go?"), '{"x": [1]', "}")
    assert decision == Decision(approve=True, args={"x": [1]})


async def test_wrong_arguments_are_offered_again_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", "")
    decision = await said_to(approval("call", {"a": 1}), "e", '\x15{"a": [2]', "e", "}")
    assert decision == Decision(approve=True, args={"a": [2]})


async def test_an_editor_that_is_not_there_leaves_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VISUAL", "")
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    decision = await said_to(approval("call", {"a": {"b": 1}}), "e", '\x7f\x7f, "c": 2}}')
    assert decision == Decision(approve=True, args={"a": {"b": 1, "c": 2}})
    assert "there is no editor 'no-such-editor'; change it here" in capsys.readouterr().err
