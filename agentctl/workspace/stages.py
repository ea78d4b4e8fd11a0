"""The stages of a workspace, with what the file leaves out filled in."""

from agentctl.workspace.spec import RouteSpec, StageSpec, WorkspaceSpec

FINAL = "final"


class StageRegistry:
    """Read-only; serves every run of its generation."""

    def __init__(self, spec: WorkspaceSpec) -> None:
        self._stages = dict(spec.stages)
        self.names = list(spec.stages)
        """In the file's order."""
        self.start = spec.start or self.names[0]
        """Where a run starts."""

    def get(self, name: str) -> StageSpec:
        """The stage `name`, which must exist."""
        return self._stages[name]

    def routes(self, name: str) -> list[RouteSpec]:
        """The ways out, in the order that they are tested; the default is the following stage."""
        declared = self._stages[name].next
        if declared:
            return list(declared)
        after = self.names.index(name) + 1
        return [RouteSpec(to=self.names[after] if after < len(self.names) else FINAL)]
