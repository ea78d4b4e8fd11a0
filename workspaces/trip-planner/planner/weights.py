"""The weights by which the jury counts, as this workspace's own file says them."""

from collections.abc import Mapping
from pathlib import Path

import yaml


def read_weights() -> Mapping[str, float | str]:
    """Metric to weight (a number, or an expression as it is written) of the first stage that has any."""
    file = Path(__file__).parents[1] / "workspace.yaml"
    stages = yaml.safe_load(file.read_text(encoding="utf-8"))["stages"]
    return next((stage["weights"] for stage in stages.values() if stage.get("weights")), {})
