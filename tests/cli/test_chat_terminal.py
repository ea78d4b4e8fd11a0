"""A chat on a real terminal, as a person has it."""

import asyncio
import re
import signal
import time
from pathlib import Path

import pytest

import agentctl
from agentctl.store import TurnRow
from tests.cli.terminal import Terminal
from tests.conftest import WriteWorkspace
from tests.fakes import ChatServer

pytestmark = pytest.mark.slow

SPEC = """\
version: 1
stages: {talk: {agents: [ann, bob]}}
agents:
  ann: {kind: python, entry: "m:ann"}
  bob: {kind: python, entry: "m:bob"}
"""
# `gate` is a file: while it exists, ann waits where the test wants to look.
CODE = """\
import asyncio, os

BIG = "\\n".join(f"line {number:04d} " + "x" * 60 for number in range(1400))

async def ann(state, ctx):
    ctx.emit("ann thinks of " + state["task"][:20])
    while os.path.exists("gate"):
        await asyncio.sleep(0.02)
    if state["task"] == "fail":
        raise ValueError("no luck")
    if state["task"] == "hostile":
        return "\\x1b[2J\\x1b[H\\x1b]0;PWNED\\x07\\x9b2J\\r\\x08[red]x[/red] end"
    if state["task"] == "big":
        return BIG
    return f"I heard {state['task']!r} after {[turn['user'] for turn in ctx.turns]}"

async def bob(state, ctx):
    ctx.emit("bob nods")
    return "So did I."
"""
DONE = re.compile(r"done in [\d.]+ m?s")


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    return write_workspace("pair", {"workspace.yaml": SPEC, "m.py": CODE})


def open_chat(root: Path, *words: str, columns: int = 80, lines: int = 30, **env: str) -> Terminal:
    """A chat whose prompt is there."""
    terminal = Terminal(root, "chat", *words, columns=columns, lines=lines, **env)
    terminal.until(lambda text: any(line.startswith(">") for line in text.splitlines()))
    return terminal


def held_chat(root: Path, *words: str) -> Terminal:
    """A chat in which ann thinks, until the gate is gone."""
    (root / "gate").touch()
    terminal = open_chat(root, *words)
    terminal.type("first\r")
    terminal.until(lambda text: "ann thinks" in text)
    return terminal


def say(terminal: Terminal, text: str, seen: str = "done in") -> str:
    """Type a message; the screen once there is one more of `seen`, and a prompt."""
    before = terminal.text.count(seen)
    terminal.type(f"{text}\r")
    return terminal.until(lambda shown: shown.count(seen) > before and has_prompt(shown))


def has_prompt(text: str) -> bool:
    """Whether an empty prompt is the last thing above the toolbar."""
    lines = [line for line in text.splitlines() if line]
    return ">" in lines[-2:] or (bool(lines) and lines[-1] == ">")


def turns_of(root: Path, session: str) -> list[TurnRow]:
    async def look() -> list[TurnRow]:
        async with agentctl.open(root) as hub:
            return await hub.sessions.turns(await hub.sessions.get(session))

    return asyncio.run(look())


def test_a_person_talks_leaves_and_comes_back(root: Path) -> None:
    (root / "gate").touch()
    terminal = open_chat(root, "pair", "--session", "trip")
    assert terminal.text.startswith("pair · new session 'trip'\n/help lists the commands")
    terminal.type("where to?\r")
    screen = terminal.until(lambda text: "ann thinks of where to?" in text and "bob" in text)
    beside = next(line for line in screen.splitlines() if "● ann" in line)
    assert "bob" in beside
    (root / "gate").unlink()
    screen = terminal.until(lambda text: "done in" in text and has_prompt(text))
    assert "> where to?\n\nann\nI heard 'where to?' after []\nbob\nSo did I.\ndone in " in screen
    assert "╭" not in screen
    terminal.until(lambda text: text.endswith("\npair · trip · 1 turn"))
    terminal.type("\x04")
    code, screen = terminal.end()
    assert (code, screen.splitlines()[-1]) == (0, "come back with `agentctl chat --session trip`")

    terminal = open_chat(root, "--session", "trip")
    assert "session trip, 1 turn\n" in terminal.text
    assert "  1 > where to?\n      I heard 'where to?' after [] So did I.\n>" in terminal.text
    assert "I heard 'when?' after ['where to?']" in say(terminal, "when?")
    terminal.type("\x1b[A\x1b[A")
    terminal.until(lambda text: "\n> where to?\n" in text.rpartition("done in")[2])
    terminal.type("\x03\x03")
    assert terminal.end()[0] == 130


def test_ctrl_c_stops_the_turn_and_not_the_chat(root: Path) -> None:
    terminal = held_chat(root, "--session", "trip", "pair")
    terminal.type("\x03")
    screen = terminal.until(lambda text: "cancelled in" in text and has_prompt(text))
    assert re.search(r"cancelled in .* · agentctl resume \w{18}\nCtrl-C again leaves", screen)
    (root / "gate").unlink()

    assert "I heard 'second' after ['first']" in say(terminal, "second")
    terminal.type("/exit\r")
    assert terminal.end()[0] == 0
    assert [turn.status for turn in turns_of(root, "trip")] == ["cancelled", "done"]


def test_a_second_ctrl_c_leaves(root: Path) -> None:
    terminal = held_chat(root)
    terminal.type("\x03")
    terminal.until(lambda text: "Ctrl-C again leaves" in text and has_prompt(text))
    terminal.type("\x03")
    code, screen = terminal.end()

    assert code == 130
    assert "come back with `agentctl chat --session " in screen
    assert terminal.raw.count(b"\x1b[?2004h") == terminal.raw.count(b"\x1b[?2004l")


def test_ctrl_c_at_the_prompt_drops_the_line(root: Path) -> None:
    terminal = open_chat(root)
    terminal.type("not this")
    terminal.until(lambda text: "> not this" in text)
    terminal.type("\x03")
    terminal.until(lambda text: "Ctrl-C again leaves" in text and has_prompt(text))
    terminal.type("nor this")
    terminal.until(lambda text: "> nor this" in text)
    terminal.type("\x03")  # not twice in a row
    terminal.until(lambda text: text.count("Ctrl-C again leaves") == 2 and has_prompt(text))

    assert "I heard 'but this' after []" in say(terminal, "but this")
    terminal.type("\x04")
    assert terminal.end()[0] == 0


def test_sigterm_ends_the_turn_and_leaves_a_usable_terminal(root: Path) -> None:
    terminal = held_chat(root, "--session", "trip", "pair")
    assert not terminal.echoes
    terminal.signal(signal.SIGTERM)
    terminal.until(lambda text: "come back with" in text)

    assert terminal.echoes
    assert terminal.end()[0] == 130
    assert [turn.status for turn in turns_of(root, "trip")] == ["cancelled"]


def test_what_is_typed_ahead_waits_for_the_prompt(root: Path) -> None:
    terminal = held_chat(root)
    terminal.type("second")
    assert "second" not in terminal.until(lambda text: "\n2 s · 1 running" in text)
    assert b"second" not in terminal.raw
    (root / "gate").unlink()

    terminal.until(lambda text: "> second" in text)
    assert "after ['first']" in say(terminal, "")


def test_a_pasted_page_is_one_message(root: Path) -> None:
    terminal = open_chat(root)
    terminal.type("\x1b[200~one page\r\n\r\n/exit\rand its end\x1b[201~")
    terminal.until(lambda text: "and its end" in text)
    screen = say(terminal, "")

    assert r"I heard 'one page\n\n/exit\nand its end' after []" in screen


def test_lines_are_begun_with_alt_enter_and_ctrl_j(root: Path) -> None:
    terminal = open_chat(root)
    terminal.type("one\x1b\rtwo\x0athree")

    assert r"I heard 'one\ntwo\nthree' after []" in say(terminal, "")


def test_a_long_answer_is_printed_whole_and_at_once(root: Path) -> None:
    terminal = open_chat(root)
    begun = time.monotonic()
    say(terminal, "big")
    took_s = time.monotonic() - begun

    shown = terminal.raw.decode()
    assert re.findall(r"\nline (\d{4}) x{60}\r", shown) == [f"{number:04d}" for number in range(1400)]
    assert took_s < 8  # most of it is the screen of this test


def test_an_answer_cannot_steer_the_terminal(root: Path) -> None:
    terminal = open_chat(root)
    screen = say(terminal, "hostile")

    assert r"\x1b[2J\x1b[H\x1b]0;PWNED\x07\x9b2J\x0d\x08[red]x[/red] end" in screen
    assert "PWNED" not in terminal.title
    for forbidden in (b"\x1b[2J", b"\x1b]0;", b"\x07", b"\xc2\x9b"):
        assert forbidden not in terminal.raw, forbidden


def test_a_window_made_smaller_keeps_what_was_said(root: Path) -> None:
    terminal = open_chat(root, columns=100)
    say(terminal, "before")
    (root / "gate").touch()
    terminal.type("during\r")
    terminal.until(lambda text: "ann thinks of during" in text)
    terminal.resize(50, 30)
    screen = terminal.until(lambda text: text.startswith("pair  during") and text.count("╭") == 2)
    assert max(map(len, screen.splitlines())) <= 50
    (root / "gate").unlink()
    screen = terminal.until(lambda text: "done in" in text and has_prompt(text))

    assert "I heard 'during' after ['before']" in screen
    assert "I heard 'before' after []" in terminal.above
    terminal.resize(90, 30)
    assert "after ['before', 'during']" in say(terminal, "after")


def test_an_old_message_is_edited_in_a_fork(root: Path) -> None:
    terminal = open_chat(root, "--session", "trip", "pair")
    say(terminal, "Lisbon")
    say(terminal, "when?")
    terminal.type("/edit 1\r")
    terminal.until(lambda text: "\n> Lisbon\n" in text.rpartition("/edit 1")[2] and "editing turn 1" in text)
    screen = say(terminal, " or Porto")

    assert "the old conversation is `/session trip`" in screen
    assert "I heard 'Lisbon or Porto' after []" in screen
    assert [turn.user for turn in turns_of(root, "trip")] == ["Lisbon", "when?"]


def test_a_rewind_is_typed_twice_and_anew_when_more_was_said_since(root: Path) -> None:
    terminal = open_chat(root, "--session", "trip", "pair")
    say(terminal, "one")
    say(terminal, "two")
    say(terminal, "/rewind 1", "this forgets 1 turn for good")
    agentctl.run("pair", "three", root=root, session="trip")
    say(terminal, "/rewind 1", "this forgets 2 turns for good")
    assert [turn.user for turn in turns_of(root, "trip")] == ["one", "two", "three"]
    say(terminal, "/rewind 1", "forgot 2 turns; the next message is turn 2")

    assert [turn.user for turn in turns_of(root, "trip")] == ["one"]
    terminal.type("\x04")
    assert terminal.end()[0] == 0


def test_the_line_below_knows_what_others_said(root: Path) -> None:
    terminal = open_chat(root, "--session", "trip", "pair")
    say(terminal, "one")
    terminal.until(lambda text: text.endswith("\npair · trip · 1 turn"))
    agentctl.run("pair", "two", root=root, session="trip")
    terminal.type("/memory\r")

    terminal.until(lambda text: text.endswith("\npair · trip · 2 turns"))


def test_a_failed_turn_says_why_and_the_chat_goes_on(root: Path) -> None:
    terminal = open_chat(root)
    screen = say(terminal, "fail", "failed in")
    assert "error: agent-failed: agent 'ann' failed: ValueError: no luck" in screen

    assert "I heard 'again' after []" in say(terminal, "again")


def test_commands_complete_and_their_slips_are_told(root: Path) -> None:
    terminal = open_chat(root)
    terminal.type("/rew")
    terminal.until(lambda text: "/rewind TURN" in text and "forget every turn" in text)
    terminal.type("\t")
    terminal.until(lambda text: "> /rewind" in text)
    terminal.type("\x03")
    terminal.until(lambda text: "again leaves" in text and has_prompt(text))

    assert "no command '/hepl', did you mean '/help'?" in say(terminal, "/hepl", "no command")


def test_forty_columns_are_enough(root: Path) -> None:
    terminal = open_chat(root, columns=40, lines=24)
    screen = say(terminal, "a message that is longer than the window is wide")

    assert max(map(len, screen.splitlines())) <= 40
    assert "I heard" in screen
    assert "/rewind TURN        forget every turn" in say(terminal, "/help", "begins a new line")


def test_a_terminal_that_can_only_print_is_enough(root: Path) -> None:
    (root / "gate").touch()
    terminal = open_chat(root, TERM="dumb")
    terminal.type("half a line")
    terminal.until(lambda text: "half a line" in text)
    terminal.type("\x03")
    terminal.until(lambda text: "again leaves" in text)
    terminal.type("first\r")
    terminal.until(lambda text: "✓ bob" in text)
    terminal.type("\x03")
    terminal.until(lambda text: "cancelled in" in text)
    (root / "gate").unlink()
    terminal.type("second\r")
    terminal.until(lambda text: "I heard 'second' after ['first']" in text)
    terminal.type("\x04")
    code, _ = terminal.end()

    assert code == 0
    assert b"\x1b" not in terminal.raw


def test_tokens_and_money_are_told(write_workspace: WriteWorkspace) -> None:
    with ChatServer(replies=["Lisbon, of course. " * 20], pace_s=0.1) as server:
        model = f"model: {{name: 'openai:gpt-4o-mini', base_url: '{server.url}'}}"
        spec = f"version: 1\n{model}\nstages: {{s: {{agents: [a]}}}}\nagents: {{a: {{prompt: x}}}}\n"
        root = write_workspace("one", spec)
        terminal = open_chat(root, OPENAI_API_KEY="sk-none", AGENTCTL_MODEL="")
        terminal.type("where to?\r")
        terminal.until(lambda text: "╭─ ● a" in text and "Lisbon" in text)
        screen = terminal.until(lambda text: "done in" in text and has_prompt(text))

    assert re.search(r"\na\n(Lisbon, of course\. ?\n?)+", screen)
    # The price of a model on somebody's own server is not known.
    assert re.search(r"done in [\d.]+ m?s, \d+ tokens, cost unknown · agentctl why", screen)
    terminal.until(lambda text: re.search(r"\none · 1 turn · \d+ tokens, cost unknown$", text) is not None)
    assert re.search(r"this conversation: \d+ tokens, cost unknown, model calls: 1", say(terminal, "/cost", "calls:"))


def test_simulated_words_are_labelled(write_workspace: WriteWorkspace) -> None:
    terminal = open_chat(write_workspace("one"))

    assert "one · new session · offline\nSIMULATED: the words are made up without a model" in terminal.text
    assert say(terminal, "hello").count("SIMULATED") == 2
