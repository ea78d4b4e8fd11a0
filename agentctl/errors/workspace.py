"""A file is wrong; the user edits it. Exit 3."""

from collections.abc import Sequence

from agentctl.errors.base import AgentctlError, Problem, did_you_mean


class WorkspaceError(AgentctlError):
    """A file of a workspace is wrong; the user edits it."""

    exit_code = 3
    code = "workspace"


class WorkspaceNotFound(WorkspaceError):
    """No folder of that name has a `workspace.yaml`."""

    code = "workspace-not-found"

    def __init__(self, name: str, known: Sequence[str], *, hint: str = "") -> None:
        super().__init__(
            f"no workspace {name!r} under workspaces/{did_you_mean(name, known)}",
            hint=hint or f"create workspaces/{name}/workspace.yaml, or see what exists with `agentctl list`",
        )
        self.name = name


class WorkspaceInvalid(WorkspaceError):
    """The files do not make a workspace; `problems` holds every fault, in file order."""

    code = "workspace-invalid"

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        count = len(problems)
        super().__init__(
            f"workspace {name!r} has {count} problem{'s' if count != 1 else ''}",
            hint="see every key with `agentctl schema`, and each code in docs/errors.md",
        )
        self.problems = list(problems)


class GenerationMissing(WorkspaceError):
    """The artifacts that a run started with cannot be loaded, so it cannot go on."""

    code = "generation-missing"

    def __init__(self, generation: str, reason: str) -> None:
        super().__init__(
            f"generation {generation} cannot be loaded: {reason}",
            hint="a run continues only on the artifacts it started with; start a new run",
        )
