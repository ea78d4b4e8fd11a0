import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.errors import UsageError
from agentctl.settings import Settings


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {})

    assert (settings.max_runs, settings.max_concurrent_agents, settings.blocking_threads) == (100, 100, 10)
    assert (settings.model, settings.debug, settings.langsmith) == (None, False, False)
    assert settings.allow_private_urls is False


def test_private_urls_are_a_switch(tmp_path: Path) -> None:
    assert Settings.load(tmp_path, {"AGENTCTL_ALLOW_PRIVATE_URLS": "1"}).allow_private_urls is True


def test_a_database_is_named_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENTCTL_DATABASE_URL=postgres://me:hush@h/d\n")
    settings = Settings.load(tmp_path, {})

    assert settings.database_url == "postgres://me:hush@h/d"
    assert "hush" not in repr(settings)
    assert Settings.load(tmp_path, {"AGENTCTL_DATABASE_URL": " "}).database_url is None
    with pytest.raises(UsageError, match=r"^AGENTCTL_DATABASE_URL is not a postgresql:// URL$"):
        Settings.load(tmp_path, {"AGENTCTL_DATABASE_URL": "me:hush@h/d"})


def test_the_environment_sets_and_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("AGENTCTL_MAX_RUNS=7\nAGENTCTL_MODEL=offline\nOPENAI_API_KEY=from-dotenv\n")
    settings = Settings.load(tmp_path, {"AGENTCTL_MAX_RUNS": "9", "AGENTCTL_DEBUG": "1"})

    assert (settings.max_runs, settings.model, settings.debug) == (9, "offline", True)
    assert settings.env["OPENAI_API_KEY"] == "from-dotenv"


def test_dotenv_gives_keys_and_our_own_names_only(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PATH=/evil\nLD_PRELOAD=x\nANTHROPIC_API_KEY='k$HOME'\nAGENTCTL_DEBUG=on\n")
    environ = {"HOME": "/root"}
    settings = Settings.load(tmp_path, environ)

    assert settings.env["ANTHROPIC_API_KEY"] == "k$HOME"
    assert not {"PATH", "LD_PRELOAD"} & set(settings.env)
    assert "ANTHROPIC_API_KEY" not in environ


@pytest.mark.parametrize("value", ["many", "0", "-1", "1.5"])
@pytest.mark.parametrize("name", ["AGENTCTL_MAX_RUNS", "AGENTCTL_MAX_CONCURRENT_AGENTS", "AGENTCTL_BLOCKING_THREADS"])
def test_a_bad_number_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is '{value}', not a whole number"):
        Settings.load(tmp_path, {name: value})


def test_a_bad_switch_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="AGENTCTL_DEBUG is 'maybe'"):
        Settings.load(tmp_path, {"AGENTCTL_DEBUG": "maybe"})


def test_a_dotenv_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match=r"\.env cannot be read"):
        Settings.load(tmp_path, {})


def test_keys_are_never_shown(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path, {"OPENAI_API_KEY": "sk-0123456789", "HOME": "/a/long/path"})

    assert "sk-0123456789" not in repr(settings)


def test_langsmith_is_switched_off_unless_asked_for(tmp_path: Path) -> None:
    on = {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_GATEWAY": "true"}
    off, kept = dict(on), {**on, "AGENTCTL_LANGSMITH": "1"}
    Settings.load(tmp_path, off)
    Settings.load(tmp_path, kept)

    assert set(off.values()) == {"false"}
    assert kept.items() >= on.items()


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [False, True])
def test_nothing_is_sent_to_langsmith_unless_allowed(tmp_path: Path, allowed: bool) -> None:
    """The environment asks for tracing and names a server of ours as LangSmith; we count what arrives."""
    # Hubs of other tests have switched tracing off in this process.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("LANGSMITH", "LANGCHAIN"))}
    run = subprocess.run(
        [sys.executable, "-c", TRACED, str(tmp_path), "1" if allowed else ""], capture_output=True, text=True, env=env
    )

    assert run.returncode == 0, run.stderr
    assert ("/runs" in run.stdout) == allowed
    assert "answered A short answer" in run.stdout


TRACED = """
import asyncio, http.server, os, sys, threading, time
from pathlib import Path

class Sink(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        paths.append(self.path)
        self.send_response(200); self.end_headers(); self.wfile.write(b"{}")
    do_GET = do_PATCH = do_POST
    def log_message(self, *_): pass

paths = []
sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
threading.Thread(target=sink.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{sink.server_port}"
os.environ.update(LANGSMITH_TRACING="true", LANGCHAIN_TRACING_V2="true", LANGSMITH_API_KEY="lsv2_pt_x",
                  LANGSMITH_ENDPOINT=url, LANGSMITH_GATEWAY=url, AGENTCTL_LANGSMITH=sys.argv[2])
import langsmith.utils
langsmith.utils.get_env_var("TRACING_V2")  # a host program may have asked, and langsmith remembers

from agentctl.models import ModelConfig, ModelRequest, Models
from agentctl.settings import Settings
from tests.fakes import ChatServer

async def go(base_url):
    models = Models(Settings.load(Path(sys.argv[1])).env)
    client = models.get(ModelConfig("openai:x", base_url=base_url), workspace="w", folder=Path())
    request = ModelRequest("a", "s", 1, 1, "r", [{"role": "user", "content": "x"}])
    print("answered", (await client.generate(request)).text)
    await models.close()

with ChatServer() as server:
    asyncio.run(go(server.url))
from langchain_core.tracers.langchain import wait_for_all_tracers
wait_for_all_tracers()
until = time.monotonic() + 10
while sys.argv[2] and "/runs" not in str(paths) and time.monotonic() < until:
    time.sleep(0.05)  # LangSmith's own thread posts when it likes
print(paths)
"""
