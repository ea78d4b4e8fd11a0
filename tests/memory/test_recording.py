"""What is recorded of an agent's output."""

import json
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.memory import Query
from agentctl.runtime import RunResult
from agentctl.sessions import Hub
from agentctl.workspace import check_workspace
from tests.conftest import WriteWorkspace
from tests.runs import workspace

CODE = """
async def propose(state):
    return {"text": "two", "options": [{"id": "tea", "title": "Tea", "text": "Hot."}, {"id": "milk"}]}

async def score(state):
    return {"text": "so so", "scores": {"tea": {"risk": 0.5}, "milk": {"risk": 0.25}}}

async def say(state):
    return "words"

async def verdict(state):
    return {"text": "again", "verdict": "revise", "note": None}

async def bill(state):
    return {"text": "done", "total": 3, "paid": "yes"}
"""
AGENTS: dict[str, Any] = {
    "proposer": {"entry": "work:propose"},
    "critic": {"entry": "work:score", "scores": ["risk"]},
    "jury": {"kind": "decision"},
    "speaker": {"entry": "work:say"},
    "judge": {
        "entry": "work:verdict",
        "capability": "synthesizer",
        "output": {"verdict": {"type": "string", "to": "decision"}, "note": {"type": "string"}},
    },
    "cashier": {"entry": "work:bill", "output": {"total": {"type": "integer"}, "paid": {"type": "string"}}},
}
BILL = {"type": "object", "required": ["total"], "properties": {"total": {"type": "integer", "maximum": 5}}}


def files(stages: dict[str, Any], schema: object = BILL, **changes: Any) -> dict[str, str]:
    roles = {role for stage in stages.values() for role in (stage if isinstance(stage, list) else stage["agents"])}
    agents = {role: {**AGENTS[role], **changes.pop(role, {})} for role in AGENTS if role in roles | changes.keys()}
    return {**workspace(stages, agents, CODE, **changes), "schemas/bill.json": json.dumps(schema)}


async def recorded(root: Path) -> tuple[RunResult, dict[str, tuple[str, dict[str, Any]]]]:
    """A run, and the kind and content of each agent's record."""
    async with agentctl.open(root) as hub:
        result = await hub.run("demo", "drink", user="mia")
        found = await hub.runtime.memory.find(Query(user="mia", run_ids=[result.run_id]))
    return result, {record.agent: (record.kind, record.content) for record in found}


async def test_each_kind_holds_what_such_agents_return(write_workspace: WriteWorkspace) -> None:
    stages = {
        "opening": {"agents": ["proposer"], "record": "proposal"},
        "debate": {"agents": ["critic"], "record": "critique"},
        "vote": {"agents": ["jury"], "record": "decision"},
        "verdict": {"agents": ["judge"], "record": "decision"},
        "pay": {"agents": ["cashier"], "record": "schemas/bill.json"},
    }
    result, found = await recorded(write_workspace(files=files(stages)))

    assert result.status == "done", result.error
    assert found["proposer"] == ("proposal", {
        "text": "two",
        "options": [{"id": "tea", "title": "Tea", "text": "Hot."}, {"id": "milk", "title": "milk", "text": ""}],
    })  # fmt: skip
    assert found["critic"] == (
        "critique", {"text": "so so", "scores": {"tea": {"risk": 0.5}, "milk": {"risk": 0.25}}},
    )  # fmt: skip
    kind, decision = found["jury"]
    assert (kind, decision["winner"], decision["decision"]["rule"]) == ("decision", "tea", "weighted")
    assert decision["decision"].keys() >= {"totals", "dissent", "vetoed"}
    assert found["judge"] == ("decision", {"text": "again", "decision": {"verdict": "revise"}})
    assert found["cashier"] == ("schemas/bill.json", {"total": 3})


async def test_nothing_is_recorded_where_nothing_says_so(write_workspace: WriteWorkspace) -> None:
    root = write_workspace(files=files({"talk": ["speaker"]}))

    assert (await recorded(root))[1] == {}
    assert not (root / ".agentctl" / "memory.db").exists()


async def test_the_agents_own_record_goes_over_its_stages(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["proposer", "cashier"], "record": "proposal"}}
    _, found = await recorded(
        write_workspace(files=files(stages, cashier={"memory": {"record": {"name": "schemas/bill.json"}}}))
    )

    assert {role: kind for role, (kind, _) in found.items()} == {"proposer": "proposal", "cashier": "schemas/bill.json"}


@pytest.mark.parametrize(
    ("role", "record", "says"),
    [
        ("speaker", "proposal", "'proposal': 'options' is a required property"),
        ("speaker", "critique", "'scores' is a required property"),
        ("critic", "decision", "'decision' is a required property"),
        ("cashier", "schemas/bill.json", "'schemas/bill.json': total: 3 is greater than the maximum of 2"),
    ],
)
async def test_an_output_that_does_not_fit_fails_its_agent(
    write_workspace: WriteWorkspace, role: str, record: str, says: str
) -> None:
    strict = {"properties": {"total": {"maximum": 2}}}
    root = write_workspace(files=files({"talk": {"agents": [role], "record": record}}, strict))
    result, found = await recorded(root)

    assert (result.status, found) == ("failed", {})
    assert result.error is not None
    assert result.error["code"] == "agent-record"
    assert says in result.error["message"]


async def test_a_misfit_is_kept_raw_where_the_stage_says_so(write_workspace: WriteWorkspace) -> None:
    record = {"name": "critique", "otherwise": "raw"}
    result, found = await recorded(write_workspace(files=files({"t": {"agents": ["cashier"], "record": record}})))

    assert result.status == "done"
    assert found == {"cashier": ("raw", {"text": "done", "total": 3, "paid": "yes"})}


async def test_a_fallback_is_recorded_in_the_place_of_whom_it_stands_for(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["speaker", "cashier"], "record": "proposal"}}
    fallback = {"on_error": {"fallback": "proposer"}}
    root = write_workspace(files=files(stages, speaker=fallback, cashier=fallback, proposer={}))
    async with agentctl.open(root) as hub:
        assert (await hub.run("demo", "drink", user="mia")).status == "done"
        found = await hub.runtime.memory.find(Query(user="mia"))

    assert [record.agent for record in found] == ["proposer", "proposer"]


async def test_visits_and_rounds_are_records_of_their_own(write_workspace: WriteWorkspace) -> None:
    stages = {
        "talk": {
            "agents": ["proposer"], "record": "proposal", "exit": {"when": "rounds == 2"},
            "next": [{"when": "visits.talk < 3", "to": "talk"}, {"to": "final"}],
        }
    }  # fmt: skip
    root = write_workspace(files=files(stages, proposer={"exit": {"max_runs": 2}}))
    async with agentctl.open(root) as hub:
        await hub.run("demo", "drink", user="mia")
        found = await hub.runtime.memory.find(Query(user="mia"))

    assert [(one.visit, one.round) for one in found] == [(3, 2), (3, 1), (2, 2), (2, 1), (1, 2), (1, 1)]


async def test_a_key_that_an_agent_says_is_masked(
    write_workspace: WriteWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    code = "\nasync def leak(state): return {'text': 'sk-secret-0123456789', 'options': [{'id': 'x'}]}\n"
    stages = {"talk": {"agents": ["a"], "record": "proposal"}}
    _, found = await recorded(write_workspace(files=workspace(stages, {"a": {"entry": "work:leak"}}, code)))

    assert "sk-secret" not in found["a"][1]["text"]


@pytest.mark.parametrize(("clear", "kept"), [("never", 1), ("session", 1), ("run", 0)])
async def test_records_of_a_run_may_end_with_it(write_workspace: WriteWorkspace, clear: str, kept: int) -> None:
    memory = {"episodic": {"clear": clear}}
    stages = {"talk": {"agents": ["proposer"], "record": "proposal"}}
    _, found = await recorded(write_workspace(files=files(stages, memory=memory)))

    assert len(found) == kept


async def test_records_end_with_the_time_that_the_workspace_gives(write_workspace: WriteWorkspace) -> None:
    stages = {"talk": {"agents": ["proposer"], "record": "proposal"}}
    root = write_workspace(files=files(stages, memory={"episodic": {"ttl_s": 60}}))
    async with Hub(root) as hub:
        await hub.run("demo", "drink", user="mia")
        [record] = await hub.runtime.memory.find(Query(user="mia"))

    assert record.expires_at - record.created_at == pytest.approx(60)


@pytest.mark.parametrize("record", ["critik", {"name": "critik"}, {"name": "schemas/none.json"}, {"otherwise": "raw"}])
def test_a_schema_that_is_not_there_is_told_with_its_line(write_workspace: WriteWorkspace, record: object) -> None:
    root = write_workspace(files=files({"talk": {"agents": ["speaker"], "record": record}}))
    _, problems = check_workspace(root, "demo")

    assert [problem.line > 1 for problem in problems] == [True]


async def test_a_record_that_cannot_be_kept_stops_the_run_until_it_can(write_workspace: WriteWorkspace) -> None:
    root = write_workspace(files=files({"talk": {"agents": ["proposer"], "record": "proposal"}}))
    file = root / ".agentctl" / "memory.db"
    file.parent.mkdir()
    file.write_bytes(b"no database" * 100)
    async with agentctl.open(root) as hub:
        stopped = await hub.run("demo", "drink", user="mia")
    file.unlink()
    async with agentctl.open(root) as hub:
        done = await hub.resume(stopped.run_id, user="mia")
        found = await hub.runtime.memory.find(Query(user="mia"))

    assert (stopped.status, stopped.error and stopped.error["code"]) == ("failed", "store-corrupt")
    assert (done.status, [record.agent for record in found]) == ("done", ["proposer"])
