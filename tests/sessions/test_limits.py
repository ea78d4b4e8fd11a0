"""What many people share: how often a session may ask, how many runs a user may have at once."""

import asyncio
import gc
import logging
import random
import signal
import subprocess
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits.aio.storage.memory import Entry
from redis import Redis

from agentctl.errors import RateLimited, ServiceUnavailable, TooManyRuns, UsageError
from agentctl.sessions.limits import REDIS_TIMEOUT_S, SharedUse
from tests.services import REDIS_PASSWORD, RedisServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    return str(request.getfixturevalue("redis_url")) if request.param == "redis" else None


@pytest.fixture
async def shared(url: str | None) -> AsyncIterator[SharedUse]:
    async with SharedUse(redis_url=url) as shared:
        yield shared


async def wait_until(holds: Callable[[], Awaitable[bool]], *, timeout_s: float = 5) -> float:
    """Seconds that it took."""
    began = time.monotonic()
    while not await holds():
        assert time.monotonic() - began < timeout_s, "it never came true"
        await asyncio.sleep(0.02)
    return time.monotonic() - began


def keys_of(redis_url: str) -> dict[str, int]:
    """Name → milliseconds until it expires."""
    with Redis.from_url(redis_url, decode_responses=True) as client:
        return {name: client.pttl(name) for name in client.scan_iter()}


async def is_admitted(shared: SharedUse, session_id: str = "s", user: str = "ann") -> bool:
    try:
        async with shared.admit(session_id=session_id, user=user):
            return True
    except (TooManyRuns, RateLimited):
        return False


async def test_the_eleventh_request_in_a_minute_is_told_how_long_to_wait(shared: SharedUse) -> None:
    assert all([await is_admitted(shared) for _ in range(10)])

    with pytest.raises(RateLimited, match="more often than 10 per 60 seconds") as refused:
        async with shared.admit(session_id="s", user="ann"):
            pass
    assert 55 < refused.value.retry_after_s <= 60
    assert (refused.value.code, refused.value.exit_code) == ("rate-limited", 5)
    assert await is_admitted(shared, "another session")


@pytest.mark.slow
async def test_after_the_time_told_the_session_may_ask_again(url: str | None) -> None:
    async with SharedUse(per_session="2 per 2 seconds", redis_url=url) as shared:
        await is_admitted(shared)
        await asyncio.sleep(1)
        await is_admitted(shared)
        with pytest.raises(RateLimited) as refused:
            async with shared.admit(session_id="s", user="ann"):
                pass
        assert 0.5 < refused.value.retry_after_s < 1

        await asyncio.sleep(refused.value.retry_after_s - 0.3)
        early = await is_admitted(shared)
        await asyncio.sleep(0.4)

        assert (early, await is_admitted(shared), await is_admitted(shared)) == (False, True, False)


async def test_the_third_run_of_a_user_is_refused_whatever_the_session(shared: SharedUse) -> None:
    async with shared.admit(session_id="a", user="ann"), shared.admit(session_id="b", user="ann"):
        with pytest.raises(TooManyRuns, match="as may be: 2") as refused:
            async with shared.admit(session_id="c", user="ann"):
                pass
        assert (refused.value.code, refused.value.exit_code, refused.value.retry_after_s) == ("too-many-runs", 5, None)
        assert await is_admitted(shared, "c", user="bob")

    assert await is_admitted(shared, "c")


async def test_a_refused_request_counts_for_nothing(url: str | None) -> None:
    async with SharedUse(per_session="2 per 60 seconds", per_user=1, redis_url=url) as shared:
        async with shared.admit(session_id="s", user="ann"):
            assert not any([await is_admitted(shared) for _ in range(5)])

        assert [await is_admitted(shared) for _ in range(3)] == [True, False, False]
        assert await is_admitted(shared, "another session")


async def test_errors_and_cancellation_free_the_place_once(url: str | None) -> None:
    async with SharedUse(per_session="1000 per 60 seconds", redis_url=url) as shared:

        async def run(fails: bool) -> None:
            async with shared.admit(session_id="s", user="ann"):
                if fails:
                    raise OSError("of the run itself")
                await asyncio.Event().wait()

        for _ in range(5):
            with pytest.raises(OSError, match="of the run itself"):
                await run(fails=True)
            stopped = asyncio.create_task(run(fails=False))
            await asyncio.sleep(0.01)
            stopped.cancel()
            await asyncio.wait({stopped})
            assert stopped.cancelled()

        async with shared.admit(session_id="s", user="ann"), shared.admit(session_id="s", user="ann"):
            assert not await is_admitted(shared)


async def test_a_crowd_that_is_cancelled_at_any_moment_leaves_every_place_free(url: str | None) -> None:
    """Also while a place is being asked for, or given back."""
    inside, most, chance = Counter[str](), Counter[str](), random.Random(3)

    async def run(shared: SharedUse, user: str) -> None:
        try:
            async with shared.admit(session_id=f"{chance.random()}", user=user):
                inside[user] += 1
                most[user] = max(most[user], inside[user])
                try:
                    await asyncio.sleep(chance.random() / 100)
                finally:
                    inside[user] -= 1
        except TooManyRuns:
            pass

    async with SharedUse(redis_url=url) as shared:
        runs = [asyncio.create_task(run(shared, f"user {number % 20}")) for number in range(300)]
        for task in runs:
            if chance.random() < 0.6:
                asyncio.get_running_loop().call_later(chance.random() / 20, task.cancel)
        await asyncio.wait(runs)
        assert {type(task.exception()) for task in runs if not task.cancelled()} <= {type(None)}

        async def are_free() -> bool:
            return all([await is_admitted(shared, f"{chance.random()}", f"user {number}") for number in range(20)])

        assert max(most.values()) == 2
        await wait_until(are_free)


Steps = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "leave", "fail", "cancel"])), max_size=40)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["memory", "redis"])
@settings(max_examples=60, deadline=None)
@given(steps=Steps, allowed=st.integers(1, 4))
def test_places_are_as_many_as_allowed(
    backend: str, redis_server: int, steps: list[tuple[str, str]], allowed: int
) -> None:
    """Over any order of coming and going, each user has exactly the places that nobody holds."""
    asyncio.run(_come_and_go(f"redis://127.0.0.1:{redis_server}" if backend == "redis" else None, steps, allowed))


async def _come_and_go(url: str | None, steps: list[tuple[str, str]], allowed: int) -> None:
    runs: dict[str, list[tuple[asyncio.Task[None], asyncio.Future[None]]]] = {"a": [], "b": [], "c": []}
    async with SharedUse(per_session="1000 per 1 second", per_user=allowed, redis_url=url) as shared:

        async def run(user: str, entered: asyncio.Event, end: asyncio.Future[None]) -> None:
            async with shared.admit(session_id=user, user=f"{user}{id(steps)}"):
                entered.set()
                await end

        for user, step in steps:
            if step == "enter":
                entered, end = asyncio.Event(), asyncio.get_running_loop().create_future()
                task = asyncio.create_task(run(user, entered, end))
                await asyncio.wait(
                    {task, waiting := asyncio.create_task(entered.wait())}, return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                assert entered.is_set() == (len(runs[user]) < allowed)
                if entered.is_set():
                    runs[user].append((task, end))
                else:
                    assert isinstance(task.exception(), TooManyRuns)
            elif runs[user]:
                task, end = runs[user].pop(0)
                if step == "cancel":
                    task.cancel()
                elif step == "fail":
                    end.set_exception(KeyError("of the run itself"))
                else:
                    end.set_result(None)
                await asyncio.wait({task})
                assert task.cancelled() == (step == "cancel")
                assert task.cancelled() or isinstance(task.exception(), KeyError) == (step == "fail")
        for task, end in (run for several in runs.values() for run in several):
            end.set_result(None)
            await task


HOSTILE = [
    "",
    "/",
    "a/b",
    "a",
    "b",
    "a:b",
    "a/1/60/second",
    "{a}",
    "*",
    "\0",
    "\ud800",
    "\u00e9",
    "e\u0301",
    "x" * 10**6,
]


async def test_hostile_ids_never_share_a_count(url: str | None) -> None:
    async with SharedUse(per_session="1 per 60 seconds", per_user=1, redis_url=url) as shared:
        for text in HOSTILE:
            async with shared.admit(session_id=text, user=text):
                assert not await is_admitted(shared, "other", user=text)
                assert await is_admitted(shared, f"of {text}", user="other")
            assert not await is_admitted(shared, text, user="other")


async def test_closing_leaves_no_task_behind(url: str | None) -> None:
    async with SharedUse(redis_url=url) as shared:
        await is_admitted(shared)
        held = asyncio.create_task(_hold(shared, "s"))
        await asyncio.sleep(0.05)
    held.cancel()
    await asyncio.wait({held})

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def _hold(shared: SharedUse, session_id: str) -> None:
    async with shared.admit(session_id=session_id, user="ann"):
        await asyncio.Event().wait()


@pytest.mark.slow
async def test_a_hundred_thousand_idle_sessions_cost_no_memory() -> None:
    """The second half takes the room of the first; kept, it would be over 15 MB."""
    left_bytes = []
    async with SharedUse(per_session="10 per 1 second") as shared:
        tracemalloc.start()
        try:
            for number in range(1, 100_001):
                await is_admitted(shared, f"session {number}", f"user {number}")
                if number % 50_000 == 0:
                    await asyncio.sleep(2.1)
                    left_bytes.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()

    assert left_bytes[1] - left_bytes[0] < 2_000_000


@pytest.mark.slow
async def test_a_busy_session_keeps_only_its_window_of_requests() -> None:
    gc.collect()
    before = sum(isinstance(thing, Entry) for thing in gc.get_objects())  # what other tests have left
    async with SharedUse(per_session="20 per 1 second") as shared:
        began = time.monotonic()
        while time.monotonic() - began < 4.2:
            await is_admitted(shared)
            await asyncio.sleep(0.01)

        assert 20 <= sum(isinstance(thing, Entry) for thing in gc.get_objects()) - before <= 60


async def test_every_key_in_redis_expires_and_tells_no_id(redis_url: str) -> None:
    async with SharedUse(redis_url=redis_url) as shared:
        async with shared.admit(session_id="a session", user="a user"):
            keys = keys_of(redis_url)
        left = keys_of(redis_url)

    assert sorted(name.split(":")[1] for name in keys) == ["places", "requests"]
    assert all(0 < ttl_ms <= 60_000 for ttl_ms in keys.values())
    assert not any("a session" in name or "a user" in name for name in keys)
    assert [name.split(":")[1] for name in left] == ["requests"]


HOLDER = """
import asyncio, sys
from agentctl.sessions.limits import SharedUse
async def hold():
    async with SharedUse(redis_url=sys.argv[1], lease_s=1) as shared:
        async with shared.admit(session_id="a", user="ann"), shared.admit(session_id="b", user="ann"):
            print("holds", flush=True)
            await asyncio.Event().wait()
asyncio.run(hold())
"""


@pytest.mark.slow
async def test_a_killed_process_frees_its_places_within_the_lease(redis_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, redis_url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        async with (
            SharedUse(per_user=3, redis_url=redis_url, lease_s=1) as shared,
            shared.admit(session_id="here", user="ann"),
        ):
            await asyncio.sleep(1.5)
            while_alive = await is_admitted(shared)
            holder.kill()
            after_kill = await is_admitted(shared)
            took_s = await wait_until(lambda: is_admitted(shared))
            async with shared.admit(session_id="s2", user="ann"), shared.admit(session_id="s3", user="ann"):
                full_again = not await is_admitted(shared, "s4")

    assert (while_alive, after_kill, full_again) == (False, False, True)
    assert took_s < 1.5


@pytest.mark.slow
async def test_ctrl_c_in_a_process_frees_its_places_at_once(redis_url: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, redis_url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"holds\n"
        before = keys_of(redis_url)
        holder.send_signal(signal.SIGINT)
        holder.wait()

    left = [name.split(":")[1] for name in keys_of(redis_url)]
    assert (len(before), left) == (3, ["requests", "requests"])


@pytest.mark.slow
async def test_nobody_is_admitted_while_redis_is_away(
    mortal_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What was admitted goes on, and is counted again by a Redis that has forgotten it."""
    caplog.set_level(logging.DEBUG)
    async with SharedUse(redis_url=mortal_redis.url, lease_s=0.6) as shared:
        async with shared.admit(session_id="a", user="ann"), shared.admit(session_id="b", user="ann"):
            mortal_redis.kill()
            with pytest.raises(ServiceUnavailable, match=f"Redis at 127.0.0.1:{mortal_redis.port}") as refused:
                async with shared.admit(session_id="c", user="bob"):
                    pass
            await asyncio.sleep(0.5)
            mortal_redis.start()
            await asyncio.sleep(1)
            assert await is_admitted(shared, "c", user="bob")
            assert not await is_admitted(shared, "c")
        assert await is_admitted(shared, "c")

    assert refused.value.exit_code == 5
    assert "was not renewed" in caplog.text
    assert REDIS_PASSWORD not in f"{refused.value} {refused.value.hint} {refused.value.__cause__} {caplog.text}"


@pytest.mark.slow
async def test_a_run_that_ends_while_redis_is_away_ends_as_it_would(mortal_redis: RedisServer) -> None:
    async with SharedUse(per_user=1, redis_url=mortal_redis.url, lease_s=0.5) as shared:
        with pytest.raises(KeyError, match="of the run itself"):
            async with shared.admit(session_id="a", user="ann"):
                mortal_redis.kill()
                raise KeyError("of the run itself")


@pytest.mark.slow
async def test_a_frozen_redis_refuses_in_seconds(mortal_redis: RedisServer) -> None:
    async with SharedUse(redis_url=mortal_redis.url) as shared:
        assert await is_admitted(shared)
        mortal_redis.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="cannot be asked"):
            async with shared.admit(session_id="a", user="ann"):
                pass
        took_s = time.monotonic() - began
        mortal_redis.process.send_signal(signal.SIGCONT)

        assert took_s < 5
        assert await is_admitted(shared)


@pytest.mark.slow
async def test_a_place_that_is_asked_for_twice_is_one(mortal_redis: RedisServer) -> None:
    """A reply that comes too late makes the client repeat the command; Redis then does both."""
    async with SharedUse(per_user=1, redis_url=mortal_redis.url) as shared:
        assert await is_admitted(shared)
        mortal_redis.process.send_signal(signal.SIGSTOP)
        late = asyncio.create_task(is_admitted(shared))
        await asyncio.sleep(REDIS_TIMEOUT_S + 0.5)
        mortal_redis.process.send_signal(signal.SIGCONT)

        assert await late
        assert await is_admitted(shared)


async def test_a_wrong_password_is_told_without_it(mortal_redis: RedisServer) -> None:
    wrong = mortal_redis.url.replace(REDIS_PASSWORD, "letmein-secret")

    async with SharedUse(redis_url=wrong) as shared:
        with pytest.raises(ServiceUnavailable, match="invalid username-password pair") as refused:
            async with shared.admit(session_id="a", user="ann"):
                pass
    assert "letmein" not in f"{refused.value} {refused.value.__cause__}"


@pytest.mark.parametrize("rate", ["", "many", "0 per second", "10", "1/second; 5/minute"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(UsageError, match="is no rate of requests"):
        SharedUse(per_session=rate)


def test_no_runs_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="less than 1"):
        SharedUse(per_user=0)


@pytest.mark.parametrize("url", ["somewhere", "http://host", "redis://:secret/x@host:1", "redis://u:secret@host:port"])
def test_a_url_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="URL of Redis") as refused:
        SharedUse(redis_url=url)
    assert refused.value.__cause__ is None
    assert "secret" not in str(refused.value)
