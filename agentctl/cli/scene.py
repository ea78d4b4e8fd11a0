"""What a run looks like now: its events folded into what a screen can show. Knows no terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentctl.cli.output import safe
from agentctl.cli.words import closing_line, invocation, label, wish
from agentctl.events import Event

_TAIL = 4_000
"""Characters of an agent's words that are kept: more than any panel shows."""

Status = Literal["waiting", "running", "asking", "done", "failed"]


@dataclass
class Actor:
    """An agent of the current stage, the end of what it says, and what it does with tools."""

    role: str
    status: Status = "waiting"
    text: str = ""
    calls: set[str] = field(default_factory=set)
    """Ids of the calls that were carried out."""
    calling: dict[str, str] = field(default_factory=dict)
    """Calls under way, in words, by their ids."""
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Approvals that it waits for: tool and words, by their ids."""

    def say(self, text: str) -> None:
        """Add to its words."""
        self.text = (self.text + safe(text))[-_TAIL:]


@dataclass
class Scores:
    """As `scores.merged` tells them: `rewards` is `{option: {agent: {metric: float}}}`, `totals` best first."""

    rewards: Mapping[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Scene:
    """Changed by one event at a time; not safe for threads."""

    workspace: str = ""
    task: str = ""
    simulated: str = ""
    """The line that says so; empty unless the words are made up."""
    path: list[str] = field(default_factory=list)
    actors: dict[str, Actor] = field(default_factory=dict)
    scores: Scores = field(default_factory=Scores)
    winner: str | None = None
    tokens: int = 0
    cost_usd: float | None = 0.0
    tool_calls: set[str] = field(default_factory=set)
    """Ids of the calls that were carried out."""
    closing: str = ""
    """How it ended; empty while it runs."""

    def show(self, event: Event) -> None:
        """Take one event in."""
        if fold := _FOLDS.get(event.type):
            fold(self, event, event.data)


def _started(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    scene.workspace, scene.task = event.workspace, safe(" ".join(data["task"][:400].split()))
    scene.simulated = label(data)


def _entered(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    scene.path.append(data["stage"])
    scene.actors = {role: Actor(role) for role in data["agents"]}


def _agent_started(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    # A fallback is in no list of the stage. Whoever has waited for a decision begins anew, and says nothing twice.
    before = scene.actors.get(data["agent"])
    kept = (before.text, before.calls) if before and before.asked else ("", set[str]())
    scene.actors[data["agent"]] = Actor(data["agent"], "running", *kept)


def _tool_called(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    _actor(scene, data).calling[data["call_id"]] = invocation(data)


def _tool_returned(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    actor = _actor(scene, data)
    actor.calling.pop(data["call_id"], None)
    if data.get("ran", True):  # one that was refused or denied is not counted, as in the run's usage
        actor.calls.add(data["call_id"])
        scene.tool_calls.add(data["call_id"])
    # A server's question is answered while its call runs; others before it begins.
    actor.asked = {id_: asked for id_, asked in actor.asked.items() if asked[0] != data["tool"]}
    actor.status = "asking" if actor.asked else "running"


def _approval_requested(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    actor = _actor(scene, data)
    actor.status = "asking"
    actor.asked[data["call_id"]] = (data["tool"], wish(data))


def _token(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    _actor(scene, data).say(str(data["text"]))


def _agent_finished(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    _end(scene, data, "done", str(data["text"]))
    usage = data.get("usage") or {}
    scene.simulated = scene.simulated or label(usage)  # a fallback may be, where the run was not to be
    scene.tokens += usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    cost = usage.get("cost_usd", 0.0)
    scene.cost_usd = None if cost is None or scene.cost_usd is None else scene.cost_usd + cost


def _agent_failed(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    _end(scene, data, "failed", str(data["error"]["message"]))


def _end(scene: Scene, data: Mapping[str, Any], status: Status, text: str) -> None:
    actor = scene.actors[data["agent"]] = Actor(data["agent"], status, calls=_actor(scene, data).calls)
    actor.say(text)


def _merged(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    totals = {row["option"]: row["total"] for row in data["ranking"]}
    scene.scores = Scores(data["rewards"], totals, data["weights"])


def _finished(scene: Scene, event: Event, data: Mapping[str, Any]) -> None:
    # A resumed run was told of its new stages only; its result knows them all.
    scene.path = list(data["stages"]) or scene.path
    scene.winner = data.get("winner")
    scene.closing = closing_line(event)


def _actor(scene: Scene, data: Mapping[str, Any]) -> Actor:
    return scene.actors.setdefault(data["agent"], Actor(data["agent"], "running"))


_FOLDS = {
    "run.started": _started,
    "stage.entered": _entered,
    "agent.started": _agent_started,
    "token": _token,
    "tool.called": _tool_called,
    "tool.returned": _tool_returned,
    "approval.requested": _approval_requested,
    "agent.finished": _agent_finished,
    "agent.failed": _agent_failed,
    "scores.merged": _merged,
    "run.finished": _finished,
}
