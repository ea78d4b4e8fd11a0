"""Sessions leave as documents and come back whole, or not at all."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import agentctl
from agentctl.errors import NameTaken, NotPortable, UsageError, WorkspaceNotFound
from agentctl.sessions import Hub, as_markdown
from agentctl.sessions.document import MAX_BYTES, MAX_DIGITS, MAX_PARTS, MAX_TURNS
from agentctl.store import TurnRow
from tests.sessions.project import project
from tests.sessions.talk import writing

__all__ = ["project"]

Document = dict[str, Any]
AT = "2026-11-20T12:00:00.000Z"


@pytest.fixture
async def hub(project: Path) -> AsyncIterator[Hub]:
    async with agentctl.open(project) as hub:
        yield hub


@asynccontextmanager
async def nothing_is_imported(hub: Hub) -> AsyncIterator[None]:
    before = await everything(hub)
    yield
    assert await everything(hub) == before


async def everything(hub: Hub) -> tuple[object, ...]:
    """The sessions, and the threads that agents keep."""
    checkpointer = await hub.runtime.checkpointer()
    threads = sorted([found.config["configurable"]["thread_id"] async for found in checkpointer.alist(None)])
    return await hub.sessions.newest(limit=1000), threads


def same(exported: Document) -> Document:
    """An export without its ids, times of use and paths of files."""
    copy = deepcopy(exported)
    for name in ("session_id", "created_at", "updated_at"):
        del copy["session"][name]
    for turn in copy["turns"]:
        del turn["run_id"]
        for attached in turn["attachments"]:
            del attached["path"]
    return copy


async def exported(hub: Hub, file: Path, name: str = "mind") -> Document:
    """A session `s` of two turns, a file with the first."""
    file.write_text("a note")
    await hub.run(name, "one", session="s", files=[file], metadata={"k": "v"})
    await hub.run(name, "two", session="s")
    return await hub.sessions.export(await hub.sessions.get("s"))


async def test_an_imported_session_goes_on_where_the_exported_one_stood(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt")
    row = await hub.sessions.import_(json.dumps(document).encode(), name="t")
    again = await hub.sessions.export(row)

    assert same({**again, "session": {**again["session"], "name": "s"}}) == same(document)
    assert again["session"]["session_id"] != document["session"]["session_id"]
    assert [turn["run_id"] for turn in again["turns"]] == [None, None]
    assert [attached["path"] for attached in again["turns"][0]["attachments"]] == ["note.txt"]  # names no file here
    assert (await hub.run("mind", "three", session="t")).output == "one two three"
    assert (await hub.run("mind", "drei", session="s")).output == "one two drei"


async def test_an_imported_session_is_the_importers_and_of_the_workspace_that_was_named(
    hub: Hub, tmp_path: Path
) -> None:
    document = await exported(hub, tmp_path / "note.txt", "mind")
    row = await hub.sessions.import_(document, user="mia", workspace="plain")

    assert (row.user_id, row.workspace, row.name) == ("mia", "plain", "s")
    assert (await hub.run("plain", "three", session="s", user="mia")).output == "one | two | three"


async def test_a_turn_that_was_under_way_is_interrupted_where_it_comes_in(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt", "plain")
    document["turns"][0]["status"], document["turns"][1]["status"] = "waiting", "running"
    row = await hub.sessions.import_(document, name="t")

    assert [turn.status for turn in await hub.sessions.turns(row)] == ["killed", "killed"]
    assert (await hub.run("plain", "three", session="t")).output == "three"


async def test_a_memory_that_json_cannot_hold_is_left_out_and_told(hub: Hub) -> None:
    left_out: list[NotPortable] = []
    await hub.run("mind", "odd", session="s")
    document = await hub.sessions.export(await hub.sessions.get("s"), on_left_out=left_out.append)

    assert [str(error).partition("'a#")[0] for error in left_out] == ["the memory "]
    assert document["threads"] == {}
    assert await hub.sessions.import_(document, name="t")


async def test_a_name_that_is_taken_imports_nothing(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt")
    async with nothing_is_imported(hub):
        with pytest.raises(NameTaken):
            await hub.sessions.import_(document)


async def test_of_two_imports_at_once_that_take_a_name_one_is_whole(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt")
    got = await asyncio.gather(*(hub.sessions.import_(document, name="t") for _ in range(2)), return_exceptions=True)
    [row] = [each for each in got if not isinstance(each, NameTaken)]
    _, threads = await everything(hub)

    assert not isinstance(row, BaseException)
    assert set(threads) == {f"a#{row.session_id}", f"a#{(await hub.sessions.get('s')).session_id}"}  # type: ignore[call-overload]


def put(*place: str | int, to: object) -> Callable[[Document], None]:
    """A change of what stands at a place; `...` takes it away."""

    def change(document: Document) -> None:
        at: Any = document
        for step in place[:-1]:
            at = at[step]
        if to is ...:
            del at[place[-1]]
        else:
            at[place[-1]] = to

    return change


OTHER = sha256(b"another").hexdigest()
STATE: Document = {"namespaces": {"": {"__previous__": ["told"]}}}
EVIL: Document = {"namespaces": {"": {"x": {"$message": {"type": "exec", "data": {"content": "x"}}}}}}
FAULTS = {
    "$.format": put("format", to="tar"),
    "$.version": put("version", to=2),
    "$.extra": put("extra", to=1),
    "$.session": put("session", to=[]),
    "$.session.admin": put("session", "admin", to=True),
    "$.session.name": put("session", "name", to="a\x1b[2Jb"),
    "$.session.workspace": put("session", "workspace", to="../elsewhere"),
    "$.session.tags": put("session", "tags", to=["a\nb"]),
    "$.session.metadata": put("session", "metadata", to={"k": "\x9b"}),
    "$.session.metadata.k": put("session", "metadata", to={"k": 1}),
    "$.session.updated_at": put("session", "updated_at", to="2026-13-40T12:00:00.000Z"),
    "$.turns": put("turns", to={}),
    "$.turns[1].turn": put("turns", 1, "turn", to=3),
    "$.turns[0].turn": put("turns", 0, "turn", to=10**400),
    "$.turns[0].user": put("turns", 0, "user", to=...),
    "$.turns[1].user": put("turns", 1, "user", to=5),
    "$.turns[1].status": put("turns", 1, "status", to="resumable"),
    "$.turns[1].run_id": put("turns", 1, "run_id", to="'; drop table runs"),
    "$.turns[1].stages[0]": put("turns", 1, "stages", to=["\x1b]0;x"]),
    "$.turns[1].decision": put("turns", 1, "decision", to=[]),
    "$.turns[1].usage.input_tokens": put("turns", 1, "usage", "input_tokens", to=-1),
    "$.turns[1].usage.cost_usd": put("turns", 1, "usage", "cost_usd", to="1"),
    "$.turns[1].usage.model_calls": put("turns", 1, "usage", "model_calls", to=10**16),
    "$.turns[1].generation": put("turns", 1, "generation", to="HEAD"),
    '$.turns[1]["a\\u001b b"]': put("turns", 1, "a\x1b b", to=1),
    "$.turns[0].attachments[0].name": put("turns", 0, "attachments", 0, "name", to="../../etc/passwd"),
    "$.turns[0].attachments[0].media_type": put("turns", 0, "attachments", 0, "media_type", to="text/\x1b"),
    "$.turns[0].attachments[0].size": put("turns", 0, "attachments", 0, "size", to=10**9),
    "$.turns[0].attachments[0].digest": put("turns", 0, "attachments", 0, "digest", to=OTHER),
    f"$.attachments.{OTHER}": put("attachments", OTHER, to=b64encode(b"another").decode()),
    "$.attachments.no-digest": put("attachments", "no-digest", to=""),
    "$.threads.a": put("threads", "a", to=EVIL),
    "$.threads.b": put("threads", "b", to={"namespaces": {}}),
    "$.threads.c": put("threads", "c", to="gASVKAAAAAAAAACMBXBvc2l4"),
    '$.threads["../a"]': put("threads", "../a", to=STATE),
}  # fmt: skip


async def test_every_fault_is_named_with_its_place_and_nothing_is_imported(hub: Hub, tmp_path: Path) -> None:
    good = await exported(hub, tmp_path / "note.txt")
    good["session"]["name"] = None
    for place, change in FAULTS.items():
        bad = deepcopy(good)
        change(bad)
        async with nothing_is_imported(hub):
            for document in (bad, json.dumps(bad).encode()):
                with pytest.raises(UsageError) as caught:
                    await hub.sessions.import_(document)
                assert f"{place}: " in str(caught.value), place
                assert caught.value.code == "import-invalid"


async def test_all_faults_are_told_at_once(hub: Hub, tmp_path: Path) -> None:
    bad = await exported(hub, tmp_path / "note.txt")
    for place in ("$.version", "$.turns[1].status", "$.session.admin"):
        FAULTS[place](bad)
    with pytest.raises(UsageError, match=r"\$\.version: .*; \$\.session\.admin: .*; \$\.turns\[1\]\.status: "):
        await hub.sessions.import_(bad)


async def test_of_many_faults_the_first_are_told(hub: Hub, tmp_path: Path) -> None:
    bad = await exported(hub, tmp_path / "note.txt")
    bad["turns"] = [{"q": 1}] * 1_000
    with pytest.raises(UsageError) as caught:
        await hub.sessions.import_(bad)

    assert str(caught.value).count("$.") == 20
    assert str(caught.value).endswith("; and more")


async def test_what_is_said_counts_as_one_value_whatever_is_in_it(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt", "plain")
    document["turns"][0]["user"] = ',[{"\\' * (MAX_PARTS // 2)
    row = await hub.sessions.import_(json.dumps(document).encode(), name="t")

    assert (await hub.sessions.turns(row))[0].user == document["turns"][0]["user"]


async def test_a_workspace_that_the_project_does_not_have_is_said(hub: Hub, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt", "plain")
    async with nothing_is_imported(hub):
        with pytest.raises(WorkspaceNotFound, match=r"no workspace 'plane'.*did you mean 'plain'") as caught:
            await hub.sessions.import_(document, name="t", workspace="plane")
    assert "`--workspace`" in caught.value.hint


async def test_an_import_that_is_cancelled_leaves_nothing(hub: Hub, project: Path, tmp_path: Path) -> None:
    document = await exported(hub, tmp_path / "note.txt", "plain")
    async with nothing_is_imported(hub):
        with writing(project):
            importing = asyncio.create_task(hub.sessions.import_(document, name="t"))
            await asyncio.sleep(0.5)  # by now it waits for the database to take it
            importing.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await importing


async def test_of_a_file_that_is_not_the_one_of_its_digest_nothing_is_imported(hub: Hub, tmp_path: Path) -> None:
    good = await exported(hub, tmp_path / "note.txt")
    [digest] = good["attachments"]
    for body in ("not base64!", b64encode(b"forged").decode(), "YSBub3Rl\n", "\ud800"):
        bad = {**good, "attachments": {digest: body}}
        async with nothing_is_imported(hub):
            with pytest.raises(UsageError, match=rf"\$\.attachments\.{digest}: "):
                await hub.sessions.import_(bad, name="t")


@pytest.mark.parametrize(
    ("text", "said"),
    {
        "empty": (b"", "no JSON in line 1"),
        "no object": (b"[]", r"\$: "),
        "cut off": (b'{"format": "agentctl-session",\n', "no JSON in line 2"),
        "deep": (b"[" * 100_000, "nested too deeply"),
        "rather deep": (b'{"threads": ' + b"[" * 200 + b"]" * 200 + b"}", r"\$\.threads\[0\]\[0\]: is nested"),
        "twice": (b'{"session": {"name": "a", "name": "b"}}', r"\$\.session\.name: stands there twice"),
        "no number": (b'{"turns": [{"usage": NaN}]}', r"\$\.turns\[0\]\.usage: is no finite number"),
        "a large float": (b'{"turns": 1e999}', r"\$\.turns: is no finite number"),
        "a large integer": (b'{"turns": ' + b"9" * (MAX_DIGITS + 1) + b"}", r"\$\.turns: is no finite number"),
        "Latin-1": (b'{"format": "\xe9"}', "byte 12 is not UTF-8"),
        "UTF-16": ("{}".encode("utf-16"), "not UTF-8"),
        "many": (b"[" + b"0," * (MAX_PARTS + 1) + b"0]", f"over {MAX_PARTS:,} values"),
        "many turns": (b'{"turns": [' + b"0," * MAX_TURNS + b"0]}", r"\$\.turns: holds over 20,000"),
        "many keys": (json.dumps(dict.fromkeys(map(str, range(300)))).encode(), r"\$: holds over 200 keys"),
        "large": (b'"' + b"A" * MAX_BYTES + b'"', "over 200,000,000 bytes"),
    }.values(),
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_what_is_no_document_is_refused_with_the_reason(tmp_path: Path, text: bytes, said: str) -> None:
    async with agentctl.open(tmp_path) as hub:
        with pytest.raises(UsageError, match=said):
            await hub.sessions.import_(text)
    assert list(tmp_path.iterdir()) == []


texts = st.text(st.characters(), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(texts, inner, min_size=1, max_size=3),
    max_leaves=8,
)
counts = st.integers(0, 10**12)
usages = st.fixed_dictionaries(
    dict.fromkeys(("input_tokens", "output_tokens", "model_calls", "tool_calls"), counts)
    | {"cost_usd": st.none() | st.floats(0, 1e6), "duration_s": st.floats(0, 1e6)}
)
bodies = st.binary(min_size=1, max_size=50)
names = texts.filter(lambda name: name not in ("", ".", "..") and "/" not in name and "\0" not in name)
turns = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["done", "failed", "limited", "cancelled", "killed"]),
        "user": texts,
        "answer": st.none() | texts,
        "winner": st.none() | texts,
        "decision": st.none() | st.dictionaries(texts, values, max_size=3),
        "stages": st.none() | st.lists(st.from_regex(r"[a-z][a-z0-9_-]*", fullmatch=True), max_size=3),
        "usage": st.none() | usages,
        "files": st.lists(st.tuples(names, bodies), max_size=2),
    }
)
words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
heads = st.fixed_dictionaries(
    {
        "name": st.none() | st.from_regex(r"[A-Za-z][A-Za-z0-9 ._@+-]{0,20}[a-z]", fullmatch=True),
        "tags": st.lists(words, unique=True, max_size=3),
        "metadata": st.dictionaries(words, words, max_size=3),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(head=heads, said=st.lists(turns, max_size=4))
def test_what_is_imported_is_what_was_exported(
    head: Document, said: list[Document], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def there_and_back() -> tuple[Document, Document]:
        root = tmp_path_factory.mktemp("project")
        (root / "workspaces" / "plain").mkdir(parents=True)
        (root / "workspaces" / "plain" / "workspace.yaml").touch()
        async with agentctl.open(root) as hub:
            row = hub.sessions.new("plain", head["name"], None, head["tags"], head["metadata"])
            kept: dict[str, bytes] = {}
            rows = []
            for number, turn in enumerate(deepcopy(said), 1):
                files = []
                for name, body in turn.pop("files"):
                    digest = sha256(body).hexdigest()
                    kept[digest] = body
                    files.append({"name": name, "media_type": "a/b", "path": name, "size": len(body), "digest": digest})
                rows.append(
                    TurnRow(
                        session_id=row.session_id, turn=number, run_id=f"r{number}", attachments=files, started_at=AT,
                        **turn,
                    )
                )  # fmt: skip
            row = type(row)(**{**_fields(row), "turns": len(rows), "created_at": AT, "updated_at": AT})
            await hub.store.sessions.put(row, rows, kept)
            first = await hub.sessions.export(row)
            json_text = json.dumps(first, ensure_ascii=False).encode(errors="backslashreplace")
            return first, await hub.sessions.export(await hub.sessions.import_(json_text, user="mia"))

    first, second = asyncio.run(there_and_back())

    assert same(second) == same(first)
    assert len(first["turns"]) == len(said)


def _fields(row: object) -> Document:
    return {name: getattr(row, name) for name in row.__slots__}  # type: ignore[attr-defined]


EVIL_PARTS = ["`", "```", "````", "\n", "\r", "\u2028", "# x", "- y", "~~~", "text", " ", "|", "<!--", "](x)"]


@settings(max_examples=300, deadline=None)
@given(evil=st.lists(st.sampled_from(EVIL_PARTS), max_size=12).map("".join))
def test_no_text_poses_as_the_structure_of_the_markdown(evil: str) -> None:
    turn = {
        "turn": 1, "status": "done", "started_at": AT, "user": evil, "answer": evil, "winner": evil,
        "usage": None, "stages": ["a", "a"], "attachments": [{"name": evil, "media_type": "text/plain", "size": 1}],
    }  # fmt: skip
    head = {"session_id": "1", "workspace": "w", "name": None, "created_at": AT, "tags": [], "metadata": {}}
    lines = as_markdown({"session": head, "turns": [turn]}).split("\n")
    outside, fence = [], ""
    for line in lines:
        if fence:
            fence = "" if set(line.strip()) == {"`"} and len(line.strip()) >= len(fence) else fence
        elif line.endswith("`text") and set(line[:-4]) == {"`"}:
            fence = line[:-4]
        else:
            outside.append(line)

    assert fence == ""
    assert [line for line in outside if line.startswith("#")] == ["# Session `1`", "## Turn 1, done"]
    assert len([line for line in outside if line]) == 8
