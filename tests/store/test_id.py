import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from agentctl.store import new_id


def test_ids_are_short_lower_case_and_url_safe() -> None:
    name = new_id()

    assert len(name) == 18
    assert set(name) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_ids_of_one_process_only_grow() -> None:
    made = [new_id() for _ in range(5000)]

    assert made == sorted(set(made))


def test_ids_from_many_threads_are_different() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_id(), range(4000)))

    assert len(set(made)) == 4000


def test_importing_the_store_loads_nothing_heavy() -> None:
    code = "import agentctl.store, agentctl.logs, agentctl.events, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"sqlalchemy", "alembic", "langgraph", "aiosqlite", "pydantic"} & set(loaded)
