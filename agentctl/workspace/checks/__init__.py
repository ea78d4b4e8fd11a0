"""Checks across keys and files, after each value for itself is right.

Each check takes the draft and reports into it; none runs code of the workspace.
"""

from agentctl.workspace.checks.entry import check_entries
from agentctl.workspace.checks.expression import check_expressions
from agentctl.workspace.checks.flow import check_flow
from agentctl.workspace.checks.kind import check_kinds
from agentctl.workspace.checks.model import check_models
from agentctl.workspace.checks.name import check_names
from agentctl.workspace.checks.policy import check_policy
from agentctl.workspace.checks.prompt import check_prompts
from agentctl.workspace.checks.reference import check_references
from agentctl.workspace.checks.schema import check_schemas
from agentctl.workspace.checks.tool import check_tools
from agentctl.workspace.draft import Draft

CHECKS = (
    check_names,
    check_kinds,
    check_models,
    check_references,
    check_schemas,
    check_entries,
    check_tools,
    check_flow,
    check_policy,
    check_expressions,
    check_prompts,
)


def run_checks(draft: Draft) -> None:
    """All of them; each sees what the others have let pass."""
    for check in CHECKS:
        check(draft)
