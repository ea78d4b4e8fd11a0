"""Run several tasks at once in one process: agents are shared, runs are not."""

import asyncio
from pathlib import Path

import agentctl

TASKS = (
    "Just plan a week of beaches in July for 1500 euros",
    "Just plan three days of museums in February for 500 euros",
    "Just plan ten days of nature and food in September for 2500 euros",
    "A weekend on the moon for 10 euros",
)


async def main() -> None:
    async with agentctl.open(Path(__file__).parent.parent) as hub:
        results = await asyncio.gather(*(hub.run("trip-planner", task) for task in TASKS))
    for task, result in zip(TASKS, results, strict=True):
        print(f"{task}\n    → {result.output.splitlines()[0]}")


asyncio.run(main())
