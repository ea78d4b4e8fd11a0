"""The real command with real clients: stdio and HTTP, both eras of the protocol."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from mcp import MCPError
from mcp_types import ResourceTemplateReference

from tests.server.conftest import ERAS, Connect, connected, over_http, over_stdio, runs_of, until

SESSION = "agentctl://sessions/"


async def ask(client: Client[Any], task: str, session: str = "", tool: str = "run_talk", **options: Any) -> Any:
    arguments = {"task": task} | ({"session_id": session} if session else {})
    return await client.call_tool_mcp(tool, arguments, **options)


def said(result: Any) -> str:
    return result.content[0].text


@pytest.mark.slow
@pytest.mark.parametrize(("wire", "mode"), [("stdio", "legacy"), ("http", "auto")])
async def test_a_call_is_a_turn_and_its_session_goes_on(wire: str, mode: str, project: Path) -> None:
    shown: list[tuple[float, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        shown.append((progress, message))

    async with connected(wire, project, "talk", mode) as client:
        first = await ask(client, "one", progress_handler=note)
        session = first.structured_content["session_id"]
        second = await ask(client, "two", session)
        (text,) = await client.read_resource(SESSION + session)

    assert (said(first), said(second)) == ("0 before: one", "1 before: two")
    assert shown == [(1, "stage only"), (2, "worker: 0 before: one")]
    assert second.structured_content["session_id"] == session
    assert "1 before: two" in text.text


@pytest.mark.slow
@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("wire", ["stdio", "http"])
async def test_a_cancelled_request_stops_its_run(wire: str, mode: str, project: Path) -> None:
    async with connected(wire, project, "slow-one", mode) as client:
        call = asyncio.create_task(ask(client, "started", tool="run_slow_one"))
        await until((project / "started").exists, "the run")
        call.cancel()
        await asyncio.wait([call])
        (project / "b").touch()
        after = await ask(client, "a b", tool="run_slow_one")

    assert said(after) == "a met b"
    assert [run.status for run in await runs_of(project)] == ["done", "cancelled"]


@pytest.mark.slow
async def test_requests_at_once_are_runs_at_once(project: Path) -> None:
    """Each waits for the other."""
    async with over_stdio(project, "slow-one", mode="legacy") as client:
        both = [ask(client, "a b", tool="run_slow_one"), ask(client, "b a", tool="run_slow_one")]
        results = await asyncio.wait_for(asyncio.gather(*both), 20)

    assert [said(each) for each in results] == ["a met b", "b met a"]


@pytest.mark.slow
async def test_two_clients_are_served_at_once(project: Path) -> None:
    with over_http(project, "slow-one") as served:
        async with Client(served.url) as one, Client(served.url, mode="legacy") as other:
            both = [ask(one, "a b", tool="run_slow_one"), ask(other, "b a", tool="run_slow_one")]
            results = await asyncio.wait_for(asyncio.gather(*both), 20)

    assert [said(each) for each in results] == ["a met b", "b met a"]


async def test_a_result_has_the_answer_as_text_and_as_fields(connect: Connect) -> None:
    result = await ask(await connect("talk"), "one")
    told = result.structured_content

    assert told.keys() == {"run_id", "session_id", "status", "output", "winner", "decision"}
    assert (told["status"], told["output"], told["winner"], told["decision"]) == ("done", "0 before: one", None, {})
    assert [block.text for block in result.content] == ["0 before: one", f"session_id: {told['session_id']}"]


async def test_the_server_says_what_the_workspace_does(connect: Connect) -> None:
    client = await connect("slow-one", mode="legacy")
    (tool,) = await client.list_tools()
    hello = client.initialize_result

    assert hello is not None
    assert (hello.server_info.name, hello.instructions) == ("agentctl-slow-one", "It is slow-one.")
    assert (tool.name, tool.title, tool.description) == ("run_slow_one", "slow-one", "It is slow-one.")
    assert tool.input_schema["required"] == ["task"]


async def test_what_the_client_got_wrong_is_told_to_its_model(connect: Connect, project: Path) -> None:
    client = await connect("talk")
    unknown = await ask(client, "hello", "no-such-session")
    empty = await ask(client, " ")
    missing = await client.call_tool_mcp("run_talk", {})

    assert [each.is_error for each in (unknown, empty, missing)] == [True, True, True]
    assert said(unknown) == "there is no session 'no-such-session' of talk\nhint: leave session_id out to begin one"
    assert "the task is empty" in said(empty)
    assert "task" in said(missing)
    assert await runs_of(project) == []


async def test_a_failed_run_is_an_error_with_its_reason(connect: Connect) -> None:
    result = await ask(await connect("broken-wheel"), "roll", tool="run_broken_wheel")

    assert result.is_error
    assert "the wheel came off" in said(result)
    assert "\nhint: " in said(result)
    assert result.structured_content["status"] == "failed"


async def test_sessions_are_resources(connect: Connect) -> None:
    client = await connect("talk")
    first = (await ask(client, "# not a heading")).structured_content["session_id"]
    second = (await ask(client, "two")).structured_content["session_id"]
    listed = await client.list_resources()
    (template,) = await client.list_resource_templates()
    (text,) = await client.read_resource(SESSION + first)

    assert [str(each.uri) for each in listed] == [SESSION + second, SESSION + first]
    assert {each.mime_type for each in listed} == {"text/markdown"}
    assert listed[0].description.startswith("1 turn, last used 20")
    assert template.uri_template == SESSION + "{session_id}"
    assert text.mime_type == "text/markdown"
    assert "## Turn 1, done" in text.text
    assert "0 before: # not a heading" in text.text


@pytest.mark.parametrize(("workspace", "user"), [("odd", "ada"), ("talk", "bob")])
async def test_nobody_else_s_sessions_are_shown(connect: Connect, workspace: str, user: str) -> None:
    hers = (await ask(await connect("talk", user="ada"), "mine")).structured_content["session_id"]
    client = await connect(workspace, user=user)
    refused = await ask(client, "hers?", hers, tool=f"run_{workspace}")

    assert said(refused).startswith(f"there is no session '{hers}' of {workspace}")
    assert await client.list_resources() == []
    with pytest.raises(MCPError, match="there is no session"):
        await client.read_resource(SESSION + hers)


async def test_session_ids_are_completed(connect: Connect) -> None:
    client = await connect("talk")
    session = (await ask(client, "one")).structured_content["session_id"]
    sessions = ResourceTemplateReference(uri=SESSION + "{session_id}")
    found = [await client.complete(sessions, {"name": "session_id", "value": begun}) for begun in (session[:8], "zzz")]

    assert [each.values for each in found] == [[session], []]


@pytest.mark.slow
async def test_text_that_nobody_can_encode_ends_no_connection(project: Path) -> None:
    async with over_stdio(project, "odd") as client:
        result = await ask(client, "x", tool="run_odd")
        again = await ask(client, "x", tool="run_odd")
        (text,) = await client.read_resource(SESSION + result.structured_content["session_id"])

    assert said(result) == said(again) == result.structured_content["output"] == "half of a pair: ?"
    assert "half of a pair: ?" in text.text
