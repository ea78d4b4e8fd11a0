"""Asks whoever sits at the terminal to decide what a run wants, one approval after the other."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from shutil import which
from typing import TYPE_CHECKING, TextIO

from agentctl.cli.approval_view import answer_of, asks, shown_args
from agentctl.cli.editor import edited, editor
from agentctl.cli.form import filled_in
from agentctl.cli.output import json_text, line, safe
from agentctl.cli.paint import paint
from agentctl.cli.words import how_to_decide
from agentctl.errors import UsageError
from agentctl.events import BufferedSink
from agentctl.store import Approval, Decision
from agentctl.store.approvals import check_decision

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

_LINES, _CHARACTERS = 20, 2_000
"""Of arguments, before the question; `agentctl approvals show` has all."""
_PATIENCE_S = 1.0
"""How long a question waits for a terminal that is slow to show what came before."""
_WAYS = {
    "call": "[a]pprove [d]eny [e]dit al[w]ays",
    "unknown": "[r]epeat [d]o not [e]dit",
    "graph": "[a]pprove (true) [d]eny (false) [e]dit, or a JSON answer",
    "question": "[a]nswer [d]ecline [c]ancel",
}
_KEYS = {"call": "a, d, e or w", "unknown": "r, d or e", "graph": "a, d, e or JSON", "question": "a, d or c"}
CANCEL = "cancel"
"""As the answer of a question that is denied: neither answered nor declined."""


class Person:
    """An `Ask` for a terminal. Reading blocks no loop; Ctrl-C and Ctrl-D leave the rest undecided.

    Args:
        shown: the view of the run, which holds its peace meanwhile.
        paused: takes what it has drawn off the screen meanwhile.
    """

    def __init__(self, shown: BufferedSink, paused: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._shown, self._paused = shown, paused
        self._stderr: TextIO = sys.stderr  # the real one: agents' prints are led elsewhere during a run

    async def __call__(self, approvals: Sequence[Approval]) -> Mapping[str, Decision]:
        """What was decided, by id."""
        await asyncio.to_thread(self._shown.hold, _PATIENCE_S)
        try:
            with self._paused():
                return await self._decisions(approvals)
        finally:
            self._shown.go_on()

    async def _decisions(self, approvals: Sequence[Approval]) -> dict[str, Decision]:
        decided: dict[str, Decision] = {}
        for number, row in enumerate(approvals, 1):
            self._show(row, f"{number} of {len(approvals)}  " if len(approvals) > 1 else "")
            try:
                decided[row.id] = await self._decision(row)
            except (EOFError, KeyboardInterrupt):
                # A question is waited for where it stands; of the others the run's end tells how to decide them.
                self._say(f"left undecided{f': {how_to_decide(row.id)}' if row.kind == 'question' else ''}")
                break
        return decided

    def _show(self, row: Approval, place: str) -> None:
        self._say(paint(f"{place}{asks(row)}", "bold", self._stderr))
        if row.kind == "question":
            if row.args.get("url"):
                self._say(f"  {line(row.args['url'])}")
            return
        text = shown_args(row)
        short = "\n".join(text[:_CHARACTERS].splitlines()[:_LINES])
        self._say(short)
        if short != text:
            self._say(f"… {len(text):,} characters; see all with `agentctl approvals show {row.id}`")

    async def _decision(self, row: Approval) -> Decision:
        """What is typed, until it is a decision."""
        draft, again = json_text(row.args, indent=2), ""
        while True:
            said, again = (await self._read(f"{_WAYS[row.kind]}: ", again)).strip(), ""
            word = said.lower()
            try:
                if word in ("e", "edit") and row.kind != "question":
                    draft = await self._edited(draft)
                    decision: Decision | None = _unless_same(row, draft)
                else:
                    decision = await self._by_word(row, word)
                    if decision is None and row.kind == "graph" and said:
                        again = said  # what is no JSON yet is offered once more
                        decision = Decision(approve=True, args=answer_of(said))
                if decision is not None:
                    check_decision(row, decision)
                    return decision
                self._say(f"answer {_KEYS[row.kind]}")
            except UsageError as error:
                self._say(safe(str(error)))

    async def _by_word(self, row: Approval, word: str) -> Decision | None:
        """A decision that has a word of its own."""
        yes = ("r", "repeat") if row.kind == "unknown" else ("a", "approve", "answer")
        if word in yes:
            schema = row.args.get("schema") if row.kind == "question" else None
            return Decision(approve=True, args=await filled_in(schema, self._read, self._say) if schema else None)
        if word in ("d", "deny", "decline", "do not"):
            reason = await self._read("why? (may be empty) ") if row.kind in ("call", "unknown") else ""
            return Decision(approve=False, reason=reason.strip())
        if word in ("w", "always") and row.kind == "call":
            return Decision(approve=True, always=True)
        if word in ("c", "cancel") and row.kind == "question":
            return Decision(approve=False, args=CANCEL)
        return None

    async def _edited(self, draft: str) -> str:
        """The JSON as an editor leaves it, or else as it is changed on one line."""
        words = editor()
        if words and which(words[0]):
            with self._lent():
                return await asyncio.to_thread(edited, words, draft, self._stderr)
        if words:
            self._say(safe(f"there is no editor {words[0]!r}; change it here"))
        return await self._read("JSON: ", _on_one_line(draft))

    @contextmanager
    def _lent(self) -> Iterator[None]:
        """The terminal as programs expect it; Ctrl-C is the editor's, and stops no run."""
        before = signal.signal(signal.SIGINT, lambda number, frame: None)
        try:
            with self._prompt().input.cooked_mode():
                yield
        finally:
            signal.signal(signal.SIGINT, before)

    async def _read(self, question: str, default: str = "") -> str:
        prompt = self._prompt()
        return await prompt.prompt_async(question, default=default, handle_sigint=False, set_exception_handler=False)

    def _prompt(self) -> "PromptSession[str]":
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import DummyHistory
        from prompt_toolkit.output import create_output

        return PromptSession(history=DummyHistory(), output=create_output(self._stderr))

    def _say(self, text: str) -> None:
        print(text, file=self._stderr, flush=True)


def _unless_same(row: Approval, draft: str) -> Decision:
    args = answer_of(draft)
    if args == row.args:
        raise UsageError("nothing was changed")
    return Decision(approve=True, args=args)


def _on_one_line(draft: str) -> str:
    """The JSON without its line breaks, as written where it is none."""
    try:
        return json_text(answer_of(draft))
    except UsageError:
        return " ".join(draft.splitlines())
