"""A tool that can be called: again where that is harmless, and never with an exception."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from random import uniform
from typing import TYPE_CHECKING, Any

from agentctl.tools.arguments import Arguments
from agentctl.tools.content import outcome_of
from agentctl.tools.info import ToolInfo
from agentctl.tools.outcome import ToolOutcome

if TYPE_CHECKING:
    from agentctl.tools.local import LocalServer
    from agentctl.tools.server import Server
    from agentctl.tools.server_call import Answer, OnElicit

BACKOFF_S = 0.25
"""Before the second attempt; doubles with each, with jitter."""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of a toolbox.

    Attributes:
        place: who defines it, as errors name it.
        server: who runs it.
    """

    info: ToolInfo
    arguments: Arguments
    place: str
    server: "LocalServer | Server"

    async def call(self, args: Mapping[str, Any], meta: Mapping[str, Any], on_elicit: "OnElicit | None") -> ToolOutcome:
        """Call it with checked arguments; again, if that is harmless and time or the way to it failed."""
        name, limit_s = self.info.name, self.info.timeout_s
        attempt = 0
        while True:
            answer = await self.server.call(name, args, timeout_s=limit_s, meta=meta, on_elicit=on_elicit)
            if answer.failure not in ("away", "lost", "timeout") or attempt >= self.info.retries:
                return self._outcome(answer)
            await asyncio.sleep(BACKOFF_S * 2**attempt * uniform(0.5, 1.5))  # noqa: S311 - jitter is no secret
            attempt += 1

    def _outcome(self, answer: "Answer") -> ToolOutcome:
        outcome = outcome_of(answer.result, self.info.max_result_bytes)
        if answer.failure in ("lost", "timeout") and not self.info.read_only:
            return ToolOutcome("unknown", f"{outcome.text}; it may have done its work, or may still do it")
        return outcome
