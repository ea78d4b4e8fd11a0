"""What a run has spent, and whether it may spend more."""

from collections import Counter
from dataclasses import dataclass, field

from agentctl.errors import LimitReached
from agentctl.workspace.spec import LimitsSpec


@dataclass
class Budget:
    """Counts one run's usage over all its resumes; shared by its agents, on one loop.

    `cost_usd` is None once one of `unpriced`, models without a known price, was used.
    """

    limits: LimitsSpec
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    model_calls: int = 0
    tool_calls: int = 0
    unpriced: set[str] = field(default_factory=set)
    calls_of: Counter[str] = field(default_factory=Counter)
    """Tool to its calls in this run."""

    def check(self) -> None:
        """Before each call.

        Raises:
            LimitReached: tokens or cost are used up. Calls in flight finish.
        """
        spent = {"max_tokens": self.input_tokens + self.output_tokens, "max_cost_usd": self.cost_usd or 0.0}
        for name, amount in spent.items():
            allowed = getattr(self.limits, name)
            if allowed is not None and amount >= allowed:
                raise LimitReached(name, allowed)

    def add_model_call(self, model: str, input_tokens: int, output_tokens: int, cost_usd: float | None) -> None:
        """Count a finished model call."""
        self.model_calls += 1
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost_usd is None:
            self.unpriced.add(model)
        self.cost_usd = None if cost_usd is None or self.cost_usd is None else self.cost_usd + cost_usd

    def check_tool_call(self) -> None:
        """Before each call of a tool.

        Raises:
            LimitReached: as `check`, or as many tools were called as may be.
        """
        self.check()
        allowed = self.limits.max_tool_calls
        if allowed is not None and self.tool_calls >= allowed:
            raise LimitReached("max_tool_calls", allowed)

    def add_tool_call(self, tool: str) -> None:
        """Count a call of a tool as it begins."""
        self.tool_calls += 1
        self.calls_of[tool] += 1

    def unpriced_warning(self) -> str:
        """What to tell of models without a known price; empty if there are none."""
        if not self.unpriced:
            return ""
        held = ", and `max_cost_usd` cannot hold" if self.limits.max_cost_usd is not None else ""
        return f"no price is known for {', '.join(sorted(self.unpriced))}: cost_usd is null{held}"

    def usage(self, duration_s: float) -> dict[str, object]:
        """As `run.finished` tells it."""
        cost = None if self.cost_usd is None else round(self.cost_usd, 6)
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": cost,
            "model_calls": self.model_calls,
            "tool_calls": self.tool_calls,
            "duration_s": round(duration_s, 3),
        }
