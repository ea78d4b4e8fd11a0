"""`agentctl why`: the path of a run, with the values that decided."""

from collections.abc import Iterator
from typing import Any

from agentctl.cli.options import Json, Root, RunId


def why(run: RunId, json: Json = False, root: Root = None) -> None:
    """Tell why a run went where it went: exits, routes, scores, and the values that decided."""
    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json
    from agentctl.runtime.explain import explain
    from agentctl.store import Store
    from agentctl.workspace import find_root

    async def story() -> dict[str, Any]:
        async with Store(find_root(root)) as store:
            row = await store.get_run(run)
            return explain(await store.events(row.run_id))

    told = drive(story())
    if json:
        answer_json(told)
    else:
        answer("\n".join(_lines(told)))


def _lines(story: dict[str, Any]) -> Iterator[str]:
    yield f"run {story['run_id']} of {story['workspace']}, generation {story['generation']}"
    yield f"task: {' '.join(story['task'].split())[:200]}"
    if story.get("simulated"):
        yield "SIMULATED: the words of its agents were made up without a model"
    if story["resumed"]:
        yield f"resumed {story['resumed']} time{'s' if story['resumed'] > 1 else ''}"
    for visit in story["visits"]:
        yield ""
        yield from _visit(visit)
    yield ""
    yield f"{story['status']}" + (f": winner {story['winner']}" if story.get("winner") else "")
    if story["error"]:
        yield f"  {story['error']['code']}: {story['error']['message']}"


def _visit(visit: dict[str, Any]) -> Iterator[str]:
    yield f"{visit['stage']}, visit {visit['visit']}, {visit['rounds']} round{'s' if visit['rounds'] != 1 else ''}"
    for agent in visit["agents"]:
        yield f"  {_agent(agent)}"
    for place, row in enumerate(visit["ranking"], 1):
        yield f"  {place}. {row['option']}: {row['total']:.4g}"
    if visit["ranking"] and visit["weights"]:
        yield "  weights: " + ", ".join(f"{metric} {weight:g}" for metric, weight in visit["weights"].items())
    for warning in visit["warnings"]:
        yield f"  warning: {warning}"
    if visit["why"] is None:
        yield "  not left: the run stopped here"
        return
    yield f"  left because {visit['why']}"
    for test in visit["tested"]:
        taken = "taken" if test["result"] else "not taken"
        yield f"  → {test['to']} {taken}: {test['when']}"
        for name, value in test["values"].items():
            yield f"      {name} = {value!r}"
    if not any(test["result"] for test in visit["tested"]):
        yield f"  → {visit['to']} taken (no condition)"


def _agent(agent: dict[str, Any]) -> str:
    if "error" in agent:
        return f"✗ {agent['agent']}: {agent['error']['message']} → {agent['then']}"
    writes = ", ".join(agent["writes"]) or "history"
    return f"✓ {agent['agent']} (step {agent['step']}) wrote {writes}"
