"""Opens a chat: which workspace, which session, and how it is led."""

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agentctl.cli.aside import stdout_kept
from agentctl.cli.output import line, tell
from agentctl.cli.talk.brake import Brake
from agentctl.cli.talk.chat import Chat
from agentctl.errors import SessionNotFound, UsageError
from agentctl.sessions import Hub
from agentctl.sessions.name import checked_name
from agentctl.store import SessionRow
from agentctl.workspace import find_root
from agentctl.workspace.discovery import find_workspace


@dataclass(frozen=True)
class Asked:
    """What the command line says; `here` is the folder in which it was typed."""

    workspace: str | None
    session: str | None
    user: str | None
    files: list[str]
    metadata: Mapping[str, str]
    model: str | None
    busy: Literal["wait", "fail", "cancel"]
    root: Path | None
    here: Path


async def converse(asked: Asked, brake: Brake, *, json: bool, quiet: bool, stream: bool | None) -> int:
    """Lead a conversation to its end; returns the exit code."""
    is_terminal = not json and sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
    async with Hub(asked.root) as hub:
        workspace, row = await _place(hub, asked)
        ready = await hub.runtime.prepare(workspace, asked.model)
        chat = Chat(
            hub=hub,
            ready=ready,
            workspace=workspace,
            user=asked.user,
            model=asked.model,
            metadata=asked.metadata,
            here=asked.here,
            files=list(asked.files),
            busy=asked.busy,
        )
        if row is not None:
            await chat.open(row)
        elif asked.session is not None:
            chat.begin(checked_name(asked.session))
        os.chdir(hub.root)  # tools and agents work from the project's root
        with stdout_kept() as stdout:
            try:
                if is_terminal:
                    from agentctl.cli.talk.terminal import talk_on_terminal

                    return await talk_on_terminal(chat, brake, stdout, quiet=quiet, stream=stream)
                from agentctl.cli.talk.pipe import talk_in_lines

                return await talk_in_lines(chat, stdout, json=json, quiet=quiet, stream=stream)
            finally:
                if chat.turns and chat.session_id and not quiet:
                    tell(f"come back with `{_way_back(chat, asked)}`")


async def _place(hub: Hub, asked: Asked) -> tuple[str, SessionRow | None]:
    """The workspace, and the session if it is there already.

    Raises:
        WorkspaceNotFound: there is no such workspace.
        SessionNotFound: the session is another user's or workspace's, or is new and nobody says of which.
        UsageError: the project has several workspaces, or none.
    """
    if asked.workspace is not None:
        await asyncio.to_thread(find_workspace, hub.root, asked.workspace)  # a typo leaves no `.agentctl/` behind
    if asked.session is not None:
        row = await hub.sessions.find(asked.session, user=asked.user, workspace=asked.workspace)
        if row is None and asked.workspace is None:
            error = SessionNotFound(asked.session)
            error.hint = f"begin it with `agentctl chat WS --session {shlex.quote(line(asked.session))}`, "
            error.hint += "or see what there is with `agentctl sessions list`"
            raise error
        return (row.workspace if row else asked.workspace or ""), row
    return asked.workspace or _only(hub.list_workspaces()), None


def _only(names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if not names:
        raise UsageError("this project has no workspace", hint="make one with `agentctl new NAME`")
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    raise UsageError(
        f"this project has several workspaces: {shown}", hint=f"name one, as in `agentctl chat {names[0]}`"
    )


def _way_back(chat: Chat, asked: Asked) -> str:
    words = ["agentctl", "chat", "--session", chat.word]
    if asked.user is not None:
        words += ["--user", asked.user]
    if find_root(asked.here) != chat.hub.root:
        words += ["--root", str(chat.hub.root)]
    return shlex.join(words)
