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
    reason = _own_reason(exit, agents, exited, succeeded, names)
    if reason is None and set(agents) <= set(exited):
        return "nobody is left to run"
    return reason


def _own_reason(
    exit: StageExit,
    agents: Sequence[str],
    exited: Collection[str],
    succeeded: Collection[str],
    names: Mapping[str, object],
) -> str | None:
    if exit.when is not None:
        return f"`{exit.when.text}` is true" if exit.when.is_true(names) else None
    if exit.quorum is not None:
        finished = len(set(agents) & set(succeeded))
        return f"quorum of {exit.quorum} reached" if finished >= exit.quorum else None
    gone = [agent for agent in agents if agent in exited]
    if exit.rule == "any_agent":
        return f"{gone[0]} has exited" if gone else None
    return "all agents have exited" if len(gone) == len(agents) else None
