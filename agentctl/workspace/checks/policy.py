"""Channels against those that may write them, before anything runs in parallel."""

from agentctl.channels.policy import STANDARD, may_write, writers_of
from agentctl.rules import ExpressionInvalid
from agentctl.workspace.checks.expression import expressions, parse
from agentctl.workspace.checks.reference import in_turn
from agentctl.workspace.diagnostics import listed
from agentctl.workspace.draft import Draft

_OURS = frozenset({"task", "stage", "done", "executed_agents_per_stage", "visits", "history"})
"""Channels that agentctl itself writes in every run."""


def check_policy(draft: Draft) -> None:
    """Capabilities, parallel writers, and channels that stay empty."""
    if draft.spec is None:
        return
    declared = {name: channel.writers for name, channel in draft.spec.channels.items()}
    allowed = {role: may_write(role, agent.may, bool(agent.scores), declared) for role, agent in draft.agents.items()}
    _check_capabilities(draft, allowed, declared)
    writes = {role: frozenset[str]().union(*(allowed[one] for one in in_turn(draft, role))) for role in draft.agents}
    last = {name for name, kind in STANDARD.items() if kind.type == "last"}
    last |= {name for name, channel in draft.spec.channels.items() if channel.type == "last"}
    _check_parallel(draft, writes, last)
    if not draft.strangers and draft.is_whole("stages", "agents", "channels"):
        _check_unwritten(draft, writes, declared)


def _check_capabilities(draft: Draft, allowed: dict[str, frozenset[str]], declared: dict[str, list[str]]) -> None:
    for role, agent in draft.agents.items():
        part = draft.parts[role]
        if draft.is_broken("agents", role, "kind") or draft.is_broken("agents", role, "capability"):
            continue
        for field, output in agent.output.items():
            unsure = not draft.strangers.isdisjoint(declared.get(output.to, ()))
            if not unsure and output.to not in allowed[role] and (output.to in declared or output.to in STANDARD):
                at = part / "output" / field / "to"
                message = f"{at.name}: {role!r} may not write channel {output.to!r}"
                draft.report.add("E402", at.value, message, _hint(output.to, declared))
        if agent.scores and agent.kind != "decision" and "rewards" not in allowed[role]:
            at = part / "scores"
            message = f"{at.name}: {role!r} is {_article(agent.may)}, which may not write channel 'rewards'"
            draft.report.add("E402", at.key, message, _hint("rewards", declared))
        if agent.kind == "decision" and "decision" not in allowed[role]:
            at = part / "capability"
            message = f"{at.name}: an agent of kind 'decision' must be a synthesizer"
            draft.report.add("E402", at.value, message, "remove the key: it is the default")


def _article(capability: str) -> str:
    return f"an {capability}" if capability[0] in "aeiou" else f"a {capability}"


def _hint(channel: str, declared: dict[str, list[str]]) -> str:
    way = "name it in the channel's `writers`" if channel in declared else "change `capability`"
    return f"it is written by {writers_of(channel, declared)}; {way}, or write another channel"


def _check_parallel(draft: Draft, writes: dict[str, frozenset[str]], last: set[str]) -> None:
    for name, stage in draft.stages.items():
        part = draft.main / "stages" / name / "agents"
        writer: dict[str, str] = {}
        in_turn = stage.order == "sequential" or draft.is_broken("stages", name, "order")
        for index, role in enumerate([] if in_turn else stage.agents):
            channels = sorted(writes.get(role, frozenset()) & last)
            both = [channel for channel in channels if writer.get(channel, role) != role]
            if both:
                what = listed([repr(channel) for channel in both], "and")
                message = f"{part.name}: {writer[both[0]]!r} and {role!r} may both write {what} at once"
                hint = "use `order: sequential`, or give the capability to one of them"
                draft.report.add("E401", (part / index).value, message, hint)
            writer.update({channel: role for channel in channels if channel not in writer})


def _check_unwritten(draft: Draft, writes: dict[str, frozenset[str]], declared: dict[str, list[str]]) -> None:
    placed = {role for stage in draft.stages.values() for role in stage.agents if role in writes}
    written = _OURS.union(*(writes[role] for role in placed))
    known = {*STANDARD, *declared}
    for text, part in expressions(draft):
        parsed = parse(text)
        if isinstance(parsed, ExpressionInvalid):
            continue
        reads = parsed.reads_channels | ({"rewards"} if "ranking" in parsed.names else set())
        for channel in sorted((reads & known) - written):
            at = part.within(max(text.find(channel), 0))
            message = f"{part.name}: channel {channel!r} is read, but no agent of any stage may write it"
            draft.report.add("E403", at, message, f"it is written by {writers_of(channel, declared)}")
    for role in sorted(placed):
        if draft.agents[role].kind == "decision" and "rewards" not in written:
            message = f"agent {role!r} decides by scores, but no agent of any stage gives any"
            draft.report.add("E403", draft.parts[role].key, message, "add `scores` to an agent")
