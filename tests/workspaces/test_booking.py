"""Trip-planner books, once somebody has allowed it: run by the command and by the library, as a user would."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar

from agentctl import open as open_hub
from agentctl.store import Approval, Decision
from tests.cli.conftest import Command, agentctl, bare_environment  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
TASK = "A weekend of art in May for 600 euros"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "workspaces/trip-planner"
    shutil.copytree(ROOT / "workspaces/trip-planner", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def waiting(project: Path, agentctl: Command) -> Any:  # noqa: F811
    """A run that waits for its booking: its outcome, and the one approval."""
    outcome = agentctl("run", "trip-planner", TASK)
    [approval] = json.loads(agentctl("approvals", "list", "--json").out)
    return outcome, approval


def trips(project: Path) -> list[str]:
    return sorted(str(path.relative_to(project)) for path in project.glob("trips/**/*") if path.is_file())


def test_in_a_pipe_the_plan_is_printed_and_the_run_waits(project, waiting) -> None:
    outcome, approval = waiting

    assert outcome.code == 7
    assert outcome.out.startswith("# ") and "## Day by day" in outcome.out
    assert f"agentctl approvals approve {approval['id']}" in outcome.err
    assert (approval["tool"], len(approval["args"]["plan"]), approval["args"]["max_eur"]) == ("book_trip", 3, 600)
    assert trips(project) == []


def test_what_is_approved_is_booked_once(project, waiting, agentctl) -> None:  # noqa: F811
    _, approval = waiting
    agentctl("approvals", "approve", approval["id"])
    resumed = agentctl("resume", approval["run_id"])
    written = (project / trips(project)[0]).stat().st_mtime_ns
    again = agentctl("resume", approval["run_id"])

    assert (resumed.code, again.code) == (0, 0)
    assert resumed.out.splitlines()[-1].startswith("Booked: ") and again.out == resumed.out
    assert resumed.out.startswith(waiting[0].out.rstrip())
    assert [Path(path).name for path in trips(project)] == ["itinerary.ics", "itinerary.md"]
    assert (project / trips(project)[0]).stat().st_mtime_ns == written


def test_a_no_ends_in_the_plan_and_nothing_booked(project, waiting, agentctl) -> None:  # noqa: F811
    _, approval = waiting
    agentctl("approvals", "deny", approval["id"], "--reason", "too far")
    resumed = agentctl("resume", approval["run_id"])

    assert resumed.code == 0
    assert resumed.out.startswith("# ") and "Nothing was booked: " in resumed.out.splitlines()[-1]
    assert "too far" in resumed.err
    assert trips(project) == []


def test_what_is_edited_is_what_is_booked(project, waiting, agentctl) -> None:  # noqa: F811
    _, approval = waiting
    args = {**approval["args"], "place": "Porto", "first_day": "2031-05-09", "party": 2, "max_eur": 900}
    agentctl("approvals", "approve", approval["id"], "--edit-args", json.dumps(args))
    resumed = agentctl("resume", approval["run_id"])

    assert "Booked: Porto, 3 days in May, Friday 9 May 2031 to Sunday 11 May 2031, for 2 travellers" in resumed.out
    assert trips(project) == ["trips/porto-2031-05-09/itinerary.ics", "trips/porto-2031-05-09/itinerary.md"]


@pytest.mark.parametrize(
    ("edit", "why"), [({"max_eur": 10}, "more than the €10 that it may"), ({"place": "Pragu"}, "did you mean Prague")]
)
def test_what_cannot_be_booked_says_why(project, waiting, agentctl, edit, why) -> None:  # noqa: F811
    _, approval = waiting
    agentctl("approvals", "approve", approval["id"], "--edit-args", json.dumps({**approval["args"], **edit}))
    resumed = agentctl("resume", approval["run_id"])

    assert why in resumed.err and "Nothing was booked" in resumed.out
    assert trips(project) == []


async def test_a_conversation_is_planned_until_it_says_book_it(project) -> None:
    asked: list[Approval] = []

    async def decide(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        asked.extend(approvals)
        return {approval.id: Decision(approve=len(asked) > 1) for approval in approvals}

    async with open_hub(project) as hub:
        said = [
            await hub.run("trip-planner", message, session="trip", ask=decide)
            for message in (TASK, "two days longer", "thanks", "go ahead and book it", "book it")
        ]

    assert [result.status for result in said] == ["done"] * 5
    assert [result.stages[-1] for result in said] == ["booking", "plan", "synthesis", "booking", "synthesis"]
    assert [result.output.splitlines()[-1].split(":")[0] for result in said[3:]] == ["Booked", "Booked already"]
    assert len(asked) == 2 and len(asked[1].args["plan"]) == 5
    assert len(trips(project)) == 2


async def test_what_is_booked_is_said_and_not_booked_again(project) -> None:
    """The booking was edited; a trip that is changed is another one."""
    messages = (TASK, "what was the budget again?", "book it", "thanks", "in June instead", "book it", "book it")

    async def decide(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        return {
            approval.id: Decision(approve=True, args={**approval.args, "plan": ["arrive", "see", "leave"]})
            for approval in approvals
        }

    async with open_hub(project) as hub:
        said = [await hub.run("trip-planner", message, session="trip", ask=decide) for message in messages]
    first, question, again, thanks, june, booked, once_more = (result.output for result in said)
    booking = first.splitlines()[-1].removeprefix("Booked: ")

    assert question.splitlines()[-1] == again == f"Booked already: {booking}"
    assert thanks.splitlines()[-1] == f"Booked already: {booking}"
    assert june.splitlines()[-2:] == [
        f"Booked already: {booking}",
        f'This trip is not: say “book it” (`agentctl run trip-planner "book it" --session {said[0].session_id}`).',
    ]
    assert once_more == booked.splitlines()[-1].replace("Booked: ", "Booked already: ") != again
    assert not any("Nothing" in output for output in (first, question, again, thanks, june, booked, once_more))
    assert len(trips(project)) == 4


async def test_the_library_books_in_the_project_wherever_it_works(project, tmp_path_factory, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    async def decide(approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        return {approval.id: Decision(approve=True) for approval in approvals}

    async with open_hub(project) as hub:
        result = await hub.run("trip-planner", TASK, ask=decide)

    assert "Booked: " in result.output and result.usage["tool_calls"] == 2
    assert len(trips(project)) == 2


def book(agentctl: Command, **changes: Any) -> str:  # noqa: F811
    args = {"place": "Porto", "first_day": "2031-05-09", "plan": ["arrive", "leave"], **changes}
    return agentctl("tools", "call", "trip-planner", "book_trip", json.dumps(args), "--yes").out


def test_another_trip_of_that_day_gets_a_folder_of_its_own(project, agentctl) -> None:  # noqa: F811
    said = [book(agentctl), book(agentctl, party=2), book(agentctl), book(agentctl, party=2)]

    assert [line.split(":")[0] for line in said] == ["Booked", "Booked", "Booked already", "Booked already"]
    assert ["porto-2031-05-09-2/" in line for line in said] == [False, True, False, True]
    assert len(trips(project)) == 4


def test_what_lies_there_already_is_left_alone(project, agentctl) -> None:  # noqa: F811
    mine = project / "trips/porto-2031-05-09/itinerary.md"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    assert "trips/porto-2031-05-09-2/" in book(agentctl)
    assert mine.read_text() == "mine"
    assert not list(project.glob("trips/.*"))


def test_nothing_is_written_outside_of_the_project(project, agentctl, tmp_path_factory) -> None:  # noqa: F811
    outside = tmp_path_factory.mktemp("outside")
    (project / "trips").symlink_to(outside)

    assert book(agentctl) == ""
    assert list(outside.iterdir()) == []


def test_the_calendar_is_one_that_others_read(project, agentctl) -> None:  # noqa: F811
    """Commas, umlauts, long lines and what tries to end the event arrive as they were meant."""
    plan = ["früh nach Gaia, dann Wein; " + "ü€漢😀" * 40, "a\r\nEND:VEVENT\r\nback\\n slash"]
    book(agentctl, plan=plan)
    written = (project / "trips/porto-2031-05-09/itinerary.ics").read_bytes()
    [event] = Calendar.from_ical(written).walk("VEVENT")

    assert Calendar.from_ical(written).errors == [] and event.errors == []
    assert all(len(line) <= 75 and b"\n" not in line for line in written.split(b"\r\n"))
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2031, 5, 9), date(2031, 5, 11))
    assert event["SUMMARY"] == "Porto, 2 days in May" and event["UID"]
    assert event["DTSTAMP"].dt.tzinfo is not None
    assert event["DESCRIPTION"] == f"{plan[0]}\na END:VEVENT back\\n slash"


def test_the_search_finds_what_is_asked_for(project, agentctl) -> None:  # noqa: F811
    wish = {"interests": ["beach"], "months": [7], "places": ["Portugal", "Spain"], "without": ["Porto"], "days": 3}
    found = json.loads(agentctl("tools", "call", "trip-planner", "search_trips", json.dumps(wish)).out)

    assert {trip["country"] for trip in found} == {"Portugal", "Spain"}
    assert all(trip["month"] == 7 and trip["eur"] > 0 and trip["place"] != "porto" for trip in found)


def test_the_tools_know_every_interest_and_every_place(planner, project, agentctl) -> None:  # noqa: F811
    shown = agentctl("tools", "show", "trip-planner", "search_trips", "--json").out

    assert all(f'"{interest}"' in shown for interest in planner.interests.WORDS)
    for place in planner.places.all_places():
        assert len(planner.places.names()[planner.places.plain(place.name)]) == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("book it", "book"),
        ("Two days longer, and book it, please", "book"),
        ("go ahead", "book"),
        ("we'll take it", "book"),
        ("Book me a weekend in Porto", "book"),
        ("don't book it yet", "plan"),
        ("just plan a week in May", "plan"),
        ("a week in May without booking anything", "plan"),
        ("a week in May, no booking", "plan"),
        ("not Paris but book Rome", "book"),
        ("two days longer", ""),
        ("a trip to the book fair", ""),
        ("bookshops and beaches", ""),
        ("somewhere to read a book", ""),
    ],
)
def test_whether_to_book_is_read_out_of_the_message(planner, text, wanted) -> None:
    assert planner.booking.read_booking(text) == wanted


@pytest.mark.parametrize(
    ("task", "day"),
    [
        ("3 to 8 October in Porto", 3),
        ("a week in Porto from 12 May", 12),
        ("a week from May 12th for 900 euros", 12),
        ("in October 5 days of food", None),
        ("five days in October", None),
        ("for May 2 people", None),
    ],
)
def test_the_first_day_is_read_or_left_open(planner, task, day) -> None:
    wish = planner.wish.read_wish(task)

    assert wish.first_day == day
    assert not re.search("not understood", " ".join(wish.assumptions))


def test_a_first_day_stays_until_the_month_changes(planner) -> None:
    talk = [{"user": "a week of food from 12 May", "answer": ""}]

    assert planner.wish.read_wish("two days longer", talk).first_day == 12
    assert planner.wish.read_wish("in June instead", talk).first_day is None


@pytest.mark.parametrize(
    ("wanted", "begins"),
    [
        ((5, 3, None), "2026-05-01"),
        ((5, 7, None), "2026-05-02"),
        ((2, 3, 31), "2027-02-28"),
        ((3, 3, None), "2026-03-20"),
        ((3, 3, 14), "2027-03-14"),
    ],
)
def test_a_trip_begins_on_a_day_that_is_yet_to_come(planner, wanted, begins) -> None:
    assert planner.dates.first_date(*wanted, date(2026, 3, 14)).isoformat() == begins
