"""`agentctl why`: what the agents of a run said, its path, and the values that decided."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from agentctl.cli.options import Json, MaybeRunId, Root

Full = Annotated[bool, typer.Option("--full", help="Print the whole texts of agents, not their first lines.")]
Story = dict[str, Any]
_COLUMNS = 100
"""In a pipe, which has no width."""


def why(run: MaybeRunId = None, full: Full = False, json: Json = False, root: Root = None) -> None:
    """Tell why a run went where it went, and what its agents said.

    It tells exits, routes, scores, and the values that decided.
    """
    import shutil

    from agentctl.cli.drive import drive
    from agentctl.cli.output import answer, answer_json
    from agentctl.workspace import find_root

    story = drive(_told(find_root(root), run))
    if json:
        answer_json(story)
    else:
        width = None if full else shutil.get_terminal_size((_COLUMNS, 24)).columns
        answer("\n".join(_lines(story, width)))


async def _told(root: Path, run: str | None) -> Story:
    """The story of a run; default: of the newest."""
    from agentctl.cli.project import project_store
    from agentctl.cli.status import status_of
    from agentctl.errors import UsageError
    from agentctl.runtime.explain import explain

    async with project_store(root) as store:
        # Looking leaves nothing behind, so a state that is not there is not made.
        newest = [] if store.is_new else await store.list_runs(limit=1)
        if not newest:
            raise UsageError("nothing ran yet in this project", hint='start with `agentctl run WS "TASK"`')
        row = newest[0] if run is None else await store.get_run(run)
        events = await store.events(row.run_id)
    story = explain(events)
    if story["status"] == "running":
        story["status"] = status_of(row)
    # What was killed at once has told nothing.
    known = {"run_id": row.run_id, "workspace": row.workspace, "generation": row.generation, "task": row.task}
    return {**story, **known}


def _lines(story: Story, width: int | None) -> Iterator[str]:
    from agentctl.cli.output import line
    from agentctl.cli.words import label

    yield f"run {story['run_id']} of {story['workspace']}, generation {story['generation']}"
    yield f"task: {line(story['task'])[:200]}"
    if story.get("simulated"):
        yield label(story)
    if story["resumed"]:
        yield f"resumed {story['resumed']} time{'s' if story['resumed'] > 1 else ''}"
    for visit in story["visits"]:
        yield ""
        yield from _visit(visit, width)
    yield ""
    yield from _end(story)


def _end(story: Story) -> Iterator[str]:
    from agentctl.cli.output import line

    in_flight = [role for visit in story["visits"] for role in visit["unfinished"]]
    who = f" while {', '.join(in_flight)} ran" if in_flight and story["status"] != "running" else ""
    yield story["status"] + who + (f": winner {line(story['winner'])}" if story.get("winner") else "")
    if story["error"]:
        yield f"  {story['error']['code']}: {line(story['error']['message'])}"
    if story["status"] == "killed":
        yield f"  continue with `agentctl resume {story['run_id']}`"


def _visit(visit: Story, width: int | None) -> Iterator[str]:
    from agentctl.cli.output import line, plural

    yield f"{visit['stage']}, visit {visit['visit']}, {plural(visit['rounds'], 'round')}"
    told = 1
    for agent in visit["agents"]:
        if agent["round"] != told:
            told = agent["round"]
            yield f"  round {told}"
        yield from _agent(agent, width)
    yield from (f"  … {role} started and did not finish" for role in visit["unfinished"])
    for place, row in enumerate(visit["ranking"], 1):
        yield f"  {place}. {line(row['option'])}: {row['total']:.4g}"
    if visit["ranking"] and visit["weights"]:
        yield "  weights: " + ", ".join(f"{metric} {weight:g}" for metric, weight in visit["weights"].items())
    yield from (f"  warning: {line(warning)}" for warning in visit["warnings"])
    yield from _exit(visit)


def _exit(visit: Story) -> Iterator[str]:
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


def _agent(agent: Story, width: int | None) -> Iterator[str]:
    """Who it is, then what it said: the first line cut to `width`, or all of it."""
    from agentctl.cli.output import cut, line
    from agentctl.cli.words import conclusion

    if "error" in agent:
        yield f"  ✗ {agent['agent']}: {line(agent['error']['message'])} → {agent['then']}"
        return
    yield f"  ✓ {agent['agent']} (step {agent['step']}) wrote {', '.join(agent['writes']) or 'history'}"
    said = conclusion(agent).strip()
    if said and width is not None:
        first, *more = said.splitlines()
        yield "      " + cut(line(first) + (" …" if more else ""), max(20, width - 6))
    elif said:
        yield from ("      " + each for each in said.splitlines())
