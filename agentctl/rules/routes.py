"""Where a run goes when a stage is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agentctl.errors import RunError
from agentctl.rules.expression import Expression


@dataclass(frozen=True, slots=True)
class Route:
    """A way out of a stage; without `when` it is always open."""

    when: Expression | None
    to: str


@dataclass(frozen=True, slots=True)
class TestedRoute:
    """A condition that was evaluated, with its outcome and the values that decided."""

    __test__ = False  # pytest takes classes of this name for tests

    to: str
    when: str
    result: bool
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the open route leads, and every condition that was tested, in order; the last one may be its own."""

    to: str
    tested: list[TestedRoute]


def choose(routes: Sequence[Route], names: Mapping[str, object]) -> Choice:
    """Take the first route that is open.

    Raises:
        ExpressionFailed: a condition has no value.
        RunError: no route is open.
    """
    tested: list[TestedRoute] = []
    for route in routes:
        if route.when is None:
            return Choice(route.to, tested)
        result = route.when.is_true(names)
        tested.append(TestedRoute(route.to, route.when.text, result, route.when.explain(names)))
        if result:
            return Choice(route.to, tested)
    raise RunError(
        "no route out of the stage is open: " + "; ".join(f"`{test.when}` is false" for test in tested),
        hint="end `next:` with a route that has no `when`",
    )
