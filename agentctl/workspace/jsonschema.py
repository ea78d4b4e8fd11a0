"""The JSON Schema of workspace files, for editors and `agentctl schema`."""

import ast
import inspect
from itertools import pairwise
from typing import Any

from agentctl.workspace import spec
from agentctl.workspace.spec import AgentSpec, Spec, WorkspaceSpec


def workspace_json_schema() -> dict[str, Any]:
    """The schema of `workspace.yaml`; an agent's file is its `#/$defs/AgentSpec`."""
    return _schema(WorkspaceSpec, "agentctl workspace.yaml")


def agent_json_schema() -> dict[str, Any]:
    """The schema of `agents/*.yaml`."""
    return _schema(AgentSpec, "agentctl agents/<role>.yaml")


def _schema(model: type[Spec], title: str) -> dict[str, Any]:
    schema = model.model_json_schema()
    # pydantic can do this itself (`use_attribute_docstrings`), but reads the source again for every
    # class at import, which is most of what importing the specs would cost.
    docs = _docstrings()
    for name, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        for key, field in part.get("properties", {}).items():
            if (name, key) in docs:
                field["description"] = docs[name, key]
    schema.pop("title")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _docstrings() -> dict[tuple[str, str], str]:
    """Class and field to the string that stands below it in `spec.py`."""
    docs = {}
    for model in ast.parse(inspect.getsource(spec)).body:
        if not isinstance(model, ast.ClassDef):
            continue
        for pair in pairwise(model.body):
            match pair:
                case ast.AnnAssign(target=ast.Name(id=field)), ast.Expr(value=ast.Constant(value=str(text))):
                    docs[model.name, field] = inspect.cleandoc(text)
    return docs
