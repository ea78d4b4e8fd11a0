"""`mcp.json`: what other clients write is read, and what is wrong is said at its place."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agentctl.workspace import check_workspace, load_workspace
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.mcp_config import ServerSpec, declared_servers, expand, read_servers

Write = Callable[..., Path]
GOOD = """\
{
\t"mcpServers": {
\t\t"files": {
\t\t\t"command": "npx", "args": ["-y", "server-files", "${DATA_DIR:-/tmp}"], "env": {"KEY": "${FILES_KEY}"},
\t\t\t"cwd": "data", "timeout": 5000, "autoApprove": ["read"], "alwaysAllow": [], "description": "\\ud83d\\ude00"
\t\t},
\t\t"maps": {"type": "http", "url": "https://maps.example/mcp", "headers": {"X-Key": "${MAPS_KEY}"}, "auth": "oauth"},
\t\t"old": {"command": "old", "disabled": true}
\t}
}
"""


def problems_of(text: str) -> list[tuple[str, int, int, str]]:
    report = Diagnostics("w")
    read_servers("mcp.json", text, report)
    return [(problem.code[:4], problem.line, problem.col, problem.message) for problem in report.problems]


def test_servers_of_a_workspace_are_declared_in_the_order_of_the_file(write_workspace: Write) -> None:
    root = write_workspace("demo", {"mcp.json": GOOD})

    files, maps, old = declared_servers(load_workspace(root, "demo"))

    assert (files.name, files.spec.command, files.spec.timeout, files.cwd) == ("files", "npx", 5000, root / "data")
    assert (maps.spec.url, maps.spec.auth, maps.cwd) == ("https://maps.example/mcp", "oauth", root)
    assert old.spec.disabled


def test_the_key_of_vs_code_is_read_too(write_workspace: Write) -> None:
    text = '{"inputs": [], "servers": {"a": {"type": "stdio", "command": "a", "gallery": true}}}'

    root = write_workspace("demo", {"mcp.json": text})

    assert [server.name for server in declared_servers(load_workspace(root, "demo"))] == ["a"]


def test_another_file_may_be_named(write_workspace: Write) -> None:
    head = "version: 1\nstages: {talk: {agents: [a]}}\nagents: {a: {prompt: hi}}\n"
    files = {
        "workspace.yaml": head + "tools: {servers: ./conf/servers.json}\n",
        "conf/servers.json": '{"servers": {"a": {"command": "a"}}}',
        "mcp.json": "this is not read",
    }

    root = write_workspace("demo", files)

    assert [server.name for server in declared_servers(load_workspace(root, "demo"))] == ["a"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n  "mcpServers": {,}\n}', ("E710", 2, 18, "mcp.json: expecting property name enclosed in double quotes")),
        ('{"servers": {}\n// mine\n}', ("E710", 2, 1, "mcp.json: expecting ',' delimiter")),
        ("[]", ("E710", 1, 1, "mcp.json must hold an object")),
        ("", ("E710", 1, 1, "mcp.json: expecting value")),
        ('{"a": NaN}', ("E710", 1, 1, "mcp.json: NaN is no JSON")),
        ("[" * 100_000, ("E706", 1, 1, "mcp.json: nested over 64 deep")),
        ('{"servers": ' + "[" * 70 + "]" * 70 + "}", ("E706", 1, 1, "mcp.json: nested over 64 deep")),
        ('{"mcpServer": {}}', ("E101", 1, 2, "'mcpServer' is not a known key, did you mean 'mcpServers'?")),
        (
            '{"servers": {}, "mcpServers": {}}',
            ("E106", 1, 2, "mcp.json must have exactly one of mcpServers or servers"),
        ),
        ('{"servers": []}', ("E103", 1, 13, "servers must be a mapping, got a list")),
        ('{"servers": {"a": 5}}', ("E103", 1, 19, "servers.a must be a mapping, got 5")),
        ('{"servers": {"a": {}}}', ("E106", 1, 19, "servers.a must have exactly one of command or url")),
        (
            '{"servers": {"a": {"command": "x",\n "arg": []}}}',
            ("E101", 2, 2, "servers.a.arg is not a known key, did you mean 'args'?"),
        ),
        (
            '{"servers": {"a": {"command": "x", "args": ["-p", 80]}}}',
            ("E103", 1, 51, "servers.a.args[1] must be text, got 80"),
        ),
        (
            '{"servers": {"a": {"command": "x", "timeout": 60}}}',
            ("E104", 1, 47, "servers.a.timeout must be at least 1000, got 60"),
        ),
        (
            '{"servers": {"a": {"type": "sse", "url": "http://h"}}}',
            (
                "E105",
                1,
                28,
                "servers.a.type must be 'stdio', 'http', 'streamable-http' or 'streamableHttp', got 'sse'",
            ),
        ),
        (
            '{"servers": {"a": {"command": "x"}, "a": {"command": "y"}}}',
            ("E702", 1, 37, "key 'a' stands twice in one mapping, first in line 1"),
        ),
        (
            '{"servers": {"a": {"command": "x", "args": ["$HOME", "${no name}"]}}}',
            ("E715", 1, 54, "servers.a.args[1]: '${no name}' names no environment variable"),
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_place(text: str, problem: tuple[str, int, int, str]) -> None:
    assert problems_of(text) == [problem]


def test_one_wrong_server_does_not_hide_the_problems_of_another() -> None:
    text = '{"servers": {"a": {"command": 5}, "b": {"url": "x"}, "c": {"command": "c"}}}'

    assert [code for code, *_ in problems_of(text)] == ["E103", "E715"]


def test_a_tool_of_a_faulty_server_is_not_unknown(write_workspace: Write) -> None:
    files = {"mcp.json": '{"mcpServers": {"maps": {"comand": "x"}}}'}
    files["workspace.yaml"] = "version: 1\nstages: {t: {agents: [a]}}\nagents: {a: {prompt: hi, tools: [maps_find]}}\n"

    _, problems = check_workspace(write_workspace("demo", files), "demo")

    assert {problem.path for problem in problems if problem.code[:4] in ("E101", "E204")} == {
        "workspaces/demo/mcp.json"
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [("{nonsense", "E710"), ("[]", "E710"), ('{"servers": []}', "E103"), ('{"mcpServer": {}}', "E101"), ("\0", "E710")],
)
def test_a_file_that_does_not_tell_its_servers_makes_no_name_of_theirs_unknown(
    write_workspace: Write, text: str, code: str
) -> None:
    agents = "{a: {prompt: hi, tools: [maps_find, 'web_*', typo]}, b: {kind: tool, calls: [{tool: maps_find}]}}"
    spec = f"version: 1\nstages: {{t: {{agents: [a, b]}}}}\nagents: {agents}\n"

    _, problems = check_workspace(write_workspace("demo", {"mcp.json": text, "workspace.yaml": spec}), "demo")

    assert [(problem.code[:4], problem.path.rpartition("/")[2]) for problem in problems] == [
        (code, "mcp.json"),
        ("E204", "workspace.yaml"),
    ]
    assert "'typo'" in problems[1].message


def test_a_comment_is_pointed_out() -> None:
    report = Diagnostics("w")

    read_servers("mcp.json", '{"servers": {} /* mine */}', report)

    assert [problem.hint for problem in report.problems] == ["JSON has no comments: remove it"]


def test_variables_are_filled_in_as_a_shell_would() -> None:
    spec = ServerSpec(command="${BIN}", args=["${A:-x}", "${B:-y}", "${C:-}", "$D"], env={"K": "key-${KEY}"})

    whole = expand(spec, {"BIN": "/bin/maps", "B": "set", "C": "", "KEY": "s3cret-of-maps"})

    assert (whole.spec.command, whole.spec.args) == ("/bin/maps", ["x", "set", "", "$D"])
    assert whole.spec.env == {"K": "key-s3cret-of-maps"}
    assert whole.missing == ()
    assert whole.secrets == ("s3cret-of-maps", "set")


def test_every_missing_variable_is_named_once() -> None:
    spec = ServerSpec(url="https://${HOST}/mcp", headers={"X": "${KEY}", "Y": "${KEY}"}, auth="${TOKEN}")

    assert expand(spec, {}).missing == ("HOST", "KEY", "TOKEN")


def test_any_json_gives_problems_and_never_a_crash() -> None:
    values: list[object] = [None, True, 0, -1.5, 1e308, "", "x", [], {}, [[]], {"a": {}}, {"servers": {"a": None}}]

    for value in values:
        for text in (json.dumps(value), json.dumps({"servers": value}), json.dumps({"servers": {"a": value}})):
            problems_of(text)
        for key in ServerSpec.model_fields:
            problems_of(json.dumps({"servers": {"a": {"command": "x", key: value}}}))
