"""The call was wrong; the user types it again. Exit 2."""

from collections.abc import Sequence

from agentctl.errors.base import AgentctlError, did_you_mean


class UsageError(AgentctlError):
    """The call itself was wrong."""

    exit_code = 2
    code = "usage"


class RunNotFound(UsageError):
    """No run of that id in this project."""

    code = "run-not-found"

    def __init__(self, run_id: str, known: Sequence[str] = (), *, reason: str = "") -> None:
        what = reason or f"no run {run_id!r} in this project{did_you_mean(run_id, known)}"
        super().__init__(what, hint="see what ran with `agentctl runs`")


class RunHeld(UsageError):
    """The run is still alive, in this process or another."""

    code = "run-held"

    def __init__(self, run_id: str, pid: int, host: str = "") -> None:
        where = f"process {pid}" + (f" on {host}" if host else "")
        super().__init__(f"run {run_id} is still running in {where}", hint="wait for it, or stop that process")


class ApprovalNotFound(UsageError):
    """No approval of that id that is the user's."""

    code = "approval-not-found"

    def __init__(self, id_: str, known: Sequence[str] = (), *, reason: str = "") -> None:
        what = reason or f"no approval {id_!r} in this project{did_you_mean(id_, known)}"
        super().__init__(what, hint="see them with `agentctl approvals list --all`")


class SessionNotFound(UsageError):
    """No session of that id or name that is the user's."""

    code = "session-not-found"

    def __init__(self, word: str, known: Sequence[str] = (), *, reason: str = "") -> None:
        what = reason or f"no session {word!r} in this project{did_you_mean(word, known)}"
        super().__init__(what, hint="see them with `agentctl sessions list`")


class NameTaken(UsageError):
    """Another session of the user has that name."""

    code = "name-taken"

    def __init__(self, name: str) -> None:
        super().__init__(f"you have a session {name!r} already", hint="choose another name, or rename that session")


class FetchRefused(UsageError):
    """A URL may not be fetched: by its text, by where it leads, or by its size."""

    code = "fetch-refused"

    def __init__(self, url: str, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{url} is not fetched: {reason}", hint=hint or "name another URL, or a file")


class NotPortable(UsageError):
    """What a graph remembers is more than JSON and messages, so it cannot be exported."""

    code = "not-portable"

    def __init__(self, thread_id: str, reason: str) -> None:
        super().__init__(
            f"the memory {thread_id!r} cannot be exported: {reason}",
            hint="keep JSON values and human, ai, system or tool messages in the graph's state",
        )
