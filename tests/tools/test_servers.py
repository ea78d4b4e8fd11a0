"""External servers: shared, called side by side, lost, and started anew."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.tools.server import Server, Servers
from agentctl.tools.server_call import Question, Reply
from agentctl.tools.server_health import examine_servers
from agentctl.workspace.mcp_config import ServerConfig, ServerSpec
from tests.tools.server_scripts import ENV, FASTMCP, PLAIN, Start

Declare = Callable[..., ServerConfig]


async def said(server: Server, tool: str, **args: object) -> str:
    return (await server.call(tool, args, timeout_s=10)).said


async def test_tools_of_a_server_have_its_prefix_and_its_hints(start: Start) -> None:
    server = await start()

    assert server.status == "up"
    assert [tool.name for tool in server.tools][:3] == ["p_echo", "p_pid", "p_env"]
    assert [(tool.read_only, tool.destructive) for tool in server.tools][:2] == [(None, None), (True, None)]
    assert await said(server, "p_echo", text="hi") == await said(server, "echo", text="hi") == "hi"


async def test_a_server_of_fastmcp_is_spoken_to_in_the_modern_era(servers: Servers, tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text(FASTMCP)
    spec = ServerSpec(command=sys.executable, args=["fast.py"])

    server = await servers.acquire(ServerConfig("f", spec, tmp_path), ENV, tmp_path / "logs")

    answer = await server.call("f_echo", {"text": "hi"}, timeout_s=10)
    assert (answer.failure, answer.result.structured_content) == ("", {"result": "hi"})
    assert (server.tools[0].read_only, server.tools[0].destructive) == (True, False)
    wrong = await server.call("f_echo", {}, timeout_s=10)
    assert wrong.result.is_error and wrong.failure == ""


async def test_a_child_sees_nothing_of_our_environment_but_what_it_needs(start: Start) -> None:
    server = await start(env={"KEY": "${KEY_OF_P}"})

    seen = json.loads(await said(server, "p_env"))

    assert seen["KEY"] == "s3cret-of-p"
    assert set(seen) <= {"PATH", "HOME", "LANG", "TERM", "USER", "KEY", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"}


async def test_equal_declarations_share_one_process_until_the_last_lets_go(
    servers: Servers, plain: Declare, tmp_path: Path
) -> None:
    first, second = [await servers.acquire(plain(), ENV, tmp_path / "logs") for _ in range(2)]
    other = await servers.acquire(plain(env={"A": "1"}), ENV, tmp_path / "logs")

    assert first is second
    pid = int(await said(first, "p_pid"))
    assert int(await said(other, "p_pid")) != pid
    await servers.release(first)
    assert int(await said(second, "p_pid")) == pid
    await servers.release(second)
    assert not is_running(pid)
    assert (await second.call("p_pid", {}, timeout_s=5)).failure == "away"


async def test_a_hundred_calls_at_once_keep_their_results_apart(start: Start) -> None:
    server = await start()

    found = await asyncio.gather(*(said(server, "p_echo", text=str(number)) for number in range(100)))

    assert found == [str(number) for number in range(100)]


async def test_a_call_in_flight_fails_clearly_when_its_server_dies_and_the_next_starts_it_anew(
    start: Start, servers: Servers, plain: Declare, tmp_path: Path
) -> None:
    server, other = await start(), await servers.acquire(plain(name="q"), ENV, tmp_path / "logs")
    pid = int(await said(server, "p_pid"))
    mine = asyncio.create_task(server.call("p_nap", {"s": 30}, timeout_s=60))
    theirs = asyncio.create_task(other.call("q_nap", {"s": 0.4}, timeout_s=60))
    await asyncio.sleep(0.2)

    os.kill(pid, signal.SIGKILL)

    answer = await mine
    assert answer.failure == "lost"
    assert answer.said.startswith("server 'p' was lost while 'p_nap' ran: it was killed by signal 9")
    assert int(await said(server, "p_pid")) != pid
    assert (await theirs).said == "rested"


async def test_a_hundred_calls_to_a_dead_server_start_it_once(start: Start) -> None:
    server = await start()
    assert (await server.call("p_die", {}, timeout_s=5)).failure == "lost"

    pids = await asyncio.gather(*(said(server, "p_pid") for _ in range(100)))

    assert len(set(pids)) == 1


async def test_what_goes_along_with_a_call_reaches_the_server(start: Start) -> None:
    server = await start()

    answer = await server.call("p_meta", {}, timeout_s=5, meta={"agentctl": {"idempotency_key": "k"}})

    assert json.loads(answer.said)["agentctl"] == {"idempotency_key": "k"}


async def test_a_time_limit_cancels_the_call_and_leaves_the_server(start: Start) -> None:
    server = await start()
    pid = await said(server, "p_pid")

    answer = await server.call("p_nap", {"s": 30}, timeout_s=0.2)

    assert (answer.failure, answer.said) == ("timeout", "server 'p' gave no answer to 'p_nap' within 0.2 s")
    assert await said(server, "p_pid") == pid


async def test_a_server_that_hangs_is_started_anew_by_the_next_call(start: Start) -> None:
    server = await start()
    pid = await said(server, "p_pid")
    assert (await server.call("p_hang", {}, timeout_s=0.2)).failure == "timeout"

    assert await said(server, "p_pid") != pid


async def test_a_question_of_a_server_reaches_who_called_and_its_time_does_not_count(start: Start) -> None:
    server, asked = await start(), list[Question]()

    async def answer(question: Question) -> Reply:
        asked.append(question)
        await asyncio.sleep(0.5)
        return Reply("accept", {"ok": True})

    found = await server.call("p_ask", {}, timeout_s=0.3, on_elicit=answer)

    assert json.loads(found.said) == {"action": "accept", "content": {"ok": True}}
    assert [(question.server, question.tool, question.message) for question in asked] == [("p", "p_ask", "Sure?")]
    assert asked[0].schema == {"type": "object", "properties": {"ok": {"type": "boolean"}}}


async def test_a_question_that_nobody_can_be_asked_is_declined(start: Start) -> None:
    server = await start()

    assert json.loads(await said(server, "p_ask"))["action"] == "decline"
    several = await asyncio.gather(*(said(server, "p_ask") for _ in range(3)))
    assert [json.loads(each)["action"] for each in several] == ["decline"] * 3


async def test_a_call_that_is_given_up_takes_its_question_along(start: Start) -> None:
    server, is_gone = await start(), asyncio.Event()

    async def never(_: Question) -> Reply:
        try:
            await asyncio.sleep(1000)
        finally:
            is_gone.set()
        return Reply("decline")

    task = asyncio.create_task(server.call("p_ask", {}, timeout_s=5, on_elicit=never))
    await asyncio.sleep(0.3)
    task.cancel()

    async with asyncio.timeout(2):
        await is_gone.wait()
    assert await said(server, "p_echo", text="still here") == "still here"


async def test_a_missing_variable_is_named(start: Start) -> None:
    server = await start(env={"A": "${NOT_SET}", "B": "${NOR_THIS}"})

    assert server.status == "NOT_SET, NOR_THIS are not set in the environment"
    assert (await server.call("p_echo", {"text": "x"}, timeout_s=5)).failure == "away"


async def test_a_command_that_is_not_there_is_named(servers: Servers, tmp_path: Path) -> None:
    config = ServerConfig("x", ServerSpec(command="no-such-command"), tmp_path)

    assert (await servers.acquire(config, ENV, tmp_path)).status == "command 'no-such-command' is not found"


async def test_a_disabled_server_is_not_started(start: Start) -> None:
    server = await start(disabled=True)

    assert server.status == "it is disabled in mcp.json"
    assert (await server.call("p_echo", {"text": "x"}, timeout_s=5)).failure == "away"


@pytest.mark.slow
def test_children_die_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from agentctl.tools.server import Servers\n"
        "from agentctl.workspace.mcp_config import ServerConfig, ServerSpec\n"
        "async def main():\n"
        "    spec = ServerSpec(command=sys.executable, args=['plain.py', 'stubborn'])\n"
        "    await Servers().acquire(ServerConfig('p', spec, Path(sys.argv[1])), {'PATH': '/bin'}, Path(sys.argv[1]))\n"
        "asyncio.run(main())\n"
    )
    (tmp_path / "plain.py").write_text(PLAIN)
    ours = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], env={**os.environ, "PYTHONPATH": os.getcwd()}
    )
    log = tmp_path / "p.log"
    wait_until(lambda: log.exists() and len(log.read_text().split()) == 2)
    pids = [int(word) for word in log.read_text().split()]
    assert all(map(is_running, pids))

    ours.kill()
    ours.wait()

    wait_until(lambda: not any(map(is_running, pids)))


async def test_the_servers_of_a_project_are_examined_side_by_side(
    write_workspace: Callable[..., Path], plain: Declare
) -> None:
    good = plain().spec
    declared = {
        "good": {"command": good.command, "args": good.args},
        "away": {"url": "http://127.0.0.1:9/mcp"},
        "silent": {"command": good.command, "args": [*good.args[:-1], "silent"], "timeout": 1000},
        "off": {"command": "x", "disabled": True},
    }
    root = write_workspace("demo", {"mcp.json": json.dumps({"mcpServers": declared})})

    found = {each.server: each for each in await examine_servers(root, ENV)}

    assert {name: each.is_up for name, each in found.items()} == {"good": True, "away": False, "silent": False}
    assert found["good"].found == "12 tools"
    assert found["away"].found == "it cannot be reached: All connection attempts failed"
    assert found["silent"].found.startswith("it did not answer within 1 s")


async def test_a_server_that_says_nothing_holds_up_no_examination(
    write_workspace: Callable[..., Path], plain: Declare
) -> None:
    spec = plain("silent").spec
    declared = {"silent": {"command": spec.command, "args": spec.args}}
    root = write_workspace("demo", {"mcp.json": json.dumps({"mcpServers": declared})})
    started = time.monotonic()

    [found] = await examine_servers(root, ENV, limit_s=0.5)

    assert (found.is_up, found.found) == (False, "it did not answer within 0.5 s")
    assert time.monotonic() - started < 10


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
