"""Loading FastMCP, which at import would log for itself and read a `.env` that is not its own."""

import logging
import os
import sys
from threading import Lock

_LOADING = Lock()
_FOR_IMPORT = {"FASTMCP_LOG_ENABLED": "false", "FASTMCP_ENV_FILE": os.devnull}


def load_fastmcp() -> None:
    """Import FastMCP's client and server; takes up to a second the first time, so call it in a thread."""
    with _LOADING:
        if "fastmcp" in sys.modules:
            import fastmcp.client
            import fastmcp.server

            return
        before = {name: os.environ.get(name) for name in _FOR_IMPORT}
        os.environ.update(_FOR_IMPORT)
        try:
            import fastmcp.client
            import fastmcp.server  # noqa: F401
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        # Without a handler of the application's, warnings would go to stderr.
        logging.getLogger("fastmcp").addHandler(logging.NullHandler())
