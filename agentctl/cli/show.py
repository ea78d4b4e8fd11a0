"""`agentctl show`: what a workspace declares."""

from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.cli.options import Json, Root, WorkspaceName


def show(workspace: WorkspaceName, json: Json = False, root: Root = None) -> None:
    """Show a workspace's stages, agents, channels and limits.

    Runs no code of it.
    """
    from agentctl.cli.output import answer_either
    from agentctl.cli.project import workspace_name
    from agentctl.cli.sheet import build_sheet
    from agentctl.workspace import find_root, load_workspace

    project = find_root(root)
    sheet = build_sheet(load_workspace(project, workspace_name(project, workspace)))
    answer_either(sheet, _lines(sheet), json=json)


def _lines(sheet: Mapping[str, Any]) -> Iterator[str]:
    yield f"{sheet['name']}  generation {sheet['generation']}, {sheet['files']} files in {sheet['folder']}"
    if sheet["description"]:
        yield sheet["description"]
    yield from ("", "stages")
    for stage in sheet["stages"]:
        yield from _stage(stage, is_start=stage["name"] == sheet["start"])
    yield from ("", "agents")
    for agent in sheet["agents"]:
        yield from _agent(agent)
    if sheet["channels"]:
        yield from ("", "channels")
    for channel in sheet["channels"]:
        yield f"  {channel['name']}: {channel['type']}, written by {', '.join(channel['writers'])}"
    limits = ", ".join(f"{name} {value:g}" for name, value in sheet["limits"].items())
    yield from ("", f"limits  {limits or 'none but max_steps 1000'}")
    for warning in sheet["warnings"]:
        yield f"warning: {warning}"


def _stage(stage: Mapping[str, Any], *, is_start: bool) -> Iterator[str]:
    from agentctl.cli.words import lineup

    yield f"  {stage['name']}{' (start)' if is_start else ''}: {lineup(stage['agents'], stage['order'])}"
    if stage["description"]:
        yield f"    {stage['description']}"
    yield f"    exit     {_rule(stage['exit'])}; at most {stage['max_rounds']} rounds"
    if stage["weights"]:
        yield "    weights  " + ", ".join(f"{metric} {_number(weight)}" for metric, weight in stage["weights"].items())
    for number, route in enumerate(stage["routes"]):
        when = f" when {route['when']}" if route["when"] else " otherwise" if number else ""
        yield f"    {'next' if not number else '    '}     {route['to']}{when}"


def _agent(agent: Mapping[str, Any]) -> Iterator[str]:
    does = agent["model"] or agent["entry"] or agent["rule"] or ""
    yield f"  {agent['role']}: {agent['kind']} {does}".rstrip() + f", {agent['capability']}"
    if agent["description"]:
        yield f"    {agent['description']}"
    reads = "every channel" if agent["reads"] is None else ", ".join(agent["reads"]) or "nothing"
    yield f"    reads    {reads}"
    yield f"    writes   {', '.join(agent['writes'])}"
    for name in ("scores", "tools"):
        if agent[name]:
            yield f"    {name:<9}{', '.join(agent[name])}"
    for name, usual in (("exit", "once_per_stage"), ("on_error", "fail")):
        if (rule := _rule(agent[name])) != usual:
            yield f"    {name:<9}{rule}"


def _rule(rule: Mapping[str, Any]) -> str:
    """A rule of one key, in its short form where it has one: `all_agents`, `quorum 2`, `when x > 1`."""
    [(key, value)] = rule.items()
    return str(value) if key in ("rule", "action") else f"{key} {value}"


def _number(weight: float | str) -> str:
    return weight if isinstance(weight, str) else f"{weight:g}"
