"""When an agent has done its part in a visit of a stage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agentctl.rules.expression import Expression


@dataclass(frozen=True, slots=True)
class AgentExit:
    """Exactly one of the three is set; none is `once_per_stage`."""

    rule: Literal["once_per_stage", "once"] | None = None
    max_runs: int | None = None
    until: Expression | None = None


def exited(exit: AgentExit, runs_this_visit: int, runs_this_run: int, names: Mapping[str, object]) -> bool:
    """Whether an agent runs no more in this visit.

    Args:
        exit: its rule.
        runs_this_visit: executions since the stage was entered.
        runs_this_run: executions since the run began, in whatever stage.
        names: what `until` reads; it is tested after an execution, never before the first.

    Raises:
        ExpressionFailed: `until` has no value.
    """
    if exit.until is not None:
        return runs_this_visit > 0 and exit.until.is_true(names)
    if exit.max_runs is not None:
        return runs_this_visit >= exit.max_runs
    return (runs_this_run if exit.rule == "once" else runs_this_visit) > 0
