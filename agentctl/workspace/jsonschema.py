"""The JSON Schema of workspace files, for editors and `agentctl schema`."""

import ast
import inspect
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
            if key in docs.get(name, {}):
                field["description"] = docs[name][key]
    schema.pop("title")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}


def _docstrings() -> dict[str, dict[str, str]]:
    """Class to field to the string that stands below it in `spec.py`."""
    tree = ast.parse(inspect.getsource(spec))
    return {each.name: _of_fields(each) for each in tree.body if isinstance(each, ast.ClassDef)}


def _of_fields(model: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, below in zip(model.body, model.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            docs[field.target.id] = inspect.cleandoc(str(below.value.value))
    return docs
