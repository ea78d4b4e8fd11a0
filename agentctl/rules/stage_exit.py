"""When a stage is left."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agentctl.rules.expression import Expression


@dataclass(frozen=True, slots=True)
class StageExit:
    """Exactly one of the three is set; none is `all_agents`."""

    rule: Literal["all_agents", "any_agent"] | None = None
    quorum: int | None = None
    when: Expression | None = None


def why_exit(
    exit: StageExit,
    *,
    agents: Sequence[str],
    exited: Collection[str],
    succeeded: Collection[str],
    names: Mapping[str, object],
) -> str | None:
    """Why a stage is left now, for people; `None` if another round follows.

    Args:
        exit: its rule, tested after each round.
        agents: the roles of the stage.
        exited: those that run no more in this visit.
        succeeded: those that have finished without failing in this visit.
        names: what `when` reads.

    Raises:
        ExpressionFailed: `when` has no value.
    """
    gone = [agent for agent in agents if agent in exited]
    is_deserted = len(gone) == len(agents)
    if exit.when is not None:
        if exit.when.is_true(names):
            return f"`{exit.when.text}` is true"
    elif exit.quorum is not None:
        if len(set(agents) & set(succeeded)) >= exit.quorum:
            return f"quorum of {exit.quorum} reached"
    elif exit.rule == "any_agent":
        if gone:
            return f"{gone[0]} has exited"
    elif is_deserted:
        return "all agents have exited"
    return "nobody is left to run" if is_deserted else None
