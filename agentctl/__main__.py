"""The process `agentctl`, also as `python -m agentctl`."""

import atexit
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn


def command() -> NoReturn:
    """Run the command line, then leave without taking the interpreter apart.

    By then everything of ours is closed. Freeing 2,500 modules one by one would take a quarter
    of a short run, and waiting for threads that a user's code left behind could take for ever.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C, also while modules load

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller, as `>&-` does
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for as long as the process
    code: object = 0
    try:
        from agentctl.cli import main

        main()
    except KeyboardInterrupt:
        code = 130
    except SystemExit as stop:
        code = stop.code
    if isinstance(code, str):
        print(code, file=sys.stderr)
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 5
    os._exit(code if isinstance(code, int) else 1 if code else 0)


if __name__ == "__main__":
    command()
