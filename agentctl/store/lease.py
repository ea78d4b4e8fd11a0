"""What is asked of the table of holders, inside a transaction of `Database`."""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from agentctl.store.holder import this_host, this_process
from agentctl.store.tables import holders, runs


class HolderTable:
    """The table `holders`, seen with the runs that they hold."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def renew(self, holder: str, now: float, lease_s: float) -> None:
        """Keep the holder's runs for another `lease_s` seconds."""
        expiry = {"expires_at": now + lease_s}
        own = update(holders).where(holders.c.holder == holder).values(expiry)
        if not self._connection.execute(own).rowcount:
            pid, started = this_process()
            who = {"holder": holder, "host": this_host(), "pid": pid, "pid_started": started}
            self._connection.execute(insert(holders).values({**who, **expiry}))

    def leave(self, holder: str) -> None:
        """Hold nothing any more."""
        self._connection.execute(delete(holders).where(holders.c.holder == holder))

    def sweep(self, before: float) -> None:
        """Forget holders whose lease ended before then."""
        self._connection.execute(delete(holders).where(holders.c.expires_at < before))

    def let_go(self, holder: str, held: Collection[tuple[str, int]]) -> None:
        """Hold none of these runs (id and fence) any more; those that have ended keep their last holder."""
        if held:
            keys = [{"key_run_id": run_id, "key_lease": fence, "key_holder": holder} for run_id, fence in held]
            self._connection.execute(_LET_GO, keys)

    def lost(self, holder: str, held: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Which of these runs (id and fence) somebody else has claimed; the others stay ours until the commit."""
        if not held:
            return set()
        found = self._connection.execute(_FENCES, {"ids": [run_id for run_id, _ in held], "key_holder": holder})
        ours: dict[str, int] = {row.run_id: row.lease for row in found}
        return {(run_id, fence) for run_id, fence in held if ours.get(run_id) != fence}

    def cancelled(self, run_ids: list[str]) -> list[str]:
        """Which of these runs somebody wants to stop."""
        return list(self._connection.scalars(_CANCELLED, {"ids": run_ids}))


_IDS = runs.c.run_id.in_(bindparam("ids", expanding=True))
_FENCES = select(runs.c.run_id, runs.c.lease).where(_IDS, runs.c.holder == bindparam("key_holder"))
_LET_GO = update(runs).where(runs.c.run_id == bindparam("key_run_id"), runs.c.lease == bindparam("key_lease"))
_LET_GO = _LET_GO.where(runs.c.holder == bindparam("key_holder"), runs.c.status == "running").values(holder=None)
_CANCELLED = select(runs.c.run_id).where(_IDS, runs.c.is_cancelled)
