"""The bundled destinations hold what the agents take for granted."""


def test_every_place_is_complete(planner) -> None:
    places = planner.places.all_places()

    assert len(places) >= 30
    assert len({place.id for place in places}) == len(places)
    for place in places:
        assert len(place.high) == len(place.rain) == 12
        assert place.flight[0] <= place.flight[1]
        assert all(interest in planner.interests.WORDS for interest in place.interests)
        assert {interest for interest, _ in place.highlights} <= set(place.interests)


def test_every_option_id_reads_back_as_its_trip(planner) -> None:
    wish = planner.wish.read_wish("5 days in October")
    for place in planner.places.all_places():
        for style in planner.trip.STYLES:
            trip = planner.trip.build_trip(place, wish, days=3, style=style)
            assert planner.trip.read_trip(trip.id, wish) == trip


def test_costs_add_up_for_every_place_and_party(planner) -> None:
    wish = planner.wish.read_wish("9 days for 3 people in August")
    for place in planner.places.all_places():
        trip = planner.trip.build_trip(place, wish)
        assert trip.total == sum(amount for _, _, amount in trip.costs()) > 0


def test_each_day_of_any_length_has_a_line(planner) -> None:
    for days in range(1, 31):
        wish = planner.wish.read_wish(f"{days} days of food in Madrid")
        trip = planner.trip.build_trip(planner.places.get_place("madrid"), wish)
        plan = planner.days.day_plan(trip, wish)
        assert [line.split(":")[0] for line in plan] == [f"- Day {day}" for day in range(1, days + 1)]
