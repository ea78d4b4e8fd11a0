import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.logs import follow, read_logs
from agentctl.logs.file import append


def put(root: Path, file: str, number: int, *, max_bytes: int = 10_000, **fields: object) -> None:
    record = {"ts": f"2026-11-20T12:00:00.{number:03}Z", "level": "info", "message": str(number), **fields}
    workspace, _, name = file.partition("/")
    append(root / "logs/workspaces" / workspace / name, (json.dumps(record) + "\n").encode(), max_bytes=max_bytes)


def messages(records: object) -> list[str]:
    return [record["message"] for record in records]  # type: ignore[attr-defined]


def test_files_are_merged_by_time(tmp_path: Path) -> None:
    for number, file in enumerate(["graph.log", "agents/critic.log", "graph.log", "runtime.log"]):
        put(tmp_path, f"trip/{file}", 3 - number)
    put(tmp_path, "debate/graph.log", 9)

    assert messages(read_logs(tmp_path)) == ["0", "1", "2", "3", "9"]
    assert messages(read_logs(tmp_path, "debate")) == ["9"]
    assert messages(read_logs(tmp_path, "nothing")) == []
    assert messages(read_logs(tmp_path / "nowhere")) == []
    assert messages(read_logs(tmp_path, "../workspaces/trip")) == []


def test_what_a_run_did_within_a_millisecond_is_in_the_order_of_its_events(tmp_path: Path) -> None:
    for seq, file in ((10, "orchestrator.log"), (3, "agents/a.log"), (2, "graph.log"), (1, "orchestrator.log")):
        put(tmp_path, f"trip/{file}", 7, run_id="r", seq=seq, message=str(seq))
    put(tmp_path, "trip/runtime.log", 7, message="opened")

    assert messages(read_logs(tmp_path)) == ["opened", "1", "2", "3", "10"]
    assert messages(follow(tmp_path, wait=lambda: False)) == ["opened", "1", "2", "3", "10"]


@pytest.mark.parametrize(("limit", "found"), [(0, []), (2, ["3", "4"]), (9, ["0", "1", "2", "3", "4"])])
def test_the_history_may_be_limited_to_its_end(tmp_path: Path, limit: int, found: list[str]) -> None:
    for number in range(5):
        put(tmp_path, f"trip/{'graph' if number % 2 else 'runtime'}.log", number)
    fresh = iter([9])

    def wait() -> bool:
        if number := next(fresh, None):
            put(tmp_path, "trip/graph.log", number)
        return number is not None

    assert messages(read_logs(tmp_path, limit=limit)) == found
    assert messages(follow(tmp_path, limit=limit, wait=wait)) == [*found, "9"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ["1", "2", "3"]),
        ({"agent": "critic"}, ["2"]),
        ({"component": "graph"}, ["1"]),
        ({"session": "s1"}, ["1", "2"]),
        ({"run": "abc"}, ["1"]),
        ({"level": "warning"}, ["2", "3"]),
        ({"level": "error"}, ["3"]),
        ({"since": datetime(2026, 11, 20, 12, 0, 0, 2000, tzinfo=UTC)}, ["2", "3"]),
        ({"level": "warning", "session": "s1", "agent": None}, ["2"]),
    ],
)
def test_records_are_chosen_by_what_they_are(tmp_path: Path, wanted: dict[str, object], found: list[str]) -> None:
    put(tmp_path, "trip/graph.log", 1, component="graph", session_id="s1", run_id="abcdef")
    put(tmp_path, "trip/agents/critic.log", 2, component="agent", agent="critic", session_id="s1", level="warning")
    put(tmp_path, "trip/runtime.log", 3, component="runtime", session_id="s2", level="error")

    assert messages(read_logs(tmp_path, "trip", **wanted)) == found  # type: ignore[arg-type]


def test_what_is_no_record_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "trip/graph.log", 1)
    append(tmp_path / "logs/workspaces/trip/graph.log", b'{"half": \n[1]\n\xff\xfe\n\n')
    put(tmp_path, "trip/graph.log", 2)

    assert messages(read_logs(tmp_path)) == ["1", "2"]


def test_rotated_files_are_read_too(tmp_path: Path) -> None:
    for number in range(12):
        put(tmp_path, "trip/graph.log", number, max_bytes=200)

    assert (tmp_path / "logs/workspaces/trip/graph.log.3").exists()
    assert messages(read_logs(tmp_path)) == [str(number) for number in range(12)]


@given(order=st.permutations(range(40)))
@settings(max_examples=10, deadline=None)
def test_lines_of_a_file_are_put_in_order(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    """Two processes may write their batches in another order than the records were made in."""
    root = tmp_path_factory.mktemp("p")
    for number in order:
        put(root, "trip/graph.log", number)

    assert messages(read_logs(root)) == [str(number) for number in range(40)]


def test_a_file_longer_than_the_window_is_told_whole(tmp_path: Path) -> None:
    line = '{"ts": "2026-11-20T12:00:00.%06dZ", "message": "%d"}\n'
    text = "".join(line % (number, number) for number in range(3000))
    append(tmp_path / "logs/workspaces/trip/graph.log", text.encode())

    assert messages(read_logs(tmp_path)) == [str(number) for number in range(3000)]


def test_half_a_line_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "logs/workspaces/trip/graph.log"
    steps = iter([b'{"ts": "1", "mess', b'age": "whole"}\n'])

    def wait() -> bool:
        if data := next(steps, None):
            append(path, data)
        return data is not None

    assert messages(follow(tmp_path, wait=wait)) == ["whole"]


@settings(max_examples=30, deadline=None)
@given(
    batches=st.lists(st.lists(st.sampled_from(["graph.log", "runtime.log", "agents/a.log"]), max_size=4), max_size=12),
    max_bytes=st.integers(100, 1000),
)
def test_following_tells_each_record_once_across_rotation(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[str]], max_bytes: int
) -> None:
    """As long as no more than the five kept files are filled between two looks."""
    root = tmp_path_factory.mktemp("p")
    steps, written = iter(batches), 0

    def wait() -> bool:
        nonlocal written
        batch = next(steps, None)
        for file in batch or ():
            put(root, f"trip/{file}", written, max_bytes=max_bytes)
            written += 1
        return batch is not None

    assert messages(follow(root, "trip", wait=wait)) == [str(number) for number in range(written)]
