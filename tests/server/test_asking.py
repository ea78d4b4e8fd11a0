"""What a run asks a person goes to the client, in both eras of the protocol; or it waits."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitResult

import agentctl
from tests.conftest import WriteWorkspace
from tests.server.conftest import ERAS, Connect
from tests.tools.server_scripts import PLAIN as SERVER

BOOK = {"task": "Book it."}
SERVERS = {"mcpServers": {"p": {"command": sys.executable, "args": ["workspaces/asking/server.py"]}}}
ASKING = {
    "workspace.yaml": """\
version: 1
stages: {only: {agents: [clerk]}}
agents: {clerk: {kind: python, entry: "clerk:work", tools: [p_ask]}}
tools: {approve: {p_ask: never}}
""",
    "clerk.py": """\
async def work(state, ctx):
    return await ctx.call_tool("p_ask")
""",
}


class Person:
    """Answers what the client is asked, in order; the last answer for ever."""

    def __init__(self, *answers: ElicitResult) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, message: str, response_type: object, params: Any, context: object) -> ElicitResult:
        self.asked.append(message)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def accepting(**content: str | bool) -> ElicitResult:
    return ElicitResult(action="accept", content=content)


def booked(project: Path) -> str:
    return (project / "booked").read_text() if (project / "booked").exists() else ""


@pytest.mark.parametrize("mode", ERAS)
async def test_a_person_at_the_client_approves(connect: Connect, project: Path, mode: str) -> None:
    person = Person(accepting(approve=True))
    client = await connect("booking", mode=mode, elicitation_handler=person)
    result = await client.call_tool_mcp("run_booking", BOOK)

    assert (result.is_error, result.content[0].text) == (False, "That was it.")
    assert (result.structured_content or {})["status"] == "done"
    assert booked(project) == "Oslo\n"
    assert len(person.asked) == 1
    assert "booker wants book" in person.asked[0]
    assert '{"city": "Oslo"}' in person.asked[0]


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("answer", [accepting(approve=False, reason="too cold"), ElicitResult(action="decline")])
async def test_a_person_at_the_client_denies(connect: Connect, project: Path, mode: str, answer: ElicitResult) -> None:
    client = await connect("booking", mode=mode, elicitation_handler=Person(answer))
    result = await client.call_tool_mcp("run_booking", BOOK)

    assert (result.structured_content or {})["status"] == "done"
    assert booked(project) == ""
    if answer.action == "accept":
        async with agentctl.open(project) as hub:
            (approval,) = await hub.store.approvals.list(user=None, undecided=False)
        assert (approval.status, approval.reason) == ("denied", "too cold")


@pytest.mark.parametrize("mode", ERAS)
async def test_who_only_closes_the_form_has_decided_nothing(connect: Connect, project: Path, mode: str) -> None:
    person = Person(ElicitResult(action="cancel"))
    client = await connect("booking", mode=mode, elicitation_handler=person)
    result = await client.call_tool_mcp("run_booking", BOOK)

    assert (result.structured_content or {})["status"] == "waiting"
    assert (booked(project), len(person.asked)) == ("", 1)


@pytest.mark.parametrize("mode", ERAS)
async def test_a_client_that_cannot_ask_is_told_what_waits(connect: Connect, project: Path, mode: str) -> None:
    client = await connect("booking", mode=mode)
    result = await client.call_tool_mcp("run_booking", BOOK)
    told = result.structured_content or {}
    async with agentctl.open(project) as hub:
        (approval,) = await hub.store.approvals.list(user=None)
    busy = await client.call_tool_mcp("run_booking", {**BOOK, "session_id": told["session_id"]})

    assert (result.is_error, told["status"]) == (False, "waiting")
    assert f"- {approval.id}: book, " in result.content[0].text
    assert "`agentctl approvals approve ID`" in result.content[0].text
    assert f"`agentctl resume {told['run_id']}`" in result.content[0].text
    assert busy.is_error
    assert approval.id in busy.content[0].text
    assert booked(project) == ""


@pytest.mark.slow
async def test_what_a_tool_s_own_server_asks_reaches_the_person(
    connect: Connect, write_workspace: WriteWorkspace, project: Path
) -> None:
    write_workspace("asking", {"mcp.json": json.dumps(SERVERS), "server.py": SERVER, **ASKING})
    person = Person(accepting(ok=True))
    client = await connect("asking", mode="legacy", elicitation_handler=person)
    result = await client.call_tool_mcp("run_asking", {"task": "go"})

    assert json.loads(result.content[0].text) == {"action": "accept", "content": {"ok": True}}
    assert person.asked == ["server 'p' asks: Sure?"]
