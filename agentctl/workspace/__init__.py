"""Workspaces: specs, loading, diagnostics and stored generations. Runs no code of a workspace.

May import `errors`, `rules`, `channels.policy` and `settings`. What `list` needs is in
`discovery` and costs nothing; the rest is imported on first use, because pydantic and
YAML cost more than a whole `agentctl list`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from agentctl.workspace.discovery import find_root, list_workspaces

if TYPE_CHECKING:
    from agentctl.workspace.generation import load_generation, store_generation
    from agentctl.workspace.jsonschema import agent_json_schema, workspace_json_schema
    from agentctl.workspace.load import check_folders, check_workspace, load_workspace
    from agentctl.workspace.report import render
    from agentctl.workspace.workspace import Workspace

__all__ = [
    "Workspace",
    "agent_json_schema",
    "check_folders",
    "check_workspace",
    "find_root",
    "list_workspaces",
    "load_generation",
    "load_workspace",
    "render",
    "store_generation",
    "workspace_json_schema",
]

_LAZY = {
    "Workspace": "workspace",
    "agent_json_schema": "jsonschema",
    "check_folders": "load",
    "check_workspace": "load",
    "load_generation": "generation",
    "load_workspace": "load",
    "render": "report",
    "store_generation": "generation",
    "workspace_json_schema": "jsonschema",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
