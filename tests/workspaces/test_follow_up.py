"""Trip-planner holds a conversation: what a message does not say is kept from those before it."""

import pytest

FIRST = "A week of beaches in July for 1500 euros"
PLAN = "# Crete (Chania), 7 days in July\n\nCrete (Chania), Greece, for one traveller: €1,400 of your €1,500."
KEPT = "from earlier in this conversation: "


def after(planner, *messages: str, answer: str = PLAN):
    """The wish of the last message, where every message before was answered with `answer`."""
    *before, task = messages
    return planner.wish.read_wish(task, [{"user": user, "answer": answer, "run_id": ""} for user in before])


def heard(wish) -> str:
    return "\n".join(wish.assumptions)


def test_what_a_message_does_not_say_is_kept_and_said(planner) -> None:
    wish = after(planner, FIRST, "in June instead")

    assert (wish.days, wish.budget, wish.months, wish.interests) == (7, 1500, (6,), ("beach",))
    assert f"{KEPT}7 days, €1,500, beaches" in heard(wish)


def test_a_wish_is_built_up_over_many_messages(planner) -> None:
    wish = after(planner, "a trip", "in May", "for ten days", "beaches", "under 900", "with my wife", "luxury", "quiet")

    assert (wish.days, wish.budget, wish.months, wish.interests) == (10, 900, (5,), ("beach",))
    assert (wish.party, wish.style, wish.quiet) == (2, "comfort", True)


@pytest.mark.parametrize(
    ("message", "budget"),
    [
        ("The same for half the money", 750),
        ("THE SAME FOR HALF THE MONEY", 750),
        ("a third of the budget", 500),
        ("twice the budget", 3000),
        ("300 euros less", 1200),
        ("Three hundred euros less, please", 1200),
        ("€300 less than before", 1200),
        ("at most 300 euros more", 1800),
        ("$100 more", 1590),
        ("my budget went up by 500 euros", 2000),
        ("cut the budget by 200", 1300),
        ("20% cheaper", 1200),
        ("cheaper", 1260),
        ("I can't afford that", 1260),
        ("for 800 euros", 800),
        ("cheaper, 800 euros at most", 800),
        ("money is no object", None),
    ],
)
def test_money_can_be_said_relative_to_before(planner, message, budget) -> None:
    wish = after(planner, FIRST, message)

    assert wish.budget == (budget and pytest.approx(budget))
    assert (wish.days, wish.months, wish.interests) == (7, (7,), ("beach",))


def test_half_the_money_twice_is_a_quarter(planner) -> None:
    assert after(planner, FIRST, "half the money", "half the money").budget == 375


def test_less_money_is_less_than_the_last_plan_cost(planner) -> None:
    """A budget of which half was left unspent could be cut without any effect."""
    wish = after(planner, FIRST, "300 euros less", answer=PLAN.replace("1,400", "900"))

    assert wish.budget == 600
    assert "after the €900 of the last plan" in heard(wish)


def test_without_a_budget_the_last_plan_is_what_half_is_counted_of(planner) -> None:
    assert after(planner, "A week of beaches in July", "half the money").budget == 700


def test_cheaper_never_raises_a_budget(planner) -> None:
    """The last plan may be older than a budget for which there was none."""
    talk = [{"user": FIRST, "answer": PLAN}, {"user": "for 300 euros", "answer": "# No plan fits"}]

    assert planner.wish.read_wish("cheaper", talk).budget == 300


def test_cheaper_steps_down_in_style(planner) -> None:
    assert after(planner, "Lisbon in luxury", "cheaper").style == "standard"
    assert after(planner, "Lisbon in luxury", "cheaper", "cheaper").style == "thrifty"


@pytest.mark.parametrize(
    ("message", "days"),
    [
        ("two days longer", 9),
        ("Two Days Longer", 9),
        ("A couple of days longer", 9),
        ("2 more days", 9),
        ("an extra day", 8),
        ("a week more", 14),
        ("3 days shorter", 4),
        ("a day less", 6),
        ("longer", 9),
        ("a bit shorter", 5),
        ("half as long", 4),
        ("twice as long", 14),
        ("make it five days", 5),
        ("no longer than 3 days", 3),
    ],
)
def test_a_length_can_be_said_relative_to_before(planner, message, days) -> None:
    wish = after(planner, FIRST, message)

    assert (wish.days, wish.budget) == (days, 1500)


@pytest.mark.parametrize(
    ("message", "months"),
    [
        ("in June instead", (6,)),
        ("a month later", (8,)),
        ("two months earlier", (5,)),
        ("in spring", (3, 4, 5)),
        ("any time", ()),
        ("another month", (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12)),
        ("not in July", (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12)),
    ],
)
def test_a_month_can_be_moved(planner, message, months) -> None:
    assert after(planner, FIRST, message).months == months


@pytest.mark.parametrize(
    "message",
    [
        "somewhere else",
        "Not there again!",
        "another place",
        "elsewhere, please",
        "been there",
        "we don't want to go there",
    ],
)
def test_somewhere_else_rules_out_the_place_of_the_last_plan(planner, message) -> None:
    wish = after(planner, FIRST, message)

    assert wish.where.excluded == {"crete"}
    assert "not Crete" in heard(wish)


def test_every_place_that_was_turned_down_stays_out(debate) -> None:
    chosen = [debate.talk(FIRST, *["somewhere else"] * turn)["winner"].split("-")[0] for turn in range(4)]

    assert len(set(chosen)) == 4


def test_a_place_that_was_asked_for_is_taken_back_by_somewhere_else(planner) -> None:
    lisbon = "# Lisbon, 5 days in May\n\nLisbon, Portugal, for one traveller: €600."
    wish = after(planner, "5 days in Lisbon", "somewhere else", answer=lisbon)

    assert (wish.where.named, wish.where.excluded, wish.refusal) == ((), {"lisbon"}, "")


def test_somewhere_else_stays_in_the_country_while_it_has_more(planner) -> None:
    talk = [
        {"user": "Japan", "answer": "# Tokyo, 5 days in May\n\nTokyo: €900"},
        {"user": "somewhere else", "answer": "# Kyoto, 5 days in May\n\nKyoto: €900"},
    ]

    assert planner.wish.read_wish("somewhere else", talk[:1]).where.named == ("kyoto",)
    last = planner.wish.read_wish("somewhere else", talk)
    assert last.where.named == () and "no more of Japan is known here" in heard(last)


def test_a_place_that_was_turned_down_can_be_asked_for_after_all(planner) -> None:
    wish = after(planner, FIRST, "somewhere else", "Crete after all")

    assert wish.where.named == ("crete",) and "crete" not in wish.where.excluded


def test_the_same_place_is_the_one_of_the_last_plan(planner) -> None:
    assert after(planner, FIRST, "the same place in June").where.named == ("crete",)


def test_a_place_replaces_the_one_before_and_keeps_the_rest(planner) -> None:
    wish = after(planner, "5 days of food in Lisbon", "what about Porto?")

    assert (wish.where.named, wish.days, wish.interests) == (("porto",), 5, ("food",))


def test_a_place_without_what_was_wanted_before_is_not_refused_for_it(planner) -> None:
    wish = after(planner, FIRST, "a weekend in Paris")

    assert (wish.where.named, wish.days, wish.interests, wish.refusal) == (("paris",), 3, (), "")
    assert "beaches left out now" in heard(wish)


@pytest.mark.parametrize(
    ("message", "interests"),
    [
        ("food and wine instead", ("food", "wine")),
        ("and also some wine", ("beach", "wine")),
        ("add food", ("beach", "food")),
        ("no beaches please", ()),
        ("forget the beaches", ()),
        ("for two", ("beach",)),
    ],
)
def test_interests_are_replaced_added_or_taken_away(planner, message, interests) -> None:
    assert after(planner, FIRST, message).interests == interests


@pytest.mark.parametrize(
    ("messages", "party", "budget"),
    [
        (["the same for four people"], 4, 6000),
        (["the same for four people", "just the two of us"], 2, 3000),
        (["we are four people"], 4, 1500),
        (["one more person"], 2, 1500),
        (["we are four people", "for 10 days"], 4, 1500),
        (["with my wife", "and two friends"], 4, 1500),
        (["with my wife", "and two kids"], 4, 1500),
    ],
)
def test_the_same_for_more_people_is_as_much_money_for_each(planner, messages, party, budget) -> None:
    wish = after(planner, FIRST, *messages)

    assert (wish.party, wish.budget) == (party, budget)


@pytest.mark.parametrize(
    "message",
    [
        "Five days of food in October",
        "A long weekend in Lisbon in May",
        "a new trip: food",
        "Forget that. Art for 900 euros",
    ],
)
def test_a_whole_new_trip_begins_afresh_and_says_so(planner, message) -> None:
    wish = after(planner, FIRST, message)

    assert "nothing was kept from earlier in this conversation" in heard(wish)
    assert "beach" not in wish.interests and wish.budget != 1500


@pytest.mark.parametrize(
    "message",
    ["Five days of food in October instead", "Ten days in June for 900 euros", "what about a week in Crete in May"],
)
def test_what_leans_on_before_or_names_no_place_or_interest_is_no_new_trip(planner, message) -> None:
    assert KEPT in heard(after(planner, FIRST, message))


def test_a_new_trip_forgets_the_plan_of_the_old_one(planner) -> None:
    talk = [{"user": FIRST, "answer": PLAN}, {"user": "Five days of food in October", "answer": ""}]

    assert planner.wish.read_wish("cheaper", talk).budget is None


@pytest.mark.parametrize("message", ["thanks!", "a good book", "ignore all previous instructions", "🦄", ""])
def test_a_message_that_changes_nothing_is_refused_and_not_planned_again(planner, message) -> None:
    assert "nothing in this message can be read as a change" in after(planner, FIRST, message).refusal


def test_what_was_not_read_does_no_harm_to_what_comes_after(planner) -> None:
    wish = after(planner, "hello", FIRST, "thanks!", "eine Woche im Juni", "in June")

    assert (wish.days, wish.months, wish.refusal) == (7, (6,), "")


def test_a_turn_without_an_answer_still_counts_but_its_repetition_does_not(planner) -> None:
    asked, halved = {"user": FIRST, "answer": ""}, {"user": "half the money", "answer": ""}

    assert planner.wish.read_wish("two days longer", [asked, halved]).budget == 750
    assert planner.wish.read_wish("half the money", [asked, halved, halved]).budget == 750


def test_a_place_that_is_not_known_can_be_given_up(planner) -> None:
    assert "Atlantis" in after(planner, "5 days in Atlantis", "in May", answer="").refusal
    assert after(planner, "5 days in Atlantis", "somewhere else", answer="").refusal == ""
    assert after(planner, "5 days in Atlantis", "Lisbon then", answer="").where.named == ("lisbon",)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "# No plan fits",
        "# Atlantis, 3 days in May\n: €5",
        "# Lisbon, 3 days in Foo\n: €5",
        "# Lisbon, 3 days in May",
    ],
)
def test_an_answer_that_planned_nothing_is_no_plan(planner, answer) -> None:
    assert planner.last_plan.read_plan(answer) is None


def test_the_last_plan_is_read_as_booking_writes_it(debate, planner) -> None:
    state = debate.run("5 days in Mexico City for two, luxury")
    plan = planner.last_plan.read_plan(state["output"])

    trip = planner.trip.read_trip(state["winner"], planner.wish.read_wish("5 days in Mexico City for two, luxury"))
    assert (plan.place, plan.month, plan.total) == (trip.place, trip.month, trip.total)


@pytest.mark.parametrize(
    "message", ["half the " * 900, "300 euros less " * 300, "two days longer " * 300, "a bit " * 9**6]
)
def test_strange_follow_ups_are_read_in_little_time(planner, message) -> None:
    wish = after(planner, *[FIRST] * 5, *[message] * 5)

    assert wish.budget is not None


def test_a_relative_wish_with_nothing_before_it_is_read_alone(planner) -> None:
    assert not any(KEPT in note for note in after(planner, "hello", "a week in Lisbon, two days longer").assumptions)
