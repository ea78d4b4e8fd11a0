"""Runs that are recorded in a cassette, and played from it."""

import asyncio
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.errors import UsageError
from agentctl.runtime import RunResult
from agentctl.runtime.cassette import dump, read_cassette
from agentctl.runtime.player import Player
from agentctl.runtime.recorder import Recorder
from agentctl.sessions import Hub
from agentctl.workspace.diagnostics import Diagnostics
from agentctl.workspace.yamlfile import read_yaml
from tests.conftest import WriteWorkspace
from tests.runs import workspace
from tests.runtime.process import Project
from tests.runtime.tooled import FREE, call, calls, tooled

REPLIES = [
    {"agent": "a", **calls(call("note", line="one"), call("look", line="two"), usage={"input_tokens": 40})},
    {"agent": "a", "text": "a is done", "usage": {"input_tokens": 50, "output_tokens": 5}},
    {"agent": "b", **calls(call("look", line="three"))},
    {"agent": "b", "text": "b is done"},
]


def unmasked(text: str) -> str:
    return text


async def record(root: Path, task: str = "do it", **options: Any) -> RunResult:
    async with Hub(root) as hub:
        return await hub.run("demo", task, tape=Recorder(root / "c.yaml", hub.store.mask), **options)


async def replay(root: Path, task: str = "do it", **options: Any) -> RunResult:
    async with Hub(root) as hub:
        return await hub.run("demo", task, tape=Player(root / "c.yaml", hub.store.mask), **options)


def notes(root: Path) -> list[str]:
    return (root / "notes").read_text().splitlines() if (root / "notes").exists() else []


@pytest.fixture(autouse=True)
def _in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(write_workspace: WriteWorkspace) -> Path:
    """Two agents at once, each with a model and tools."""
    return write_workspace("demo", tooled({"a": {}, "b": {}}, REPLIES, rules=FREE))


async def test_a_replay_ends_as_the_run_did_and_calls_nothing(root: Path) -> None:
    recorded = await record(root)
    (root / "notes").unlink()
    played = await replay(root)

    assert (played.status, played.output) == ("done", "a is done\n\nb is done")
    assert notes(root) == []
    for name in ("output", "stages", "decision", "rewards"):
        assert getattr(played, name) == getattr(recorded, name)
    for name in ("input_tokens", "output_tokens", "cost_usd", "model_calls", "tool_calls"):
        assert played.usage[name] == recorded.usage[name]
    assert played.usage["input_tokens"] == 90


async def test_the_order_in_the_file_does_not_matter(root: Path) -> None:
    await record(root)
    head, *rest = (root / "c.yaml").read_text().split("---\n")[1:]
    (root / "c.yaml").write_text("---\n".join(["# A cassette of agentctl\n", head, *reversed(rest)]))

    assert (await replay(root)).output == "a is done\n\nb is done"


async def test_ids_and_times_of_a_run_make_no_other_call(write_workspace: WriteWorkspace) -> None:
    """A prompt shows the run, its session, the clock and the ids of its calls; a replay has others."""
    code = """
from datetime import datetime, timezone
async def clock(state, ctx):
    seen = await ctx.call_tool("look", line=f"{ctx.run_id} {datetime.now().isoformat()}")
    return f"{ctx.run_id}, {ctx.session_id}, {datetime.now()}, {datetime.now(timezone.utc).isoformat()}, {seen}"
"""
    agents = {
        "clock": {"entry": "work:clock"},
        "a": {"prompt": "{{ run_id }} {{ session_id }} {{ history | tojson }}"},
    }
    stages = {"first": ["clock"], "then": ["a"]}
    root = write_workspace("demo", tooled(agents, [{"text": "seen"}], code, stages=stages, rules=FREE))
    await record(root)

    assert (await replay(root)).output == "seen"
    assert (await replay(root)).output == "seen"


async def test_a_time_of_another_day_is_content(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", tooled({"a": {}}, [{"text": "booked"}]))
    await record(root, "leave at 2031-10-01T09:00:00")
    played = await replay(root, "leave at 2031-10-01T10:00:00")

    assert played.error is not None
    assert played.error["code"] == "replay-miss"


async def test_an_edited_prompt_is_a_miss_that_shows_the_difference(write_workspace: WriteWorkspace) -> None:
    files = tooled({"a": {"prompt": "Be brief.\nNever guess.\n"}}, [{"text": "yes"}])
    root = write_workspace("demo", files)
    recorded = await record(root)
    write_workspace("demo", {"workspace.yaml": files["workspace.yaml"].replace("Never guess", "Guess boldly")})
    played = await replay(root)

    assert played.generation != recorded.generation
    assert (played.status, played.exit_code) == ("failed", 4)
    assert played.error is not None
    assert played.error["code"] == "replay-miss"
    assert played.error["message"].startswith(
        "call 1 of 'a' (model scripted:script.yaml; stage talk, visit 1, round 1) was not recorded: "
        "what was recorded there differs:\n--- recorded\n+++ now\n"
    )
    assert "-      Never guess.\n+      Guess boldly.\n" in played.error["message"]
    assert "--record" in played.error["hint"]


async def test_the_nearest_call_of_the_same_agent_is_shown_where_the_place_is_another(
    write_workspace: WriteWorkspace,
) -> None:
    files = tooled({"a": {}}, [{"text": "yes", "repeat": True}])
    root = write_workspace("demo", files)
    await record(root)
    write_workspace("demo", {"workspace.yaml": files["workspace.yaml"].replace("talk:", "chat:")})
    played = await replay(root)

    assert played.error is not None
    assert "the nearest is call 1 of 'a'" in played.error["message"]
    assert "stage talk, visit 1, round 1), which says the same" in played.error["message"]


async def test_an_agent_of_which_nothing_was_recorded_says_so(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", tooled({"a": {}}, [{"text": "yes", "repeat": True}]))
    await record(root)
    write_workspace("demo", tooled({"a": {}, "b": {}}, []))
    played = await replay(root)

    assert played.error is not None
    assert "the cassette has no model call of 'b'" in played.error["message"]


async def test_the_same_call_in_the_same_place_is_played_in_order(tmp_path: Path) -> None:
    """As where a step was made again after somebody was asked."""
    from agentctl.graph.tape import Taped
    from agentctl.store import CallKey

    run = Taped("run-000001", "session-01", "demo", "0" * 12, "do it", None, {}, simulated=False)
    key, answers = CallKey("a", "talk", 1, 1, 1), iter([{"n": 1}, {"n": 2}])

    async def perform() -> Any:
        return next(answers)

    recorder = Recorder(tmp_path / "c.yaml", unmasked)
    await recorder.begin(run)
    for _ in range(2):
        await recorder.call(key, "graph", "g", {"x": 1}, perform)
    player = Player(tmp_path / "c.yaml", unmasked)
    await player.begin(run)

    assert [await player.call(key, "graph", "g", {"x": 1}, perform) for _ in range(2)] == [{"n": 1}, {"n": 2}]
    with pytest.raises(Exception, match="it was recorded less often"):
        await player.call(key, "graph", "g", {"x": 1}, perform)


async def test_a_model_that_failed_fails_again_in_the_same_way(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", tooled({"a": {}}, [{"error": "filtered"}]))
    recorded = await record(root)
    played = await replay(root)

    assert recorded.error is not None
    assert recorded.error["code"] == "model-filtered"
    assert played.error == recorded.error


async def test_what_a_tool_or_graph_could_not_do_is_played_too(write_workspace: WriteWorkspace) -> None:
    code = """
from typing import TypedDict
from langgraph.graph import START, StateGraph
class Own(TypedDict, total=False):
    task: str
    text: str
def breaks(state): raise ValueError("no luck at " + state["task"])
graph = StateGraph(Own).add_node("n", breaks).add_edge(START, "n").compile()
"""
    agents = {"a": {}, "g": {"entry": "work:graph", "tools": []}}
    replies = [calls(call("look"), call("fly", to="Oslo")), {"text": "neither worked", "contains": "you have no tool"}]
    root = write_workspace("demo", tooled(agents, replies, code))
    recorded = await record(root)
    played = await replay(root)

    assert recorded.error is not None
    assert "ValueError: no luck at do it" in recorded.error["message"]
    assert played.error is not None
    assert (played.error["code"], played.error["message"]) == (recorded.error["code"], recorded.error["message"])


async def test_graphs_and_their_questions_are_played(write_workspace: WriteWorkspace) -> None:
    code = """
from typing import TypedDict
from langgraph.graph import START, StateGraph
from langgraph.types import interrupt
class Own(TypedDict, total=False):
    task: str
    text: str
def node(state):
    with open("asked", "a") as file:
        file.write("x")
    return {"text": f"it said {interrupt('may I?')}"}
graph = StateGraph(Own).add_node("n", node).add_edge(START, "n").compile()
"""
    from agentctl.store import Decision

    async def yes(approvals: Any) -> Mapping[str, Decision]:
        return {each.id: Decision(approve=True) for each in approvals}

    root = write_workspace("demo", tooled({"g": {"entry": "work:graph", "tools": []}}, [], code))
    recorded = await record(root, ask=yes)
    before = (root / "asked").read_text()
    played = await replay(root)

    assert recorded.output == played.output == "it said True"
    assert (root / "asked").read_text() == before


async def test_a_denied_call_is_played_without_asking(write_workspace: WriteWorkspace) -> None:
    from agentctl.store import Decision

    async def no(approvals: Any) -> Mapping[str, Decision]:
        return {each.id: Decision(approve=False, reason="too dear") for each in approvals}

    replies = [calls(call("note", line="x")), {"text": "it was too dear", "contains": "too dear"}]
    root = write_workspace("demo", tooled({"a": {}}, replies))
    recorded = await record(root, ask=no)
    played = await replay(root)

    assert recorded.output == played.output == "it was too dear"
    assert notes(root) == []


async def test_secrets_are_masked_and_the_file_is_the_owners(
    write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2-and-more")
    code = """
import os
async def leak(state, ctx):
    return (await ctx.call_tool("look", line=os.environ["SHOP_TOKEN"]))["seen"]
"""
    stages = {"first": ["leak"], "then": ["a"]}
    agents = {"leak": {"entry": "work:leak"}, "a": {}}
    root = write_workspace("demo", tooled(agents, [{"text": "sk-abcdefghijklmnopqrstuvwxyz0123"}], code, stages=stages))
    await record(root, "my key is sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123")
    text = (root / "c.yaml").read_text()

    assert "***" in text
    assert not re.search("hunter2|sk-[a-zA-Z]", text)
    assert (root / "c.yaml").stat().st_mode & 0o777 == 0o600
    assert (await replay(root, "my key is sk-ABCDEFGHIJKLMNOPQRSTUVWXYZ0123")).status == "done"


async def test_no_key_is_needed_and_auto_is_the_recorded_model(
    write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded run asked another model than `auto` would be here."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name == "AGENTCTL_MODEL":
            monkeypatch.delenv(name)
    files = workspace({"talk": ["a"]}, {"a": {"prompt": "Answer."}})
    root = write_workspace("demo", files)
    await record(root)
    text = (root / "c.yaml").read_text()
    head, *entries = text.split("...\n")
    # As if it had been recorded where a key was set.
    (root / "c.yaml").write_text("...\n".join([head.replace("offline", "openai:gpt-5-mini"), *entries]))
    played = await replay(root)
    assert played.error is not None
    assert "+name: openai:gpt-5-mini" in played.error["message"]

    monkeypatch.setenv("AGENTCTL_MODEL", "openai:gpt-5-mini")
    (root / "c.yaml").write_text(text)
    assert (await replay(root)).status == "done"


async def test_a_recording_made_with_a_model_of_the_command_line_needs_none_to_be_played(root: Path) -> None:
    replies = root / "other.yaml"
    replies.write_text("replies: [{text: from elsewhere, repeat: true}]")
    await record(root, model=f"scripted:{replies}")
    replies.unlink()

    assert (await replay(root)).output == "from elsewhere\n\nfrom elsewhere"


async def test_a_replay_says_so_and_is_no_turn_of_a_conversation(root: Path) -> None:
    await record(root)
    async with Hub(root) as hub:
        player = Player(root / "c.yaml", hub.store.mask)
        events: list[Any] = []
        result = await hub.run("demo", "do it", tape=player, on_event=events.append)
        assert events[0].data["replay"] == str(root / "c.yaml")
        assert (await hub.store.get_run(result.run_id)).model == f"replay:{root / 'c.yaml'}"
        with pytest.raises(UsageError, match="no turn of a conversation"):
            await hub.run("demo", "do it", tape=player, session="mine")


async def test_a_cassette_of_another_workspace_is_refused_before_anything_is_kept(
    root: Path, write_workspace: WriteWorkspace
) -> None:
    await record(root)
    write_workspace("other", workspace({"s": ["a"]}))
    async with Hub(root) as hub:
        with pytest.raises(UsageError, match="recorded of workspace 'demo', not of 'other'"):
            await hub.run("other", "do it", tape=Player(root / "c.yaml", unmasked))
        assert len(await hub.store.list_runs(limit=5)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("version: 1\n", "is no cassette"),
        ("", "is no cassette"),
        ("# A cassette of agentctl\n", "its first document is not whole"),
        ("# A cassette of agentctl\n---\ncassette: 1\n...\n", "c.yaml:1: the cassette is broken: workspace: field"),
        ("# A cassette of agentctl\n---\na: [\n...\n", "c.yaml:3: the cassette is broken"),
        ("# A cassette of agentctl\n---\n!!python/object/apply:os.system [id]\n...\n", "tag"),
        ("# A cassette of agentctl\n---\na: &a [1,1]\nb: &b [*a,*a]\nc: *b\n...\n", "workspace: field required"),
        ("# A cassette of agentctl\n---\n" + "[" * 5000 + "\n...\n", "nested over 64 deep"),
    ],
)  # fmt: skip
def test_what_is_no_cassette_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "c.yaml").write_text(text)

    with pytest.raises(UsageError, match=re.escape(reason)):
        Player(tmp_path / "c.yaml", unmasked)


def test_pipes_folders_and_huge_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    for name, reason in {
        "pipe": "is no file",
        "huge": "over 64 MiB",
        ".": "cannot be read",
        "no": "cannot be read",
    }.items():
        with pytest.raises(UsageError, match=reason):
            Player(tmp_path / name, unmasked)


async def test_a_result_that_no_call_gives_is_refused(root: Path) -> None:
    await record(root)
    text = (root / "c.yaml").read_text()
    for good, bad in {"finish_reason: stop": "finish: stop", "outcome:": "outcom:"}.items():
        assert good in text
        (root / "c.yaml").write_text(text.replace(good, bad))
        with pytest.raises(UsageError, match=r"c\.yaml:\d+: the cassette is broken: `result` is nothing that a"):
            Player(root / "c.yaml", unmasked)


def test_only_a_cassette_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("version: 1\n")
    (tmp_path / "folder").mkdir()
    for name in ("mine.yaml", "folder"):
        with pytest.raises(UsageError, match="is there, and is no cassette"):
            Recorder(tmp_path / name, unmasked)
    with pytest.raises(UsageError, match="cannot be written"):
        Recorder(tmp_path / "no/such/c.yaml", unmasked)


async def test_an_older_cassette_is_replaced_when_a_run_begins(root: Path) -> None:
    await record(root, "the first")
    await record(root, "the second")
    head, entries = read_cassette(root / "c.yaml")

    assert head.task == "the second"
    assert len(entries) == 7
    assert [path.name for path in root.iterdir() if path.name.startswith(".new")] == []


async def test_a_file_that_goes_away_ends_no_run(root: Path) -> None:
    async with Hub(root) as hub:
        recorder = Recorder(root / "c.yaml", hub.store.mask)

        def on_event(event: Any) -> None:
            if event.type == "tool.called":
                (root / "c.yaml").unlink(missing_ok=True)

        result = await hub.run("demo", "do it", tape=recorder, on_event=on_event)

    assert result.status == "done"
    assert "c.yaml" in recorder.fault
    assert not (root / "c.yaml").exists()


@pytest.mark.slow
def test_a_killed_run_leaves_what_it_did(project: Project) -> None:
    slow = [{"text": "quick", "agent": "a"}, {"text": "slow", "agent": "b", "delay_s": 60}]
    project.write("demo", tooled({"a": {}, "b": {}}, slow, stages={"one": ["a"], "two": ["b"]}))
    running = project.start("run", "demo", "do it", "--record", "c.yaml")
    try:
        for line in running.stderr:  # type: ignore[union-attr]
            if line.startswith("two"):
                break
    finally:
        running.kill()
        running.communicate()
    head, entries = read_cassette(project.root / "c.yaml")

    assert head.workspace == "demo"
    assert [entry.agent for entry in entries] == ["a"]


def test_half_a_document_is_left_out(tmp_path: Path) -> None:
    entry = "---\ncall: graph\nname: g\nagent: a\nstage: s\nvisit: 1\nround: 1\nordinal: 1\ndigest: x\narguments: {}\n"
    head = "# A cassette of agentctl\n---\ncassette: 1\nworkspace: w\ngeneration: g\ntask: t\n...\n"
    (tmp_path / "c.yaml").write_text(f"{head}{entry}result: 1\n...\n{entry}result: |-\n  half of")

    assert [each.result for each in read_cassette(tmp_path / "c.yaml")[1]] == [1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ODD = st.sampled_from(
    ["0o17", "1e5", "no", "12:30", "~", "null", "2026-01-01", "a\n", "\na", " a\nb ", "a\r\nb", "...\n", "---\n",
     "a\n...\nb", "\u2028a\nb", "\x85", "\x00", "\ufeff", "# a\n#b", "- a\n- b", "\t\n\ta", "a\n\n\n", "\n",
     "<<", "=", "!x", "&a", "*a", "🎉\n"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(max_size=5) | ODD, JSON | ODD, max_size=4))
def test_every_json_value_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    report = Diagnostics("")
    text = dump({"result": value})
    document = read_yaml("c.yaml", text, report)

    assert document is not None, report.problems
    assert json.dumps(document.root.plain()) == json.dumps({"result": value})
    assert "\n...\n" not in text


def test_text_of_several_lines_is_readable() -> None:
    assert dump({"prompt": "Be brief.\n\nNever guess."}) == "prompt: |-\n  Be brief.\n\n  Never guess.\n"


async def test_parallel_recordings_keep_apart(root: Path, tmp_path: Path) -> None:
    """Two runs of one process, each with a cassette of its own."""
    async with Hub(root) as hub:
        tapes = [Recorder(tmp_path / f"{number}.yaml", hub.store.mask) for number in range(2)]
        await asyncio.gather(*(hub.run("demo", f"task {number}", tape=tape) for number, tape in enumerate(tapes)))

    for number in range(2):
        head, entries = read_cassette(tmp_path / f"{number}.yaml")
        assert (head.task, len(entries)) == (f"task {number}", 7)


async def test_a_tool_agent_with_an_optional_tool_is_played(write_workspace: WriteWorkspace) -> None:
    agents = {"t": {"kind": "tool", "calls": [{"tool": "look", "args": {"line": "{{ task }}"}}]}}
    files = workspace({"talk": ["t"]}, agents, tools={"each": {"look": {"optional": True}}})
    root = write_workspace("demo", {**files, "tools/work.py": tooled({})["tools/work.py"]})
    recorded = await record(root, tools=["look"])
    (root / "notes").unlink()
    played = await replay(root, tools=["look"])

    assert played.output == recorded.output
    assert "do it" in played.output
    assert notes(root) == []
