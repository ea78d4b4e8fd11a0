"""What `agentctl db` and `doctor` find out about the database."""

from collections.abc import Iterator
from pathlib import Path

from agentctl.cli.finding import Finding
from agentctl.cli.statefile import look_into
from agentctl.errors import AgentctlError, StoreUnusable

_FILES = ("state.db", "checkpoints.db")


async def bring_up_to_date(root: Path, url: str | None) -> str:
    """Create or upgrade our tables and LangGraph's, and say from which schema to which.

    Raises:
        ServiceUnavailable: the database cannot be used.
    """
    import asyncio

    from agentctl.store import open_checkpointer
    from agentctl.store.database import Database
    from agentctl.store.tables import VERSION

    def opened() -> tuple[str, str | None]:
        database = Database.open(root, url)
        database.close()
        return str(database.place), database.schema

    place, found = await asyncio.to_thread(opened)
    async with open_checkpointer(root, url):
        pass
    if found == VERSION:
        return f"{place} has schema {VERSION}, nothing to do"
    if found is None:
        return f"{place} was created with schema {VERSION}"
    return f"{place}: schema {found or 'none'} → {VERSION}"


def look(root: Path, url: str | None, within_s: float) -> Iterator[Finding]:
    """Whether the database can be used.

    Args:
        within_s: how long each file may be read.
    """
    if url:
        yield _server(root, url)
        return
    for name in _FILES:
        try:
            yield Finding(name, "ok", look_into(root / ".agentctl" / name, within_s))
        except StoreUnusable as error:
            yield Finding(name, "problem", str(error), error.hint)


def check_database(root: Path, url: str | None, within_s: float) -> list[Finding]:
    """As `look`, and whether what is stored can be true."""
    findings = list(look(root, url, within_s))
    is_there = bool(url) or (root / ".agentctl" / _FILES[0]).exists()
    if is_there and all(finding.status == "ok" for finding in findings):
        findings += _contents(root, url)
    return findings


def _server(root: Path, url: str) -> Finding:
    from agentctl.store.database import Database
    from agentctl.store.schema import describe

    try:
        database = Database.open(root, url, upgrade=False)
        database.close()
        return Finding("database", "ok", f"{database.place}, {describe(database.place, database.schema)}")
    except AgentctlError as error:
        return Finding("database", "problem", str(error), error.hint)


def _contents(root: Path, url: str | None) -> Iterator[Finding]:
    from agentctl.store.database import Database
    from agentctl.store.tables import VERSION

    try:
        database = Database.open(root, url, upgrade=False)
        found = database.contradictions() if database.schema == VERSION else []
        database.close()
    except StoreUnusable as error:
        yield Finding("contents", "problem", str(error), error.hint)
        return
    if database.schema != VERSION:
        return
    for text in found:
        yield Finding("contents", "problem", text, "restore a backup, or report it: this should not be")
    if not found:
        yield Finding("contents", "ok", "no contradictions")
