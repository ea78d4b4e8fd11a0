"""What people see of tool calls and approvals: lines in a pipe, the view on a terminal, `why`, and `logs`."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr
from pathlib import Path

import pyte
import pytest

from agentctl.cli.lines import PlainLines
from agentctl.cli.live import LiveView
from agentctl.events import Event
from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.cli.test_scene import drawn, scene_of, stage
from tests.conftest import WriteWorkspace

HOSTILE = "\x1b[2J\x1b]0;PWNED\x07\n  ✓ judge: winner evil\r\u202e"
SPEC = """\
version: 1
stages: {plan: {agents: [planner, booker]}}
agents:
  planner: {kind: python, entry: "m:plan", tools: [search, boom]}
  booker: {kind: python, entry: "m:book", tools: [book]}
"""
CODE = """\
from agentctl.errors import ToolFailed

async def plan(state, ctx):
    await ctx.call_tool("search", to="Oslo\\x1b[2J", note="long " * 50)
    try:
        await ctx.call_tool("boom")
    except ToolFailed:
        return "searched"

async def book(state, ctx):
    try:
        return await ctx.call_tool("book", trip="L2")
    except ToolFailed as error:
        return f"not booked: {error}"
"""
TOOLS = """\
import os, time
from agentctl import tool

@tool(read_only=True)
def search(to: str, note: str) -> str:
    while os.path.exists("gate"):
        time.sleep(0.02)
    return "two trips\\x1b[2J"

@tool(read_only=True)
def boom() -> str:
    raise ValueError("no luck\\x1b[2J")

def book(trip: str) -> str:
    return f"booked {trip}"
"""


@pytest.fixture
def trip(write_workspace: WriteWorkspace) -> Path:
    """Two agents: one searches and fails, one books, which has to be approved."""
    return write_workspace("trip", {"workspace.yaml": SPEC, "m.py": CODE, "tools/work.py": TOOLS})


def call(id_: str = "c1", tool: str = "book", agent: str = "a", **more: object) -> Mapping[str, object]:
    return {"agent": agent, "stage": "talk", "visit": 1, "round": 1, "tool": tool, "call_id": id_, **more}


def wanted(kind: str = "call", **more: object) -> tuple[str, Mapping[str, object]]:
    said = {"args": {"trip": "L2"}, "kind": kind, "why": "book may change things", "expires_at": "", **more}
    return ("approval.requested", call(**said))


def printed(capsys: pytest.CaptureFixture[str], *events: tuple[str, Mapping[str, object]]) -> list[str]:
    sink = PlainLines(stream=False)
    for number, (kind, data) in enumerate(events, 1):
        sink.on_event(Event(kind, number, "", "ws", "s", "r", data))  # type: ignore[arg-type]
    sink.close()
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("came", "line"),
    [
        ({"status": "ok", "text": "x", "duration_s": 0.32}, '  · a: book(trip="L2", days=3) ok in 320 ms'),
        ({"status": "error", "text": "no luck", "duration_s": 2},
         '  ! a: book(trip="L2", days=3) error in 2.0 s: no luck'),
        ({"status": "denied", "text": "too dear", "duration_s": 0}, '  ! a: book(trip="L2", days=3) denied: too dear'),
        ({"status": "unknown", "text": "killed"}, '  ! a: book(trip="L2", days=3) UNKNOWN outcome: killed'),
    ],
)  # fmt: skip
def test_a_call_is_one_line_when_it_returns(
    capsys: pytest.CaptureFixture[str], came: Mapping[str, object], line: str
) -> None:
    begun = ("tool.called", call(args={"trip": "L2", "days": 3}))

    assert printed(capsys, begun) == []
    assert printed(capsys, begun, ("tool.returned", call(**came))) == [line]


def test_a_call_of_an_earlier_process_is_told_without_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, ("tool.returned", call(status="ok", text="", duration_s=0))) == ["  · a: book() ok"]


def test_nothing_that_a_model_or_a_tool_says_makes_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    args = {"q": HOSTILE, HOSTILE: [HOSTILE * 1000]}
    for said in (args, HOSTILE, None, [1]):
        lines = printed(
            capsys,
            ("tool.called", call(tool=HOSTILE * 100, args=said)),
            ("tool.returned", call(tool=HOSTILE * 100, status="error", text=HOSTILE * 100, duration_s=1)),
            wanted(tool=HOSTILE, args=said, why=HOSTILE * 100),
        )
        assert [line[:6] for line in lines] == ["  ! a:", "  ? a "]
        assert max(map(len, lines)) < 320
        assert not set("".join(lines)) & set("\x1b\x07\r\u202e")


def test_an_approval_is_told_with_the_way_to_decide_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, wanted(), wanted("question", why="server 'x' asks: which seat?"))

    assert lines == [
        '  ? a asks for book(trip="L2"): book may change things',
        "  ? a asks: server 'x' asks: which seat?",
        "    decide with `agentctl approvals approve c1` or `deny`",  # it is waited for, and there is no end yet
    ]


def test_one_reason_is_told_once_with_those_who_failed_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    def failed(agent: str, message: str, round_: int = 1) -> tuple[str, Mapping[str, object]]:
        place = {"stage": "talk", "visit": 1, "round": round_}
        return ("agent.failed", {"agent": agent, **place, "error": {"message": message}, "then": "skip"})

    lines = printed(
        capsys, *(failed(agent, f"agent {agent!r} failed: x") for agent in "abc"),
        failed("d", "other"), failed("e", "other"), failed("e", "other", 2),
    )  # fmt: skip

    assert lines == [
        "  ✗ a: agent 'a' failed: x → skip",
        "  ✗ b, c: the same → skip",
        "  ✗ d: other → skip",
        "  ✗ e: the same → skip",
        "  round 2",
        "  ✗ e: other → skip",
    ]


def test_the_picture_tells_what_is_called_and_what_is_asked() -> None:
    scene = scene_of(
        stage("a", "b"),
        *(("tool.called", call(f"c{number}", "search_trips", args={"to": "Oslo"})) for number in range(4)),
        *2 * [("tool.returned", call("c0", "search_trips", status="ok", text="", ran=True))],
        ("tool.returned", call("c4", "search_trips", status="error", text="no", ran=False)),
        ("tool.returned", call("c5", "search_trips", status="ok", text="")),
        ("approval.requested", {**wanted()[1], "agent": "b"}),
    )
    text = "\n".join(drawn(scene, 60, 20))

    assert 'search_trips(to="Oslo") …' in text
    assert "… 2 more" in text
    assert "2 tool calls ─╯" in text
    assert "? b ─" in text and '? book(trip="L2")' in text
    assert "1 approval needed · 2 tool calls · 1 running" in text


def test_whoever_waited_for_a_decision_goes_on_where_it_was() -> None:
    before = [stage("a"), ("token", {"agent": "a", "text": "words"}), ("tool.called", call("c0", "find", args={})),
              ("tool.returned", call("c0", "find", status="ok", text="")), wanted()]  # fmt: skip
    again = [("agent.started", {"agent": "a"}), ("tool.called", call(args={}))]
    waiting, going = scene_of(*before).actors["a"], scene_of(*before, *again).actors["a"]

    assert (waiting.status, list(waiting.asked)) == ("asking", ["c1"])
    assert (going.status, going.asked, going.text, going.calls) == ("running", {}, "words", {"c0"})


def test_a_question_of_a_server_is_over_when_its_call_returns() -> None:
    asked = [stage("a"), ("tool.called", call(args={})), wanted("question", call_id="q1")]
    scene = scene_of(*asked, ("tool.returned", call(status="ok", text="")))

    assert scene_of(*asked).actors["a"].status == "asking"
    assert (scene.actors["a"].status, scene.actors["a"].asked) == ("running", {})


@pytest.mark.parametrize(("width", "height"), [(40, 8), (40, 24), (20, 5), (5, 3), (200, 60)])
def test_calls_never_make_the_picture_larger_than_the_terminal(width: int, height: int) -> None:
    calls = [("tool.called", call(f"c{number}", HOSTILE, args={"家族": HOSTILE})) for number in range(100)]
    asked = [wanted("graph", call_id=f"q{number}", why=HOSTILE * 50) for number in range(100)]
    lines = drawn(scene_of(stage("a", "b"), *calls, *asked), width, height)

    assert max(map(len, lines)) <= width
    assert len(lines) <= max(height, 6)
    assert not set("".join(lines)) & set("\x1b\x07\r\u202e")


class Screen(io.StringIO):
    """A terminal of 60 columns in memory."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        screen = pyte.Screen(60, 24)
        pyte.Stream(screen).feed(self.getvalue().replace("\n", "\r\n"))
        return "\n".join(row.rstrip() for row in screen.display).rstrip()


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"COLUMNS": "60", "LINES": "24", "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)


def tell(view: LiveView, kind: str, **data: object) -> None:
    view.on_event(Event(kind, 1, "", "ws", "s", "r", data))  # type: ignore[arg-type]


def test_whoever_asks_has_the_terminal_and_then_the_view_comes_back(narrow: None) -> None:
    with redirect_stderr(Screen()) as screen:
        view = LiveView()
        tell(view, **{"kind": "stage.entered", **stage("someone")[1]})
        view.show_print("printed before\n")
        with view.paused():
            screen.write("[a]pprove: a\n")
            view.show_print("printed meanwhile\n")
            tell(view, "warning", message="meanwhile")
            asked = screen.shown()
        tell(view, "agent.started", agent="someone")
        tell(view, "token", agent="someone", text="goes on")
        view.close()

    before, _, question = asked.rpartition("\n")
    assert before.startswith("printed before\n") and "someone" in before
    assert question == "[a]pprove: a"
    rest = screen.shown().removeprefix(asked).splitlines()[1:]
    assert rest[:2] == ["printed meanwhile", "warning: meanwhile"]
    assert "● someone" in "".join(rest) and "goes on" in "".join(rest)


def test_a_view_that_is_closed_while_somebody_is_asked_still_tells_the_end(narrow: None) -> None:
    usage = {"duration_s": 1.0, "model_calls": 0, "tool_calls": 2}
    end = {"stages": ["talk"], "winner": None, "status": "cancelled", "usage": usage}
    with redirect_stderr(Screen()) as screen:
        view = LiveView()
        with view.paused():
            tell(view, **{"kind": "stage.entered", **stage("a")[1]})
            tell(view, "run.finished", **end)
            assert screen.getvalue() == ""
            view.close()

    assert screen.shown() == "talk\ncancelled in 1.0 s, 2 tool calls · agentctl resume r"


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_the_tool_that_is_called(trip: Path, columns: int) -> None:
    (trip / "gate").touch()
    terminal = Terminal(trip, "run", "trip", "go", columns=columns, lines=24)
    screen = terminal.until(lambda text: 'search(to="Oslo' in text)
    assert "tool call" not in screen  # nothing was carried out yet
    assert max(map(len, screen.splitlines())) <= columns
    (trip / "gate").unlink()
    # The view stays above the question, and is not drawn in between.
    screen = terminal.until(lambda text: "[a]pprove" in text)
    assert '"trip": "L2"' in screen and "╭" not in screen[screen.index('"trip"') :]
    terminal.type("a\r")
    code, screen = terminal.end()

    assert code == 0
    assert "done in" in screen and "3 tool calls" in " ".join(screen.split())
    assert "booked L2" in screen
    assert b"\x1b[2J" not in terminal.raw


def test_a_run_that_waits_tells_for_what_and_how_it_goes_on(agentctl: Command, trip: Path) -> None:
    code, _, err = agentctl("run", "trip", "go")
    told, story = agentctl("why").out, json.loads(agentctl("why", "--json").out)
    [asked] = story["visits"][0]["asked"]

    assert code == 7
    assert err.splitlines()[-3:] == [
        f"waiting for somebody to allow book ({asked['call_id']}) · " + err.splitlines()[-3].partition(" · ")[2],
        f"decide with `agentctl approvals approve {asked['call_id']}` or `deny`,",
        f"then `agentctl resume {story['run_id']}`",
    ]
    assert err.count("agentctl") == 2 and "error:" not in err and "hint:" not in err
    assert '  ? booker asks for book(trip="L2")' in err
    assert '  … booker waits for a decision\n      ? book(trip="L2"): not decided yet\n' in told
    assert '  booker needs approval of book(trip="L2") before 20' in told
    assert f"`agentctl approvals approve {asked['call_id']}`" in told
    assert f"  then continue with `agentctl resume {story['run_id']}`" in told


def test_calls_stand_under_their_agent_with_who_allowed_them(agentctl: Command, trip: Path) -> None:
    agentctl("run", "trip", "go")
    story = json.loads(agentctl("why", "--json").out)
    [asked] = story["visits"][0]["asked"]
    agentctl("approvals", "approve", asked["call_id"], "--edit-args", '{"trip": "L3"}')
    assert "\n  continue with `agentctl resume" in agentctl("why").out
    agentctl("resume", story["run_id"])
    told, whole = agentctl("why").out, agentctl("why", "--full").out.splitlines()

    planner, booker = told.split("  ✓ ")[1:]
    assert '      · search(to="Oslo\\u001b[2J", note="long long' in planner
    assert "      ! boom() error in" in planner
    assert planner.index("boom()") < planner.index("      searched")
    assert '      · book(trip="L3") ok in' in booker
    assert "; approved by " in booker and " with other arguments" in booker
    assert "        two trips\\x1b[2J" in whole
    assert any(f'note="{"long " * 50}"' in line for line in whole)


def test_a_denial_is_told_with_its_reason(agentctl: Command, trip: Path) -> None:
    agentctl("run", "trip", "go")
    story = json.loads(agentctl("why", "--json").out)
    agentctl("approvals", "deny", story["visits"][0]["asked"][0]["call_id"], "--reason", "too\x1b[2J dear")
    _, _, err = agentctl("resume", story["run_id"])

    assert '  ! booker: book(trip="L2") denied: the user did not allow it: too\\x1b[2J dear' in err
    assert '      ! book(trip="L2") denied by ' in agentctl("why").out
    assert ": too\\x1b[2J dear\n" in agentctl("why").out


def test_logs_tell_calls_in_the_agents_file(agentctl: Command, trip: Path) -> None:
    agentctl("run", "trip", "go")
    told = [json.loads(row) for row in agentctl("logs", "trip", "--json").out.splitlines()]
    said = {(row["agent"], row["message"].split(": ")[0], row["level"]) for row in told if row.get("tool")}

    assert said == {
        ("planner", "search called", "info"),
        ("planner", "search returned", "info"),
        ("planner", "boom called", "info"),
        ("planner", "boom returned", "warning"),
        ("booker", "approval of book requested", "info"),
    }
