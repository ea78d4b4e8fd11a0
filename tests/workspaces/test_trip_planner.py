"""Trip-planner's agents, walked through by hand."""

import re

import pytest

README_TASK = "Five days of food and art in October for 1200 euros"


def test_the_readme_task_is_booked_within_budget(debate) -> None:
    state = debate.run(README_TASK)

    assert state["decision"]["verdict"] == "book"
    assert len(state["options"]) == 3
    for part in ("5 days in October", "## Why this one", "- Day 5:", "What I assumed", "## Booking"):
        assert part in state["output"]


def test_the_cost_table_adds_up(debate) -> None:
    table = debate.run(README_TASK)["output"].split("## What it costs")[1].split("##")[0]
    amounts = {
        row[0].strip(): int(row[1].replace(",", ""))
        for row in re.findall(r"^\| ([^|]+)\|[^|]*\| +([\d,]+) \|", table, re.M)
    }
    total, left = amounts.pop("Total"), amounts.pop("Left of the budget")

    assert sum(amounts.values()) == total
    assert total + left == 1200


def test_every_option_is_scored_once_by_each_agent(debate) -> None:
    state = debate.run("Five days of food and art in October for 450 euros")

    for option in state["options"]:
        table = state["rewards"][option["id"]]
        assert set(table) == {"optimistic", "critic", "devil"}
        assert all(0 <= value <= 1 for scores in table.values() for value in scores.values())


def test_a_tight_budget_is_revised_into_something_cheaper(debate) -> None:
    state = debate.run("Five days of food and art in October for 450 euros")

    assert state["visits"]["proposal"] == 2
    assert state["decision"]["verdict"] == "book"
    assert "It took 2 proposals" in state["output"]


def test_fewer_days_are_admitted(debate) -> None:
    state = debate.run("4 nights in Lisbon in spring for 400 euros")

    assert state["winner"] == "lisbon-thrifty-3d"
    assert "3 days instead of 5 days" in state["output"]


def test_different_tasks_give_different_plans(debate) -> None:
    tasks = [
        README_TASK,
        "skiing for a week in February for 2000 euros",
        "beach in July for 7 days",
        "temples and food in Japan in April",
    ]

    winners = [debate.run(task)["winner"].split("-")[0] for task in tasks]

    assert len(set(winners)) == len(tasks)
    assert winners[1] in ("innsbruck", "sarajevo") and winners[3] in ("tokyo", "kyoto")


@pytest.mark.parametrize(
    ("task", "reason", "proposals"),
    [
        ("five days in October for 90 euros", "over the budget of €90", 3),
        ("5 days in Atlantis for 1000 euros", "Atlantis is not among the places", 1),
        ("beach holiday in Kraków in January", "Kraków has no beach weather", 1),
        ("a week in Paris, but not Paris", "also ruled out", 1),
        ("weekend in Pragu for 500", "did you mean Prague?", 1),
        ("400 days in Porto", "400 days is outside", 1),
        ("0 euros for 5 days", "the budget is zero", 1),
        ("what is 2+2?", "says nothing of a trip", 1),
    ],
)
def test_an_impossible_task_ends_in_an_honest_no(debate, task, reason, proposals) -> None:
    state = debate.run(task)

    assert (state["decision"]["verdict"], state["winner"]) == ("none", None)
    assert "No plan fits, because" in state["output"] and reason in state["output"]
    assert state["visits"]["proposal"] == proposals


def test_a_failed_plan_says_what_would_work(debate) -> None:
    output = debate.run("five days in October for 90 euros")["output"]
    enough = int(re.search(r"a budget of €(\d+)", output)[1])

    assert debate.run(f"five days in October for {enough} euros")["decision"]["verdict"] == "book"
    assert debate.run(f"five days in October for {enough - 1} euros")["decision"]["verdict"] == "none"


def test_snow_in_july_is_found_in_the_south(debate) -> None:
    assert debate.run("skiing in July for ten days, 9000 euros")["winner"].startswith("queenstown")


@pytest.mark.parametrize("month", ["January", "April", "July", "October"])
@pytest.mark.parametrize("budget", [200, 400, 700, 1500, 5000])
def test_no_plan_is_ever_over_budget(debate, planner, month, budget) -> None:
    task = f"6 days of history and nature in {month} for {budget} euros"
    state = debate.run(task)

    if state["winner"]:
        assert planner.trip.read_trip(state["winner"], planner.wish.read_wish(task)).total <= budget
