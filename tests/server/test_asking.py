"""What a run asks a person goes to the client, in both eras of the protocol; or it waits."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ElicitResult

import agentctl
from tests.conftest import WriteWorkspace
from tests.server.conftest import ERAS, TOOLS, Connect
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
PLANNED = """\
version: 1
model: scripted:replies.yaml
stages: {plan: {agents: [planner], next: [{to: book}]}, book: {agents: [booker]}}
agents: {planner: {prompt: "{{ task }}"}, booker: {prompt: "{{ task }}", tools: [book]}}
"""
PLAN = """\
replies:
  - {agent: planner, text: Three days in Oslo.}
  - {agent: booker, tool_calls: [{name: book, args: {city: Oslo}}]}
"""


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
    text = result.content[0].text
    assert f"- {approval.id}: booker wants book: " in text
    assert '{"city": "Oslo"}' in text
    for command in (f"approvals approve {approval.id}", f"approvals deny {approval.id}", f"resume {told['run_id']}"):
        assert f"`agentctl {command} --root {project}`" in text
    assert busy.is_error
    assert approval.id in busy.content[0].text
    assert booked(project) == ""


async def test_what_waits_comes_after_what_was_said_so_far(connect: Connect, write_workspace: WriteWorkspace) -> None:
    write_workspace("planned", {"workspace.yaml": PLANNED, "replies.yaml": PLAN, "tools/trips.py": TOOLS})
    client = await connect("planned", user="ada")
    result = await client.call_tool_mcp("run_planned", BOOK)

    plan, waits, _ = [block.text for block in result.content]
    assert (plan, waits.splitlines()[0]) == ("Three days in Oslo.", "The run waits until a person decides:")
    assert " --user ada --root " in waits


@pytest.mark.parametrize("mode", ERAS)
async def test_progress_goes_on_after_the_person_was_asked(connect: Connect, mode: str) -> None:
    shown: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        shown.append(progress)

    client = await connect("booking", mode=mode, elicitation_handler=Person(accepting(approve=True)))
    await client.call_tool_mcp("run_booking", BOOK, progress_handler=note)

    assert shown == [float(number) for number in range(1, len(shown) + 1)]
    assert len(shown) > 2


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
