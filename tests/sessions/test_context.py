"""What a run is told of its session: the last turns that fit, and notes on those that do not."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import RunNotFound
from agentctl.sessions import Hub
from agentctl.sessions.context import KEPT
from agentctl.store import RunRow, new_id
from tests.conftest import WriteWorkspace
from tests.fakes import ChatServer
from tests.runs import workspace
from tests.sessions.talk import answer, hanging, heal, remembering, turns_of

pytestmark = pytest.mark.usefixtures("database")
TELL = """
import json
async def tell(state, ctx):
    return json.dumps([ctx.earlier, [turn["user"] for turn in ctx.turns]])
"""
Told = tuple[str, list[str]]


def telling(**memory: Any) -> dict[str, str]:
    """A workspace that answers with what it is told: the notes, then each turn."""
    return workspace({"talk": ["a"]}, {"a": {"entry": "work:tell"}}, TELL, memory=memory)


async def ask(hub: Hub, *tasks: str) -> list[str]:
    return [(await hub.run("demo", task, session="one")).output for task in tasks]


async def told(hub: Hub, *tasks: str) -> list[Told]:
    """What the agent of `telling` was told in each turn: the notes, and whole turns."""
    return [tuple(json.loads(said)) for said in await ask(hub, *tasks)]


def numbered(count: int) -> list[str]:
    return [f"secret-{number:02}" for number in range(count)]


async def notes(hub: Hub) -> list[int]:
    """Up to which turns there are summaries."""
    session = await hub.sessions.get("one")
    kept = {(await hub.store.sessions.summary(session.session_id, turn))[0] for turn in range(session.turns + 1)}
    return sorted(kept - {0})


async def test_ten_turns_are_told_by_default(write_workspace: WriteWorkspace) -> None:
    async with agentctl.open(write_workspace("demo", telling(model="offline"))) as hub:
        said = await told(hub, *numbered(12))

    assert [turns for _, turns in said] == [numbered(number)[-10:] for number in range(12)]
    assert [bool(earlier) for earlier, _ in said] == [False] * 11 + [True]


@pytest.mark.parametrize(("tokens", "count"), [(0, 1), (900, 1), (1600, 1), (2100, 2), (3200, 3), (20000, 4)])
async def test_turns_are_told_as_far_as_they_fit(write_workspace: WriteWorkspace, tokens: int, count: int) -> None:
    """Each is about 1,000 tokens; the newest is told whole, however little may be."""
    memory = {"turns": {"max_tokens": tokens}, "model": "offline"}
    code = "\nasync def count(state, ctx): return ','.join(str(len(turn['user'])) for turn in ctx.turns)\n"
    files = workspace({"talk": ["a"]}, {"a": {"entry": "work:count"}}, code, memory=memory)
    root = write_workspace("demo", files)
    async with agentctl.open(root) as hub:
        said = await ask(hub, *["x" * 4000] * 4, "short")

    assert said[-1] == ",".join(["4000"] * count)


async def test_what_fell_out_is_remembered_by_an_extract(write_workspace: WriteWorkspace, tmp_path: Path) -> None:
    """One in five turns makes new notes, of five more."""
    root = write_workspace("demo", remembering(tmp_path, turns={"max": 10}, model="offline"))
    async with agentctl.open(root) as hub:
        said = await ask(hub, *numbered(30))

        assert said[-1] == answer(numbered(30))
        assert await notes(hub) == [5, 10, 15, 20]


async def test_notes_have_an_end(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", telling(turns={"max": 1}, model="offline"))
    async with agentctl.open(root) as hub:
        said = await told(hub, *(f"{number} " + "long words " * 500 for number in range(40)), "last")

    earlier, _ = said[-1]
    assert 3000 < len(earlier) <= KEPT
    assert earlier.splitlines()[-1].startswith("- 39 long words")


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake")
    with ChatServer(replies=[lambda body: f"Notes {len(server.requests)}."]) as server:
        yield server


def choice(server: ChatServer, **more: Any) -> dict[str, Any]:
    return {"name": "openai:gpt-4o-mini", "base_url": server.url, **more}


async def test_a_model_makes_the_notes_in_one_call(write_workspace: WriteWorkspace, model: ChatServer) -> None:
    root = write_workspace("demo", telling(turns={"max": 2}, model=choice(model)))
    async with agentctl.open(root) as hub:
        said = await told(hub, *numbered(9))
        session = await hub.sessions.get("one")
        spent = await hub.store.sessions.spent(session.session_id)

        assert [earlier for earlier, _ in said] == [""] * 3 + ["Notes 1."] * 3 + ["Notes 2."] * 3
        assert await notes(hub) == [3, 6]
    first, second = (str(body["messages"][-1]["content"]) for body in model.requests)
    assert "Notes so far:\n(none)" in first
    assert re.findall(r"User: (secret-\d+)", first) == numbered(3)
    assert "Notes so far:\nNotes 1." in second
    assert re.findall(r"User: (secret-\d+)", second) == numbered(6)[3:]
    assert [usage["model_calls"] for usage in spent].count(1) == 2


@pytest.mark.parametrize("how", ["fault", "key"])
async def test_a_model_that_fails_leaves_an_extract(
    write_workspace: WriteWorkspace,
    database: str,
    model: ChatServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    model.faults.extend(["400"] * 20)
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    chosen = choice(model) if how == "fault" else "anthropic:claude-sonnet-4-5"
    root = write_workspace("demo", remembering(tmp_path, turns={"max": 1}, model=chosen))
    async with agentctl.open(root) as hub:
        said = await ask(hub, *numbered(4))

        assert said[-1] == answer(numbered(4))
        assert await notes(hub) == [2]
    assert len(model.requests) == (1 if how == "fault" else 0)


SKILLS = {"first": {"prompt": "I am first."}, "second": {"prompt": "I am second.", "retry": {"attempts": 1}}}


def told_to(server: ChatServer, role: str) -> list[Any]:
    """The messages of every request of a role."""
    return [body["messages"] for body in server.requests if f"I am {role}." in body["messages"][0]["content"]]


async def test_a_resumed_run_is_told_what_it_was_told(write_workspace: WriteWorkspace, model: ChatServer) -> None:
    """Though turns and notes were added since; else its journal would not fit it."""
    memory = {"turns": {"max": 2}, "model": choice(model)}
    files = workspace({"x": ["first"], "y": ["second"]}, SKILLS, model=choice(model, max_retries=0), memory=memory)
    root = write_workspace("demo", files)
    async with agentctl.open(root) as hub:
        await ask(hub, *numbered(4))
        model.faults.extend([None, "400"])
        failed = await hub.run("demo", "secret-failed", session="one")
        asked = told_to(model, "second")[-1]
        await ask(hub, *(f"secret-{number}" for number in range(10, 18)))
        before = len(told_to(model, "first")), await notes(hub)
        resumed = await hub.resume(failed.run_id)

        assert (failed.status, resumed.status) == ("failed", "done")
        assert told_to(model, "second")[-1] == asked
        assert re.findall(r"secret-\w+", str(asked))[-3:] == ["secret-02", "secret-03", "secret-failed"]
        assert (len(told_to(model, "first")), await notes(hub)) == before


async def test_the_first_notes_on_a_turn_are_kept(root: Path) -> None:
    """A run that was killed while it made them tells, from then on, those that it finds."""
    async with agentctl.open(root) as hub:
        await ask(hub, *numbered(3))
        session, turns = await turns_of(hub, "one")
        done = await hub.store.get_run(turns[0].run_id or "")
        names = ("session_id", "user_id", "workspace", "generation", "task")
        run = RunRow(run_id=new_id(), **{name: getattr(done, name) for name in names})
        begun = await hub.store.sessions.begin(run, session)

        assert await hub.store.sessions.put_summary(begun.run, 2, "the first", {}) == "the first"
        assert await hub.store.sessions.put_summary(begun.run, 2, "another", {}) == "the first"
        assert (await hub.store.get_run(run.run_id)).seed == {"turns": [1, 2, 3], "summary": 2}


async def test_a_turn_that_was_rewound_cannot_be_resumed(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await ask(hub, "secret-1")
        failed = await hub.run("demo", "fail", session="one")
        heal(root, failed.run_id)
        await hub.sessions.rewind(await hub.sessions.get("one"), 1)

        with pytest.raises(RunNotFound):
            await hub.resume(failed.run_id)
        assert await ask(hub, "secret-2") == ["secret-1 secret-2"]
        assert hub.store.holder.runs == {}


async def test_what_was_rewound_is_in_no_notes(write_workspace: WriteWorkspace, tmp_path: Path) -> None:
    root = write_workspace("demo", remembering(tmp_path, turns={"max": 2}, model="offline"))
    async with agentctl.open(root) as hub:
        await ask(hub, *numbered(12))
        fork = await hub.sessions.fork(await hub.sessions.get("one"), 7, name="two")
        await hub.sessions.rewind(await hub.sessions.get("one"), 4)

        # Both go on until they would use notes up to a turn that the session has had before.
        more = [f"secret-{number}" for number in range(90, 99)]
        assert (await ask(hub, *more))[-1] == answer([*numbered(4), *more])
        said = [(await hub.run("demo", task, session=fork.session_id)).output for task in more]
        assert said[-1] == answer([*numbered(7), *more])


async def test_of_failed_turns_nothing_is_told(root: Path) -> None:
    async with agentctl.open(root) as hub:
        await ask(hub, "secret-1", "fail secret-2")
        running, _ = await hanging(hub, "hang secret-3", session="one")
        running.cancel()
        await asyncio.wait([running])

        assert await ask(hub, "secret-4") == ["secret-1 secret-3 secret-4"]
