"""Sessions are found, changed, forked, rewound and forgotten, on both databases."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

import agentctl
from agentctl.errors import NameTaken, SessionBusy, SessionNotFound, StoreUnusable, UsageError
from agentctl.sessions import Hub
from agentctl.store.turn import timestamp
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.sessions.project import MIND, PLAIN, project
from tests.sessions.talk import writing

__all__ = ["project"]


@pytest.fixture
async def hub(project: Path) -> AsyncIterator[Hub]:
    async with agentctl.open(project) as hub:
        yield hub


async def say(hub: Hub, session: str, *tasks: str, name: str = "plain") -> str:
    """Turns of a session; the last answer."""
    return [(await hub.run(name, task, session=session)).output for task in tasks][-1]


async def threads(hub: Hub) -> set[str]:
    """The checkpointer's threads."""
    return {found.config["configurable"]["thread_id"] async for found in (await hub.runtime.checkpointer()).alist(None)}


async def test_a_session_is_named_by_its_name_its_id_the_start_of_that_and_its_age(hub: Hub) -> None:
    await say(hub, "old", "x")
    await say(hub, "new", "x")
    old, new = await hub.sessions.get("old"), await hub.sessions.get("new")

    assert await hub.sessions.get(old.session_id) == old
    assert await hub.sessions.get(old.session_id.upper()[:17]) == old
    assert [await hub.sessions.get(word) for word in ("-1", "-2")] == [new, old]
    with pytest.raises(SessionNotFound, match="not that many"):
        await hub.sessions.get("-3")
    with pytest.raises(SessionNotFound, match="did you mean 'new'"):
        await hub.sessions.get("nev")
    with pytest.raises(SessionNotFound):
        await hub.sessions.get(old.session_id[:5])


async def test_a_session_of_another_user_or_workspace_is_refused(hub: Hub) -> None:
    theirs = await hub.sessions.create("plain", user="mia", name="trip")
    mine = await hub.sessions.create("plain", name="trip")

    assert await hub.sessions.get("trip") == mine
    with pytest.raises(SessionNotFound, match="is not "):
        await hub.sessions.get(theirs.session_id)
    with pytest.raises(SessionNotFound, match="one of workspace plain, not of mind"):
        await hub.run("mind", "x", session="trip")
    with pytest.raises(SessionNotFound):
        await hub.run("plain", "x", session=theirs.session_id)


@pytest.mark.parametrize("name", ["", "  ", "-x", "a/b", "a\x1b[2J", "é\ud800", "x" * 65, "01m7wx00s1yrbffnyn", ".."])
async def test_a_name_that_could_be_mistaken_is_none(hub: Hub, name: str) -> None:
    with pytest.raises(UsageError):
        await hub.sessions.create("plain", name=name)
    session = await hub.sessions.create("plain")
    with pytest.raises(UsageError):
        await hub.sessions.rename(session, name)

    assert (await hub.sessions.get(session.session_id)).name is None


async def test_a_name_is_taken_once_by_each_user(hub: Hub) -> None:
    one, two = await hub.sessions.create("plain", name="one"), await hub.sessions.create("plain", name="two")
    await hub.sessions.create("plain", name="one", user="mia")
    for attempt in (
        hub.sessions.create("plain", name="one"), hub.sessions.rename(two, "one"), hub.sessions.fork(two, name="one"),
    ):  # fmt: skip
        with pytest.raises(NameTaken):
            await attempt
    await hub.sessions.rename(one, "one")
    await hub.sessions.rename(one, "three")

    assert [row.name for row in await hub.sessions.newest()] == ["two", "three"]


async def test_tags_and_metadata_are_found_whole(hub: Hub) -> None:
    await hub.sessions.create("plain", name="a", tags=["red", "red"], metadata={"k": "1", "l": "2"})
    await hub.sessions.create("plain", name="b", tags=["redder", "é%"], metadata={"k": "12"})

    async def names(**wanted: object) -> list[str | None]:
        return [row.name for row in await hub.sessions.newest(**wanted)]  # type: ignore[arg-type]

    assert await names(tags=["red"]) == await names(metadata={"k": "1"}) == await names(metadata={"l": "2"}) == ["a"]
    assert await names(tags=["é%"]) == ["b"]
    assert await names(tags=["%"]) == await names(metadata={"k": "2"}) == await names(metadata={"k": "l"}) == []


@pytest.mark.parametrize("tag", ["", "-1", "a\nb", "\x9b", "\ud800", "x" * 65])
async def test_a_tag_is_a_short_word_that_a_terminal_shows(hub: Hub, tag: str) -> None:
    session = await hub.sessions.create("plain")
    for tags, metadata in (([tag], {}), ([], {tag: "x"})):
        with pytest.raises(UsageError):
            await hub.sessions.tag(session, tags, metadata)


async def test_a_fork_goes_on_from_its_turn_and_leaves_the_other_alone(hub: Hub) -> None:
    await say(hub, "s", "a", "b", "c")
    source = await hub.sessions.get("s")
    await hub.sessions.fork(source, 2, name="fork")
    await hub.sessions.fork(source, 0, name="empty")

    assert await say(hub, "fork", "d") == "a | b | d"
    assert await say(hub, "empty", "d") == "d"
    assert await say(hub, "s", "d") == "a | b | c | d"
    with pytest.raises(UsageError, match="no turn 9; it has 4"):
        await hub.sessions.fork(await hub.sessions.get("s"), 9)


async def test_what_was_rewound_is_forgotten_and_its_number_given_again(hub: Hub) -> None:
    await say(hub, "s", "a", "b", "c")
    await hub.sessions.rewind(await hub.sessions.get("s"), 1)
    said = await say(hub, "s", "d")
    turns = await hub.sessions.turns(await hub.sessions.get("s"))

    assert said == "a | d"
    assert [(turn.turn, turn.user) for turn in turns] == [(1, "a"), (2, "d")]
    with pytest.raises(UsageError, match="no turn -1"):
        await hub.sessions.rewind(await hub.sessions.get("s"), -1)


async def test_agents_own_memories_are_forked_rewound_and_deleted_along(hub: Hub) -> None:
    await say(hub, "s", "a", "b", name="mind")
    source = await hub.sessions.get("s")
    fork = await hub.sessions.fork(source, 1, name="fork")
    assert await say(hub, "fork", "c", name="mind") == "a c"
    await hub.sessions.rewind(source, 1)
    assert await say(hub, "s", "d", name="mind") == "a d"
    assert await threads(hub) == {f"a#{source.session_id}", f"a#{fork.session_id}"}

    await hub.sessions.delete([source])
    assert await threads(hub) == {f"a#{fork.session_id}"}
    assert await say(hub, "fork", "e", name="mind") == "a c e"


async def test_a_memory_of_which_no_turn_is_left_is_deleted(hub: Hub) -> None:
    await say(hub, "s", "a", name="mind")
    await hub.sessions.rewind(await hub.sessions.get("s"), 0)

    assert await threads(hub) == set()
    assert await say(hub, "s", "b", name="mind") == "b"


async def test_a_delete_that_is_cancelled_takes_agents_memories_along(hub: Hub) -> None:
    await say(hub, "s", "a", name="mind")
    session = await hub.sessions.get("s")
    async with (await hub.runtime.checkpointer()).lock:
        deleting = asyncio.create_task(hub.sessions.delete([session]))
        while await hub.sessions.find("s"):
            await asyncio.sleep(0.01)
        deleting.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await deleting

    assert await threads(hub) == set()


async def test_what_a_process_that_died_left_of_a_session_goes_later(hub: Hub) -> None:
    await say(hub, "s", "a", name="mind")
    await hub.store.sessions.delete([(await hub.sessions.get("s")).session_id])
    assert len(await threads(hub)) == 1
    await hub.sessions.expire()

    assert await threads(hub) == set()
    assert await hub.store.sessions.dead_threads() == []


async def test_a_memory_that_came_to_life_again_stays(hub: Hub) -> None:
    await say(hub, "s", "a", name="mind")
    await hub.store.sessions.rewind((await hub.sessions.get("s")).session_id, 0)  # and here the process died
    await say(hub, "s", "b", name="mind")
    await hub.sessions.expire()

    assert await say(hub, "s", "c", name="mind") == "b c"


async def test_a_fork_that_is_cancelled_leaves_nothing(hub: Hub, project: Path) -> None:
    for name in ("plain", "mind"):
        await say(hub, name, "a", name=name)
        before, source = await threads(hub), await hub.sessions.get(name)
        with writing(project):
            forking = asyncio.create_task(hub.sessions.fork(source, name="fork"))
            await asyncio.sleep(0.5)  # by now it waits for the database to take it
            forking.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await forking

        assert await hub.sessions.find("fork") is None
        assert await threads(hub) == before


async def test_of_a_session_that_is_deleted_meanwhile_there_is_no_fork(hub: Hub) -> None:
    await say(hub, "s", "a", name="mind")
    source = await hub.sessions.get("s")
    async with (await hub.runtime.checkpointer()).lock:
        forking = asyncio.create_task(hub.sessions.fork(source, name="fork"))
        await asyncio.sleep(0.2)
        await hub.store.sessions.delete([source.session_id])
    with pytest.raises(SessionNotFound):
        await forking
    await hub.sessions.expire()

    assert await hub.sessions.find("fork") is None
    assert await threads(hub) == set()


async def test_checkpoints_that_cannot_be_used_are_said_and_what_is_left_goes_later(
    write_workspace: WriteWorkspace,
) -> None:
    root = write_workspace("mind", workspace({"talk": ["a"]}, {"a": {"entry": "work:mind"}}, MIND))
    async with agentctl.open(root) as hub:
        await say(hub, "s", "a", name="mind")
        with closing(sqlite3.connect(root / ".agentctl" / "checkpoints.db")) as other:
            other.execute("ALTER TABLE writes RENAME TO away")
            with pytest.raises(StoreUnusable, match=r"checkpoints\.db: .*no such table") as caught:
                await hub.sessions.delete([await hub.sessions.get("s")])
            assert "a later run deletes that" in caught.value.hint
            assert await hub.sessions.newest() == []
            other.execute("ALTER TABLE away RENAME TO writes")
        await hub.sessions.expire()
        assert await threads(hub) == set()


async def test_a_rewind_of_a_session_that_has_gone_on_is_refused(hub: Hub) -> None:
    await say(hub, "s", "a", "b")
    seen = await hub.sessions.get("s")
    await say(hub, "s", "c")
    with pytest.raises(UsageError, match="has 3 turns now"):
        await hub.sessions.rewind(seen, 1, expected=seen.turns)

    assert len(await hub.sessions.turns(seen)) == 3


async def test_keys_that_are_pasted_into_what_a_session_is_called_are_masked(hub: Hub) -> None:
    key = "sk-" + "A" * 30
    made = await hub.sessions.create("plain", name="a", tags=[key], metadata={"k": key, key: "v"})
    await hub.run("plain", "x", session="b", metadata={"k": key})
    begun = await hub.sessions.get("b")
    assert (made.tags, made.metadata, begun.metadata) == (["***"], {"k": "***", "***": "v"}, {"k": "***"})
    await hub.sessions.tag(begun, [f"x {key}"], {"l": key})
    begun = await hub.sessions.get("b")

    assert (begun.tags, begun.metadata) == (["x ***"], {"l": "***"})
    for attempt in (hub.sessions.rename(begun, key), hub.sessions.create("plain", name=key)):
        with pytest.raises(UsageError, match=r"^'\*\*\*' cannot name"):
            await attempt


async def test_a_deleted_session_leaves_nothing(hub: Hub) -> None:
    await say(hub, "s", "a", "b")
    await say(hub, "other", "a")
    gone, [run, _] = await hub.sessions.get("s"), await hub.store.list_runs(limit=2, workspace="plain")
    await hub.sessions.delete([gone])

    assert await hub.sessions.turns(gone) == await hub.store.list_runs(session_id=gone.session_id) == []
    assert [row.name for row in await hub.sessions.newest()] == ["other"]
    assert await hub.store.events(run.run_id)
    with pytest.raises(SessionNotFound):
        await hub.sessions.get("s")


async def test_search_finds_what_was_said_and_not_how_it_is_stored(hub: Hub) -> None:
    await say(hub, "s", "Grüße\nan Ümit", "nothing")
    await hub.run("plain", "grüße", session="theirs", user="mia")

    async def found(text: str) -> list[int]:
        return [turn.turn for turn in await hub.sessions.search(text)]

    assert await found("grüße") == await found("ümit") == [2, 1]  # the second turn says the first again
    assert await found("nan") == await found("u00fc") == await found("%") == []


async def test_sessions_that_nobody_uses_expire(hub: Hub) -> None:
    for name in ("old", "new"):
        await say(hub, name, "x")
    old = await hub.sessions.get("old")
    await hub.store.sessions.update(old.session_id, updated_at=timestamp(timedelta(days=31)))

    assert await hub.sessions.expire() == 1
    assert [row.name for row in await hub.sessions.newest()] == ["new"]
    assert await hub.sessions.expire() == 0


async def test_a_session_with_a_run_in_it_is_neither_rewound_nor_deleted(write_workspace: WriteWorkspace) -> None:
    code = "import asyncio\nasync def wait(state): await asyncio.sleep(30)\n" + PLAIN
    agents = {"a": {"entry": "work:wait"}, "b": {"entry": "work:heard"}}
    root = write_workspace("slow", workspace({"talk": ["a"]}, {"a": agents["a"]}, code))
    async with agentctl.open(root) as hub:
        stream = hub.stream("slow", "x", session="s")
        await anext(stream)
        busy, idle = await hub.sessions.get("s"), await hub.sessions.create("slow", name="idle")
        with pytest.raises(SessionBusy):
            await hub.sessions.rewind(busy, 0)
        with pytest.raises(SessionBusy):
            await hub.sessions.delete([idle, busy])
        assert [row.name for row in await hub.sessions.newest()] == ["idle", "s"]
        await stream.aclose()  # type: ignore[attr-defined]

        await hub.sessions.delete([idle, busy])
        assert await hub.sessions.newest() == []


@pytest.mark.slow
def test_plain_sessions_are_forked_and_deleted_without_langgraph(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("plain", workspace({"talk": ["a"]}, {"a": {"entry": "work:heard"}}, PLAIN))
    agentctl.run("plain", "x", root=root, session="s")
    code = f"""
import agentctl.cli, sys
for words in (["fork", "s", "--name", "f"], ["rewind", "f", "0"], ["delete", "s", "f", "--yes"], ["list"]):
    try: agentctl.cli.main(["sessions", *words, "--root", {str(root)!r}])
    except SystemExit as stop: assert not stop.code, words
assert "langgraph" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])

    assert done.returncode == 0, done.stderr
