"""Run one task and read its result."""

from pathlib import Path

import agentctl

result = agentctl.run(
    "trip-planner",
    "Just plan four days of hiking and food in May for 900 euros",
    root=Path(__file__).parent.parent,
)
print(result.output)
print("status:", result.status, "| stages:", " → ".join(result.stages), "| winner:", result.winner)
