"""External servers in a toolbox; how they are reached is tested beside this."""

import os
import sys
from pathlib import Path

import pytest

from agentctl.errors import WorkspaceError
from tests.tools.box import one, toolbox

SERVER = """
import os, sys
from pathlib import Path
from fastmcp import FastMCP
server = FastMCP("files")
@server.tool(annotations={"readOnlyHint": True})
def read(n: int) -> int:
    "Read."
    if Path(GATE).exists():
        Path(GATE).unlink()
        os._exit(1)
    return n
@server.tool
def die(): os._exit(1)
@server.tool
def told(ctx_key: str = "") -> str: return "x" * 2_000_000
server.run(show_banner=False)
"""


def declared(folder: Path) -> dict[str, object]:
    script = folder / "server.py"
    script.write_text(SERVER.replace("GATE", repr(str(folder / "gate"))))
    env = {"PATH": os.environ["PATH"], "FASTMCP_LOG_ENABLED": "false"}
    return {
        "files": {"command": sys.executable, "args": [str(script)], "env": env},
        "gone": {"command": "no-such-command-here"},
    }


@pytest.mark.slow
async def test_servers_tools_stand_beside_the_workspaces(tmp_path: Path) -> None:
    rules = "{each: {files_read: {trust_hints: true}}}"
    async with toolbox(tmp_path, one("def own(): ..."), rules, servers=declared(tmp_path)) as box:
        assert [info.name for info in box.select(["files_*", "own"])] == [
            "files_read",
            "files_die",
            "files_told",
            "own",
        ]
        assert [box.tools[name].needs_approval for name in ("files_read", "files_die")] == [False, True]
        assert box.tools["files_read"].description == "Read." and box.tools["files_read"].source == "files"
        assert (await box.call("files_read", {"n": 3})).structured == 3
        assert "is not of type" in (await box.call("files_read", {"n": "3"})).text
        assert (await box.call("files_told", {})).text.endswith("[cut: the result is over 1,048,576 bytes]")

        assert box.select(["gone_x", "gone*"]) == []
        assert "'no-such-command-here' is not found" in box.missing["gone_x"] == box.missing["gone*"]

        # Killed in the midst of a call: unknown, unless it may be repeated, and then it is.
        died = await box.call("files_die", {})
        (tmp_path / "gate").touch()
        again = await box.call("files_read", {"n": 4})

        assert died.status == "unknown" and "was lost" in died.text
        assert (again.status, again.structured) == ("ok", 4)


@pytest.mark.slow
async def test_a_function_and_a_servers_tool_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"'files_read': of tools/work.py and of server 'files'"):
        async with toolbox(tmp_path, one("def files_read(): ..."), servers=declared(tmp_path)):
            pass
