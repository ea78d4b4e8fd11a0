"""`agentctl schema`: the JSON Schema of workspace files, for editors."""

from typing import Annotated

import typer


def schema(
    agent: Annotated[bool, typer.Option("--agent", help="Of `agents/*.yaml`, not of `workspace.yaml`.")] = False,
) -> None:
    """Print the JSON Schema of `workspace.yaml`, for editors.

    It says what every key means.
    """
    from agentctl.cli.output import answer_json
    from agentctl.workspace import agent_json_schema, workspace_json_schema

    answer_json(agent_json_schema() if agent else workspace_json_schema())
