"""The workspace's sessions as resources: a list of the newest, and each as Markdown."""

from collections.abc import Sequence

from fastmcp import FastMCP
from fastmcp.resources import Resource
from fastmcp.server.providers import Provider
from fastmcp.utilities.versions import VersionSpec
from mcp import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from agentctl.errors import SessionNotFound
from agentctl.server.text import clean, short
from agentctl.sessions import Hub, as_markdown
from agentctl.store import SessionRow, TurnRow

TEMPLATE = "agentctl://sessions/{session_id}"
MARKDOWN = "text/markdown"
SHOWN = 50


class Conversations(Provider):
    """The sessions of one user in one workspace; nobody else's can be listed or read."""

    def __init__(self, hub: Hub, workspace: str, user: str | None) -> None:
        super().__init__()
        self._hub, self._workspace, self._user = hub, workspace, user

    def add_to(self, server: FastMCP[None]) -> None:
        """Let a server list, read and complete them."""
        about = f"A conversation with {self._workspace}, as Markdown."
        server.resource(TEMPLATE, name="session", description=about, mime_type=MARKDOWN)(self.read)
        server.add_completion_handler(self.complete)
        server.add_provider(self)

    async def read(self, session_id: str) -> str:
        """The conversation, by what names its session."""
        try:
            session = await self._hub.sessions.get(session_id, user=self._user, workspace=self._workspace)
        except SessionNotFound as error:
            what = f"there is no session {session_id!r} of {self._workspace}"
            raise MCPError(INVALID_PARAMS, what, {"uri": TEMPLATE.format(session_id=session_id)}) from error
        return clean(as_markdown(await self._hub.sessions.export(session)))

    async def complete(
        self,
        reference: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> list[str]:
        """Ids of the sessions last used that begin so."""
        if not isinstance(reference, ResourceTemplateReference) or reference.uri != TEMPLATE:
            return []
        return [row.session_id for row in await self._newest() if row.session_id.startswith(argument.value)]

    async def _list_resources(self) -> Sequence[Resource]:
        rows = await self._newest()
        last = await self._hub.sessions.last_turns(rows)
        return [_as_resource(row, last.get(row.session_id)) for row in rows]

    async def _get_resource(self, uri: str, version: VersionSpec | None = None) -> Resource | None:
        return None  # the template reads them all, also those that are not listed

    async def _newest(self) -> list[SessionRow]:
        return await self._hub.sessions.newest(user=self._user, workspace=self._workspace, limit=SHOWN)


def _as_resource(row: SessionRow, last: TurnRow | None) -> Resource:
    turns = f"{row.turns} turn{'' if row.turns == 1 else 's'}"
    said = f"{turns}, last used {row.updated_at[:19]}Z: {last.user if last else 'nothing said yet'}"
    return Resource(
        uri=TEMPLATE.format(session_id=row.session_id),
        name=clean(row.name or row.session_id),
        description=short(said),
        mime_type=MARKDOWN,
    )
