"""`agentctl list`: the workspaces of the project."""

from pathlib import Path
from typing import TypedDict

from agentctl.cli.options import Json, Root


class Row(TypedDict):
    """One workspace; an invalid one has neither agents nor stages nor a generation."""

    name: str
    description: str
    agents: list[str]
    stages: list[str]
    generation: str | None
    problems: int
    warnings: int


def list_(json: Json = False, root: Root = None) -> None:
    """List the project's workspaces, those with problems too."""
    from agentctl.cli.output import answer_rows
    from agentctl.workspace import find_root, list_workspaces

    project = find_root(root)
    rows = [_row(project, name) for name in list_workspaces(project)]
    hint = "create one with `agentctl new NAME`, or copy one with `agentctl new NAME --from trip-planner`"
    answer_rows(rows, _cells, f"no workspaces in {project}\nhint: {hint}", json=json)


def _row(root: Path, name: str) -> Row:
    from agentctl.workspace import check_workspace

    workspace, problems = check_workspace(root, name)
    errors = sum(problem.severity == "error" for problem in problems)
    return {
        "name": name,
        "description": workspace.spec.description if workspace else "",
        "agents": list(workspace.spec.agents) if workspace else [],
        "stages": workspace.stages.names if workspace else [],
        "generation": workspace.generation if workspace else None,
        "problems": errors,
        "warnings": len(problems) - errors,
    }


def _cells(row: Row) -> list[str]:
    from agentctl.cli.output import plural

    if row["problems"]:
        return [row["name"], plural(row["problems"], "problem"), "", f"see `agentctl validate {row['name']}`"]
    return [row["name"], plural(len(row["agents"]), "agent"), plural(len(row["stages"]), "stage"), row["description"]]
