"""What each kind of agent needs, and what it has no use for."""

from collections.abc import Mapping

from agentctl.workspace.draft import Draft

_MISFITS: Mapping[str, frozenset[str]] = {
    "skill": frozenset({"entry", "calls", "rule", "veto", "quorum"}),
    "python": frozenset({"prompt", "model", "retry", "calls", "rule", "veto", "quorum"}),
    "tool": frozenset({"prompt", "model", "retry", "entry", "scores", "tools", "rule", "veto", "quorum"}),
    "decision": frozenset({"prompt", "model", "retry", "entry", "calls", "scores", "output", "tools"}),
}
_NEEDED = {
    "python": ("entry", "name the function: `entry: module:name`"),
    "tool": ("calls", "list its calls: `- {tool: …}`"),
}


def check_kinds(draft: Draft) -> None:
    """Keys against `kind`."""
    for role, spec in draft.agents.items():
        part = draft.parts[role]
        if draft.is_broken("agents", role, "kind"):
            continue
        for key in sorted(spec.model_fields_set & _MISFITS[spec.kind]):
            at, message = (part / key).key, f"{(part / key).name} has no use in an agent of kind {spec.kind!r}"
            draft.report.add("E107", at, message)
        key, hint = _NEEDED.get(spec.kind, ("", ""))
        if key and not part.node.child(key) and not draft.is_broken("agents", role, key):
            draft.report.add("E102", part.key, f"{(part / key).name} is missing", hint)
        if key == "calls" and part.node.child(key) and not spec.calls and not draft.is_broken("agents", role, key):
            draft.report.add("E104", (part / key).value, f"{(part / key).name} must not be empty", hint)
