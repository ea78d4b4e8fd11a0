"""Optional tools: `run --with`, and `/tools` in a chat."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.command import obey
from agentctl.errors import UsageError
from agentctl.sessions import Hub
from tests.cli.conftest import Command
from tests.cli.test_chat import new_chat, say, told
from tests.conftest import WriteWorkspace

FILES = {
    "workspace.yaml": """\
version: 1
stages: {s: {agents: [actor, helper]}}
agents:
  actor: {kind: tool, calls: [{tool: look, args: {at: "{{ task }}"}}, {tool: shout, args: {at: "{{ task }}"}}]}
  helper: {kind: python, entry: "m:f", tools: ["lo*", now]}
tools: {each: {shout: {optional: true}}}
""",
    "m.py": "def f(state): ...\n",
    "tools/talk.py": """\
from agentctl import tool

@tool(read_only=True)
def look(at: str) -> str:
    return f"saw {at}"

@tool(read_only=True)
def shout(at: str) -> str:
    return at.upper()
""",
}


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    return write_workspace("talk", FILES)


def test_a_run_switches_a_tool_on(agentctl: Command, root: Path) -> None:
    assert agentctl("run", "talk", "tea").out == "saw tea\n"
    assert agentctl("run", "talk", "tea", "--with", "shout").out == "saw tea\n\nTEA\n"


@pytest.mark.parametrize("name", ["shuot", "look", "now"])
def test_only_an_optional_tool_of_an_agent_can_be_switched_on(agentctl: Command, root: Path, name: str) -> None:
    code, out, err = agentctl("run", "talk", "tea", "--with", "shout", "--with", name)

    assert (code, out) == (2, "")
    assert f"no agent has an optional tool '{name}'" in err
    assert json.loads(agentctl("runs", "--json").out) == []


@pytest.fixture
async def talk(root: Path) -> AsyncIterator[Chat]:
    async with Hub(root) as hub:
        yield await new_chat(hub)


async def test_a_chat_switches_a_tool_on_and_off(talk: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    assert await told(talk, "/tools", capsys) == "actor: look, shout (optional, off)\nhelper: look, now\n"
    assert await say(talk, "tea") == "saw tea"

    await told(talk, "/tools on shout", capsys)
    assert "shout (optional, on)" in await told(talk, "/tools", capsys)
    assert [await say(talk, "tea"), await say(talk, "oats")] == ["saw tea\n\nTEA", "saw oats\n\nOATS"]

    await told(talk, "/tools off shout", capsys)
    assert await say(talk, "tea") == "saw tea"


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("/tools on shuot", "no agent has an optional tool 'shuot', did you mean 'shout'"),
        ("/tools on look", "no agent has an optional tool 'look'"),
        ("/tools off shout", "'shout' is not on"),
        ("/tools on", "does not take 'on'"),
        ("/tools shout", "does not take 'shout'"),
    ],
)
async def test_a_switch_that_cannot_be_is_refused(talk: Chat, typed: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        await obey(talk, typed)

    assert talk.tools == frozenset()
    assert await say(talk, "tea") == "saw tea"
