"""What an agent's failure does to its siblings, its stage and its run."""

from typing import Any

import pytest

import agentctl
from tests.conftest import WriteWorkspace
from tests.runs import agents_of, of, run, told, workspace


def broken(on_error: Any = "fail", **more: Any) -> dict[str, Any]:
    """An agent that always fails."""
    return {"entry": "work:broken", "on_error": on_error, **more}


async def test_siblings_of_a_failed_agent_finish(write_workspace: WriteWorkspace) -> None:
    """The failure comes first, and the sibling waits for it."""
    code = """
import asyncio
failed = asyncio.Event()
async def fails(state):
    failed.set()
    raise ValueError("too hot")
async def finishes(state):
    await failed.wait()
    return "still here"
"""
    agents = {"a": {"entry": "work:fails"}, "b": {"entry": "work:finishes"}}
    events = await told(write_workspace("demo", workspace({"talk": ["a", "b"], "more": ["c"]}, agents, code)))

    assert agents_of(events) == ["b"]
    assert (events[-1]["status"], events[-1]["stages"]) == ("failed", ["talk"])
    assert events[-1]["output"] == "still here"
    assert events[-1]["error"]["message"] == "agent 'a' failed: ValueError: too hot (work.py:16 in fails)"
    failed = of(events, "agent.failed")[0]
    assert (failed["agent"], failed["stage"], failed["round"], failed["then"]) == ("a", "talk", 1, "fail")


async def test_a_failed_run_is_a_result_of_its_own_exit_code(write_workspace: WriteWorkspace) -> None:
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, {"a": broken()})))

    assert (result.status, result.exit_code) == ("failed", 4)
    assert result.error and result.error["code"] == "agent-failed"


async def test_the_rest_of_a_sequential_round_still_runs(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["a", "b"], "order": "sequential"}, "more": ["c"]}
    events = await told(write_workspace("demo", workspace(stages, {"a": broken()})))

    assert agents_of(events) == ["b"]
    assert events[-1]["status"] == "failed"


async def test_a_skipped_agent_counts_as_exited(write_workspace: WriteWorkspace) -> None:
    agents = {"a": broken("skip", exit={"max_runs": 5}), "b": {"entry": "work:speak", "exit": {"max_runs": 2}}}
    events = await told(write_workspace("demo", workspace({"talk": ["a", "b"]}, agents)))

    assert agents_of(events, "agent.failed") == ["a"]
    assert (events[-1]["status"], events[-1]["output"]) == ("done", "b2")


async def test_a_skipped_agent_counts_for_any_agent_and_not_for_a_quorum(write_workspace: WriteWorkspace) -> None:
    agents = {"a": broken("skip"), "b": {"entry": "work:speak", "exit": {"max_runs": 3}}}
    agents["c"] = {"entry": "work:speak", "exit": {"max_runs": 3}}
    stages = {
        "any": {"agents": ["a", "b", "c"], "exit": "any_agent"},
        "three": {"agents": ["a", "b", "c"], "exit": {"quorum": 3}},
    }
    left = of(await told(write_workspace("demo", workspace(stages, agents))), "stage.exited")

    assert [(e["rounds"], e["why"]) for e in left] == [(1, "a has exited"), (3, "nobody is left to run")]


@pytest.mark.parametrize("stage", [["a", "b"], {"agents": ["a", "b"], "order": "sequential"}])
async def test_a_stage_whose_agents_all_failed_fails_the_run(write_workspace: WriteWorkspace, stage: Any) -> None:
    agents = {"a": broken("skip"), "b": broken("skip")}
    result = await run(write_workspace("demo", workspace({"talk": stage, "more": ["c"]}, agents)))

    assert result.error and result.error["code"] == "stage-failed"
    assert result.error["message"] == "all agents of stage 'talk' failed"
    assert result.stages == ["talk"]


async def test_a_fallback_runs_in_place_with_its_own_writes(write_workspace: WriteWorkspace) -> None:
    code = """
def decides(state, ctx): return {"text": ctx.agent, "decision": {"verdict": "book"}}
"""
    agents = {"a": broken({"fallback": "b"}), "b": {"entry": "work:decides", "capability": "synthesizer"}}
    events = await told(write_workspace("demo", workspace({"talk": ["a"]}, agents, code)))

    assert [e["type"] for e in events if e.get("agent")] == [
        "agent.started", "agent.failed", "agent.started", "agent.finished",
    ]  # fmt: skip
    assert of(events, "agent.failed")[0]["then"] == "fallback to b"
    assert (events[-1]["status"], events[-1]["decision"]) == ("done", {"verdict": "book"})


async def test_a_fallback_that_fails_follows_its_own_rule(write_workspace: WriteWorkspace) -> None:
    agents = {"a": broken({"fallback": "b"}), "b": broken({"fallback": "c"}), "c": broken("skip")}
    events = await told(write_workspace("demo", workspace({"talk": ["a", "d"]}, agents)))

    assert agents_of(events, "agent.failed") == ["a", "b", "c"]
    assert events[-1]["status"] == "done"


async def test_a_fallback_is_listed_as_executed(write_workspace: WriteWorkspace) -> None:
    code = "\ndef show(state): return str(state['executed_agents_per_stage'])\n"
    agents = {"a": broken({"fallback": "b"}), "c": {"entry": "work:show"}, "b": {"entry": "work:speak"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"], "end": ["c"]}, agents, code)))

    assert result.output == "{'talk': ['a', 'b']}"


async def test_two_agents_fall_back_on_the_same_role(write_workspace: WriteWorkspace) -> None:
    """Each has its own model call: neither is answered from the other's."""
    replies = "replies:\n" + "".join(f"- {{text: '{n}', agent: b}}\n" for n in ("one", "two", "three"))
    agents = {"a1": broken({"fallback": "b"}), "a2": broken({"fallback": "b"}), "b": {"prompt": "Speak."}}
    files = workspace({"talk": ["a1", "b", "a2"]}, agents, model="scripted:replies.yaml")
    events = await told(write_workspace("demo", {**files, "replies.yaml": replies}))

    assert events[-1]["status"] == "done"
    assert sorted(events[-1]["output"].split("\n\n")) == ["one", "three", "two"]
    assert events[-1]["usage"]["model_calls"] == 3


OUTPUTS: list[tuple[str, str, str]] = [
    ("5", "agent-output", "it returned int"),
    ("[1]", "agent-output", "it returned list"),
    ("{'txet': 'hi'}", "agent-output", "'txet', which nothing declares, did you mean 'text'?"),
    ("{'text': 5}", "agent-output", "field 'text' must be a string, got int"),
    ("{'options': 'x'}", "agent-output", "field 'options' must be a list, got str"),
    ("{'options': [{'title': 'x'}]}", "agent-output", "each option needs an `id`"),
    ("{'options': [{'id': 'x', 'price': 5}]}", "agent-output", "an option has no field 'price'"),
    ("{'scores': 5}", "agent-output", "field 'scores' must be a mapping, got int"),
    ("{'scores': []}", "agent-output", "field 'scores' must be a mapping, got list"),
    ("{'scores': {'fit': 1.5}}", "agent-output", "score 'fit' must be a number from 0 to 1, got 1.5"),
    ("{'scores': {'fit': float('nan')}}", "agent-output", "got nan"),
    ("{'scores': {'fit': True}}", "agent-output", "got True"),
    ("{'scores': {'fitt': 1}}", "agent-output", "the metric 'fitt', did you mean 'fit'?"),
    ("{'scores': {'x': {'fit': 1}, 'fit': 1}}", "agent-output", "field 'scores.fit' must be a mapping, got int"),
    ("{'data': 'x'}", "agent-output", "field 'data' must be a mapping, got str"),
    ("{'rewards': {'x': {'other': {'fit': 9}}}}", "agent-output", "give `scores`"),
    ("{'winner': 'x'}", "channel-write-denied", "may not write channel 'winner'"),
    ("{'decision': {}}", "channel-write-denied", "agents with the capability synthesizer"),
    ("{'visits': {'talk': 9}}", "channel-write-denied", "the router"),
    ("{'task': 'mine'}", "channel-write-denied", "the orchestrator"),
    ("{'executed_agents_per_stage': {}}", "channel-write-denied", "agentctl itself"),
    ("{'votes': 1}", "channel-write-denied", "it is written by b"),
    ("{'count': 'many'}", "channel-value-invalid", "which takes a number"),
    ("{'data': {'when': object()}}", "channel-value-invalid", "which takes JSON"),
]


@pytest.mark.parametrize(("returned", "code", "said"), OUTPUTS)
async def test_a_wrong_output_fails_its_agent(
    write_workspace: WriteWorkspace, returned: str, code: str, said: str
) -> None:
    agents = {"a": {"entry": "work:wrong", "scores": ["fit"], "on_error": "skip"}}
    channels = {"votes": {"type": "sum", "writers": ["b"]}, "count": {"type": "sum", "writers": ["a"]}}
    files = workspace({"talk": ["a", "b"]}, agents, f"\ndef wrong(state): return {returned}\n", channels=channels)
    events = await told(write_workspace("demo", files))

    error = of(events, "agent.failed")[0]["error"]
    assert (error["code"], events[-1]["output"], events[-1]["rewards"]) == (code, "b1", {})
    assert said in error["message"] + error["hint"]


async def test_an_output_that_contains_itself_fails_its_agent(write_workspace: WriteWorkspace) -> None:
    code = "\ndef wrong(state):\n    data = {}\n    data['data'] = data\n    return data\n"
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": "work:wrong"}}, code)))

    assert result.error and result.error["message"] == "agent 'a' failed: its output contains itself"


async def test_a_denied_write_merges_nothing_of_its_delta(write_workspace: WriteWorkspace) -> None:
    code = "\ndef wrong(state): return {'text': 'hi', 'options': [{'id': 'x'}], 'winner': 'x'}\n"
    code += "def show(state): return f\"{len(state['history'])} {len(state['options'])} {state['winner']}\"\n"
    agents = {"a": {"entry": "work:wrong", "on_error": "skip"}, "c": {"entry": "work:show"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a", "b"], "end": ["c"]}, agents, code)))

    assert result.output == "1 0 None"


@pytest.mark.parametrize(
    "raised", ["SystemExit(3)", "asyncio.CancelledError()", "StopIteration()", "StopAsyncIteration()", "KeyError('x')"]
)
@pytest.mark.parametrize("kind", ["async def", "def"])
async def test_whatever_an_agent_raises_is_its_failure(write_workspace: WriteWorkspace, raised: str, kind: str) -> None:
    code = f"\nimport asyncio\n{kind} raises(state): raise {raised}\n"
    agents = {"a": {"entry": "work:raises", "on_error": "skip"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a", "b"]}, agents, code)))

    assert (result.status, result.output) == ("done", "b1")


@pytest.mark.slow
async def test_an_async_agent_past_its_limit_fails_and_its_siblings_finish(write_workspace: WriteWorkspace) -> None:
    code = "\nimport asyncio\nasync def hang(state): await asyncio.Event().wait()\n"
    agents = {"a": {"entry": "work:hang", "timeout_s": 0.2, "on_error": "skip"}}
    events = await told(write_workspace("demo", workspace({"talk": ["a", "b"]}, agents, code)))

    error = of(events, "agent.failed")[0]["error"]
    assert (error["code"], error["message"]) == ("agent-timeout", "agent 'a' failed: 0.2 s passed")
    assert events[-1]["output"] == "b1"


async def test_a_timeout_of_the_agents_own_is_no_time_limit(write_workspace: WriteWorkspace) -> None:
    code = "\nasync def late(state): raise TimeoutError('the bank did not answer')\n"
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, {"a": {"entry": "work:late"}}, code)))

    assert result.error and result.error["code"] == "agent-failed"
    assert result.error["message"] == "agent 'a' failed: TimeoutError: the bank did not answer (work.py:12 in late)"


async def test_a_listener_that_changes_events_changes_nothing(write_workspace: WriteWorkspace) -> None:
    code = """
def decides(state): return {"decision": {"verdict": "stop"}, "scores": {"x": {"fit": 1}}}
"""
    agents = {"a": {"entry": "work:decides", "capability": "synthesizer", "scores": ["fit"]}}
    stages = {"talk": {"agents": ["a"], "next": [{"when": "decision.verdict == 'go'", "to": "more"}, {"to": "final"}]}}
    root = write_workspace("demo", workspace({**stages, "more": ["b"]}, agents, code))

    def meddle(event: Any) -> None:
        if event.type == "agent.finished":
            event.data["writes"]["decision"]["verdict"] = "go"
            event.data["writes"]["rewards"]["x"]["a"]["fit"] = 0
        if event.type == "scores.merged":
            event.data["rewards"]["x"]["a"]["fit"] = 0

    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "do it", on_event=meddle)

    assert (result.stages, result.rewards) == (["talk"], {"x": {"a": {"fit": 1.0}}})


@pytest.mark.parametrize(
    "code",
    [
        "class E(BaseException): pass\nasync def bad(state): raise E('x')",
        "class E(BaseException): pass\ndef bad(state): raise E('x')",
        "async def bad(state): raise GeneratorExit",
        "import asyncio\nasync def bad(state):\n    asyncio.current_task().cancel()\n    await asyncio.sleep(0)",
        "def bad(state): return {'text': 'x', 'data': {'n': 10**5000}}",
        "def bad(state): return {'data': {'n': 10**5000}}",
        "class E(Exception):\n    def __str__(self): raise ValueError('no')\ndef bad(state): raise E()",
    ],
)
async def test_whatever_an_agent_does_its_siblings_finish(write_workspace: WriteWorkspace, code: str) -> None:
    agents = {"bad": {"entry": "work:bad"}, "good": {"entry": "work:speak"}}
    events = await told(write_workspace("demo", workspace({"t": ["bad", "good"]}, agents, f"\n{code}\n")))

    assert events[-1]["status"] == "failed"
    assert [event["agent"] for event in of(events, "agent.finished")] == ["good"]


async def test_a_decision_by_fallback_is_the_output(write_workspace: WriteWorkspace) -> None:
    root = write_workspace(
        "demo",
        {
            "workspace.yaml": """\
version: 1
stages:
  propose: {agents: [p]}
  decide: {agents: [bad]}
agents:
  p: {kind: python, entry: "work:p", scores: [q]}
  bad: {kind: python, entry: "work:bad", capability: synthesizer, on_error: {fallback: judge}}
  judge: {kind: decision}
""",
            "work.py": """\
def p(state):
    return {"options": [{"id": "x", "title": "X", "text": "the x way"}], "scores": {"x": {"q": 1}}}
def bad(state):
    raise ValueError
""",
        },
    )

    result = await run(root)

    assert result.output == result.decision["text"] == "the x way"
