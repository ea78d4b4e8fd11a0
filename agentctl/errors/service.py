"""Something that is needed is away, busy or full. Exit 5."""

from collections.abc import Mapping
from math import ceil

from agentctl.errors.base import AgentctlError


class ServiceUnavailable(AgentctlError):
    """A service, key, database or queue is not usable now."""

    exit_code = 5
    code = "service-unavailable"


class KeyMissing(ServiceUnavailable):
    """The model's provider needs a key that is in neither the environment nor `.env`."""

    code = "key-missing"

    def __init__(self, model: str, variable: str) -> None:
        super().__init__(
            f"model {model!r} needs {variable}, which is not set",
            hint=f"export {variable}=…, put it into .env, or try `--model offline`",
        )


class StoreUnusable(ServiceUnavailable):
    """The state database cannot be opened or written; it was left as it is."""

    code = "store-unusable"


class LeaseLost(StoreUnusable):
    """This process stood still for so long that another one took the run, or its session, over."""

    code = "lease-lost"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"run {run_id} was taken over while this process stood still; nothing more of it is kept here",
            hint="see what became of it with `agentctl why`",
        )


class SessionBusy(ServiceUnavailable):
    """Another run is in the session; one at a time may be."""

    code = "session-busy"

    def __init__(
        self, session: str, run_id: str, *, is_waiting: bool = False, approvals: Mapping[str, str] | None = None
    ) -> None:
        """`approvals` are those that a waiting run still wants decided: ids to what they are about."""
        what, hint = f"is busy: its run {run_id} is still running", "wait for it, or use `--busy cancel`"
        if is_waiting:
            what, hint = "waits to be resumed: all that its last turn asked is decided", f"`agentctl resume {run_id}`"
        if approvals:
            wanted = ", ".join(f"{id_[:8]}: {about}" for id_, about in approvals.items())
            what = f"waits for approval{'s' if len(approvals) > 1 else ''} {wanted}"
            hint = f"`agentctl approvals approve {next(iter(approvals))}` or `deny`, then `agentctl resume {run_id}`"
        if is_waiting:
            hint = f"go on with {hint}; `--busy cancel` drops it"
        super().__init__(f"session {session} {what}", hint=hint)
        self.run_id, self.is_waiting = run_id, is_waiting


class FetchFailed(ServiceUnavailable):
    """A URL was tried and gave nothing that can be used."""

    code = "fetch-failed"

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url} could not be fetched: {reason}", hint="check the URL and the network, or try again")


class QueueFull(ServiceUnavailable):
    """As many runs wait as may; this one was not taken."""

    code = "queue-full"

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} runs are waiting already", hint="try again later, or raise AGENTCTL_MAX_RUNS")


class RateLimited(ServiceUnavailable):
    """A session asks more often than it may; this request was not counted."""

    code = "rate-limited"

    def __init__(self, rate: str, retry_after_s: float) -> None:
        super().__init__(
            f"this session asks more often than {rate}", hint=f"try again in {max(1, ceil(retry_after_s))} s"
        )
        self.retry_after_s = retry_after_s


class TooManyRuns(ServiceUnavailable):
    """A user has as many runs under way as may be; when one of them will end is not known."""

    code = "too-many-runs"

    def __init__(self, allowed: int) -> None:
        super().__init__(
            f"as many runs of this user are under way as may be: {allowed}", hint="wait until one is done, or stop one"
        )
        self.retry_after_s: float | None = None
