"""The names that expressions and prompts see, computed when they are asked for."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agentctl.channels.policy import STANDARD
from agentctl.channels.scores import ranking
from agentctl.channels.view import view
from agentctl.graph.flow import Flow
from agentctl.rules import evaluate_weights

EMPTY: Mapping[str, object] = {"memories": (), "turns": (), "earlier": "", "attachments": ()}
"""Seeded by sessions and memory; empty without them."""


class Names(Mapping[str, object]):
    """Every channel by name, `state`, `stage`, `visits`, `rounds`, `ranking` and what `more` adds.

    Args:
        state: the values of a LangGraph step, every channel seeded.
        weighted: the stage whose weights rank the options; empty where none has any.
        rounds: finished in this visit.
        reads: the channels that are shown; None for all.
    """

    def __init__(
        self,
        flow: Flow,
        state: Mapping[str, Any],
        *,
        weighted: str = "",
        rounds: int = 0,
        reads: list[str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        shown = [name for name in (*STANDARD, *flow.channels) if reads is None or name in reads]
        channels = {name: state[name] for name in shown}
        self._flow, self._weighted = flow, weighted
        self._fixed: dict[str, object] = {**{n: view(v) for n, v in channels.items()}, "state": view(channels)}
        for name in ("stage", "visits", "executed_agents_per_stage"):
            self._fixed.setdefault(name, view(state[name]))
        self._fixed |= {"_peaks": state["_peaks"], "_options": state["options"]}
        self._fixed.update({"rounds": rounds, **EMPTY, **(more or {})})
        self._rewards, self._options = state["rewards"], state["options"]
        self._lazy: dict[str, Callable[[], object]] = {"ranking": self._ranking, "_weights": self._weights}

    def __getitem__(self, name: str) -> object:
        if name not in self._fixed:
            self._fixed[name] = self._lazy[name]()
        return self._fixed[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._fixed, **self._lazy})

    def __len__(self) -> int:
        return len({**self._fixed, **self._lazy})

    def __contains__(self, name: object) -> bool:
        return name in self._fixed or name in self._lazy

    def _weights(self) -> object:
        """Metric to weight under the ruling stage; empty where no stage has any, so that each counts 1."""
        if not self._weighted:
            return {}
        return evaluate_weights(self._flow.stages[self._weighted].weights, self._fixed)

    def _ranking(self) -> object:
        if not self._rewards:  # weights may read what is only there once somebody has scored
            return ()
        weights: Any = self["_weights"]
        return view(ranking(self._rewards, self._options, weights))
