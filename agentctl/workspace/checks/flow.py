"""Where a run can go: reachability, the way to `final`, loops, quorums and the order of routes."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

from agentctl.workspace.checks.expression import bounds
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft
from agentctl.workspace.spec import LimitsSpec, RouteSpec
from agentctl.workspace.stages import FINAL, StageRegistry

_MAX_LOOPS = 20
Graph = Mapping[str, Iterable[str]]


def check_flow(draft: Draft) -> None:
    """Everything about ways between stages that can be known without running."""
    _check_quorums(draft)
    _check_routes(draft)
    spec = draft.spec
    if spec is None or not draft.is_whole("stages", "start") or (spec.start or FINAL) not in (*spec.stages, FINAL):
        return
    registry = StageRegistry(spec)
    graph = {name: [route.to for route in _live(registry.routes(name))] for name in registry.names}
    if any(to not in graph and to != FINAL for ways in graph.values() for to in ways):
        return
    reached = _reach([registry.start], graph)
    _check_ends(draft, graph, reached)
    _check_loops(draft, registry, {name: graph[name] for name in graph if name in reached}, spec.limits)


def _live(routes: list[RouteSpec]) -> list[RouteSpec]:
    """Routes up to the first that is always taken."""
    always = next((index for index, route in enumerate(routes) if route.when is None), len(routes))
    return routes[: always + 1]


def _check_routes(draft: Draft) -> None:
    for name, stage in draft.stages.items():
        part = draft.main / "stages" / name / "next"
        if stage.next and stage.next[-1].when is not None:
            at = (part / (len(stage.next) - 1) / "when").key
            draft.report.add("E305", at, f"{part.name}: the last route may have no `when`", "add `- {to: …}` behind it")
        for index in range(len(_live(stage.next)), len(stage.next)):
            at = (part / index).value
            draft.report.add("E306", at, f"{(part / index).name} is never tested: a route before it has no `when`")


def _check_quorums(draft: Draft) -> None:
    for name, stage in draft.stages.items():
        part = draft.main / "stages" / name / "exit" / "quorum"
        _check_quorum(draft, stage.exit.quorum, len(stage.agents), part, "in the stage")
    if draft.strangers or not draft.is_whole("stages", "agents"):
        return
    in_stages = {role for stage in draft.stages.values() for role in stage.agents}
    scoring = sum(1 for role in in_stages if draft.agents[role].scores)
    for role, agent in draft.agents.items():
        part = draft.parts[role] / "quorum"
        if agent.kind == "decision":
            _check_quorum(draft, agent.quorum, scoring, part, "with `scores`")


def _check_quorum(draft: Draft, quorum: int | None, available: int, part: Part, which: str) -> None:
    if quorum is not None and quorum > available:
        agents = "is 1 agent" if available == 1 else f"are {available} agents"
        draft.report.add("E304", part.value, f"{part.name} is {quorum}, but there {agents} {which}")


def _check_ends(draft: Draft, graph: Graph, reached: set[str]) -> None:
    back: dict[str, list[str]] = {}
    for name, ways in graph.items():
        for to in ways:
            back.setdefault(to, []).append(name)
    ending = _reach([FINAL], back)
    for name in graph:
        part = draft.main / "stages" / name
        if name not in reached:
            draft.report.add("E301", part.key, f"stage {name!r} is never reached")
        elif name not in ending:
            draft.report.add("E302", part.key, f"from stage {name!r} no route leads to 'final'")


def _check_loops(draft: Draft, registry: StageRegistry, graph: Graph, limits: LimitsSpec) -> None:
    """A loop is bounded by a limit, or by `visits` or `rounds` where it goes on or is left."""
    if limits.max_steps or limits.timeout_s or limits.max_tokens or limits.max_cost_usd or not draft.is_whole("limits"):
        return
    free = {name: _unbounded(draft, name, _live(registry.routes(name)), graph) for name in graph}
    for _ in range(_MAX_LOOPS):
        loop = _find_loop(free)
        if not loop:
            return
        first = min(loop, key=registry.names.index)
        turn = loop.index(first)
        part = draft.main / "stages" / first
        at = (part / "next").key if part.node.child("next") else part.key
        path = " → ".join([*loop[turn:], *loop[:turn], first])
        hint = f"add `visits` to a condition, as in `visits['{first}'] < 3`, or set `limits: {{max_steps: …}}`"
        draft.report.add("E303", at, f"nothing bounds the loop {path}", hint)
        for name in loop:
            del free[name]


def _unbounded(draft: Draft, name: str, routes: list[RouteSpec], whole: Graph) -> list[str]:
    """Where `routes` lead without a bound in their condition, or in an earlier one that leaves the loop."""
    ways = []
    for route in routes:
        if route.when is not None and bounds(draft, route.when):
            if name not in _reach([route.to], whole):
                break
        else:
            ways.append(route.to)
    return ways


def _find_loop(graph: Graph) -> list[str]:
    """The stages of one loop, in order; empty if there is none."""
    try:
        TopologicalSorter({name: [to for to in ways if to in graph] for name, ways in graph.items()}).prepare()
    except CycleError as error:
        # graphlib takes edges as "depends on", so that its loop runs backwards.
        backwards: list[str] = error.args[1]
        return backwards[:0:-1]
    return []


def _reach(start: Iterable[str], graph: Graph) -> set[str]:
    """Everything that can be reached, the start included."""
    seen, ahead = set[str](), list(start)
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead.extend(graph.get(name, ()))
    return seen
