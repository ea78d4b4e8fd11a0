"""A workspace whose one agent answers with the secrets that it was told, so that a leak shows."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, text

from agentctl.events import Event
from agentctl.runtime import RunResult
from agentctl.sessions import Hub
from agentctl.store import SessionRow, TurnRow
from agentctl.store.postgres import WRITE_LOCK
from tests.runs import workspace

REMEMBER = """
import asyncio, re
from pathlib import Path

HEALED = Path({healed!r})

async def remember(state, ctx):
    told = [turn["user"] + " " + turn["answer"] for turn in ctx.turns]
    known = sorted(set(re.findall("secret-[0-9a-z]+", " ".join([ctx.earlier, *told, state["task"]]))))
    if "hang" in state["task"]:
        await asyncio.Event().wait()
    if "fail" in state["task"] and not (HEALED / ctx.run_id).exists():
        raise RuntimeError("not healed yet")
    return " ".join(known)
"""


def remembering(root: Path, **memory: Any) -> dict[str, str]:
    """Its files. In a task, `secret-x` is a secret, `hang` never ends, and `fail` fails until `heal`.

    Args:
        memory: of workspace.yaml; a run is told every turn unless it says otherwise.
    """
    code = REMEMBER.format(healed=str(root / "healed"))
    memory = memory or {"turns": {"max": 1000}}
    return workspace({"talk": ["a"]}, {"a": {"entry": "work:remember"}}, code, memory=memory)


def heal(root: Path, run_id: str) -> None:
    """Let a run that failed succeed when it is resumed."""
    (root / "healed").mkdir(exist_ok=True)
    (root / "healed" / run_id).touch()


def answer(secrets: Iterable[str]) -> str:
    """What the agent says when it knows these."""
    return " ".join(sorted(set(secrets)))


async def hanging(hub: Hub, task: str, name: str = "demo", **options: Any) -> tuple[asyncio.Task[RunResult], str]:
    """Start a run, and wait until its agent is at work; returns it and its id."""
    told: asyncio.Queue[Event] = asyncio.Queue()
    running = asyncio.create_task(hub.run(name, task, on_event=told.put_nowait, **options))
    while (event := await told.get()).type != "agent.started":
        pass
    return running, event.run_id


@contextmanager
def connected(root: Path) -> Iterator[Connection]:
    """A connection of somebody else's to the project's database, each statement a transaction."""
    url = os.environ.get("AGENTCTL_DATABASE_URL", "").replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url or f"sqlite:///{root}/.agentctl/state.db", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """While somebody else writes to the project's database, and nobody else may."""
    with connected(root) as connection:
        is_file = connection.dialect.name == "sqlite"
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_file else f"SELECT pg_advisory_lock({WRITE_LOCK})")
        yield
        connection.exec_driver_sql("ROLLBACK" if is_file else f"SELECT pg_advisory_unlock({WRITE_LOCK})")


def change(root: Path, statement: str, **values: object) -> None:
    """Change rows behind everybody's back."""
    with connected(root) as connection:
        assert connection.execute(text(statement), values).rowcount


async def turns_of(hub: Hub, word: str, user: str | None = None) -> tuple[SessionRow, list[TurnRow]]:
    """A session as it is stored, and its turns."""
    session = await hub.sessions.get(word, user=user)
    return session, await hub.sessions.turns(session)
