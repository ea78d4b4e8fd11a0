"""Conversations: runs as the turns of sessions, one at a time in each.

A session belongs to a user and keeps to one workspace. Its turns are the record; a run starts
fresh, is told the last of them, and becomes the next. Nothing here knows how a run goes.
May import runtime and everything below it. Public: `Hub` (what `agentctl.open` gives),
`SessionControl`, `TurnOptions`, `as_markdown` (of an exported session).
"""

from agentctl.sessions.control import SessionControl
from agentctl.sessions.hub import Hub
from agentctl.sessions.markdown import as_markdown
from agentctl.sessions.turn import TurnOptions

__all__ = ["Hub", "SessionControl", "TurnOptions", "as_markdown"]
