"""External servers that misbehave: each is contained, and nobody else notices."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.tools.server import Server, Servers
from agentctl.workspace.mcp_config import ServerConfig
from tests.tools.server_scripts import ENV, Start

Declare = Callable[..., ServerConfig]


async def said(server: Server, tool: str, **args: object) -> str:
    return (await server.call(tool, args, timeout_s=20)).said


def logs_text(server: Server) -> str:
    return "".join(log.read_text() for log in server.log_path.parent.glob("p.log*"))


async def test_a_server_that_never_answers_holds_up_no_other(servers: Servers, plain: Declare, tmp_path: Path) -> None:
    silent = asyncio.create_task(servers.acquire(plain("silent", name="s", timeout=1000), ENV, tmp_path / "logs"))
    other = await servers.acquire(plain(), ENV, tmp_path / "logs")

    assert await said(other, "p_echo", text="hi") == "hi"
    assert not silent.done()
    assert (await silent).status == "it did not answer within 1 s"
    started = time.monotonic()
    assert (await (await silent).call("s_echo", {"text": "x"}, timeout_s=0.2)).failure == "away"
    assert time.monotonic() - started < 1


async def test_a_server_that_dies_at_its_start_is_away_with_the_reason(start: Start) -> None:
    server = await start("dies")

    assert server.status == f"it ended with exit status 1; see {server.log_path}"
    assert "cannot start without its config" in server.log_path.read_text()
    assert server.log_path.stat().st_mode & 0o077 == 0


async def test_an_answer_of_50_mb_is_dropped_and_other_calls_go_on(start: Start) -> None:
    server = await start()
    pid = await said(server, "p_pid")
    nap = asyncio.create_task(server.call("p_nap", {"s": 0.3}, timeout_s=20))

    answer = await server.call("p_big", {"n": 50_000_000}, timeout_s=20)

    assert answer.failure == "too_large"
    assert answer.said == "server 'p': it sent an answer of over 8,388,608 bytes, which was dropped"
    assert (await nap).said == "rested"
    assert await said(server, "p_pid") == pid


async def test_an_answer_too_large_to_tell_whose_it_is_ends_the_connection_only(start: Start) -> None:
    server = await start("backwards")

    answer = await server.call("p_big", {"n": 50_000_000}, timeout_s=20)

    assert answer.failure == "too_large"
    assert await said(server, "p_echo", text="anew") == "anew"


async def test_an_answer_of_one_mb_arrives_whole(start: Start) -> None:
    server = await start()

    assert await said(server, "p_big", n=1_000_000) == "x" * 1_000_000


@pytest.mark.slow
async def test_a_flood_on_standard_error_goes_to_a_bounded_log_without_secrets(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    server = await start(env={"KEY": "${KEY_OF_P}"})

    assert await said(server, "p_shout", n=3_000) == "done"

    async with asyncio.timeout(10):
        while not (logs := list(server.log_path.parent.glob("p.log*"))) or "the key" not in logs_text(server):
            await asyncio.sleep(0.05)
    assert sum(log.stat().st_size for log in logs) < 6_500_000
    assert all(log.stat().st_size <= 1_000_000 for log in logs)
    assert "the key is ***" in logs_text(server)
    assert capfd.readouterr() == ("", "")


async def test_what_is_no_message_goes_to_the_log_and_not_to_the_terminal(
    start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    server = await start()

    assert await said(server, "p_chatter", n=300) == "done"

    assert server.log_path.read_text().count("this is no message") == 300
    assert capfd.readouterr() == ("", "")


async def test_a_flood_of_notifications_stops_neither_the_loop_nor_other_servers(
    start: Start, servers: Servers, plain: Declare, tmp_path: Path
) -> None:
    other = await servers.acquire(plain(name="q"), ENV, tmp_path / "logs")
    flooding = await start("flood")
    assert flooding.status == "up"

    worst = 0.0
    for _ in range(40):
        started = time.monotonic()
        assert await said(other, "q_echo", text="hi") == "hi"
        worst = max(worst, time.monotonic() - started)
        await asyncio.sleep(0.01)

    assert worst < 0.5


async def test_tools_that_cannot_be_offered_are_left_out_with_the_reason(start: Start) -> None:
    server = await start("lies")

    names = [tool.name for tool in server.tools]
    assert names[-2:] == ["p_a_b", "p_wrong"] and len(names) == len(set(names)) == 14
    assert server.left_out == {
        "echo": "another tool of its server is called 'p_echo' too",
        "a/b": "another tool of its server is called 'p_a_b' too",
        "x\x1b[31m y": "its name has characters that no tool's may have, or over 128 of them",
        "n" * 80: f"its name is over 64 characters as 'p_{'n' * 80}'",
        "typed": "the schema of its arguments is none: 5 is not valid under any of the given schemas",
        "remote": "the schema of its arguments refers to another document",
        "huge": "the schema of its arguments is over 65,536 characters",
    }


async def test_a_result_that_does_not_fit_the_servers_own_schema_arrives_as_it_is(start: Start) -> None:
    server = await start("lies")

    answer = await server.call("p_wrong", {}, timeout_s=5)

    assert (answer.failure, answer.said, answer.result.structured_content) == ("", "lie", {"n": "seven"})


async def test_a_list_of_tools_that_is_none_is_a_reason(start: Start) -> None:
    server = await start("nonsense")

    assert server.status == "its answer is not MCP: tools.0.inputSchema: field required"
    assert server.tools == ()


async def test_a_list_of_tools_without_end_is_cut(start: Start) -> None:
    server = await start("endless")

    assert server.status == "up"
    assert len(server.tools) == 12


async def test_a_server_that_asks_for_a_model_or_for_folders_gets_neither(start: Start) -> None:
    server = await start("asks")

    assert await said(server, "p_echo", text="hi") == "hi"


async def test_an_error_of_the_protocol_is_said_without_secrets(start: Start) -> None:
    server = await start(env={"KEY": "${KEY_OF_P}"})

    answer = await server.call("p_fail", {}, timeout_s=5)

    assert (answer.failure, answer.said) == ("refused", "server 'p' answered 'p_fail' with an error: no, with ***")


@pytest.mark.slow
async def test_nothing_is_left_behind_when_all_are_closed(plain: Declare, tmp_path: Path) -> None:
    opened = Servers()
    some = [await opened.acquire(plain(name=name), ENV, tmp_path / "logs") for name in ("a", "b")]
    pids = [await said(server, f"{server.name}_pid") for server in some]
    before = asyncio.all_tasks()

    await opened.close()
    await asyncio.sleep(0.1)

    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert asyncio.all_tasks() <= before - {task for task in before if task.done()}
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []
    assert json.dumps([server.status for server in some]) == '["closed", "closed"]'
