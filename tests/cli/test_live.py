"""What a person sees of `run` on a real terminal."""

import re
from pathlib import Path

import pytest

from tests.cli.terminal import Terminal
from tests.conftest import WriteWorkspace

pytestmark = pytest.mark.slow

FLOW = """\
version: 1
description: Three score twice, one closes.
stages:
  proposal:
    agents: [optimistic, critic, devil]
    weights: {novelty: 1, quality: 2, risk: -1.5}
    next:
      - {when: "visits.proposal < 2", to: proposal}
      - {to: wrap}
  wrap: {agents: [closer]}
limits: {max_steps: 20}
agents:
  optimistic: {kind: python, entry: "talk:optimistic", scores: [novelty, quality, risk]}
  critic: {kind: python, entry: "talk:critic", scores: [novelty, quality, risk]}
  devil: {kind: python, entry: "talk:devil", scores: [novelty, quality, risk]}
  closer: {prompt: "close {{ task }}"}
"""
# `gate` is a file: while it exists, agents wait where the test wants to look.
TALK = """\
import asyncio, os

async def speak(ctx, scores):
    ctx.emit("words of " + ctx.agent)
    while os.path.exists("gate"):
        await asyncio.sleep(0.02)
    ctx.emit(SAID)
    return {"text": SAID, "scores": {"lisbon": scores, "porto": {name: n / 2 for name, n in scores.items()}}}

async def optimistic(state, ctx): return await speak(ctx, {"novelty": 0.9, "quality": 0.8, "risk": 0.2})
async def critic(state, ctx): return await speak(ctx, {"novelty": 0.3, "quality": 0.85, "risk": 0.8})
async def devil(state, ctx): return await speak(ctx, {"novelty": 0.1, "quality": 0.7, "risk": 1.0})
"""
ATTACK = "\\x1b[2J\\x1b[H\\x1b]0;PWNED\\x07\\x9b2J\\r\\x08\\x1b[31m[red]x[/red][/nope] :boom: \\x00 שלום 👨‍👩‍👧 end"


@pytest.fixture
def flow(write_workspace: WriteWorkspace) -> Path:
    root = write_workspace("flow", {"workspace.yaml": FLOW, "talk.py": f'SAID = "{ATTACK}"\n{TALK}'})
    (root / "gate").touch()
    return root


def test_shows_path_agents_scores_and_then_the_answer(flow: Path) -> None:
    terminal = Terminal(flow, "run", "flow", "plan a trip")
    screen = terminal.until(lambda text: text.count("words of") == 3)
    assert "flow  plan a trip" in screen
    beside = next(line for line in screen.splitlines() if "words of optimistic" in line)
    assert "words of critic" in beside and "words of devil" in beside
    assert "3 running" in screen

    (flow / "gate").unlink()
    code, screen = terminal.end()
    assert code == 0
    assert "proposal → proposal (2) → wrap" in screen
    assert re.search(
        r"lisbon\n  optimistic +1\.80 +1\.60 +0\.40 +4\.40\n  critic .*\n  devil .*\n  total +2\.60", screen
    )
    assert re.search(
        r"done in [\d.]+ m?s, [\d,]+ tokens, \$0\.00 · agentctl why \w{18}\n\n\[simulated\] closer on", screen
    )


def test_made_up_words_are_always_labelled(flow: Path) -> None:
    terminal = Terminal(flow, "run", "flow", "x")
    assert "SIMULATED" in terminal.until(lambda text: "words of critic" in text)
    (flow / "gate").unlink()

    assert "SIMULATED: the words are made up without a model" in terminal.end()[1]


def test_an_agents_text_cannot_steer_the_terminal(flow: Path) -> None:
    (flow / "gate").unlink()
    terminal = Terminal(flow, "run", "flow", "x\x1b[2J\x1b]0;PWNED\x07")
    code, screen = terminal.end()

    assert code == 0
    assert "PWNED" not in terminal.title
    for forbidden in (b"\x1b[2J", b"\x1b[H", b"\x1b]", b"\x07", b"\x08", b"\x00", b"\xc2\x9b"):
        assert forbidden not in terminal.raw, forbidden
    assert screen.splitlines()[0].startswith("proposal → proposal (2)")


def test_the_picture_is_drawn_over_itself(flow: Path) -> None:
    """Nothing of an earlier picture stays behind, on the screen or above it."""
    (flow / "gate").unlink()
    terminal = Terminal(flow, "run", "flow", "x")
    _, screen = terminal.end()

    assert (terminal.scrolled, screen.count("proposal → proposal"), screen.count("╭")) == (0, 1, 0)


def test_forty_columns_are_enough(flow: Path) -> None:
    terminal = Terminal(flow, "run", "flow", "a task that is longer than the window is wide", columns=40, lines=24)
    screen = terminal.until(lambda text: text.count("words of") == 3)
    assert max(map(len, screen.splitlines())) <= 40
    (flow / "gate").unlink()
    code, screen = terminal.end()

    assert (code, terminal.scrolled) == (0, 0)
    assert re.search(r"  total +2\.60 +4\.70 +4\.00 +6\.00", screen)


def test_no_color_means_none(flow: Path) -> None:
    (flow / "gate").unlink()
    coloured, plain = (Terminal(flow, "run", "flow", "x", **env) for env in ({}, {"NO_COLOR": "1"}))
    coloured.end()
    plain.end()
    colours = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|4[0-7]|38|48)[;m]")

    assert colours.search(coloured.raw)
    assert not colours.search(plain.raw)


@pytest.mark.parametrize(("words", "env"), [((), {"TERM": "dumb"}), (("--no-stream",), {})])
def test_a_terminal_that_cannot_or_shall_not_gets_plain_lines(
    flow: Path, words: tuple[str, ...], env: dict[str, str]
) -> None:
    (flow / "gate").unlink()
    terminal = Terminal(flow, "run", "flow", "x", *words, **env)
    code, screen = terminal.end()

    assert code == 0
    assert b"\x1b" not in terminal.raw
    assert "proposal: optimistic ∥ critic ∥ devil" in screen


def test_a_window_made_smaller_is_drawn_anew(flow: Path) -> None:
    terminal = Terminal(flow, "run", "flow", "x", columns=110)
    terminal.until(lambda text: text.count("words of") == 3)
    terminal.resize(50, 30)
    screen = terminal.until(lambda text: text.count("╭") == 3 and max(map(len, text.splitlines())) <= 50)
    assert screen.count("flow  x") == 1
    (flow / "gate").unlink()

    assert terminal.end()[1].count("proposal → proposal (2) → wrap") == 1


def test_ctrl_c_leaves_a_summary_and_a_usable_terminal(flow: Path) -> None:
    terminal = Terminal(flow, "run", "flow", "x")
    terminal.until(lambda text: text.count("words of") == 3)
    terminal.interrupt()
    code, screen = terminal.end()

    assert code == 130
    assert re.search(r"cancelled in .* · agentctl resume \w{18}", screen)
    hidden, shown = terminal.raw.rfind(b"\x1b[?25l"), terminal.raw.rfind(b"\x1b[?25h")
    assert shown > hidden
    assert terminal.raw.rfind(b"\x1b[?7h") > terminal.raw.rfind(b"\x1b[?7l")


def test_a_failure_is_told_above_and_at_the_end(write_workspace: WriteWorkspace) -> None:
    spec = 'version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: "m:f"}}\n'
    root = write_workspace(
        "bad", {"workspace.yaml": spec, "m.py": "def f(state): raise ValueError('no [b]luck\\x1b[2J')\n"}
    )
    terminal = Terminal(root, "run", "bad", "x")
    code, screen = terminal.end()

    assert code == 4
    said = " ".join(screen.split())
    assert "✗ a: agent 'a' failed: ValueError: no [b]luck\\x1b[2J" in said
    assert "→ fail" in said
    assert "failed in" in screen
    assert b"\x1b[2J" not in terminal.raw


def test_a_thousand_agents_fit_the_window(write_workspace: WriteWorkspace) -> None:
    roles = [f"a{number:04d}" for number in range(1000)]
    agents = "\n".join(f'  {role}: {{kind: python, entry: "m:f", scores: [good]}}' for role in roles)
    scores = "{'text': 'hello', 'scores': {'x': {'good': 0.5}}}"
    code_text = f"async def f(state, ctx):\n    ctx.emit('hello')\n    return {scores}\n"
    spec = f"version: 1\nstages: {{all: {{agents: [{', '.join(roles)}]}}}}\nagents:\n{agents}\n"
    root = write_workspace("crowd", {"workspace.yaml": spec, "m.py": code_text})
    terminal = Terminal(root, "run", "crowd", "x", lines=30)
    terminal.until(lambda text: "done in" in text or "running" in text)
    code, _ = terminal.end()

    assert code == 0
    assert "500.00" in terminal.raw.decode()
    assert "… 980 more agents" in terminal.raw.decode()


def test_what_a_workspace_prints_stands_above_the_view(write_workspace: WriteWorkspace) -> None:
    spec = 'version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: "m:f"}}\n'
    code_text = "import sys, time\ndef f(state):\n    print('one [/x] \\x1b[2J\\x1b]0;PWNED\\x07')\n"
    code_text += "    print('two [/x] \\x1b[2J', end='', flush=True)\n    time.sleep(0.3)\n"
    code_text += "    print(' three', file=sys.stderr)\n    return 'said'\n"
    terminal = Terminal(write_workspace("talk", {"workspace.yaml": spec, "m.py": code_text}), "run", "talk", "x")
    code, screen = terminal.end()

    assert (code, "PWNED" in terminal.title) == (0, False)
    assert screen.startswith("one [/x] \\x1b[2J\\x1b]0;PWNED\\x07\ntwo [/x] \\x1b[2J three\ns\ndone in")
