"""What `resume` does again, what it does not, and what it refuses."""

import asyncio
import shutil

import pytest

import agentctl
from agentctl.errors import GenerationMissing, RunHeld, RunNotFound
from agentctl.events import Event
from agentctl.runtime import RunResult
from tests.runtime.process import Project, events, facts

CHAIN = """\
version: 1
stages:
  one: {agents: [first, second]}
  two: {agents: [third]}
agents:
  first: {kind: python, entry: "work:note"}
  second: {kind: python, entry: "work:fragile"}
  third: {kind: python, entry: "work:note"}
"""

CODE = """\
import os

def note(state, ctx):
    with open(os.path.join(os.environ["NOTES"], "notes"), "a") as file:
        file.write(ctx.agent + "\\n")
    return ctx.agent + " v1"

def fragile(state, ctx):
    if not os.path.exists(os.path.join(os.environ["NOTES"], "healed")):
        raise RuntimeError("not yet")
    return note(state, ctx)
"""


@pytest.fixture
def chain(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Two stages of three agents; `second` fails until there is a file `healed`."""
    monkeypatch.setenv("NOTES", str(project.root))
    project.env["NOTES"] = str(project.root)
    project.write("chain", {"workspace.yaml": CHAIN, "work.py": CODE})
    return project


def heal(project: Project) -> None:
    (project.root / "healed").touch()


async def resume(project: Project, run_id: str) -> tuple[RunResult, list[Event]]:
    """As another process would: in a hub of its own."""
    told: list[Event] = []
    async with agentctl.open(project.root) as hub:
        return await hub.resume(run_id, on_event=told.append), told


async def run(project: Project, name: str = "chain") -> tuple[RunResult, list[Event]]:
    told: list[Event] = []
    async with agentctl.open(project.root) as hub:
        return await hub.run(name, "a task", on_event=told.append), told


async def test_only_the_failed_agent_runs_again(chain: Project) -> None:
    failed, before = await run(chain)
    heal(chain)

    done, after = await resume(chain, failed.run_id)

    assert (failed.status, failed.exit_code, done.status) == ("failed", 4, "done")
    assert sorted(chain.notes()) == ["first", "second", "third"]
    assert [event.type for event in after][:2] == ["run.started", "agent.started"]
    assert after[0].data["resumed"] is True
    assert [event.seq for event in [*before, *after]] == list(range(1, len(before) + len(after) + 1))


async def test_a_run_that_fails_again_tells_that_again(chain: Project) -> None:
    failed, _ = await run(chain)

    again, told = await resume(chain, failed.run_id)

    assert again.error == failed.error
    assert [event.type for event in told] == ["run.started", "agent.started", "agent.failed", "run.finished"]
    assert sorted(chain.notes()) == ["first"]


@pytest.mark.parametrize("edit", ["changed", "stage deleted", "broken", "deleted"])
async def test_a_run_goes_on_with_the_files_it_began_with(chain: Project, edit: str) -> None:
    failed, _ = await run(chain)
    folder = chain.root / "workspaces" / "chain"
    match edit:
        case "changed":
            chain.write("chain", {"work.py": CODE.replace("v1", "v2")})
        case "stage deleted":
            chain.write("chain", {"workspace.yaml": CHAIN.replace("  two: {agents: [third]}\n", "")})
        case "broken":
            chain.write("chain", {"workspace.yaml": "stages: ["})
        case "deleted":
            shutil.rmtree(folder)
    heal(chain)

    done, _ = await resume(chain, failed.run_id)

    assert (done.status, done.output, done.generation) == ("done", "third v1", failed.generation)


async def test_a_new_run_takes_the_edit_that_a_resumed_one_does_not(chain: Project) -> None:
    failed, _ = await run(chain)
    chain.write("chain", {"work.py": CODE.replace("v1", "v2")})
    heal(chain)

    async with agentctl.open(chain.root) as hub:
        fresh = await hub.run("chain", "a task")
        old = await hub.resume(failed.run_id)

    assert (fresh.output, old.output) == ("third v2", "third v1")


@pytest.mark.parametrize(("harm", "said"), [("deleted", "does not hold it"), ("tampered", "were changed")])
async def test_without_its_files_a_run_is_refused(chain: Project, harm: str, said: str) -> None:
    failed, _ = await run(chain)
    stored = chain.root / ".agentctl" / "generations" / "chain" / failed.generation
    shutil.rmtree(stored) if harm == "deleted" else (stored / "work.py").write_text(CODE + "\n")
    heal(chain)

    with pytest.raises(GenerationMissing, match=said) as refused:
        await resume(chain, failed.run_id)

    assert refused.value.exit_code == 3
    assert (chain.notes(), chain.status(failed.run_id)) == (["first"], "failed")


async def test_a_done_run_is_told_again_and_not_run(chain: Project) -> None:
    heal(chain)
    done, told = await run(chain)

    again, retold = await resume(chain, done.run_id)

    assert again == done
    assert [event.as_dict() for event in retold] == [told[-1].as_dict()]
    assert sorted(chain.notes()) == ["first", "second", "third"]


async def test_a_run_may_be_named_by_its_first_characters(chain: Project) -> None:
    heal(chain)
    done, _ = await run(chain)

    assert (await resume(chain, done.run_id[:8].upper()))[0] == done


@pytest.mark.parametrize("name", ["nosuchrun", "abc", "", "%"])
async def test_an_unknown_run_is_refused(chain: Project, name: str) -> None:
    heal(chain)
    await run(chain)

    with pytest.raises(RunNotFound) as refused:
        await resume(chain, name)

    assert refused.value.exit_code == 2


async def test_of_two_resumes_at_once_one_wins(chain: Project) -> None:
    failed, _ = await run(chain)
    heal(chain)

    async with agentctl.open(chain.root) as one, agentctl.open(chain.root) as other:
        both = await asyncio.gather(one.resume(failed.run_id), other.resume(failed.run_id), return_exceptions=True)

    assert {type(each) for each in both} == {RunResult, RunHeld}
    assert sorted(chain.notes()) == ["first", "second", "third"]


@pytest.mark.slow
def test_of_two_processes_that_resume_at_once_one_wins(chain: Project) -> None:
    chain.write(
        "chain",
        {"work.py": CODE.replace("import os", "import os, time").replace("    with", "    time.sleep(0.7)\n    with")},
    )
    run_id = events(chain.agentctl("run", "chain", "a task", "--json").stdout)[0]["run_id"]
    heal(chain)

    both = [chain.start("resume", run_id) for _ in range(2)]
    said = {process.communicate(timeout=30)[1] for process in both}

    assert sorted(process.returncode for process in both) == [0, 2]
    assert any(f"run {run_id} is still running in process" in text for text in said)
    assert sorted(chain.notes()) == ["first", "second", "third"]


SCRIPTED = """\
version: 1
model: scripted:replies.yaml
stages:
  first: {agents: [one]}
  second: {agents: [two]}
  third: {agents: [three]}
agents:
  one: {prompt: Speak.}
  two: {prompt: Speak., retry: {attempts: 1}}
  three: {prompt: Speak.}
"""
REPLIES = """\
replies:
  - {text: alpha, usage: {input_tokens: 5, output_tokens: 1}}
  - {agent: two, error: 500}
  - {agent: two, error: 429}
  - {text: beta, usage: {input_tokens: 7, output_tokens: 1}}
  - {text: gamma, usage: {input_tokens: 9, output_tokens: 1}}
"""


async def test_scripted_replies_are_not_played_twice(project: Project) -> None:
    """Neither those of agents that had finished, nor those that made an agent fail."""
    project.write("talk", {"workspace.yaml": SCRIPTED, "replies.yaml": REPLIES})

    first, _ = await run(project, "talk")
    second, _ = await resume(project, first.run_id)
    third, _ = await resume(project, first.run_id)

    assert [each.error["code"] for each in (first, second) if each.error] == [
        "model-server-error",
        "model-rate-limited",
    ]
    assert (third.status, third.output) == ("done", "gamma")
    assert (third.usage["model_calls"], third.usage["input_tokens"]) == (3, 21)


async def test_limits_count_what_was_spent_before(project: Project) -> None:
    text = SCRIPTED + "limits: {max_tokens: 6}\n"
    project.write("talk", {"workspace.yaml": text, "replies.yaml": REPLIES})

    first, _ = await run(project, "talk")
    again, told = await resume(project, first.run_id)

    for result in (first, again):
        assert (result.status, result.exit_code, result.stages) == ("limited", 6, ["first", "second"])
        assert result.usage["input_tokens"] == 5
    assert "limit.reached" in [event.type for event in told]


async def test_a_run_that_had_all_its_steps_stays_limited(chain: Project) -> None:
    heal(chain)
    chain.write("chain", {"workspace.yaml": CHAIN + "limits: {max_steps: 1}\n"})

    first, _ = await run(chain)
    again, _ = await resume(chain, first.run_id)

    assert (first.status, again.status) == ("limited", "limited")
    assert sorted(chain.notes()) == ["first", "second"]


async def test_active_time_is_summed_over_resumes(chain: Project) -> None:
    chain.write(
        "chain", {"work.py": "import asyncio\n\nasync def note(state):\n    await asyncio.sleep(5)\n\nfragile = note\n"}
    )
    async with agentctl.open(chain.root) as hub:
        first = await hub.run("chain", "a task", timeout_s=0.2)
    again, _ = await resume(chain, first.run_id)

    assert (first.status, again.status) == ("limited", "limited")
    assert 0.2 <= first.usage["duration_s"] <= again.usage["duration_s"] < 0.4


async def test_facts_are_told_once_over_all_resumes(chain: Project) -> None:
    failed, before = await run(chain)
    _, between = await resume(chain, failed.run_id)
    heal(chain)
    _, after = await resume(chain, failed.run_id)

    told = facts([event.as_dict() for event in [*before, *between, *after]])

    assert len(told) == len(set(told)) == 7
    assert [event["seq"] for event in chain.kept(failed.run_id)] == list(range(1, after[-1].seq + 1))
