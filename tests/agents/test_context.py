"""What `ctx` of a python agent holds of its session."""

from typing import Any

import pytest

from agentctl.agents.blocking import BlockingPool
from agentctl.agents.call import AgentCall
from agentctl.agents.python import Context, python_agent
from agentctl.channels.view import view
from agentctl.workspace.spec import AgentSpec

SEEDED: dict[str, Any] = {
    "turns": [{"user": "hi", "answer": "hello", "run_id": "r1"}],
    "earlier": "they met",
    "attachments": [{"name": "a.png", "media_type": "image/png", "path": "/tmp/a.png", "bytes": b"\x89PNG"}],
}


async def ask(entry: Any, **seeded: Any) -> object:
    """What a python agent returns whose session seeded these names."""
    agent = python_agent("a", AgentSpec(kind="python", entry="work:ask"), entry)
    nothing: dict[str, Any] = {"turns": (), "earlier": "", "attachments": (), "memories": ()}
    names = {name: view(value) for name, value in {"state": {}, **nothing, **seeded}.items()}
    call = AgentCall(
        role="a", stage="main", visit=1, round=1, workspace="demo", session_id="s1", run_id="r2", user="mia",
        names=names, calls=None, client=None, in_thread=BlockingPool(1).run, emit=print,  # type: ignore[arg-type]
    )  # fmt: skip
    return (await agent.run(call))["data"]


async def test_the_session_is_seen_as_plain_values() -> None:
    def look(state: object, ctx: Context) -> dict[str, Any]:
        return {"data": {"turns": ctx.turns, "earlier": ctx.earlier, "attachments": ctx.attachments}}

    assert await ask(look, **SEEDED) == {
        **SEEDED,
        "turns": (*SEEDED["turns"],),
        "attachments": (*SEEDED["attachments"],),
    }


async def test_without_a_session_there_is_nothing() -> None:
    def look(state: object, ctx: Context) -> dict[str, Any]:
        return {"data": [*ctx.turns, *ctx.attachments, *ctx.memories, ctx.earlier]}

    assert await ask(look) == [""]


async def test_an_agent_cannot_change_what_others_see() -> None:
    def change(state: object, ctx: Context) -> dict[str, Any]:
        ctx.turns[0]["answer"] = "changed"
        with pytest.raises(AttributeError):
            ctx.turns.append("x")  # type: ignore[attr-defined]
        return {"data": "changed"}

    await ask(change, **SEEDED)

    assert SEEDED["turns"][0]["answer"] == "hello"
