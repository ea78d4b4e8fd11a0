"""The reference pages, made from the code: `python -m tests.shape.reference` writes them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from agentctl.cli import app
from agentctl.workspace import agent_json_schema, workspace_json_schema

DOCS = Path(__file__).parents[2] / "docs"


def cli_page() -> str:
    parts = [
        "# Command line\n",
        "Made from `--help` by `python -m tests.shape.reference`.\n",
        "Answers go to stdout, everything else to stderr. Exit codes: 0 done · 1 bug in agentctl · 2 usage · "
        "3 workspace invalid or not found · 4 run failed · 5 a service, key or database is not usable · "
        "6 limit reached · 130 stopped.\n",
    ]
    for words in ([], *_commands(get_command(app))):
        parts += [f"## agentctl {' '.join(words)}".rstrip() + "\n", f"```text\n{_help(words)}\n```\n"]
    return "\n".join(parts)


def _commands(group: Any) -> Iterator[list[str]]:
    """Every command, and behind a group its own."""
    for name, command in group.commands.items():
        yield [name]
        if hasattr(command, "commands"):
            yield from ([name, *words] for words in _commands(command))


def _help(words: list[str]) -> str:
    code = f"import sys; sys.argv[0] = 'agentctl'; import agentctl.cli; agentctl.cli.main({[*words, '--help']})"
    env = {"COLUMNS": "110", "TERM": "dumb", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env, cwd=DOCS.parent
    )
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines())


def workspace_page() -> str:
    parts = ["# Workspace files\n", "Made from the specs by `python -m tests.shape.reference`.\n"]
    parts += ["## workspace.yaml\n", *_tables(workspace_json_schema())]
    parts += ["## agents/&lt;role&gt;.yaml\n", "The role is the file's stem.\n", *_tables(agent_json_schema())]
    return "\n".join(dict.fromkeys(parts))


def _tables(schema: dict[str, Any]) -> Iterator[str]:
    yield _table(schema)
    for name, part in schema.get("$defs", {}).items():
        if part.get("properties"):
            about = f"{part['description'].strip()}\n" if part.get("description") else ""
            yield f"### {name.removesuffix('Spec')}\n\n{about}\n{_table(part)}"


def _table(schema: dict[str, Any]) -> str:
    rows = ["| Key | Takes | Default | Means |", "|---|---|---|---|"]
    for key, field in schema["properties"].items():
        default = _default(field.get("default"))
        means = " ".join(field.get("description", "").split()).replace("|", "\\|")
        rows.append(f"| `{key}` | {_takes(field)} | {default.replace('|', chr(92) + '|')} | {means} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    """A scalar, or the short form of a mapping that has one; the parts of others have rows of their own."""
    if isinstance(value, dict):
        short = [value[key] for key in ("name", "rule", "action", "mode") if value.get(key)]
        return f"`{short[0]}`" if short else ""
    return f"`{value}`" if value not in (None, "", []) else ""


def _takes(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return field["$ref"].rsplit("/", 1)[-1].removesuffix("Spec")
    if "enum" in field or "const" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    options = [option for option in field.get("anyOf", field.get("oneOf", [])) if option.get("type") != "null"]
    if options:
        return " or ".join(dict.fromkeys(_takes(option) for option in options))
    if field.get("type") == "array":
        return f"list of {_takes(field.get('items', {}))}"
    if field.get("type") == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"mapping to {_takes(field['additionalProperties'])}"
    return str(field.get("type", "anything"))


PAGES = {"cli.md": cli_page, "workspace-files.md": workspace_page}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make())
