"""Any order of turns, forks, rewinds, failures and cancellations: a session knows its own, and nothing else."""

import asyncio
import os
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

import agentctl
from agentctl.errors import NameTaken, RunNotFound, SessionBusy, SessionNotFound
from agentctl.runtime import RunResult
from agentctl.sessions import Hub
from agentctl.store import new_id
from tests.sessions.talk import answer, hanging, heal, remembering, turns_of

EXAMPLES = int(os.environ.get("AGENTCTL_TEST_EXAMPLES", "50"))
TOLD = ("done", "cancelled")
USERS = ("mia", "tom")
T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """What the model knows of one turn."""

    run_id: str
    secret: str
    status: str
    told: frozenset[str]
    """What the run was told when it began."""


@dataclass(eq=False)
class Talk:
    """What the model knows of one session."""

    user: str
    name: str
    session_id: str = ""
    turns: list[Turn] = field(default_factory=list)
    is_deleted: bool = False

    def known(self) -> frozenset[str]:
        return frozenset(turn.secret for turn in self.turns if turn.status in TOLD)


class Sessions(RuleBasedStateMachine):
    """Two hubs of one project, as two processes would have them, and a model of what must be there."""

    talks = Bundle("talks")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for path, text in remembering(self.root).items():
            target = self.root / "workspaces" / "demo" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        self.runner = asyncio.Runner()
        self.hubs = [self.runner.run(agentctl.open(self.root).__aenter__()) for _ in range(2)]
        self.numbers = count(1)
        self.users = {name: f"{name} {new_id()}" for name in USERS}  # the database outlives the example
        self.model: list[Talk] = []

    def teardown(self) -> None:
        for hub in self.hubs:
            self.do(hub.__aexit__(None, None, None))
        self.runner.close()
        self.folder.cleanup()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(asyncio.wait_for(work, 20))

    def secret(self) -> str:
        return f"secret-{next(self.numbers)}"

    async def ask(self, hub: Hub, talk: Talk, secret: str, word: str = "", **options: Any) -> RunResult:
        """One turn that must come to its end, with the right answer."""
        result = await hub.run("demo", f"{word} {secret}", session=talk.name, user=talk.user, **options)
        known = talk.known()
        assert (result.session_id, result.output) == (talk.session_id or result.session_id, answer([*known, secret]))
        talk.session_id = result.session_id
        talk.turns.append(Turn(result.run_id, secret, "done", known))
        return result

    @rule(target=talks, hub=st.integers(0, 1), user=st.sampled_from(USERS))
    def begin(self, hub: int, user: str) -> Talk:
        talk = Talk(self.users[user], f"talk {next(self.numbers)}")
        self.do(self.ask(self.hubs[hub], talk, self.secret()))
        self.model.append(talk)
        return talk

    @rule(hub=st.integers(0, 1), talk=talks)
    def go_on(self, hub: int, talk: Talk) -> None:
        if not talk.is_deleted:
            self.do(self.ask(self.hubs[hub], talk, self.secret()))

    @rule(chosen=st.lists(talks, min_size=2, max_size=4, unique=True))
    def go_on_in_several_at_once(self, chosen: list[Talk]) -> None:
        async def all_at_once() -> None:
            live = [talk for talk in chosen if not talk.is_deleted]
            await asyncio.gather(*(self.ask(self.hubs[n % 2], talk, self.secret()) for n, talk in enumerate(live)))

        self.do(all_at_once())

    @rule(talk=talks)
    def ask_thrice_at_once(self, talk: Talk) -> None:
        """Two of one process and one of another: each knows those that came before it, whichever they are."""
        if talk.is_deleted:
            return
        secrets = [self.secret() for _ in range(3)]

        async def at_once() -> list[RunResult]:
            options = {"session": talk.name, "user": talk.user}
            hubs = [self.hubs[0], self.hubs[0], self.hubs[1]]
            return await asyncio.gather(*(h.run("demo", s, **options) for h, s in zip(hubs, secrets, strict=True)))

        said = {result.run_id: result.output for result in self.do(at_once())}
        _, turns = self.do(turns_of(self.hubs[0], talk.name, talk.user))
        for turn in turns[-3:]:
            known = talk.known()
            assert turn.run_id is not None
            assert said.pop(turn.run_id) == answer([*known, turn.user])
            talk.turns.append(Turn(turn.run_id, turn.user, "done", known))

    @rule(target=talks, hub=st.integers(0, 1), talk=talks, at=st.floats(0, 1))
    def fork(self, hub: int, talk: Talk, at: float) -> Talk:
        last = round(at * len(talk.turns))
        child = Talk(talk.user, f"talk {next(self.numbers)}", turns=talk.turns[:last], is_deleted=talk.is_deleted)
        if talk.is_deleted:
            return child

        async def forked() -> str:
            session = await self.hubs[hub].sessions.get(talk.name, user=talk.user)
            return (await self.hubs[hub].sessions.fork(session, last, name=child.name)).session_id

        child.session_id = self.do(forked())
        self.model.append(child)
        return child

    @rule(hub=st.integers(0, 1), talk=talks, at=st.floats(0, 1))
    def rewind(self, hub: int, talk: Talk, at: float) -> None:
        if talk.is_deleted:
            return
        last = round(at * len(talk.turns))

        async def rewound() -> None:
            sessions = self.hubs[hub].sessions
            await sessions.rewind(await sessions.get(talk.name, user=talk.user), last)

        self.do(rewound())
        gone, talk.turns = talk.turns[last:], talk.turns[:last]
        for turn in gone:
            if turn.status == "failed" and self.owner(turn) is None:
                with pytest.raises(RunNotFound):
                    self.do(self.hubs[hub].resume(turn.run_id, user=talk.user))

    def owner(self, turn: Turn) -> Talk | None:
        """The session in which the run was; forks have only copies of its turn."""
        for talk in self.model:
            if not talk.is_deleted and any(own.run_id == turn.run_id for own in talk.turns):
                return talk
        return None

    @rule(talk=talks)
    def rename(self, talk: Talk) -> None:
        if talk.is_deleted:
            return
        name = f"talk {next(self.numbers)}"

        async def renamed() -> None:
            sessions = self.hubs[0].sessions
            row = await sessions.get(talk.session_id, user=talk.user)
            others = [other.name for other in self.model if other.user == talk.user and other is not talk]
            if others:
                with pytest.raises(NameTaken):
                    await sessions.rename(row, others[0])
            await sessions.rename(row, name)

        self.do(renamed())
        talk.name = name

    @rule(hub=st.integers(0, 1), talk=consumes(talks))
    def delete(self, hub: int, talk: Talk) -> None:
        if talk.is_deleted:
            return

        async def deleted() -> None:
            sessions = self.hubs[hub].sessions
            await sessions.delete([await sessions.get(talk.name, user=talk.user)])
            with pytest.raises(SessionNotFound):
                await sessions.get(talk.session_id, user=talk.user)

        self.do(deleted())
        talk.is_deleted = True
        self.model.remove(talk)

    @rule(hub=st.integers(0, 1), talk=talks)
    def cancel_in_flight(self, hub: int, talk: Talk) -> None:
        if talk.is_deleted:
            return
        secret, known = self.secret(), talk.known()

        async def cancelled() -> str:
            running, run_id = await hanging(self.hubs[hub], f"hang {secret}", session=talk.name, user=talk.user)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return run_id

        talk.turns.append(Turn(self.do(cancelled()), secret, "cancelled", known))

    @rule(talk=talks)
    def cancel_for_another(self, talk: Talk) -> None:
        if talk.is_deleted:
            return
        secret, known = self.secret(), talk.known()

        async def pushed_aside() -> None:
            options: dict[str, Any] = {"session": talk.name, "user": talk.user}
            running, run_id = await hanging(self.hubs[0], f"hang {secret}", **options)
            with pytest.raises(SessionBusy):
                await self.hubs[1].run("demo", "refused", busy="fail", **options)
            talk.turns.append(Turn(run_id, secret, "cancelled", known))
            await self.ask(self.hubs[0], talk, self.secret(), busy="cancel")
            assert (await running).status == "cancelled"

        self.do(pushed_aside())

    @rule(hub=st.integers(0, 1), talk=talks)
    def fail(self, hub: int, talk: Talk) -> None:
        if talk.is_deleted:
            return
        secret = self.secret()
        options = {"session": talk.name, "user": talk.user}
        result = self.do(self.hubs[hub].run("demo", f"fail {secret}", **options))
        assert result.status == "failed"
        talk.turns.append(Turn(result.run_id, secret, "failed", talk.known()))

    @rule(hub=st.integers(0, 1), talk=talks)
    def resume(self, hub: int, talk: Talk) -> None:
        """A failed turn is told again what it was told, and changes no copy of itself in a fork."""
        failed = [n for n, turn in enumerate(talk.turns) if turn.status == "failed"]
        session_id = ""
        if failed and not talk.is_deleted:
            session_id = self.do(self.hubs[hub].store.get_run(talk.turns[failed[0]].run_id)).session_id
        if session_id != talk.session_id:
            return
        turn = talk.turns[failed[0]]
        heal(self.root, turn.run_id)
        result = self.do(self.hubs[hub].resume(turn.run_id, user=talk.user))
        assert (result.status, result.output) == ("done", answer([*turn.told, turn.secret]))
        talk.turns[failed[0]] = replace(turn, status="done")

    @invariant()
    def all_is_as_the_model_has_it(self) -> None:
        for talk in self.model:
            session, turns = self.do(turns_of(self.hubs[0], talk.name, talk.user))
            assert (session.session_id, session.turns, session.active_run) == (talk.session_id, len(talk.turns), None)
            assert [turn.turn for turn in turns] == list(range(1, len(talk.turns) + 1))
            assert [(t.run_id, t.status) for t in turns] == [(t.run_id, t.status) for t in talk.turns]
        for user in self.users.values():
            listed = self.do(self.hubs[1].sessions.newest(user=user, limit=1000))
            assert {row.session_id for row in listed} == {t.session_id for t in self.model if t.user == user}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("database", "share"), [("sqlite", 1), ("postgres", 5)], indirect=["database"])
def test_sessions_know_their_own_and_nothing_else(database: str, share: int) -> None:
    chosen = settings(max_examples=EXAMPLES // share, stateful_step_count=20, derandomize=True, deadline=None)
    run_state_machine_as_test(Sessions, settings=chosen)  # type: ignore[no-untyped-call]
