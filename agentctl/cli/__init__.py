"""The command line: one file a command, and the one error boundary.

A command parses nothing and decides nothing: it opens the hub, calls one method, prints.
Module tops import Typer and `options` only, so that `--help` stays quick. Public: `main`.
"""

import gc
import io
import os
import sys
from collections.abc import Sequence

import typer

from agentctl.cli import (
    approvals,
    chat,
    db,
    doctor,
    graph,
    listing,
    logs,
    mcp,
    memory,
    new,
    resume,
    run,
    runs,
    schema,
    sessions,
    show,
    test,
    tools,
    validate,
    version,
    why,
)
from agentctl.errors import AgentctlError, ServiceUnavailable, WorkspaceNotFound

app = typer.Typer(
    name="agentctl",
    help="Run multi-agent workspaces: declared in YAML, checked like a compiler, safe to kill.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["--help", "-h"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.callback()(version.common)
app.command()(run.run)
app.command()(chat.chat)
app.command()(resume.resume)
app.command()(why.why)
app.command()(runs.runs)
app.add_typer(approvals.app)
app.add_typer(sessions.app)
app.add_typer(memory.app)
app.command("list")(listing.list_)
app.command()(show.show)
app.add_typer(tools.app)
app.command()(mcp.mcp)
app.command()(graph.graph)
app.command()(validate.validate)
app.command()(test.test)
app.command()(new.new)
app.command()(schema.schema)
app.command()(logs.logs)
app.add_typer(db.app)
app.command()(doctor.doctor)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; expected errors become one message and their exit code.

    Args:
        argv: the words after `agentctl`; default: the process's own.
    """
    # A short process that imports 2,000 modules spends a fifth of its time in collections
    # that find nothing; a long one still collects.
    gc.set_threshold(50_000, 20, 50)
    os.environ["AGENTCTL_CWD"] = os.getcwd()  # noqa: PTH109 - what the caller sees, links unresolved
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # What a terminal's encoding lacks is spelt out: no answer is worth losing to one character.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(argv)
    except AgentctlError as error:
        _stop(error)
    except KeyboardInterrupt:
        sys.exit(130)
    except SystemExit as stop:
        if isinstance(stop.__context__, BrokenPipeError):
            # The reader of our output has gone, as `head` does; Typer calls that a failure.
            sys.exit(0)
        raise
    except OSError as error:
        where = error.filename or "the output"
        _stop(ServiceUnavailable(f"{where}: {error.strerror or error}", hint="make room, or write elsewhere"))
    except Exception as error:  # noqa: BLE001 - the boundary: a bug must not look like a user's mistake
        _stop(AgentctlError(f"bug in agentctl: {type(error).__name__}: {error}", hint=REPORT))


REPORT = "see the traceback with AGENTCTL_DEBUG=1, and please report it"


def _hint(error: AgentctlError) -> str:
    """The error's own hint, or how to get the ready-made workspace that was asked for."""
    if not isinstance(error, WorkspaceNotFound):
        return error.hint
    from agentctl.cli.seed import ready_made

    near = ready_made(error.name)
    return f"copy the ready-made one with `agentctl new {near} --from {near}`" if near else error.hint


def _stop(error: AgentctlError) -> None:
    """Print an error and leave with its exit code."""
    from agentctl.cli.output import report

    if os.environ.get("AGENTCTL_DEBUG", "").strip().lower() in ("1", "true", "yes", "on"):
        import traceback

        traceback.print_exception(error)
    report(error, _hint(error))
    sys.exit(error.exit_code)
