"""What a hub refuses, and what it says while it runs."""

import asyncio
import json
from pathlib import Path

import pytest

import agentctl
from agentctl.errors import KeyMissing, UsageError, WorkspaceInvalid, WorkspaceNotFound
from tests.conftest import WriteWorkspace
from tests.runs import run, workspace


async def test_an_unknown_workspace_names_the_nearest(write_workspace: WriteWorkspace) -> None:
    with pytest.raises(WorkspaceNotFound, match="did you mean 'debate'"):
        await run(write_workspace("debate", workspace({"x": ["a"]})), name="debat")


async def test_an_invalid_workspace_is_refused_and_others_run(write_workspace: WriteWorkspace) -> None:
    write_workspace("broken", "version: 1\nstages: {x: {agents: [nobody]}}\n")
    async with agentctl.open(write_workspace("demo", workspace({"x": ["a"]}))) as hub:
        with pytest.raises(WorkspaceInvalid):
            await hub.run("broken", "go")
        assert (await hub.run("demo", "go")).status == "done"
        assert hub.list_workspaces() == ["broken", "demo"]


async def test_a_corrected_workspace_runs_in_the_same_hub(write_workspace: WriteWorkspace) -> None:
    async with agentctl.open(write_workspace("demo", "version: 2\n")) as hub:
        with pytest.raises(WorkspaceInvalid):
            await hub.run("demo", "go")
        write_workspace("demo", workspace({"x": ["a"]}))

        assert (await hub.run("demo", "go")).output == "a1"


async def test_a_missing_key_is_told_before_anything_runs(
    write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    files = workspace({"x": ["a"]}, {"a": {"prompt": "hi"}}, model="openai:gpt-4o-mini")
    async with agentctl.open(write_workspace("demo", files)) as hub:
        with pytest.raises(KeyMissing, match="OPENAI_API_KEY"):
            await hub.run("demo", "go")

        assert await hub.store.list_runs(10) == []


@pytest.mark.parametrize("task", ["x" * 1_000_000, "🎉👩‍👩‍👧 " * 50, "\x1b[2J\x00\x07 \r\n", "שלום ‮abc‬"])
async def test_any_text_is_a_task(write_workspace: WriteWorkspace, task: str) -> None:
    agents = {"a": {"entry": "work:echo"}, "b": {"prompt": "{{ task }}", "model": "offline"}}
    root = write_workspace(
        "demo", workspace({"x": ["b"], "y": ["a"]}, agents, "\ndef echo(state): return state['task']\n")
    )

    assert (await run(root, task)).output == task


async def test_every_log_of_a_run_is_written(write_workspace: WriteWorkspace) -> None:
    root = write_workspace("demo", workspace({"x": ["a"], "y": ["b"]}))
    result = await run(root)

    folder = Path(root, "logs/workspaces/demo")
    logs = {str(path.relative_to(folder)) for path in folder.rglob("*.log")}
    assert logs == {
        "runtime.log", "orchestrator.log", "graph.log", "workspace_loader.log", "agents/a.log", "agents/b.log",
    }  # fmt: skip
    lines = [json.loads(line) for line in (folder / "agents/a.log").read_text().splitlines()]
    assert {line["run_id"] for line in lines} == {result.run_id}


async def test_a_listener_that_raises_does_not_disturb_the_run(
    write_workspace: WriteWorkspace, capsys: pytest.CaptureFixture[str]
) -> None:
    async with agentctl.open(write_workspace("demo", workspace({"x": ["a"]}))) as hub:
        result = await hub.run("demo", "go", on_event=lambda event: 1 / 0)  # type: ignore[arg-type,return-value]

    assert result.status == "done"
    assert "ZeroDivisionError" in capsys.readouterr().err


async def test_a_hub_that_was_not_entered_says_how(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not open"):
        await agentctl.open(tmp_path).run("demo", "a task")


async def test_blocking_run_in_async_code_says_what_to_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="blocks"):
        agentctl.run("demo", "a task", root=tmp_path)


def test_a_root_that_is_no_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        agentctl.open(tmp_path / "nowhere")


async def test_a_typo_in_the_name_leaves_nothing_behind(tmp_path: Path) -> None:
    async with agentctl.open(tmp_path) as hub:
        with pytest.raises(WorkspaceNotFound):
            await hub.run("demo", "a task")

    assert list(tmp_path.iterdir()) == []


async def test_leaving_the_hub_stops_runs_that_nobody_waits_for(write_workspace: WriteWorkspace) -> None:
    code = "\nimport asyncio\nasync def hang(state): await asyncio.Event().wait()\n"
    root = write_workspace("demo", workspace({"x": ["a"]}, {"a": {"entry": "work:hang"}}, code))
    started = asyncio.Event()
    async with agentctl.open(root) as hub:
        pending = asyncio.create_task(hub.run("demo", "a task", on_event=lambda event: started.set()))
        await started.wait()

    assert pending.cancelled()
