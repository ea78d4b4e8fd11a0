"""Stages, rounds, exits and routes, by real runs."""

from typing import Any

import pytest

import agentctl
from tests.conftest import WriteWorkspace
from tests.runs import agents_of, of, run, told, workspace


async def test_parallel_agents_see_the_state_of_the_rounds_begin(write_workspace: WriteWorkspace) -> None:
    code = "\ndef count(state): return str(len(state['history']))\n"
    seen = {"entry": "work:count"}
    root = write_workspace("demo", workspace({"talk": ["a", "b"]}, {"a": seen, "b": seen}, code))

    assert (await run(root)).output == "0\n\n0"


async def test_sequential_agents_see_the_last_ones_words(write_workspace: WriteWorkspace) -> None:
    code = "\ndef count(state): return str(len(state['history']))\n"
    seen = {"entry": "work:count"}
    stages = {"talk": {"agents": ["b", "a"], "order": "sequential"}}
    events = await told(write_workspace("demo", workspace(stages, {"a": seen, "b": seen}, code)))

    assert events[-1]["output"] == "0\n\n1"
    assert [event["step"] for event in of(events, "agent.finished")] == [1, 2]


async def test_parallel_agents_run_at_the_same_time(write_workspace: WriteWorkspace) -> None:
    """Each waits for the other, so one after the other would never end."""
    code = """
import asyncio
met = asyncio.Barrier(2)
async def meet(state):
    await met.wait()
    return "met"
"""
    meet = {"entry": "work:meet", "timeout_s": 5}
    root = write_workspace("demo", workspace({"talk": ["a", "b"]}, {"a": meet, "b": meet}, code))

    assert (await run(root)).output == "met\n\nmet"


@pytest.mark.parametrize("roles", [["zoe", "mid", "abe"], ["abe", "zoe", "mid"], ["b10", "b9", "a", "b1"]])
async def test_writes_merge_in_the_order_of_agents(write_workspace: WriteWorkspace, roles: list[str]) -> None:
    """The last of the list finishes first, and LangGraph alone would merge by name."""
    code = f"""
import asyncio
roles = {roles!r}
ended = {{role: asyncio.Event() for role in [*roles, "nobody"]}}
async def wait(state, ctx):
    later = [*roles, "nobody"][roles.index(ctx.agent) + 1]
    if later != "nobody":
        await ended[later].wait()
    ended[ctx.agent].set()
    scores = {{ctx.agent: {{"fit": 1}}}}
    return {{"text": ctx.agent, "options": [{{"id": ctx.agent}}], "scores": scores, "log": ctx.agent}}
"""
    agents = {role: {"entry": "work:wait", "scores": ["fit"], "timeout_s": 5} for role in roles}
    channels = {"log": {"type": "topic", "writers": roles}}
    last = {"show": {"agents": ["show"]}}
    code += "\ndef show(state): return ','.join([*state['log'], *[o['id'] for o in state['options']]])\n"
    files = workspace({"talk": roles, **last}, {**agents, "show": {"entry": "work:show"}}, code, channels=channels)
    events = await told(write_workspace("demo", files))

    assert agents_of(events)[:-1] == roles[::-1]
    assert events[-1]["output"] == ",".join([*roles, *roles])
    assert list(events[-1]["rewards"]) == roles


async def test_a_role_works_in_two_stages(write_workspace: WriteWorkspace) -> None:
    code = "\ndef where(state, ctx): return f'{ctx.stage}: {dict(state[\"executed_agents_per_stage\"])}'\n"
    stages = {"first": ["a", "b"], "second": ["b", "a"], "third": ["c"]}
    root = write_workspace("demo", workspace(stages, {"c": {"entry": "work:where"}}, code))

    result = await run(root)

    assert result.output == "third: {'first': ['a', 'b'], 'second': ['b', 'a']}"
    assert result.stages == ["first", "second", "third"]


async def test_a_stage_repeats_its_round_until_all_have_exited(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": {"max_runs": 3}}}
    events = await told(write_workspace("demo", workspace({"talk": ["a", "b"]}, agents)))

    assert [(e["agent"], e["round"]) for e in of(events, "agent.started")] == [("a", 1), ("b", 1), ("a", 2), ("a", 3)]
    assert events[-1]["output"] == "a3"
    exited = of(events, "stage.exited")[0]
    assert (exited["why"], exited["rounds"]) == ("all agents have exited", 3)


EXITS: list[tuple[Any, dict[str, Any], int, str]] = [
    ("all_agents", {"max_runs": 2}, 2, "all agents have exited"),
    ("any_agent", {"max_runs": 3}, 1, "b has exited"),
    ({"quorum": 2}, {"max_runs": 4}, 1, "quorum of 2 reached"),
    ({"when": "rounds >= 2"}, {"max_runs": 4}, 2, "`rounds >= 2` is true"),
    ({"when": "len(history) >= 5"}, {"max_runs": 9}, 4, "`len(history) >= 5` is true"),
    (
        {"when": "len(state['executed_agents_per_stage'].get('talk', [])) >= 1"},
        {"max_runs": 9},
        1,
        "`len(state['executed_agents_per_stage'].get('talk', [])) >= 1` is true",
    ),
    ({"when": "winner == 'x'"}, {"max_runs": 2}, 2, "nobody is left to run"),
    ("all_agents", {"until": "len(history) >= 4"}, 3, "all agents have exited"),
]


@pytest.mark.parametrize(("exit_", "own", "rounds", "why"), EXITS)
async def test_a_stage_is_left_by_its_exit(
    write_workspace: WriteWorkspace, exit_: Any, own: dict[str, Any], rounds: int, why: str
) -> None:
    """Agent `a` has the exit `own`; `b` runs once a visit."""
    agents = {"a": {"entry": "work:speak", "exit": own}, "j": {"entry": "work:silent", "capability": "synthesizer"}}
    stages = {"talk": {"agents": ["a", "b"], "exit": exit_}, "end": ["j"]}
    events = await told(write_workspace("demo", workspace(stages, agents)))

    left = of(events, "stage.exited")[0]
    assert (left["rounds"], left["why"], left["to"]) == (rounds, why, "end")


async def test_an_until_is_tested_after_an_execution_only(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": {"until": "1 > 0"}}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, agents)))

    assert result.output == "a1"


async def test_max_rounds_ends_a_stage_with_a_warning(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": {"max_runs": 50}}}
    stages = {"talk": {"agents": ["a"], "max_rounds": 3}, "end": ["b"]}
    events = await told(write_workspace("demo", workspace(stages, agents)))

    assert of(events, "warning")[0]["message"] == "stage 'talk': max_rounds of 3 reached"
    assert of(events, "stage.exited")[0]["why"] == "max_rounds of 3 reached"
    assert (events[-1]["status"], events[-1]["output"]) == ("done", "b1")


async def test_max_rounds_is_ten_by_default(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": {"max_runs": 50}}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, agents)))

    assert result.output == "a10"


async def test_a_revision_loop_runs_until_its_condition_is_false(write_workspace: WriteWorkspace) -> None:
    stages = {
        "propose": {"agents": ["a"]},
        "judge": {"agents": ["b"], "next": [{"when": "visits.propose < 3", "to": "propose"}, {"to": "book"}]},
        "book": {"agents": ["c"], "next": "final"},
    }
    events = await told(write_workspace("demo", workspace(stages)))

    assert events[-1]["stages"] == ["propose", "judge"] * 3 + ["book"]
    assert [(e["stage"], e["visit"]) for e in of(events, "stage.entered")][4:] == [
        ("propose", 3), ("judge", 3), ("book", 1),
    ]  # fmt: skip
    last_judged = of(events, "stage.exited")[-2]
    assert last_judged["tested"] == [
        {"to": "propose", "when": "visits.propose < 3", "result": False, "values": {"visits.propose": 3}}
    ]


async def test_routes_are_tested_in_order(write_workspace: WriteWorkspace) -> None:
    code = "\ndef judge(state): return {'decision': {'verdict': 'book'}}\n"
    routes = [
        {"when": "decision.verdict == 'revise'", "to": "talk"},
        {"when": "decision.verdict == 'book'", "to": "book"},
        {"to": "final"},
    ]
    judge = {"entry": "work:judge", "capability": "synthesizer"}
    stages = {"talk": {"agents": ["judge"], "next": routes}, "book": ["b"]}
    files = workspace(stages, {"judge": judge}, code, limits={"max_steps": 9})
    events = await told(write_workspace("demo", files))

    left = of(events, "stage.exited")[0]
    assert [(test["to"], test["result"]) for test in left["tested"]] == [("talk", False), ("book", True)]
    assert left["tested"][0]["values"] == {"decision.verdict": "book"}
    assert events[-1]["stages"] == ["talk", "book"]


async def test_a_run_may_end_early(write_workspace: WriteWorkspace) -> None:
    stages = {
        "talk": {"agents": ["a"], "next": [{"when": "task == 'stop'", "to": "final"}, {"to": "more"}]},
        "more": ["b"],
    }
    root = write_workspace("demo", workspace(stages))
    async with agentctl.open(root) as hub:
        assert (await hub.run("demo", "stop")).stages == ["talk"]
        assert (await hub.run("demo", "go")).stages == ["talk", "more"]


async def test_a_run_starts_where_start_says(write_workspace: WriteWorkspace) -> None:
    stages = {"late": {"agents": ["a"], "next": "final"}, "early": {"agents": ["b"], "next": "late"}}
    assert (await run(write_workspace("demo", workspace(stages, start="early")))).stages == ["early", "late"]


async def test_a_once_agent_runs_once_a_run(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": "once"}}
    stages = {"talk": {"agents": ["a", "b"], "next": [{"when": "visits.talk < 3", "to": "talk"}, {"to": "final"}]}}
    events = await told(write_workspace("demo", workspace(stages, agents)))

    assert agents_of(events) == ["a", "b", "b", "b"]


async def test_a_stage_whose_agents_ran_once_is_passed(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": "once"}}
    stages = {
        "talk": {"agents": ["a"]},
        "judge": {"agents": ["b"], "next": [{"when": "visits.talk < 4", "to": "talk"}, {"to": "final"}]},
    }
    events = await told(write_workspace("demo", workspace(stages, agents)))

    assert agents_of(events) == ["a", "b", "b", "b", "b"]
    assert [e["rounds"] for e in of(events, "stage.exited") if e["stage"] == "talk"] == [1, 0, 0, 0]
    assert events[-1]["status"] == "done"


async def test_a_loop_of_passed_stages_is_bounded(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": "once"}}
    stages = {
        "talk": {"agents": ["a"], "next": "talk2"},
        "talk2": {"agents": ["a"], "next": [{"when": "winner == 'x'", "to": "final"}, {"to": "talk"}]},
        "end": ["j"],
    }
    agents["j"] = {"entry": "work:silent", "capability": "synthesizer"}
    stages["talk2"]["next"].insert(0, {"when": "winner == 'y'", "to": "end"})
    result = await run(write_workspace("demo", workspace(stages, agents, limits={"max_steps": 20})))

    assert (result.status, result.error and result.error["code"]) == ("limited", "limit-reached")
    assert result.output == "a1"


async def test_an_empty_last_stage_keeps_the_last_words(write_workspace: WriteWorkspace) -> None:
    agents = {"a": {"entry": "work:speak", "exit": "once"}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"], "again": ["a"]}, agents)))

    assert (result.stages, result.output) == (["talk", "again"], "a1")


async def test_weights_change_over_time(write_workspace: WriteWorkspace) -> None:
    code = """
def score(state): return {"scores": {"x": {"risk": 0.5, "fit": 0.5}}}
def read(state): return None
"""
    stages = {
        "talk": {
            "agents": ["a"],
            "weights": {"risk": "-1.5 if visits.talk < 2 else -0.5", "fit": 2},
            "next": [{"when": "visits.talk < 2", "to": "talk"}, {"to": "later"}],
        },
        "later": {"agents": ["b"], "next": [{"when": "ranking[0].total == 1.5", "to": "right"}, {"to": "final"}]},
        "right": ["c"],
    }
    agents = {"a": {"entry": "work:score", "scores": ["risk", "fit"]}}
    events = await told(write_workspace("demo", workspace(stages, agents, code)))

    merged = of(events, "scores.merged")
    assert [e["weights"] for e in merged] == [{"risk": -1.5, "fit": 2}, {"risk": -0.5, "fit": 2}]
    assert [e["ranking"] for e in merged] == [[{"option": "x", "total": 0.25}], [{"option": "x", "total": 1.5}]]
    assert events[-1]["stages"][-1] == "right"


async def test_the_table_of_scores_sums_by_agent(write_workspace: WriteWorkspace) -> None:
    code = """
TABLE = {"optimistic": (.9, .7, .8, .2), "critic": (.3, .9, .85, .8), "devil": (.1, .6, .7, 1.0)}
def score(state, ctx):
    return {"scores": dict(zip(("novelty", "confidence", "quality", "risk"), TABLE[ctx.agent]))}
"""
    scores = {"entry": "work:score", "scores": ["novelty", "confidence", "quality", "risk"]}
    agents = dict.fromkeys(("optimistic", "critic", "devil"), scores)
    stages = {
        "talk": {
            "agents": list(agents),
            "next": [{"when": "ranking[0].total == 7.85", "to": "right"}, {"to": "final"}],
        },
        "right": ["x"],
    }
    result = await run(write_workspace("demo", workspace(stages, agents, code)))

    assert list(result.rewards["main"]) == ["optimistic", "critic", "devil"]
    assert result.rewards["main"]["critic"] == {"novelty": 0.3, "confidence": 0.9, "quality": 0.85, "risk": 0.8}
    assert result.stages == ["talk", "right"]


async def test_an_expression_that_fails_ends_the_run(write_workspace: WriteWorkspace) -> None:
    stages = {
        "talk": {"agents": ["a"], "next": [{"when": "decision.score + 1 > 2", "to": "more"}, {"to": "final"}]},
        "more": ["j"],
    }
    result = await run(
        write_workspace("demo", workspace(stages, {"j": {"entry": "work:silent", "capability": "synthesizer"}}))
    )

    assert result.status == "failed"
    assert result.error and result.error["code"] == "expression-failed"
    assert "decision.score + 1 > 2" in result.error["message"]
    assert result.output == "a1"


async def test_declared_channels_merge_as_named(write_workspace: WriteWorkspace) -> None:
    code = """
def write(state, ctx):
    n = {"a": 1, "b": 2}[ctx.agent]
    return {"summed": n, "most": n, "least": n, "every": ["x", ctx.agent], "mapped": {ctx.agent: n}, "log": [n]}
def last(state):
    return {"kept": "c", "text": str({k: state[k] for k in ("summed", "most", "least", "every", "mapped", "log")})}
def show(state): return state["kept"]
"""
    types = {"summed": "sum", "most": "max", "least": "min", "every": "union", "mapped": "merge", "log": "topic"}
    channels: dict[str, Any] = {name: {"type": type_, "writers": ["a", "b"]} for name, type_ in types.items()}
    channels["kept"] = {"type": "last", "writers": ["c"]}
    agents = {r: {"entry": f"work:{e}"} for r, e in {"a": "write", "b": "write", "c": "last", "d": "show"}.items()}
    files = workspace({"talk": ["a", "b"], "then": ["c"], "end": ["d"]}, agents, code, channels=channels)
    events = await told(write_workspace("demo", files))

    texts = {event["agent"]: event["text"] for event in of(events, "agent.finished")}
    assert texts["d"] == "c"
    assert texts["c"] == str(
        {"summed": 3, "most": 2, "least": 1, "every": ["x", "a", "b"], "mapped": {"a": 1, "b": 2}, "log": [[1], [2]]}
    )


async def test_fields_for_one_mapping_channel_come_together(write_workspace: WriteWorkspace) -> None:
    code = """
def judge(state): return {"verdict": "book", "decision": {"why": "cheap"}, "price": 5}
"""
    output = {"verdict": {"type": "string", "to": "decision"}, "price": {"type": "number", "to": "decision"}}
    agents = {"a": {"entry": "work:judge", "capability": "synthesizer", "output": output}}
    result = await run(write_workspace("demo", workspace({"talk": ["a"]}, agents, code)))

    assert result.decision == {"verdict": "book", "why": "cheap", "price": 5}
