"""Trip-planner answers the question that was asked, or says what of it was left out."""

import re

import pytest


def said(planner, task: str) -> str:
    return "\n".join(planner.wish.read_wish(task).assumptions)


@pytest.mark.parametrize(
    ("task", "party", "budget"),
    [
        ("A weekend in Lisbon for two for 300 euros", 2, 300),
        ("Five days of art for 1200 euros for two for my parents", 2, 1200),
        ("Five days of art for 1200 euros for my parents", 2, 1200),
        ("my wife and two kids, beach in July, 3000 euros", 4, 3000),
        ("for two 5 days in Lisbon, 2k", 2, 2000),
        ("5 days in Lisbon with a 2k budget", 1, 2000),
        ("for 5 warm days, Budget 1.5k", 1, 1500),
    ],
)
def test_party_and_budget_are_read_side_by_side(planner, task, party, budget) -> None:
    wish = planner.wish.read_wish(task)

    assert (wish.party, wish.budget) == (party, budget)


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("Rome 3 days", "Rome"),
        ("rome 3 days", "Rome"),
        ("3 days Rimini", "Rimini"),
        ("a Rimini weekend for 400 euros", "Rimini"),
        ("Two weeks of diving on Mars for 50 euros", "Mars"),
        ("5 days in Nice", "Nice"),
    ],
)
def test_a_place_that_is_not_known_is_said_and_not_replaced(planner, task, name) -> None:
    assert f"{name} is not among the places" in planner.wish.read_wish(task).refusal


@pytest.mark.parametrize(
    "task",
    [
        "FIVE DAYS OF FOOD AND ART IN OCTOBER FOR 1200 EUROS",
        "Five Days Of Food And Art In October For 1200 Euros",
        "Five days of food and art in October for 1200 euros",
        "Hello! Could you plan a trip for me, please? Thanks",
        "Celebrate our anniversary in May, 900 euros",
        "Weekend for two",
        "5 days of art for the two of us",
    ],
)
def test_capitals_and_small_talk_are_neither_places_nor_left_out(planner, task) -> None:
    wish = planner.wish.read_wish(task)

    assert (wish.refusal, wish.where.unknown) == ("", ())
    assert "not understood" not in said(planner, task)


@pytest.mark.parametrize(
    "task",
    [
        "10 Tage Wandern im September, 800 Euro, von Berlin",
        "5 Tage in Berlin",
        "Une semaine à Paris pour deux, 800 euros",
        "Cinco dias en Madrid para dos",
    ],
)
def test_another_language_is_refused_and_not_half_read(planner, task) -> None:
    assert "in English, please" in planner.wish.read_wish(task).refusal


@pytest.mark.parametrize(
    ("task", "origin"),
    [
        ("from Berlin, 5 days of hiking", "Berlin"),
        ("5 days of hiking from Berlin and back", "Berlin"),
        ("5 days of art from Berlin or Prague", "Berlin or Prague"),
        ("Berlin to Kyoto, 7 days", "Berlin"),
        ("5 days of art, leaving Berlin in May", "Berlin"),
    ],
)
def test_where_the_journey_starts_is_never_where_it_goes(planner, task, origin) -> None:
    where = planner.wish.read_wish(task).where

    assert where.origin == origin
    assert "berlin" not in where.named and "berlin" in where.excluded


@pytest.mark.parametrize(
    ("task", "phrase"),
    [
        ("5 days in Lisbon with my dog, 2k", "with my dog"),
        ("A week of hiking, wheelchair accessible", "wheelchair accessible"),
        ("2 days in Paris and 3 days in Lyon", "3 days"),
        ("5 days near the Louvre", "near the louvre"),
        ("4 days of wine, direct flights only", "direct"),
    ],
)
def test_what_was_not_understood_is_said_first(planner, task, phrase) -> None:
    first = planner.wish.read_wish(task).assumptions[0]

    assert first.startswith("not understood") and f"“{phrase}”" in first


@pytest.mark.parametrize(
    ("task", "note"),
    [
        ("A weekend in Paris or Berlin", "“weekend” read as 3 days, 2 nights"),
        ("5 days of art in spring", "“spring” read as March to May"),
        ("Honeymoon in Japan", "“honeymoon” read as 2 travellers"),
        ("cherry blossoms in Kyoto", "“cherry blossoms” read as March or April"),
        ("cherry blossoms in Kyoto in October", "in March or April, not in October"),
        ("5 days in Italy, I hate crowds", "avoid crowds"),
    ],
)
def test_a_word_with_several_readings_says_which_was_taken(planner, task, note) -> None:
    assert note in said(planner, task)


def test_cherry_blossoms_are_visited_when_they_bloom(debate) -> None:
    assert re.match(r"# Kyoto, 5 days in (March|April)", debate.run("cherry blossoms in Kyoto")["output"])


def test_luxury_is_served_where_few_places_are_left(debate) -> None:
    state = debate.run("Honeymoon in Japan, spring, luxury")

    assert all(option["title"].endswith("comfort") for option in state["options"])
    assert "“luxury” read as “comfort”" in state["output"]


def test_luxury_that_the_budget_forbids_is_admitted(debate) -> None:
    output = debate.run("5 days in Lisbon in May, luxury, 700 euros")["output"]

    assert "rooms and meals instead of comfort" in output


@pytest.mark.parametrize("task", ["Minus five days for -200 euros", "5 days for €-200", "-5 days in Lisbon"])
def test_less_than_nothing_is_refused(debate, task) -> None:
    assert debate.run(task)["decision"]["verdict"] == "none"


def test_who_hates_crowds_is_sent_to_a_quieter_place(planner, debate) -> None:
    task = "5 days of food and art in October for 1200 euros"
    places = [debate.run(words)["winner"].removesuffix("-5d") for words in (task, f"{task}, I hate crowds")]

    loud, quiet = (planner.places.get_place(place).crowds for place in places)

    assert quiet < loud


def test_totals_can_be_recomputed_from_the_table(debate) -> None:
    output = debate.run("Five days of food and art in October for 1200 euros")["output"]
    rows = {cells[0]: cells[1:] for cells in ([c.strip() for c in line[1:-1].split("|")] for line in _table(output))}
    weights = [float(cell) for cell in rows.pop("weight")[:-1]]
    totals = {name: cells for name, cells in rows.items() if re.fullmatch(r"-?[\d.]+", cells[-1])}

    assert totals
    for *sums, total in totals.values():
        assert sum(w * float(s) for w, s in zip(weights, sums, strict=True)) == pytest.approx(float(total), abs=0.03)


def test_timed_entries_are_booked_only_for_what_sells_them(debate) -> None:
    assert "timed entries" not in debate.run("4 days of hiking in Tenerife in May")["output"]
    assert "timed entries" in debate.run("4 days of art in Madrid in May")["output"]


def _table(output: str) -> list[str]:
    return [line for line in output.split("## Why this one")[1].split("##")[0].splitlines() if line.startswith("| ")]
