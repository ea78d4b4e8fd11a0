"""`chat` in a pipe, and its slash commands."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.command import COMMANDS, is_command, message, obey
from agentctl.errors import AgentctlError, NameTaken, SessionNotFound, UsageError, WorkspaceInvalid
from agentctl.sessions import Hub
from tests.conftest import WriteWorkspace
from tests.runtime.process import Project

SPEC = 'version: 1\nstages: {s: {agents: [a]}}\nagents: {a: {kind: python, entry: "m:f"}}\n'
TALKER = {
    "workspace.yaml": SPEC,
    "m.py": """\
import asyncio, os

async def f(state, ctx):
    if state["task"] == "fail":
        raise ValueError("no luck")
    if state["task"] == "read":
        return "|".join(each["bytes"].decode() for each in ctx.attachments)
    if state["task"] == "print":
        print("aside")
    while state["task"] == "wait" and os.path.exists("gate"):
        ctx.emit("waiting")
        await asyncio.sleep(0.02)
    said = [turn["user"] for turn in ctx.turns]
    files = [each["name"] for each in ctx.attachments]
    return f"{state['task']}\\nafter {said} with {files}"
""",
}


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    return write_workspace("talk", TALKER)


def start(root: Path, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    project = Project(cwd or root)
    project.env["AGENTCTL_MODEL"] = "offline"
    return project.start("chat", *words, stdin=subprocess.PIPE)


def chat(root: Path, *words: str, typed: str, cwd: Path | None = None) -> tuple[int, str, str]:
    with start(root, *words, cwd=cwd) as process:
        out, err = process.communicate(typed, timeout=50)
    return process.returncode, out, err


@pytest.mark.slow
def test_every_message_gets_one_line(root: Path) -> None:
    code, out, err = chat(root, typed="one\n\n  two  \r\n//three\nprint\n\x1b[2J")

    assert code == 0
    assert out.splitlines() == [
        "one\\nafter [] with []",
        "two\\nafter ['one'] with []",
        "/three\\nafter ['one', 'two'] with []",
        "print\\nafter ['one', 'two', '/three'] with []",
        "\\x1b[2J\\nafter ['one', 'two', '/three', 'print'] with []",
    ]
    assert "aside" in err


@pytest.mark.slow
def test_with_json_every_turn_ends_in_its_own_end(root: Path) -> None:
    code, out, _ = chat(root, "talk", "--json", "--session", "pair", typed="one\n/turns\nfail\ntwo\n")
    events = [json.loads(line) for line in out.splitlines()]
    ends = [event for event in events if event["type"] == "run.finished"]

    assert (code, [end["status"] for end in ends]) == (0, ["done", "failed", "done"])
    assert [event["turn"] for event in events if event["type"] == "run.started"] == [1, 2, 3]
    assert len({event["session_id"] for event in events}) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "code"), [("fail\none\n", 0), ("one\nfail\n", 4), ("", 0), ("/nonsense\n", 0)])
def test_the_exit_code_is_that_of_the_last_turn(root: Path, typed: str, code: int) -> None:
    ended, out, err = chat(root, typed=typed)

    assert ended == code
    assert len(out.splitlines()) == typed.count("one") + typed.count("fail")
    assert ("agent-failed" in err) == ("fail" in typed)


@pytest.mark.slow
def test_commands_are_told_on_stderr_and_never_sent(root: Path) -> None:
    _, out, err = chat(root, "--quiet", typed="one\n/help\n/tunrs\n/cost\n/exit\ntwo\n")

    assert out == "one\\nafter [] with []\n"
    assert "/rewind TURN" in err
    assert "no command '/tunrs', did you mean '/turns'?" in err
    assert "this conversation: 0 tokens" in err


@pytest.mark.slow
def test_a_chat_can_be_come_back_to(root: Path) -> None:
    _, _, err = chat(root, typed="one\n")
    way = err.splitlines()[-1]
    assert way.startswith("come back with `agentctl chat --session ")
    word = way.rstrip("`").split()[-1]

    assert "after ['one']" in chat(root, "--session", word, typed="two\n")[1]


@pytest.mark.slow
def test_a_new_name_is_announced_once(root: Path) -> None:
    _, _, first = chat(root, "--session", "my trip", "talk", typed="one\ntwo\n")
    _, out, second = chat(root, "--session", "my trip", typed="three\n")

    _, _, quiet = chat(root, "--session", "quiet", "-q", "talk", typed="one\n")
    assert (first.count("new session 'my trip'"), quiet) == (1, "")
    assert "come back with `agentctl chat --session 'my trip'`" in first
    assert "new session" not in second
    assert "after ['one', 'two']" in out


@pytest.mark.slow
def test_what_cannot_be_opened_is_refused(root: Path, write_workspace: WriteWorkspace) -> None:
    code, _, err = chat(root, "nope", typed="one\n")
    assert (code, (root / ".agentctl").exists()) == (3, False)
    chat(root, "--session", "pair", "talk", typed="one\n")
    write_workspace("other", TALKER)

    for words, said in (
        ((), "several workspaces: other, talk"),
        (("--session", "new"), "begin it with `agentctl chat WS --session new`"),
        (("other", "--session", "pair"), "one of workspace talk, not of other"),
        (("talk", "--session", "a/b"), "cannot name a session"),
    ):
        code, out, err = chat(root, *words, typed="one\n")
        assert (code, out) == (2, "")
        assert said in err
    assert chat(root, "--session", "pair", typed="two\n")[0] == 0


@pytest.mark.slow
def test_an_interrupt_ends_a_piped_chat_and_keeps_its_turn(root: Path) -> None:
    (root / "gate").touch()
    with start(root, "--json", "--session", "pair", "talk") as process:
        assert process.stdin and process.stdout
        process.stdin.write("wait\n")
        process.stdin.flush()
        while '"token"' not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    (root / "gate").unlink()

    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["status"] == "cancelled"
    assert "after ['wait']" in chat(root, "--session", "pair", typed="two\n")[1]


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_reader_that_leaves_ends_the_chat(root: Path, words: list[str]) -> None:
    with start(root, "--session", "pair", "talk", "-q", *words) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write("one\n")
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.write("one\n" * 50)
        process.stdin.close()
        err = process.stderr.read()

    assert (process.returncode, "roken" in err) == (0, False)
    assert chat(root, "-s", "pair", typed="x\n")[1].count("'one'") < 10


@pytest.mark.slow
def test_files_go_with_one_message(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    here = tmp_path_factory.mktemp("elsewhere")
    (here / "a.txt").write_text("a")
    (here / "b.txt").write_text("b")
    typed = "one\n/attach b.txt\n/attach c.txt\ntwo\nthree\n"
    _, out, err = chat(root, "--root", str(root), "--file", "a.txt", typed=typed, cwd=here)

    assert [line.rpartition(" with ")[2] for line in out.splitlines()] == ["['a.txt']", "['b.txt']", "[]"]
    assert "c.txt' is not there" in err
    assert f"--root {root}" in err.splitlines()[-1]


@pytest.mark.slow
def test_a_piped_chat_loads_no_prompt(root: Path) -> None:
    code = "import agentctl.cli, sys\ntry: agentctl.cli.main(['chat', 'talk'])\nexcept SystemExit: pass\n"
    code += "print(*(name for name in sys.modules if 'prompt_toolkit' in name))"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, cwd=root, env=Project(root).env, input="x\n", capture_output=True, text=True)

    assert ran.stdout.splitlines() == ["x\\nafter [] with []", ""]


# From here on, commands one by one.


@pytest.fixture
async def talk(root: Path) -> AsyncIterator[Chat]:
    async with Hub(root) as hub:
        yield await new_chat(hub)


async def new_chat(hub: Hub) -> Chat:
    ready = await hub.runtime.prepare("talk", None)
    return Chat(hub=hub, ready=ready, workspace="talk", user=None, model=None, metadata={"k": "v"}, here=hub.root)


async def say(chat: Chat, *texts: str) -> str:
    """Messages, one after the other; the last answer."""
    return [(await chat.send(text, lambda event: None)).output for text in texts][-1]


async def told(chat: Chat, text: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What a command prints, all of it on stderr."""
    capsys.readouterr()
    await obey(chat, text)
    out, err = capsys.readouterr()
    assert out == ""
    return err


async def test_help_shows_every_command(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    shown = await told(talk, "/help", capsys)

    assert [each.usage for each in COMMANDS if each.usage not in shown] == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/rewind", "needs TURN"),
        ("/exit now", "takes nothing"),
        ("/turns x", "not the number of a turn"),
        ("/turns 7", "no turn 7"),
        ("/", "no command"),
        ("/etc/passwd is what?", "no command"),
        ("/TURNS", "did you mean '/turns'?"),
        ("/fork 9", "has no turn 9"),
    ],
)
async def test_a_command_that_is_wrong_says_why(talk: Chat, typed: str, said: str) -> None:
    await say(talk, "one")

    with pytest.raises(UsageError, match=said):
        await obey(talk, typed)


@pytest.mark.parametrize("typed", ["/fork", "/rewind 0", "/edit 1"])
async def test_nothing_can_be_changed_before_the_first_message(talk: Chat, typed: str) -> None:
    with pytest.raises(UsageError, match="nothing was said yet"):
        await obey(talk, typed)


def test_two_slashes_begin_a_message() -> None:
    assert not is_command("//etc is a folder")
    assert message("//etc is a folder") == "/etc is a folder"


async def test_a_fork_goes_on_without_what_came_after(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    await say(talk, "one", "two")
    old = talk.word
    err = await told(talk, "/fork 1", capsys)

    assert f"`/session {old}`" in err
    assert await say(talk, "three") == "three\nafter ['one'] with []"
    await obey(talk, f"/session {old}")
    assert await say(talk, "four") == "four\nafter ['one', 'two'] with []"


async def test_an_edited_message_takes_the_place_of_the_old_one_in_a_fork(talk: Chat) -> None:
    (talk.here / "a.txt").write_text("a")
    await say(talk, "one")
    await obey(talk, "/attach a.txt")
    await say(talk, "two", "three")
    old = talk.word
    await obey(talk, "/edit 2")
    assert (talk.draft, talk.turns) == ("two", 3)

    assert await say(talk, "TWO") == "TWO\nafter ['one'] with ['a.txt']"
    assert (talk.word != old, talk.turns) == (True, 2)
    assert [turn.user for turn in await talk.hub.sessions.turns(await talk.hub.sessions.get(old))] == [
        "one",
        "two",
        "three",
    ]


async def test_an_edit_sends_the_files_that_the_session_kept(talk: Chat) -> None:
    """A session that was imported may name any file of this machine."""
    (talk.here / "a.txt").write_text("kept")
    await obey(talk, "/attach a.txt")
    await say(talk, "one")
    (talk.here / "a.txt").write_text("a secret by now")
    await obey(talk, "/edit 1")
    assert await say(talk, "read") == "kept"
    (talk.here / "a.txt").unlink()
    await obey(talk, "/edit 1")

    assert await say(talk, "read") == "kept"


async def test_an_edit_with_a_file_that_is_missing_makes_no_fork(talk: Chat) -> None:
    (talk.here / "a.txt").write_text("kept")
    await obey(talk, "/attach a.txt")
    await say(talk, "one")
    old = talk.word
    await obey(talk, "/edit 1")
    talk.files.append(str(talk.here / "missing.txt"))
    with pytest.raises(UsageError, match="is not there"):
        await say(talk, "read")
    assert (talk.word, talk.editing, len(await talk.hub.sessions.newest())) == (old, 1, 1)

    assert await say(talk, "read") == "kept"
    assert (talk.editing, len(await talk.hub.sessions.newest())) == (None, 2)


async def test_who_goes_elsewhere_leaves_the_old_message_and_its_files(talk: Chat) -> None:
    (talk.here / "a.txt").write_text("kept")
    await obey(talk, "/attach a.txt")
    await say(talk, "one")
    await obey(talk, "/edit 1")
    await obey(talk, "/session other")

    assert await say(talk, "two") == "two\nafter [] with []"


async def test_a_rewind_forgets(talk: Chat) -> None:
    await say(talk, "one", "two", "three")
    await obey(talk, "/rewind 1")

    assert talk.turns == 1
    assert await say(talk, "four") == "four\nafter ['one'] with []"


async def test_a_conversation_is_named_before_it_begins_and_after(talk: Chat) -> None:
    await obey(talk, "/name trip")
    await say(talk, "one")
    assert (await talk.row()).name == "trip"
    assert (await talk.row()).metadata == {"k": "v"}
    await obey(talk, "/name journey")
    assert (await talk.row()).name == "journey"

    other = await new_chat(talk.hub)
    with pytest.raises(NameTaken):
        await obey(other, "/name journey")


async def test_going_to_a_new_name_begins_a_conversation(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    await say(talk, "one")
    assert "new session 'b'" in await told(talk, "/session b", capsys)
    assert (talk.turns, talk.spent.tokens) == (0, 0)

    assert await say(talk, "two") == "two\nafter [] with []"
    with pytest.raises(SessionNotFound):
        await obey(talk, "/session 01zzzzzzzzzzzzzzzz")


async def test_sessions_are_listed_and_searched(
    talk: Chat, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await obey(talk, "/name trip")
    await say(talk, "where is \x1b[2J Porto")
    await obey(talk, "/session other")
    await say(talk, "nothing")

    used = [f"{row.updated_at[:19]}Z" for row in await talk.hub.sessions.newest()]
    listed = (await told(talk, "/sessions", capsys)).splitlines()
    assert listed == [f"*  other  1 turn  {used[0]}", f"   trip   1 turn  {used[1]}"]
    monkeypatch.setenv("COLUMNS", "30")
    assert (await told(talk, "/sessions", capsys)).splitlines() == ["*  other  1 turn", "   trip   1 turn"]
    monkeypatch.delenv("COLUMNS")
    assert await told(talk, "/sessions porto", capsys) == "trip  turn 1  > where is \\x1b[2J Porto\n"
    assert await told(talk, "/sessions madrid", capsys) == "nothing says 'madrid'\n"


async def test_turns_are_shown_shortly_and_whole(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    await say(talk, "one", "fail")

    shown = await told(talk, "/turns", capsys)
    assert shown.splitlines() == [
        "  1 > one",
        "      one after [] with []",
        "  2 > fail",
        "      (failed)",
    ]
    assert "one\nafter [] with []\n" in await told(talk, "/turns 1", capsys)


async def test_what_holds_is_told(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    assert (await told(talk, "/agents", capsys)).split() == ["a", "python", "-", "s"]
    assert "declares a tool" in await told(talk, "/tools", capsys)
    assert "the last 10 turns (up to 20,000 tokens)" in await told(talk, "/memory", capsys)


async def test_files_are_checked_and_the_chat_keeps_its_own(
    talk: Chat, write_workspace: WriteWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "as this chat knows them" in await told(talk, "/reload", capsys)
    await say(talk, "one")
    write_workspace("talk", {"m.py": "def f(state): return 'new'"})
    assert "a new one takes them" in await told(talk, "/reload", capsys)
    assert (await say(talk, "two")).startswith("two")

    write_workspace("talk", {"workspace.yaml": "version: 1\nstagse: {}\n"})
    with pytest.raises(WorkspaceInvalid):
        await obey(talk, "/reload")
    assert (await say(talk, "three")).startswith("three")


async def test_a_busy_session_is_waited_for_and_that_is_said(
    talk: Chat, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(talk.here)
    (talk.here / "gate").touch()
    await say(talk, "one")
    other = await new_chat(talk.hub)
    await other.open(await talk.row())
    begun = asyncio.Event()
    waiting = asyncio.create_task(other.send("wait", lambda event: begun.set()))
    await begun.wait()
    mine = asyncio.create_task(talk.send("two", lambda event: None))
    while "is busy" not in capsys.readouterr().err:
        await asyncio.sleep(0.01)
    (talk.here / "gate").unlink()

    assert (await waiting).output.startswith("wait")
    assert (await mine).output == "two\nafter ['one', 'wait'] with []"


async def test_what_was_spent_is_added_up_over_processes(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("talk")
    async with Hub(root) as hub:
        chat = await new_chat(hub)
        chat.model = "offline"
        await say(chat, "one", "two")
        spent = chat.spent
        row = await chat.row()
    async with Hub(root) as hub:
        chat = await new_chat(hub)
        await chat.open(row)

    assert spent.tokens > 0
    assert (chat.spent, chat.spent.model_calls) == (spent, 2)


async def test_an_error_before_a_turn_leaves_the_chat_usable(talk: Chat) -> None:
    await say(talk, "one")
    talk.files = [str(talk.here / "missing.txt")]
    with pytest.raises(AgentctlError, match="is not there"):
        await say(talk, "two")

    assert await say(talk, "three") == "three\nafter ['one'] with []"
