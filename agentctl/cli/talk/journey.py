"""Commands that move through conversations: to other ones, back in this one, into forks of it."""

import sys
from collections.abc import Sequence

from agentctl.cli.options import absolute_files
from agentctl.cli.output import line, plural, table, tell
from agentctl.cli.talk.chat import Chat
from agentctl.cli.talk.past import columns, shortly, whole
from agentctl.cli.words import utc
from agentctl.errors import NameTaken, UsageError
from agentctl.sessions.attachments import Attachment, load_attachments
from agentctl.sessions.name import checked_name
from agentctl.store import SessionRow, TurnRow

SHOWN = 20
"""Sessions or turns that a list shows."""


async def list_sessions(chat: Chat, text: str) -> None:
    """List the user's sessions of this workspace, or their turns that say `text`."""
    rows = await chat.hub.sessions.newest(user=chat.user, workspace=chat.workspace, limit=SHOWN)
    if text:
        await _search(chat, text)
    elif rows:
        tell(_overview(chat, rows))
    else:
        tell("no conversations yet; this one begins with its first message")


def _overview(chat: Chat, rows: Sequence[SessionRow]) -> str:
    """A line each; where it would not fit, without the time."""
    cells = [
        (
            "*" if row.session_id == chat.session_id else " ",
            row.name or row.session_id,
            plural(row.turns, "turn"),
            utc(row.updated_at),
        )
        for row in rows
    ]
    width = sum(max(map(len, column)) + 2 for column in zip(*cells, strict=True)) - 2
    return table(cells if width <= columns() else [row[:-1] for row in cells])


async def _search(chat: Chat, text: str) -> None:
    turns = await chat.hub.sessions.search(text, user=chat.user, workspace=chat.workspace, limit=SHOWN)
    rows = await chat.hub.sessions.named(turn.session_id for turn in turns)
    words = {session_id: row.name or session_id for session_id, row in rows.items()}
    if turns:
        tell(table((words.get(each.session_id, ""), f"turn {each.turn}", f"> {each.user}") for each in turns))
    else:
        tell(f"nothing says {text!r}")


async def go_to(chat: Chat, word: str) -> None:
    """Go on in another session; without a word, tell which this one is."""
    if not word:
        where = f"session {chat.word}, {plural(chat.turns, 'turn')}" if chat.word else "a new session"
        tell(f"{where}; go to another one with `/session NAME`")
        return
    found = await chat.hub.sessions.find(word, user=chat.user, workspace=chat.workspace)
    if found is None:
        chat.begin(checked_name(word))
        tell(f"new session {chat.name!r}; it begins with your next message")
        return
    await chat.open(found)
    tell(f"session {chat.word}, {plural(chat.turns, 'turn')}")
    recall(chat.past or [])


def recall(turns: Sequence[TurnRow]) -> None:
    """Show how a conversation stood."""
    for turn in turns[-2:]:
        tell(shortly(turn))


async def rename(chat: Chat, name: str) -> None:
    """Name the session, also one that has not begun."""
    name = checked_name(name)
    if chat.session_id is not None:
        await chat.hub.sessions.rename(await chat.row(), name)
    elif await chat.hub.sessions.find(name, user=chat.user) is not None:
        raise NameTaken(name)
    chat.name = name
    tell(f"this conversation is called {name!r}")


async def show_turns(chat: Chat, word: str) -> None:
    """List the last turns, or show one whole."""
    if word:
        tell("\n".join(whole(await _turn(chat, word))))
        return
    if chat.session_id is None:
        tell("nothing was said yet")
        return
    row = await chat.row()
    for turn in await chat.hub.store.sessions.turns(row.session_id, max(1, row.turns - SHOWN + 1)):
        tell(shortly(turn))


async def edit(chat: Chat, word: str) -> None:
    """Put an old message into the prompt; what is then sent goes on in a fork that ends before it."""
    turn = await _turn(chat, word)
    chat.files = await _kept(chat, turn)
    chat.editing, chat.draft = turn.turn, turn.user
    tell(f"the next message takes the place of turn {turn.turn}, in a fork")
    _tell_files(chat)


async def _kept(chat: Chat, turn: TurnRow) -> list[str | Attachment]:
    """What came with a turn, as the session keeps it: an imported one may name any file of this machine."""
    kept = turn.attachments
    bodies = await chat.hub.store.sessions.bodies(turn.session_id, [each["digest"] for each in kept])
    return [Attachment(each["name"], each["media_type"], each["path"], bodies[each["digest"]]) for each in kept]


async def fork(chat: Chat, word: str) -> None:
    """Go on in a copy of the session."""
    row = await chat.row()
    forked = await chat.hub.sessions.fork(row, _number(word) if word else None)
    await chat.open(forked)
    after = f"after turn {forked.turns}" if forked.turns else "from the start"
    tell(f"forked {after}: going on in {chat.word}; the old conversation is `/session {row.name or row.session_id}`")


async def rewind(chat: Chat, word: str) -> None:
    """Forget the turns after one."""
    row = await chat.row()
    turn = _number(word)
    forgotten, asked = plural(row.turns - turn, "turn"), (row.session_id, turn, row.turns)
    if turn < row.turns and sys.stdin.isatty() and chat.forgetting != asked:
        chat.forgetting = asked
        tell(f"this forgets {forgotten} for good; type `/rewind {turn}` once more if you mean it")
        return
    chat.forgetting = None
    await chat.hub.sessions.rewind(row, turn, expected=row.turns)
    await chat.open(await chat.row())
    tell(f"forgot {forgotten}; the next message is turn {turn + 1}")


async def attach(chat: Chat, word: str) -> None:
    """Add a file to the next message; without one, tell which it has."""
    if word:
        [path] = absolute_files([word], chat.here)
        if "://" not in path:
            await load_attachments([path])  # a slip is told now, not with the message
        chat.files.append(path)
    _tell_files(chat)
    if not chat.files:
        tell("nothing is attached; name a file or an http(s) URL")


def _tell_files(chat: Chat) -> None:
    for each in chat.files:
        tell(f"attached to the next message: {line(each.name if isinstance(each, Attachment) else each)}")


async def _turn(chat: Chat, word: str) -> TurnRow:
    number, row = _number(word), await chat.row()
    found = await chat.hub.store.sessions.turns(row.session_id, number, number)
    if not found:
        raise UsageError(f"there is no turn {number}; the last one is {row.turns}", hint="see them with `/turns`")
    return found[0]


def _number(word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise UsageError(f"{word!r} is not the number of a turn", hint="see them with `/turns`")
    return int(word)


async def known_words(chat: Chat, kind: str) -> list[tuple[str, str]]:
    """What may follow a command that takes a `session` or a `turn`, with a few words about each."""
    if kind == "session":
        rows = await chat.hub.sessions.newest(user=chat.user, workspace=chat.workspace)
        return [(row.name or row.session_id, plural(row.turns, "turn")) for row in rows]
    if chat.session_id is None:
        return []
    turns = await chat.hub.store.sessions.turns(chat.session_id, max(1, chat.turns - SHOWN + 1))
    return [(str(turn.turn), line(turn.user)[: columns() // 2]) for turn in reversed(turns)]
