import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.cli.terminal import Terminal
from tests.conftest import WriteWorkspace
from tests.shape.test_startup import loaded_by
from tests.tools.server_scripts import PLAIN

KEY = "sk-very-secret-key-0123456789"


def findings(agentctl: Command) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in json.loads(agentctl("doctor", "--json").out)}


def test_a_fresh_project_is_fine(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    code, out, err = agentctl("doctor")

    assert (code, err) == (0, "")
    assert "ok       workspaces     1 valid: one" in out
    assert "ok       langsmith      off, nothing is sent" in out
    assert "warning  model          `auto` takes offline" in out
    assert not (Path.cwd() / ".agentctl").exists()


def test_keys_are_named_and_never_shown(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    root = write_workspace("one")
    os.environ["OPENAI_API_KEY"] = KEY
    (root / ".env").write_text(f"ANTHROPIC_API_KEY={KEY}\n")
    (root / ".env").chmod(0o644)
    plain, as_json = agentctl("doctor").out, agentctl("doctor", "--json").out

    assert KEY not in plain + as_json
    assert "set: ANTHROPIC_API_KEY (.env), OPENAI_API_KEY (environment)" in plain
    assert "`auto` takes openai:gpt-5-mini" in plain or "`auto` takes anthropic:" in plain
    assert f"fix: chmod 600 {root}/.env" in plain


def test_servers_are_asked_for_their_tools(agentctl: Command, write_workspace: WriteWorkspace, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(PLAIN)
    good = {"command": sys.executable, "args": [str(tmp_path / "plain.py")]}
    declared = {
        "good": good,
        "away": {"url": "http://127.0.0.1:9/mcp"},
        "lost": {"command": "${NOWHERE_COMMAND}"},
        "off": {"command": "x", "disabled": True},
    }
    root = write_workspace("one", {"mcp.json": json.dumps({"mcpServers": declared})})
    code, out, _ = agentctl("doctor", "--json", "--root", str(root))
    found = {each["found"]: each for each in json.loads(out) if each["check"] == "server"}
    away = found["away of one: it cannot be reached: All connection attempts failed"]

    assert code == 0
    assert found["good of one: 12 tools"]["status"] == "ok"
    assert (away["status"], away["fix"]) == ("warning", "mend the server, or its entry in workspaces/one/mcp.json")
    assert found["lost of one: NOWHERE_COMMAND is not set in the environment"]["fix"].startswith("export it")
    assert len(found) == 3


@pytest.mark.slow
@pytest.mark.parametrize("servers", [{}, {"off": {"command": "x", "disabled": True}}])
def test_without_servers_nothing_is_loaded_for_them(
    bare_environment: None, write_workspace: WriteWorkspace, servers: dict[str, object]
) -> None:
    root = write_workspace("one", {"mcp.json": json.dumps({"mcpServers": servers})})
    ran = f"from pathlib import Path; from agentctl.cli.doctor import doctor; doctor(root=Path({str(root)!r}))"

    assert not {"fastmcp", "mcp", "agentctl.tools.server_health"} & {*loaded_by(ran)}


def test_a_damaged_database_is_a_problem_with_a_way_out(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    root = write_workspace("one")
    (root / ".agentctl").mkdir()
    (root / ".agentctl/state.db").write_bytes(b"no database" * 100)
    code, out, _ = agentctl("doctor")

    assert code == 5
    assert "PROBLEM  state.db" in out
    assert "fix: " in out
    assert (root / ".agentctl/state.db").read_bytes() == b"no database" * 100


def test_the_state_of_a_used_project_is_told(agentctl: Command) -> None:
    agentctl("new", "mine")
    agentctl("run", "mine", "x", "--quiet")

    assert findings(agentctl)["state.db"]["found"].endswith("1 run, 0 not done")
    assert "intact" in findings(agentctl)["checkpoints.db"]["found"]


def test_a_bad_setting_is_a_problem(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    os.environ["AGENTCTL_MAX_RUNS"] = "many"
    code, out, _ = agentctl("doctor")

    assert code == 5
    assert "PROBLEM  settings       AGENTCTL_MAX_RUNS is 'many'" in out


def test_langsmith_is_said_to_be_on_or_off(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("one")
    os.environ["LANGSMITH_TRACING"] = "true"
    assert findings(agentctl)["langsmith"]["found"] == "off, nothing is sent; ignored: LANGSMITH_TRACING"
    os.environ["AGENTCTL_LANGSMITH"] = "1"

    assert findings(agentctl)["langsmith"]["status"] == "warning"


def test_a_place_that_cannot_be_written_is_a_problem(agentctl: Command, tmp_path: Path) -> None:
    code, out, _ = agentctl("doctor", "--root", "/proc")

    assert code == 5
    assert "PROBLEM  writable       /proc cannot be written" in out


def test_an_invalid_workspace_is_a_warning(agentctl: Command, write_workspace: WriteWorkspace) -> None:
    write_workspace("bad", "version: 2\n")
    found = findings(agentctl)["workspaces"]

    assert (found["status"], found["fix"]) == ("warning", "agentctl validate bad")


@pytest.mark.slow
def test_a_narrow_terminal_breaks_no_word(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("one")
    terminal = Terminal(root, "doctor", columns=40, lines=200)
    code, screen = terminal.end()

    assert code == 0
    assert max(map(len, screen.splitlines())) <= 40
    assert {"langgraph-checkpoint-sqlite", "FIREWORKS_API_KEY,"} <= set(screen.split())


def test_network_disks_are_known() -> None:
    from agentctl.cli.disk import _mac_mount, filesystem, is_network

    assert [kind for kind in ("nfs4", "cifs", "smbfs", "fuse.sshfs", "ext4", "apfs", "tmpfs") if is_network(kind)] == [
        "nfs4",
        "cifs",
        "smbfs",
        "fuse.sshfs",
    ]
    assert _mac_mount("//me@host/x on /Volumes/my disk (smbfs, nodev)") == ("/Volumes/my disk", "smbfs")
    assert filesystem(Path("/proc")) in ("proc", "")
