"""Files that a workspace names."""

from posixpath import normpath

from agentctl.workspace.diagnostics import shown
from agentctl.workspace.document import Part
from agentctl.workspace.draft import Draft


def find_file(draft: Draft, part: Part, path: str, what: str) -> str | None:
    """The artifact that `path` names, as a key of the artifacts; `None`, and a problem, if there is none."""
    clean = normpath(path)
    if path.startswith(("/", "~")) or clean == ".." or clean.startswith("../"):
        message = f"{part.name}: {shown(path)} leaves the workspace"
        draft.report.add("E707", part.value, message, "name a file within the workspace, relative to it")
        return None
    if clean in draft.artifacts.files:
        return clean
    reason = draft.artifacts.left_out.get(clean, "")
    near = "" if reason else draft.report.suggest(clean, draft.artifacts.files)
    message = f"{part.name}: {what} {shown(path)} {f'is no artifact: {reason}' if reason else f'does not exist{near}'}"
    draft.report.add("E207", part.value, message)
    return None
