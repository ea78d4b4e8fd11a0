"""What trip-planner reads out of free text."""

import pytest


@pytest.mark.parametrize(
    ("task", "days"),
    [
        ("five days in Lisbon", 5),
        ("a week in Lisbon", 7),
        ("Two weeks in Lisbon", 14),
        ("a fortnight in Lisbon", 14),
        ("long weekend in Lisbon", 4),
        ("weekend in Lisbon", 3),
        ("4 nights in Lisbon", 5),
        ("ten-day trip to Lisbon", 10),
        ("3 to 8 October in Lisbon", 6),
        ("Oct 3-8 in Lisbon", 6),
        ("a week and a half in Lisbon", 10),
        ("twenty-one days in Lisbon", 21),
        ("a couple of days in Lisbon", 2),
    ],
)
def test_a_length_is_read_in_many_phrasings(planner, task, days) -> None:
    assert planner.wish.read_wish(task).days == days


@pytest.mark.parametrize(
    ("words", "euros"),
    [
        ("for 1200 euros", 1200),
        ("for €1,200", 1200),
        ("with 1.200 €", 1200),
        ("1 200 EUR", 1200),
        ("on 1.2k", 1200),
        ("on a budget of 1200", 1200),
        ("under 1200", 1200),
        ("for twelve hundred euros", 1200),
        ("for two thousand five hundred euros", 2500),
        ("for $1,000", 900),
        ("for 1000 pounds", 1150),
        ("for 100 euros a day", 500),
        ("at most 99,50 euros", 99.5),
    ],
)
def test_a_budget_is_read_in_many_phrasings(planner, words, euros) -> None:
    assert planner.wish.read_wish(f"5 days of art in October {words}").budget == pytest.approx(euros)


@pytest.mark.parametrize(
    ("task", "party", "budget"),
    [
        ("5 days for two, 1000 euros", 2, 1000),
        ("5 days with my wife for 1000 euros each", 2, 2000),
        ("5 days for a family of four, 1000 euros per person", 4, 4000),
        ("5 days, 2 adults and 2 kids, 1000 euros", 4, 1000),
        ("5 days alone for 1000 euros", 1, 1000),
        ("5 days in May for 1000 euros", 1, 1000),
    ],
)
def test_a_party_shares_or_multiplies_the_budget(planner, task, party, budget) -> None:
    wish = planner.wish.read_wish(task)

    assert (wish.party, wish.budget) == (party, budget)


@pytest.mark.parametrize(
    ("task", "months"),
    [
        ("in October", (10,)),
        ("in oct", (10,)),
        ("in spring", (3, 4, 5)),
        ("at Christmas", (12,)),
        ("in May or June", (5, 6)),
        ("it may cost 900 euros", ()),
    ],
)
def test_months_and_seasons_are_read_and_verbs_are_not(planner, task, months) -> None:
    assert planner.wish.read_wish(f"5 days of art {task}").months == months


def test_exclusions_rule_out_places_countries_and_interests(planner) -> None:
    wish = planner.wish.read_wish("food and wine, not Paris, anywhere but Spain or Italy, no museums")

    assert {"paris", "madrid", "bologna", "palermo"} <= wish.where.excluded
    assert wish.interests == ("food", "wine")
    assert "art" in wish.where.unwanted


@pytest.mark.parametrize(
    ("task", "interests", "unwanted"),
    [
        ("we hate museums and love beaches", ("beach",), {"art"}),
        ("no museums, my wife loves food", ("food",), {"art"}),
        ("I don't like museums and don't like clubs", (), {"art", "nightlife"}),
        ("more wine, less shopping", ("wine",), {"shopping"}),
    ],
)
def test_what_is_loved_is_told_from_what_is_hated(planner, task, interests, unwanted) -> None:
    wish = planner.wish.read_wish(task)

    assert (wish.interests, wish.where.unwanted) == (interests, unwanted)


def test_a_month_that_is_ruled_out_leaves_all_others(planner) -> None:
    wish = planner.wish.read_wish("a week in Crete, not in August")

    assert set(range(1, 13)) - set(wish.months) == {8}
    assert "any month but August" in " ".join(wish.assumptions)


def test_a_longest_length_is_a_length(planner) -> None:
    assert planner.wish.read_wish("Lisbon, no longer than 3 days").days == 3


def test_the_narrowest_name_counts_and_the_origin_is_no_destination(planner) -> None:
    wish = planner.wish.read_wish("5 days from Berlin to Kyoto, Japan")

    assert wish.where.named == ("kyoto",)
    assert wish.where.origin == "Berlin"


def test_what_is_missing_is_assumed_aloud(planner) -> None:
    said = " ".join(planner.wish.read_wish("surprise me").assumptions)

    for word in ("length", "month", "interests", "budget", "one traveller", "central Europe"):
        assert word in said


def test_a_foreign_currency_is_said_to_be_converted(planner) -> None:
    assert any("1 USD" in note for note in planner.wish.read_wish("5 days for $900").assumptions)


@pytest.mark.parametrize(
    "task", ["", "🦄" * 9, "\x00\x1b[2J", "שלום עולם", "a" * 1_000_000, "1 " * 500_000, "€" * 5000, "not " * 2000]
)
def test_strange_tasks_are_read_in_little_time(planner, task) -> None:
    assert planner.wish.read_wish(task).days
