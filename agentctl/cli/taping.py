"""`--record` and `--replay`: the tape of one run."""

from functools import partial
from pathlib import Path

from agentctl.cli.output import complain, plural
from agentctl.errors import RunError, ServiceUnavailable, UsageError
from agentctl.logs import env_secrets, mask
from agentctl.runtime.player import Player
from agentctl.runtime.recorder import Recorder
from agentctl.settings import Settings


def open_tape(root: Path, record: Path | None, replay: Path | None) -> Recorder | Player | None:
    """What the options ask for.

    Raises:
        UsageError: both are given, or the file cannot be used.
    """
    if record and replay:
        raise UsageError("a run is recorded or replayed, not both", hint="leave `--record` or `--replay` out")
    masked = partial(mask, secrets=env_secrets(Settings.load(root).env))
    if replay:
        return Player(replay.absolute(), masked)
    return Recorder(record.absolute(), masked) if record else None


def exit_code(tape: Recorder | Player | None, code: int) -> int:
    """The exit code of a run, after a word on a recording that is not whole or did not fit."""
    if isinstance(tape, Recorder) and tape.fault:
        complain(f"error: {tape.path} is not whole: {tape.fault}", "make room, and record again")
        return code or ServiceUnavailable.exit_code
    if isinstance(tape, Player) and (len(tape.misses) > 1 or (tape.misses and not code)):
        # What the run ended with may be no more than what came of the first miss.
        complain(f"error: {plural(len(tape.misses), 'call')} not recorded; the first: {tape.misses[0]}")
        return code or RunError.exit_code
    return code
