"""The JSON Schema of workspace files, for editors and `agentctl schema`."""

from agentctl.workspace.spec import AgentSpec, WorkspaceSpec


def workspace_json_schema() -> dict[str, object]:
    """The schema of `workspace.yaml`; an agent's file is its `#/$defs/AgentSpec`."""
    schema: dict[str, object] = WorkspaceSpec.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agentctl workspace.yaml",
        **{key: value for key, value in schema.items() if key != "title"},
    }


def agent_json_schema() -> dict[str, object]:
    """The schema of `agents/*.yaml`."""
    schema: dict[str, object] = AgentSpec.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "agentctl agents/<role>.yaml",
        **{key: value for key, value in schema.items() if key != "title"},
    }
