"""The events of one run on their way out: numbered, kept, then shown."""

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from agentctl.events import Event, EventBus
from agentctl.events.event import EventType, now
from agentctl.logs import mask_values
from agentctl.store import Store

BLOCK = 256
"""Numbers that are reserved for tokens at once."""


class Outbox:
    """Shows events in order, none before it is kept: what somebody has seen is not told again by a resume.

    Tokens are not kept, so their numbers are reserved, a block at a time. Nothing here waits;
    whoever awaits a write to the store finds that all before it is shown. It belongs to the claim
    under which it was made, and keeps and shows nothing under a later one.

    Args:
        head: `workspace`, `session_id` and `run_id` of every event.
        seq: the last number that an earlier process of the run may have used; 0 in a new run.
    """

    def __init__(self, store: Store, bus: EventBus, head: Mapping[str, str], seq: int = 0) -> None:
        self._store, self._bus, self._head = store, bus, head
        self._seq = self._reserved = seq
        self.fence = store.holder.runs.get(head["run_id"])
        self._unseen: deque[tuple[Event, bool]] = deque()

    def tell(self, type_: EventType, data: Mapping[str, Any], key: str = "") -> None:
        """Number an event and show it as soon as it is kept; if it cannot be, neither it nor those after it."""
        self._seq += 1
        # An agent may say a key; nobody who watches is shown it.
        shown = cast("Mapping[str, Any]", mask_values(data, self._store.mask))
        event = Event(type_, self._seq, now(), **self._head, data=shown, key=key)
        is_token = type_ == "token"
        if is_token and self._seq <= self._reserved:
            if self._unseen:
                self._unseen.append((event, True))
            else:
                self._bus.publish(event)
            return
        self._unseen.append((event, False))
        if is_token:
            self._reserved = self._seq + BLOCK
            self._store.reserve(event.run_id, self._reserved, then=partial(self._show, self._seq), fence=self.fence)
        else:
            self._store.put_event(event.as_dict(), key, then=partial(self._show, self._seq), fence=self.fence)

    def _show(self, seq: int) -> None:
        """Number `seq` is kept now: show it, and the tokens behind it; nothing once one was lost."""
        if self._unseen[0][0].seq != seq:
            return
        self._bus.publish(self._unseen.popleft()[0])
        while self._unseen and self._unseen[0][1]:
            self._bus.publish(self._unseen.popleft()[0])
