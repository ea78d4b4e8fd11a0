"""Names of workspaces, stages, roles, channels and variables."""

from agentctl.channels.policy import STANDARD
from agentctl.rules import BUILTIN_NAMES, FUNCTIONS
from agentctl.workspace.diagnostics import Place, shown
from agentctl.workspace.discovery import MANIFEST, NAME
from agentctl.workspace.draft import Draft
from agentctl.workspace.stages import FINAL

PROMPT_NAMES = frozenset({"memories", "turns", "earlier", "attachments", "agent", "user", "session_id", "run_id"})
"""What prompts may use beside what expressions may."""

_TAKEN = frozenset(STANDARD) | BUILTIN_NAMES | frozenset(FUNCTIONS) | PROMPT_NAMES
_MAX_LENGTH = 64


def check_workspace_name(name: str, draft: Draft) -> None:
    """The folder's name."""
    at = Place(MANIFEST)
    if not _is_name(name):
        draft.report.add("E108", at, f"workspace {shown(name)} must be named [a-z][a-z0-9_-]*", "rename its folder")
    elif name == "user":
        draft.report.add("E109", at, "a workspace may not be named 'user'", "rename its folder")


def check_names(draft: Draft) -> None:
    """Form, and what agentctl keeps for itself."""
    for kind, word in (("stages", "stage"), ("channels", "channel")):
        for name in draft.declared(kind):
            _check(draft, (draft.main / kind / name).key, word, name)
    for role, part in draft.parts.items():
        _check(draft, part.key, "role", role)
    for role, agent in draft.agents.items():
        if agent.scores and "scores" in agent.output:
            at = (draft.parts[role] / "output" / "scores").key
            draft.report.add("E109", at, "output.scores: the field 'scores' holds what `scores` declares")
    for name in draft.declared("variables"):
        at = (draft.main / "variables" / name).key
        if not name.isidentifier():
            draft.report.add("E108", at, f"variable {shown(name)} cannot be named in a prompt", "use letters and _")
        elif name in _TAKEN or name in draft.declared("channels"):
            draft.report.add("E109", at, f"variable {name!r} hides what prompts know by that name")


def _check(draft: Draft, at: Place, word: str, name: str) -> None:
    if not _is_name(name):
        message = f"{word} {shown(name)} must be named [a-z][a-z0-9_-]*, up to {_MAX_LENGTH} characters"
        draft.report.add("E108", at, message)
    elif (word == "stage" and name == FINAL) or (word == "channel" and name in _TAKEN):
        draft.report.add("E109", at, f"a {word} may not be named {name!r}: agentctl uses that name")


def _is_name(name: str) -> bool:
    return len(name) <= _MAX_LENGTH and NAME.fullmatch(name) is not None
