"""Events: facts about a run, and the bus that shows them to sinks.

May import `errors` only. Events never decide flow: a sink returns nothing, and a sink
that raises is dropped with a warning. Public: `Event`, `EventBus`, `Sink`, `BufferedSink`.
"""

from agentctl.events.bus import BufferedSink, EventBus, Sink
from agentctl.events.event import Event

__all__ = ["BufferedSink", "Event", "EventBus", "Sink"]
