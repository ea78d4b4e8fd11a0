import io
import threading
from collections.abc import Callable
from contextlib import redirect_stderr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.events import BufferedSink, Event, EventBus


def event(kind: str, seq: int = 0) -> Event:
    return Event(kind, seq, "2026-11-20T12:00:00.000Z", "trip", "s1", "r1", {"text": "x"})  # type: ignore[arg-type]


class Recorder:
    """A sink that remembers, waits at its gate, and fails when told to."""

    def __init__(self, fail: Callable[[Event], None] = lambda event: None) -> None:
        self.seen: list[Event] = []
        self.closed = 0
        self.fail = fail
        self.gate = threading.Event()
        self.gate.set()

    def on_event(self, event: Event) -> None:
        self.gate.wait()
        self.fail(event)
        self.seen.append(event)

    def close(self) -> None:
        self.closed += 1


def raising(error: Exception) -> Callable[[Event], None]:
    def fail(event: Event) -> None:
        raise error

    return fail


def test_sinks_are_shown_events_in_order() -> None:
    told: list[int] = []
    first, second = Recorder(lambda _: told.append(1)), Recorder(lambda _: told.append(2))
    bus = EventBus([first, second])

    bus.publish(event("run.started", 1))
    bus.publish(event("run.finished", 2))
    bus.close()

    assert told == [1, 2, 1, 2]
    assert [each.seq for each in first.seen] == [1, 2]
    assert (first.closed, second.closed) == (1, 1)


def test_a_sink_that_raises_is_dropped_and_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    bad, good = Recorder(raising(ValueError("no"))), Recorder()
    bus = EventBus([bad, good])

    bus.publish(event("run.started", 1))
    bus.publish(event("run.finished", 2))

    assert capsys.readouterr().err == "warning: Recorder failed and is shown no more events: ValueError: no\n"
    assert len(good.seen) == 2


def test_a_sink_that_cannot_close_does_not_keep_others_open(capsys: pytest.CaptureFixture[str]) -> None:
    class Stuck(Recorder):
        def close(self) -> None:
            raise OSError("busy")

    good = Recorder()
    bus = EventBus([Stuck(), good])

    bus.close()
    bus.close()

    assert (good.closed, capsys.readouterr().err.count("\n")) == (1, 1)


def test_a_slow_sink_does_not_hold_up_the_run() -> None:
    slow = Recorder()
    slow.gate.clear()
    sink = BufferedSink(slow)

    sink.on_event(event("run.started", 1))  # returns although the sink does not
    assert slow.seen == []
    slow.gate.set()
    sink.close()

    assert [each.seq for each in slow.seen] == [1]
    assert slow.closed == 1


@settings(max_examples=50, deadline=None)
@given(kinds=st.lists(st.sampled_from(["token", "agent.finished"]), max_size=60), limit=st.integers(1, 10))
def test_a_full_sink_loses_tokens_only_and_says_so_once(kinds: list[str], limit: int) -> None:
    slow, said = Recorder(), io.StringIO()
    slow.gate.clear()
    sink = BufferedSink(slow, limit)

    with redirect_stderr(said):
        for seq, kind in enumerate(kinds):
            sink.on_event(event(kind, seq))
    slow.gate.set()
    sink.close()

    shown = [each.seq for each in slow.seen]
    assert shown == sorted(shown)
    assert len(shown) + sink.dropped == len(kinds)
    assert [seq for seq in shown if kinds[seq] != "token"] == [n for n, kind in enumerate(kinds) if kind != "token"]
    assert said.getvalue().count("\n") == bool(sink.dropped)
    if kinds.count("token") > limit + 1:
        assert sink.dropped


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BrokenPipeError(), ""),
        (ValueError("no"), "warning: Recorder failed and is shown no more events: ValueError: no\n"),
    ],
)
def test_an_output_that_breaks_ends_quietly(error: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`agentctl run … | head` closes the pipe: there is nobody to tell, and the run goes on."""
    sink = BufferedSink(Recorder(raising(error)))

    for seq in range(100):
        sink.on_event(event("agent.finished", seq))
    sink.close()
    sink.close()

    assert capsys.readouterr().err == told


def test_closing_a_hung_sink_can_be_given_up() -> None:
    hung = Recorder()
    hung.gate.clear()
    sink = BufferedSink(hung)
    sink.on_event(event("run.started", 1))

    sink.close(timeout_s=0.01)

    assert hung.seen == []
    hung.gate.set()
    sink.close()


def test_an_event_is_one_flat_object() -> None:
    shown = event("agent.finished", 3).as_dict()

    assert list(shown) == ["type", "seq", "ts", "workspace", "session_id", "run_id", "text"]
    assert event("agent.finished", 3).to_json().count("\n") == 0
