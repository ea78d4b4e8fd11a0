"""The live view without a terminal: what is folded, and what fits."""

from collections.abc import Mapping

import pytest
from rich.cells import cell_len
from rich.console import Console

from agentctl.cli.picture import draw, summary
from agentctl.cli.scene import Scene, Scores
from agentctl.cli.scoreboard import scoreboard
from agentctl.events import Event

TABLE = {
    "lisbon": {
        "optimistic": {"novelty": 0.9, "confidence": 0.7, "quality": 0.8, "risk": 0.2},
        "critic": {"novelty": 0.3, "confidence": 0.9, "quality": 0.85, "risk": 0.8},
        "devil": {"novelty": 0.1, "confidence": 0.6, "quality": 0.7, "risk": 1.0},
    }
}
WEIGHTS = {"novelty": 1, "confidence": 1, "quality": 2, "risk": -1.5}


def scene_of(*events: tuple[str, Mapping[str, object]]) -> Scene:
    scene = Scene()
    for number, (kind, data) in enumerate(events, 1):
        scene.show(Event(kind, number, "", "ws", "s", "r", data))  # type: ignore[arg-type]
    return scene


def stage(*roles: str, name: str = "talk") -> tuple[str, Mapping[str, object]]:
    return ("stage.entered", {"stage": name, "visit": 1, "agents": list(roles), "order": "parallel"})


def finished(agent: str, **usage: object) -> tuple[str, Mapping[str, object]]:
    return ("agent.finished", {"agent": agent, "stage": "talk", "round": 1, "text": "done", "usage": usage})


def drawn(scene: Scene, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(draw(scene, console, 3.2))
    return capture.get().splitlines()


def test_tokens_and_cost_add_up_until_a_price_is_unknown() -> None:
    known = scene_of(stage("a"), finished("a", input_tokens=10, output_tokens=5, cost_usd=0.25, simulated=False))
    unknown = scene_of(stage("a"), finished("a", input_tokens=10, output_tokens=5, cost_usd=None), finished("a"))

    assert (known.tokens, known.cost_usd, known.simulated) == (15, 0.25, "")
    assert (unknown.tokens, unknown.cost_usd) == (15, None)


def test_a_simulated_fallback_is_labelled_though_the_run_was_real() -> None:
    assert scene_of(stage("a"), finished("a", simulated=True)).simulated.startswith("SIMULATED")


def test_a_fallback_that_no_stage_lists_is_shown() -> None:
    error = {"message": "no luck\x1b[2J"}
    scene = scene_of(
        stage("a"),
        ("agent.failed", {"agent": "a", "error": error, "then": "fallback to b"}),
        ("agent.started", {"agent": "b"}),
        ("token", {"agent": "b", "text": "hello"}),
    )

    assert [(actor.role, actor.status, actor.text) for actor in scene.actors.values()] == [
        ("a", "failed", "no luck\\x1b[2J"),
        ("b", "running", "hello"),
    ]


def test_a_resumed_run_ends_with_its_whole_path() -> None:
    usage = {"duration_s": 1.0, "model_calls": 0, "tool_calls": 0}
    end = {"stages": ["one", "two"], "winner": None, "status": "done", "usage": usage}

    assert scene_of(stage(name="two"), ("run.finished", end)).path == ["one", "two"]


def test_the_board_has_a_row_an_agent_and_a_total() -> None:
    lines = [line.plain.split() for line in scoreboard(Scores(TABLE, {"lisbon": 3.9}, WEIGHTS), 80, 20, "lisbon")]

    assert lines == [
        ["novelty", "confidence", "quality", "risk", "score"],
        ["★", "lisbon"],
        ["optimistic", "0.90", "0.70", "0.80", "0.20", "2.90"],
        ["critic", "0.30", "0.90", "0.85", "0.80", "1.70"],
        ["devil", "0.10", "0.60", "0.70", "1.00", "0.60"],
        ["total", "1.30", "2.20", "2.35", "2.00", "3.90"],
    ]


@pytest.mark.parametrize("options", [1, 2, 7, 100])
@pytest.mark.parametrize("agents", [1, 3, 1000])
@pytest.mark.parametrize("height", [1, 2, 5, 12, 24])
@pytest.mark.parametrize("width", [20, 40, 200])
def test_the_board_keeps_to_its_room(options: int, agents: int, height: int, width: int) -> None:
    given = {f"agent-{number}": {"good": 0.5, "a long metric": 0.25} for number in range(agents)}
    rewards = {f"option {number} 家族\x1b[2J": given for number in range(options)}
    lines = scoreboard(Scores(rewards, dict.fromkeys(rewards, 1.0), {}), width, height)

    assert len(lines) <= height
    assert max(line.cell_len for line in lines) <= width


@pytest.mark.parametrize("roles", [0, 1, 3, 1000])
@pytest.mark.parametrize(("width", "height"), [(40, 8), (40, 24), (80, 24), (300, 80), (20, 5), (5, 3)])
def test_the_picture_is_never_larger_than_the_terminal(roles: int, width: int, height: int) -> None:
    names = [f"agent-{number}" for number in range(roles)]
    speaking = [("token", {"agent": name, "text": "words 家族 \t" * 500}) for name in names]
    scores = {"rewards": TABLE, "ranking": [{"option": "lisbon", "total": 1}], "weights": WEIGHTS}
    begun = ("run.started", {"task": "long " * 100, "simulated": True, "why_simulated": "no key"})
    scene = scene_of(begun, *[stage(*names)] * 30, *speaking, ("scores.merged", scores))
    lines = drawn(scene, width, height)

    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= max(height, 6)


def test_who_speaks_comes_before_who_waits() -> None:
    names = [f"a{number}" for number in range(100)]
    text = "\n".join(drawn(scene_of(stage(*names), ("agent.started", {"agent": "a77"})), 60, 12))

    assert "● a77" in text
    assert "1 running" in text
    assert "99 waiting" in text


def test_the_summary_keeps_the_label_and_the_end() -> None:
    scene = scene_of(("run.started", {"task": "x", "simulated": True}), stage("a", name="one"), stage("a", name="one"))
    scene.closing = "done in 1 s"
    console = Console(width=40, markup=False)
    with console.capture() as capture:
        console.print(summary(scene, 40))

    assert capture.get().splitlines()[0] == "one → one (2)"
    assert "SIMULATED" in capture.get()
    assert capture.get().splitlines()[-1] == "done in 1 s"
