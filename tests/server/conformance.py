"""The public conformance suite of MCP against `agentctl mcp --http`: `python -m tests.server.conformance`.

Installs the suite's npm package into a temporary folder, serves a workspace of its own, runs every
server scenario, and compares: what is not in `CANNOT` must pass, and what is must fail, so that the
table cannot grow stale.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.server.conftest import over_http

SUITE = "@modelcontextprotocol/conformance@0.1.16"
NODE = "node@22.23.3"
"""The suite needs Node 22; it is installed beside it where the machine has an older one."""
TOOL = "calls a fixture tool of the suite's own; we serve one tool, which runs the workspace"
RESOURCE = "reads a fixture resource `test://…`; our resources are sessions"
PROMPT = "gets a fixture prompt; we serve none"
CANNOT = {
    "tools-call-image": TOOL,
    "tools-call-audio": TOOL,
    "tools-call-embedded-resource": TOOL,
    "tools-call-mixed-content": TOOL,
    "tools-call-with-logging": TOOL,
    "tools-call-with-progress": f"{TOOL} (progress: tests/server/test_serving.py)",
    "tools-call-sampling": f"{TOOL}, and asks for sampling, which we never do",
    "tools-call-elicitation": f"{TOOL} (elicitation: tests/server/test_asking.py)",
    "elicitation-sep1034-defaults": f"{TOOL}; our forms have no defaults",
    "elicitation-sep1330-enums": f"{TOOL}; our forms have no choices",
    "json-schema-2020-12": "looks for a fixture tool with `$defs`; our tool's schema has none",
    "server-sse-polling": f"{TOOL}, one that closes its stream to be polled (SEP-1699, optional)",
    "resources-read-text": f"{RESOURCE} (reading: tests/server/test_serving.py)",
    "resources-read-binary": f"{RESOURCE}, and are text",
    "resources-templates-read": f"{RESOURCE} (the template: tests/server/test_serving.py)",
    "resources-subscribe": "an optional capability that we do not declare",
    "resources-unsubscribe": "an optional capability that we do not declare",
    "prompts-get-simple": PROMPT,
    "prompts-get-with-args": PROMPT,
    "prompts-get-embedded-resource": PROMPT,
    "prompts-get-with-image": PROMPT,
}
"""Scenario to why it cannot apply."""
WORKSPACE = (
    'version: 1\nmodel: offline\nstages: {talk: {agents: [speaker]}}\nagents: {speaker: {prompt: "{{ task }}"}}\n'
)


class NotInstalled(Exception):
    """The suite cannot be had here: no npm, or no registry."""


def install(folder: Path) -> list[str]:
    """Install the suite; returns the command that starts it.

    Raises:
        NotInstalled: that is not possible here.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        raise NotInstalled("npm and node are not installed")
    found = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    is_old = int(found.removeprefix("v").partition(".")[0]) < 22
    wanted = [SUITE, NODE] if is_old else [SUITE]
    words = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel", "error", *wanted]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotInstalled(f"npm cannot install {SUITE}: {done.stderr.strip()[-300:]}")
    modules = folder / "node_modules"
    runs = modules / "node" / "bin" / "node" if is_old else Path(node)
    if not runs.exists():  # npm may be told to run no package's scripts
        raise NotInstalled(f"npm installed {NODE} without its program")
    return [str(runs), str(modules / "@modelcontextprotocol" / "conformance" / "dist" / "index.js")]


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Install the suite into a folder and run it there; the exit code is 0 if all is as it should be.

    Raises:
        NotInstalled: as `install`.
    """
    suite = install(folder)
    workspace = folder / "project" / "workspaces" / "talk"
    workspace.mkdir(parents=True)
    (workspace / "workspace.yaml").write_text(WORKSPACE)
    baseline = folder / "cannot.yaml"
    baseline.write_text("server:\n" + "".join(f"  - {name}\n" for name in CANNOT))
    with over_http(folder / "project", "talk") as served:
        words = [*suite, "server", "--url", served.url, "--suite", "all", "--expected-failures", str(baseline)]
        return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=240, check=False)


def main() -> int:
    """Run it and print what it said, and why what failed had to."""
    with TemporaryDirectory() as folder:
        done = run(Path(folder))
    print(done.stdout + done.stderr)
    print(f"Not applicable, {len(CANNOT)} scenarios:")
    for name, why in CANNOT.items():
        print(f"  {name}: {why}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
