"""Chat: which conversation this is, what goes with the next message, and what it has cost."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agentctl.cli.output import tell
from agentctl.cli.words import money
from agentctl.errors import SessionBusy, UsageError
from agentctl.events import Event
from agentctl.graph.approvals import Ask
from agentctl.runtime import Ready, RunResult
from agentctl.sessions import Hub, TurnOptions
from agentctl.sessions.attachments import Attachment, load_attachments
from agentctl.store import SessionRow, TurnRow

KNOWN = 100
"""Turns that are looked up when a conversation is opened: what the Up key finds."""


@dataclass(frozen=True)
class Spent:
    """`cost_usd` is None if a price is not known."""

    tokens: int = 0
    cost_usd: float | None = 0.0
    model_calls: int = 0

    def plus(self, usage: Mapping[str, Any]) -> "Spent":
        """This and what a turn used."""
        tokens = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
        cost = usage.get("cost_usd", 0.0)
        total = None if cost is None or self.cost_usd is None else self.cost_usd + cost
        return Spent(self.tokens + tokens, total, self.model_calls + usage.get("model_calls", 0))

    def __str__(self) -> str:
        return f"{self.tokens:,} tokens, {money(self.cost_usd)}"


@dataclass
class Chat:
    """A conversation of one user with one workspace; serves one turn at a time.

    Args:
        ready: the generation that the chat began with.
        here: where the user is; the process itself works in the project's folder.
        name: of the session, or of the one that the first message begins.
        files: paths and URLs that go with the next message, and what came with the one that is edited.
    """

    hub: Hub
    ready: Ready
    workspace: str
    user: str | None
    model: str | None
    metadata: Mapping[str, str]
    here: Path
    name: str | None = None
    files: list[str | Attachment] = field(default_factory=list)
    busy: Literal["wait", "fail", "cancel"] = "wait"
    """What to do while another run is in the session."""
    session_id: str | None = None
    """None until the first turn of a new session."""
    turns: int = 0
    spent: Spent = Spent()
    """By all turns of the session."""
    editing: int | None = None
    """The turn whose place the next message takes."""
    forgetting: tuple[str, int, int] | None = None
    """The rewind that was asked for, and not confirmed yet: of which session, to which turn, out of how many."""
    tools: frozenset[str] = frozenset()
    """Optional tools that are on, until the chat ends."""
    draft: str = ""
    """What the next prompt begins with."""
    past: list[TurnRow] | None = None
    """The last turns of a session that was opened, until the prompt has taken them in."""
    is_over: bool = False

    @property
    def word(self) -> str:
        """What names the session on a command line; empty while it is new and has no name."""
        return self.name or self.session_id or ""

    async def open(self, row: SessionRow) -> None:
        """Go on in this session."""
        self.past = await self.hub.store.sessions.turns(row.session_id, max(1, row.turns - KNOWN + 1))
        self.name, self.session_id, self.turns = row.name, row.session_id, row.turns
        self.stop_editing()
        await self.reckon()

    def begin(self, name: str | None) -> None:
        """Go on in a new session, which the next message begins."""
        self.name, self.session_id, self.turns = name, None, 0
        self.spent, self.past = Spent(), []
        self.stop_editing()

    def stop_editing(self) -> None:
        """Let the next message be one like any other, without what came with the old one."""
        self.editing = None
        self.files = [each for each in self.files if not isinstance(each, Attachment)]

    async def refresh(self) -> None:
        """Take in what others have done to the session since."""
        known = await self.hub.store.sessions.of_ids([self.session_id] if self.session_id else [])
        for row in known.values():
            if row.turns != self.turns:
                self.turns = row.turns
                await self.reckon()
            self.name = row.name

    async def reckon(self) -> None:
        """Add up what the session has used, its summaries too."""
        self.spent = Spent()
        if self.session_id is not None:
            for usage in await self.hub.store.sessions.spent(self.session_id):
                self.spent = self.spent.plus(usage)

    async def row(self) -> SessionRow:
        """The session as it is stored.

        Raises:
            UsageError: it has not begun.
        """
        if self.session_id is None:
            raise UsageError("nothing was said yet", hint="a conversation begins with its first message")
        return await self.hub.sessions.get(self.session_id, user=self.user, workspace=self.workspace)

    async def send(self, text: str, on_event: Callable[[Event], None], ask: Ask | None = None) -> RunResult:
        """Run one message as the next turn, in a fork if an old message is being edited.

        Args:
            ask: as of `Hub.run`.

        Raises: as `Hub.run`.
        """
        # What came with an old message stays with its edit, also where a file beside it cannot be loaded.
        files, self.files = self.files, [each for each in self.files if isinstance(each, Attachment)]
        loaded = await load_attachments(files, allow_private=self.hub.settings.allow_private_urls)
        if self.editing is not None:
            await self._leave_before(self.editing)
        self.files = []
        options: TurnOptions = {
            "session": self.session_id or self.name,
            "user": self.user,
            "model": self.model,
            "metadata": self.metadata,
            "files": loaded,
            "tools": sorted(self.tools),
        }

        def note(event: Event) -> None:
            self._note(event)
            on_event(event)

        try:
            return await self._run(text, options, note, ask)
        except SessionBusy:
            self.files = files  # they go with the message when it is sent again
            raise

    async def _run(
        self, text: str, options: TurnOptions, on_event: Callable[[Event], None], ask: Ask | None
    ) -> RunResult:
        """Run a turn; if it must wait for another one, that is said."""
        options["busy"] = "fail" if self.busy == "wait" else self.busy
        try:
            return await self.hub.run(self.workspace, text, on_event=on_event, ask=ask, **options)
        except SessionBusy as busy:
            if busy.is_waiting or self.busy != "wait":
                raise
            tell(f"{busy}; waiting for it")
        options["busy"] = "wait"
        return await self.hub.run(self.workspace, text, on_event=on_event, ask=ask, **options)

    async def waiting(self) -> str | None:
        """The run that keeps the next message out while it waits for an approval, or to be resumed."""
        if self.session_id is None or self.editing is not None or self.busy == "cancel":
            return None
        return await self.hub.store.sessions.waiting(self.session_id)

    async def resume(self, run_id: str, on_event: Callable[[Event], None], ask: Ask | None = None) -> RunResult:
        """Go on with a turn that waits.

        Raises: as `Hub.resume`.
        """
        result = await self.hub.resume(run_id, user=self.user, on_event=on_event, ask=ask)
        await self.reckon()
        return result

    def _note(self, event: Event) -> None:
        data: Mapping[str, Any] = event.data
        if event.type == "run.started":
            self.session_id, self.name, self.turns = event.session_id, data["session"], data["turn"]
        elif event.type == "run.finished":
            self.spent = self.spent.plus(data["usage"])

    async def _leave_before(self, turn: int) -> None:
        old = self.word
        await self.open(await self.hub.sessions.fork(await self.row(), turn - 1))
        tell(f"going on in {self.word}; the old conversation is `/session {old}`")
