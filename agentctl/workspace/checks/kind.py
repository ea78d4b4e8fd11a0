"""What each kind of agent needs and what it has no use for."""

from collections.abc import Mapping

from agentctl.workspace.draft import Draft

_MISFITS: Mapping[str, frozenset[str]] = {
    "skill": frozenset({"entry", "calls", "rule", "veto", "quorum"}),
    "python": frozenset({"prompt", "model", "retry", "calls", "rule", "veto", "quorum"}),
    "decision": frozenset({"prompt", "model", "retry", "entry", "calls", "scores", "output", "tools"}),
}


def check_kinds(draft: Draft) -> None:
    """Keys against `kind`, and what this version cannot run."""
    for role, spec in draft.agents.items():
        part = draft.parts[role]
        if draft.is_broken("agents", role, "kind"):
            continue
        if spec.kind == "tool":
            draft.report.add("E110", (part / "kind").value, "kind 'tool' is not supported yet", "use kind: python")
            continue
        for key in sorted(spec.model_fields_set & _MISFITS[spec.kind]):
            at, message = (part / key).key, f"{(part / key).name} has no use in an agent of kind {spec.kind!r}"
            draft.report.add("E107", at, message)
        if spec.kind == "python" and spec.entry is None and not part.node.child("entry"):
            at = part.key
            message = f"{(part / 'entry').name} is missing"
            draft.report.add("E102", at, message, "name the function: `entry: module:name`")
        if spec.tools and spec.kind != "decision":
            message = f"{(part / 'tools').name}: tools are not supported yet; the agent cannot be run"
            draft.report.add("E110", (part / "tools").key, message, "remove the key to run it", severity="warning")
