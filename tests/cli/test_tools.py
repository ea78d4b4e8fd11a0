"""`agentctl tools`, as people and scripts use it: real functions, and a real server over pipes."""

import json
import os
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.conftest import WriteWorkspace
from tests.runtime.process import Project
from tests.shape.test_startup import loaded_by
from tests.tools.server_scripts import PLAIN

WORK = '''
import os
import time
from pathlib import Path

from agentctl import tool

print("loaded")

@tool(read_only=True)
def add(a: int, b: int = 2) -> dict:
    """Add numbers.

    Args:
        a: the first one.
    """
    print("adding")
    os.system("echo a child")
    return {"sum": a + b}

@tool(read_only=True)
def tell(text: str | None = None, anything=None) -> str:
    return f"{text!r} {anything!r}"

def book(city: str) -> str:
    Path("booked").write_text(city)
    return f"\\x1b[31mbooked {city}"

@tool(read_only=True)
def boom():
    raise ValueError("no luck")

@tool(destructive=False)
def nap():
    time.sleep(60)

@tool(read_only=True)
def picture():
    from fastmcp.utilities.types import Image

    return ["look", Image(data=b"\\x89PNG\\r\\n\\x1a\\n!", format="png")]
'''
RULES = """\
version: 1
model: offline
stages: {talk: {agents: [speaker]}}
agents: {speaker: {prompt: hi, tools: [add, lost]}}
tools: {each: {nap: {timeout_s: 0.2}, add: {max_calls: 3, optional: true}}}
"""
FILES = {
    "workspace.yaml": RULES,
    "tools/work.py": WORK,
    "tools/bad.py": 'raise RuntimeError("broken")\ndef lost(): ...\ndef lost_too(): ...\n',
}

ENGINE = {"fastmcp", "mcp", "langgraph", "jsonschema", "asyncio", "agentctl.tools", "agentctl.workspace"}


@pytest.fixture
def demo(write_workspace: WriteWorkspace) -> Path:
    """A project with functions, and a file of them that cannot be imported."""
    return write_workspace("demo", FILES)


@pytest.fixture
def served(demo: Path) -> Path:
    """The same with two servers, one of which is away."""
    (demo / "plain.py").write_text(PLAIN)
    plain = {"command": sys.executable, "args": ["-S", "-E", "plain.py", "lies"]}
    servers = {"p": plain, "gone": {"command": "no-such-command"}}
    (demo / "workspaces" / "demo" / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
    return demo


@pytest.mark.slow
def test_a_listing_tells_where_tools_come_from_and_which_ask(agentctl: Command, served: Path) -> None:
    code, out, err = agentctl("tools", "list", "demo")

    lines = [line.split(maxsplit=2) for line in out.splitlines()]
    assert code == 0
    assert lines[:3] == [
        ["add", "workspace", "optional  Add numbers."],
        ["tell", "workspace"],
        ["book", "workspace", "asks"],
    ]
    assert ["now", "built-in", "Tell the date and the time."] in lines
    assert [line.split() for line in out.splitlines() if line.startswith("p_echo ")] == [
        ["p_echo", "server", "p", "asks", "Says", "it."]
    ]
    assert "missing: lost, lost_too: tools/bad.py cannot be imported: RuntimeError: broken (tools/bad.py:1" in err
    assert "missing: gone_*: server 'gone' is away: command 'no-such-command' is not found\n" in err
    assert "missing: p_typed: server 'p': the schema of its arguments is none" in err


def test_a_listing_for_scripts_is_one_array(agentctl: Command, demo: Path) -> None:
    code, out, err = agentctl("tools", "list", "workspaces/demo", "--json")

    rows = json.loads(out)
    about = {"name": "add", "source": "workspace", "needs_approval": False, "optional": True}
    assert code == 0 and "loaded\n" in err
    assert rows[0].items() >= about.items() and rows[0]["description"].startswith("Add numbers.")
    assert {row["name"]: row["needs_approval"] for row in rows}["book"]


def test_show_tells_arguments_hints_and_policy(agentctl: Command, demo: Path) -> None:
    code, out, _ = agentctl("tools", "show", "demo", "add")
    whole = json.loads(agentctl("tools", "show", "demo", "add", "--json").out)

    assert code == 0
    assert "\n".join(line.rstrip() for line in out.splitlines()) == (
        "add  workspace\n"
        "  │ Add numbers.\n"
        "\n"
        "arguments\n"
        "  a  integer  required   the first one.\n"
        "  b  integer  default 2\n"
        "\n"
        "what it may do\n"
        "  change       nothing\n"
        "  be repeated  yes\n"
        "  reach        things outside of the project\n"
        "\n"
        "policy\n"
        "  approve           destructive  asks nobody\n"
        "  timeout_s         30           for one attempt\n"
        "  retries           1            after the first attempt\n"
        "  max_result_bytes  1,048,576\n"
        "  max_calls         3 calls      in a run\n"
        "  optional          yes          off until a turn asks for it"
    )
    assert whole["schema"]["required"] == ["a"] and whole["read_only"] and whole["timeout_s"] == 30
    assert "text      string or null  default null" in agentctl("tools", "show", "demo", "tell").out
    assert "\narguments\n  none\n" in agentctl("tools", "show", "demo", "now").out


@pytest.mark.slow
def test_a_description_of_a_server_can_pose_as_nothing_else(agentctl: Command, served: Path) -> None:
    script = served / "plain.py"
    script.write_text(script.read_text().replace('"Says it."', r'"Says it.\npolicy\n\u001b[2J"'))
    out = agentctl("tools", "show", "demo", "p_echo").out

    assert out.startswith(
        "p_echo  server p\n  │ Says it.\n  │ policy\n  │ \\x1b[2J\n\narguments\n  text  string  optional\n"
    )
    assert "\n  change       delete or overwrite\n" in out and "asks before a call" in out


def test_a_call_prints_the_answer_only(demo: Path) -> None:
    """Whatever the tool's file, the tool, or a process of its prints goes to stderr."""
    done = Project(demo / "workspaces").agentctl("tools", "call", "demo", "add", '{"a": 1}', "--arg", "b=5")

    assert (done.returncode, done.stdout) == (0, '{"sum": 6}\n')
    assert sorted(done.stderr.split("\n")) == ["", "a child", "adding", "loaded"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["text=5", "anything=5"], "'5' 5"),
        (['anything={"x": [1]}'], "None {'x': [1]}"),
        (["anything=a=b"], "None 'a=b'"),
        (["anything=NaN", "text="], "'' 'NaN'"),
        (["text=null", "anything=null"], "'null' None"),
    ],
)
def test_an_argument_is_text_or_json_as_it_fits(agentctl: Command, demo: Path, words: list[str], said: str) -> None:
    options = [option for word in words for option in ("--arg", word)]

    assert agentctl("tools", "call", "demo", "tell", *options)[:2] == (0, f"{said}\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["add"], "the arguments of add are wrong: 'a' is a required property"),
        (["add", '{"a": "1"}'], "a: '1' is not of type 'integer'"),
        (["add", "--arg", "a=one"], "a: 'one' is not of type 'integer'"),
        (["add", '{"aa": 1, "a": 1}'], "'aa' was unexpected), did you mean 'a'?"),
        (["add", "[1]", "--arg", "a=1"], "must be an object, not list"),
        (["add", '{"a": NaN}'], "the arguments are no JSON: NaN is none of its values"),
        (["add", '{"a": 1'], "the arguments are no JSON: Expecting"),
        (["add", "[" * 100_000], "the arguments are no JSON"),
        (["add", "--arg", "a"], "'a' is not NAME=VALUE"),
        (["ad"], "workspace 'demo' has no tool 'ad', did you mean 'add'?"),
        (["*"], "workspace 'demo' has no tool '*'"),
    ],
)
def test_a_wrong_call_is_a_usage_error(agentctl: Command, demo: Path, words: list[str], said: str) -> None:
    code, out, err = agentctl("tools", "call", "demo", *words)

    assert (code, out) == (2, "")
    assert said in err and "\nhint: " in err and "adding" not in err


def test_a_failed_call_is_four_and_says_so_on_stderr(agentctl: Command, demo: Path) -> None:
    code, out, err = agentctl("tools", "call", "demo", "boom")
    assert (code, out) == (4, "")
    assert "error: ValueError: no luck (tools/work.py:" in err

    code, out, _ = agentctl("tools", "call", "demo", "boom", "--json")
    assert code == 4
    assert json.loads(out)["status"] == "error"

    code, out, _ = agentctl("tools", "call", "demo", "nap", "--json")
    assert (code, json.loads(out)["status"]) == (4, "unknown")


def test_files_of_a_result_are_named_and_are_whole_in_json(agentctl: Command, demo: Path) -> None:
    _, out, _ = agentctl("tools", "call", "demo", "picture")
    [block] = json.loads(agentctl("tools", "call", "demo", "picture", "--json").out)["blocks"]

    assert out == "look\n[image 1: image/png, 9 bytes]\n"
    assert block == {"type": "image", "mime_type": "image/png", "base64": "iVBORw0KGgoh"}


def test_without_a_terminal_a_tool_that_asks_needs_yes(agentctl: Command, demo: Path) -> None:
    code, out, err = agentctl("tools", "call", "demo", "book", "--arg", "city=Oslo")
    assert (code, out) == (2, "") and "there is no terminal to ask at" in err
    assert not (demo / "booked").exists()

    code, out, _ = agentctl("tools", "call", "demo", "book", "--arg", "city=Oslo", "--yes", "--root", str(demo))
    assert (code, out) == (0, "\\x1b[31mbooked Oslo\n")
    assert (demo / "booked").read_text() == "Oslo"


@pytest.mark.slow
@pytest.mark.parametrize(("key", "code", "shown"), [("y", 0, "booked Oslo"), ("n", 2, "error: nothing is done")])
def test_on_a_terminal_it_asks_with_the_arguments(demo: Path, key: str, code: int, shown: str) -> None:
    terminal = Terminal(demo, "tools", "call", "demo", "book", '{"city": "Oslo"}')
    terminal.until(lambda text: 'Call book with {"city": "Oslo"}? [y/N]' in text)
    assert not (demo / "booked").exists()
    terminal.type(f"{key}\r")

    ended, screen = terminal.end()
    assert ended == code and shown in screen
    assert (demo / "booked").exists() is (code == 0)


@pytest.mark.slow
def test_a_servers_tool_is_called_and_its_server_is_gone_afterwards(agentctl: Command, served: Path) -> None:
    code, out, _ = agentctl("tools", "call", "demo", "p_echo", "--arg", "text=hi", "--yes")
    assert (code, out) == (0, "hi\n")

    _, told, _ = agentctl("tools", "call", "demo", "p_meta", "--yes")
    key = json.loads(told)["agentctl"]["idempotency_key"]
    assert key != json.loads(agentctl("tools", "call", "demo", "p_meta", "--yes").out)["agentctl"]["idempotency_key"]

    pid = int(agentctl("tools", "call", "demo", "p_pid", "--yes").out)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    code, out, err = agentctl("tools", "call", "demo", "p_die", "--yes")
    assert (code, out) == (4, "") and "was lost while 'p_die' ran" in err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tool", "code", "said"),
    [
        ("lost", 3, "there is no 'lost': tools/bad.py cannot be imported: RuntimeError: broken"),
        ("gone_x", 5, "there is no 'gone_x': server 'gone' is away: command 'no-such-command' is not found"),
        ("p_typed", 5, "there is no 'p_typed': server 'p': the schema of its arguments is none"),
        ("p_ecko", 2, "workspace 'demo' has no tool 'p_ecko', did you mean 'p_echo'?"),
        ("gone", 2, "workspace 'demo' has no tool 'gone'\n"),
    ],
)
def test_why_a_tool_is_missing_is_told(agentctl: Command, served: Path, tool: str, code: int, said: str) -> None:
    for command in ("show", "call"):
        ended, out, err = agentctl("tools", command, "demo", tool)

        assert (ended, out) == (code, ""), command
        assert said in err and "\nhint: " in err


def test_a_faulty_workspace_is_three(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    twice = "def same(): ...\n"
    write_workspace("twice", {"tools/a.py": twice, "tools/b.py": twice})
    assert "same" in agentctl("tools", "list", "twice").err

    for name in ("twice", "nope"):
        assert agentctl("tools", "list", name)[:2] == (3, "")


@pytest.mark.slow
def test_a_stopped_call_leaves_no_server(served: Path) -> None:
    terminal = Terminal(served, "tools", "call", "demo", "p_nap", '{"s": 60}', "-y")
    terminal.until(lambda text: "loaded" in text)
    deadline = time.monotonic() + 10
    while not (pids := _running(served)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pids
    terminal.interrupt()

    assert terminal.end()[0] == 130
    deadline = time.monotonic() + 5
    while _running(served) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _running(served) == []


def _running(folder: Path) -> list[str]:
    """Processes of the server that work in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes()
            if b"plain.py" in words and (process / "cwd").resolve() == folder:
                found.append(process.name)
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("words", "unloaded"), [(["call", "--help"], ENGINE), (["list", "demo"], {"langgraph"})])
def test_help_loads_no_engine_and_a_listing_no_graph(demo: Path, words: list[str], unloaded: set[str]) -> None:
    run = f"agentctl.cli.main({['tools', *words, '--root', str(demo)]})"
    code = f"import contextlib, agentctl.cli\nwith contextlib.suppress(SystemExit): {run}"

    assert not unloaded & {*loaded_by(code)}
