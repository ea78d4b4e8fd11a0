"""Fixtures of the tests of tools."""

from tests.tools.server_scripts import plain, servers, start  # noqa: F401
