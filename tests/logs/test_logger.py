import json
import multiprocessing
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.events import Event
from agentctl.logs import AgentLogger, LogSink, read_logs
from agentctl.logs.file import append, generations


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_records_go_to_the_file_of_their_component(tmp_path: Path) -> None:
    logger = AgentLogger(tmp_path)
    for component in ("runtime", "orchestrator", "graph", "workspace_loader", "reload_manager"):
        logger.log("trip", component, "info", "hello", run_id="r1", session_id="s1")  # type: ignore[arg-type]
    logger.log("trip", "agent", "error", "failed", agent="critic", event="agent.failed")
    logger.close()

    folder = tmp_path / "logs" / "workspaces" / "trip"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.log")} == {
        "runtime.log", "orchestrator.log", "graph.log", "workspace_loader.log", "reload_manager.log",
        "agents/critic.log",
    }  # fmt: skip
    (record,) = lines(folder / "agents" / "critic.log")
    assert " ".join(record) == "ts level component workspace session_id run_id agent event message"
    assert (record["level"], record["agent"], record["event"]) == ("error", "critic", "agent.failed")


def test_logs_belong_to_their_owner_alone(tmp_path: Path) -> None:
    logger = AgentLogger(tmp_path)
    logger.log("trip", "agent", "info", "hello", agent="critic")
    logger.close()

    for path in (tmp_path / "logs" / "workspaces" / "trip").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_secrets_do_not_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "correct-horse-battery")
    logger = AgentLogger(tmp_path)
    logger.log("trip", "runtime", "info", "with correct-horse-battery", reason={"key": ["correct-horse-battery"]})
    logger.close()

    assert "horse" not in (tmp_path / "logs/workspaces/trip/runtime.log").read_text()


@given(text=st.text(alphabet=st.characters(codec=None), max_size=200))
def test_a_line_is_one_line_that_no_terminal_obeys(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("p")
    logger = AgentLogger(root, secrets=())
    logger.log("trip", "runtime", "info", text)
    logger.close()

    written = (root / "logs/workspaces/trip/runtime.log").read_text(encoding="utf-8")
    assert written.endswith("\n")
    assert not set(written[:-1]) & {chr(code) for code in [*range(32), *range(0x7F, 0xA0), 0x202E, 0x2066, 0x2028]}
    (record,) = read_logs(root)
    assert record["message"] == text or "***" in str(record["message"])


def test_a_huge_text_is_cut(tmp_path: Path) -> None:
    logger = AgentLogger(tmp_path)
    logger.log("trip", "runtime", "info", "🗺️" * 500_000)
    logger.close()

    (record,) = read_logs(tmp_path)
    assert str(record["message"]).endswith("… (1000000 characters)")
    assert (tmp_path / "logs/workspaces/trip/runtime.log").stat().st_size < 100_000


def test_a_name_never_leaves_the_logs_folder(tmp_path: Path) -> None:
    logger = AgentLogger(tmp_path)
    logger.log("../../up", "agent", "info", "hello", agent="../x")
    logger.close()

    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
    assert len(list(read_logs(tmp_path))) == 1


def test_a_file_that_is_full_moves_on_and_five_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "graph.log"
    for number in range(10):
        append(path, f"{number:04}\n".encode(), max_bytes=10)

    assert [each.name for each in generations(path)] == [f"graph.log.{n}" for n in (4, 3, 2, 1)] + ["graph.log"]
    for number in range(10, 40):
        append(path, f"{number:04}\n".encode(), max_bytes=10)
    assert [each.read_text().split() for each in generations(path)] == [
        [f"{n:04}", f"{n + 1:04}"] for n in range(28, 40, 2)
    ]


def write_many(root: Path, name: str) -> None:
    logger = AgentLogger(root, max_bytes=20_000)
    for number in range(100):
        logger.log("trip", "graph", "info", f"{name} {number}")
        if number % 10 == 9:
            logger.close()
            logger = AgentLogger(root, max_bytes=20_000)
    logger.close()


@pytest.mark.slow
def test_four_processes_write_one_log_and_lose_nothing(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=write_many, args=(tmp_path, name)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    messages = [record["message"] for record in read_logs(tmp_path)]
    assert sorted(messages) == sorted(f"{name} {number}" for name in "abcd" for number in range(100))
    assert (tmp_path / "logs/workspaces/trip/graph.log.1").exists()


def test_logs_that_cannot_be_written_are_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    for _ in range(2):
        logger = AgentLogger(tmp_path)
        logger.log("trip", "runtime", "info", "hello")
        logger.close()
        logger.log("trip", "runtime", "info", "too late")

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith("warning: logs cannot be written: ")


def test_closing_leaves_no_thread_and_no_file(tmp_path: Path) -> None:
    logger = AgentLogger(tmp_path)
    logger.log("trip", "runtime", "info", "hello")
    logger.close()
    logger.close()

    assert "agentctl-logs" not in {thread.name for thread in threading.enumerate()}
    if Path("/proc/self/fd").exists():
        assert not [fd for fd in os.listdir("/proc/self/fd") if str(tmp_path) in target(fd)]


def target(fd: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    except OSError:
        return ""


@pytest.mark.parametrize(
    ("kind", "data", "file", "level", "message"),
    [
        ("run.started", {}, "orchestrator", "info", "run started"),
        ("stage.entered", {"stage": "proposal", "visit": 2}, "graph", "info", "proposal entered"),
        ("scores.merged", {"stage": "proposal"}, "graph", "info", "proposal merged"),
        ("stage.exited", {"stage": "p", "why": "all agents have exited", "to": "q"}, "graph", "info",
         "p exited: all agents have exited → q"),
        ("agent.started", {"agent": "critic", "stage": "p"}, "agents/critic", "info", "critic started"),
        ("agent.failed", {"agent": "critic", "error": {"message": "no"}}, "agents/critic", "error",
         "critic failed: no"),
        ("tool.called", {"agent": "critic", "tool": "find", "args": {"q": "x" * 1000}}, "agents/critic", "info",
         f"find called: {json.dumps({'q': 'x' * 1000})[:500]}"),
        ("tool.returned", {"agent": "critic", "tool": "find", "status": "ok", "text": "a lot"}, "agents/critic", "info",
         "find returned: ok"),
        ("tool.returned", {"agent": "critic", "tool": "find", "status": "denied", "text": "no"}, "agents/critic",
         "warning", "find returned: denied: no"),
        ("approval.requested", {"agent": "critic", "tool": "rm", "kind": "call", "why": "it deletes"}, "agents/critic",
         "info", "approval of rm requested: it deletes"),
        ("warning", {"message": "slow", "agent": "critic"}, "orchestrator", "warning", "slow"),
        ("run.finished", {"status": "failed", "error": {"message": "no"}}, "orchestrator", "error",
         "run finished: no"),
        ("run.finished", {"status": "done", "error": None}, "orchestrator", "info", "run finished: done"),
    ],
)  # fmt: skip
def test_events_go_to_the_file_they_belong_to(
    tmp_path: Path, kind: str, data: dict[str, object], file: str, level: str, message: str
) -> None:
    logger = AgentLogger(tmp_path)
    sink = LogSink(logger)
    sink.on_event(Event(kind, 1, "2026-11-20T12:00:00.000Z", "trip", "s1", "r1", data))  # type: ignore[arg-type]
    sink.on_event(Event("token", 0, "2026-11-20T12:00:00.000Z", "trip", "s1", "r1", {"text": "x"}))
    sink.close()
    logger.close()

    (record,) = lines(tmp_path / "logs" / "workspaces" / "trip" / f"{file}.log")
    assert (record["level"], record["message"], record["event"]) == (level, message, kind)
    assert (record["run_id"], record["session_id"], record["seq"]) == ("r1", "s1", 1)
    assert len(list(read_logs(tmp_path))) == 1
