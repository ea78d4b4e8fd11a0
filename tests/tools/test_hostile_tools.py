"""Whatever a tool does, its caller gets an outcome, in time and in bounds."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agentctl.tools import ToolOutcome
from tests.tools.box import one, told, toolbox

RAISING = """
import asyncio, sys
class Odd(Exception):
    def __str__(self): raise RuntimeError("no")
def recurse(n=0): return recurse(n + 1)
def raise_(what: str):
    raise {"exit": SystemExit(3), "key": KeyboardInterrupt(), "stop": StopIteration(1), "odd": Odd(),
           "cancel": asyncio.CancelledError(), "base": BaseException("b"), "value": ValueError("two\\nlines"),
           "generator": GeneratorExit(), "group": ExceptionGroup("g", [ValueError("x")])}[what]
async def raise_soon(what: str):
    await asyncio.sleep(0)
    raise_(what)
"""
WHAT = ("exit", "key", "stop", "odd", "cancel", "base", "value", "generator", "group")


@pytest.mark.parametrize("what", WHAT)
async def test_what_a_tool_raises_is_one_line(tmp_path: Path, what: str) -> None:
    async with toolbox(tmp_path, one(RAISING)) as box:
        for name in ("raise_", "raise_soon"):
            status, text = await told(box, name, what=what)

            assert status == "error" and "\n" not in text and "Traceback" not in text and text

        assert (await told(box, "recurse"))[1].startswith("RecursionError")


async def test_nothing_of_it_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with toolbox(tmp_path, one(RAISING + "def typed(n: int): ...")) as box:
        await box.call("raise_soon", {"what": "value"})
        await box.call("typed", {"n": "x"})

    assert capfd.readouterr() == ("", "")


RETURNING = """
import asyncio, dataclasses, datetime, decimal, enum, pathlib, threading
from pydantic import BaseModel
class Trip(BaseModel):
    day: datetime.date
@dataclasses.dataclass
class Point:
    x: int
class Kind(enum.Enum):
    A = "a"
def deep(n):
    value = []
    for _ in range(n): value = [value]
    return value
def endless():
    while True: yield 1
loop = []; loop.append(loop)
VALUES = {
    "text": "words", "none": None, "empty": "", "bytes": b"words", "zero": 0, "no": False, "list": [1, "a"],
    "model": Trip(day=datetime.date(2026, 11, 20)), "point": Point(3), "set": {1}, "kind": Kind.A,
    "path": pathlib.Path("a"), "decimal": decimal.Decimal("1.5"), "keys": {1: {None: True}},
    "nan": float("nan"), "lock": threading.Lock(), "function": print, "loop": loop, "deep": deep(100_000),
    "deepish": deep(500), "endless": endless(), "count": map(abs, iter(int, 1)), "half": "\\ud800 half",
    "class": Trip, "tuple keys": {(1, 2): 3},
}
def give(what: str): return VALUES[what]
async def give_soon(what: str): return VALUES[what]
def coroutine(): return give_soon("zero")
"""
TOLD = {
    "text": ("words", None), "none": ("(nothing)", None), "empty": ("(nothing)", None), "bytes": ("words", None),
    "zero": ("0", 0), "no": ("false", False), "list": ('[1, "a"]', [1, "a"]), "point": ('{"x": 3}', {"x": 3}),
    "model": ('{"day": "2026-11-20"}', {"day": "2026-11-20"}), "set": ("[1]", [1]), "kind": ('"a"', None),
    "path": ('"a"', None), "decimal": ('"1.5"', None), "keys": ('{"1": {"null": true}}', {"1": {"null": True}}),
    "half": ("? half", None),
}  # fmt: skip
UNTELLABLE = ("nan", "lock", "function", "loop", "deep", "deepish", "endless", "count", "class", "tuple keys")


async def test_what_a_tool_returns_is_told_as_json(tmp_path: Path) -> None:
    async with toolbox(tmp_path, one(RETURNING)) as box:
        for name in ("give", "give_soon"):
            outcomes = {what: await box.call(name, {"what": what}) for what in TOLD}

            assert {what: (outcome.text, outcome.structured) for what, outcome in outcomes.items()} == TOLD
            for outcome in outcomes.values():
                assert ToolOutcome.from_json(json.loads(json.dumps(outcome.to_json()))) == outcome
        assert (await box.call("coroutine", {})).structured == 0


@pytest.mark.parametrize("what", UNTELLABLE)
async def test_what_is_no_json_is_an_error(tmp_path: Path, what: str) -> None:
    async with toolbox(tmp_path, one(RETURNING)) as box:
        for name in ("give", "give_soon"):
            status, text = await told(box, name, what=what)

            assert (status, "\n" in text, len(text) < 300) == ("error", False, True)


HUGE = """
def text(): return "é" * 50_000_000
async def text_soon(): return "x" * 50_000_000
def numbers(): return {"all": list(range(5_000_000))}
def blob(): return b"\\xff" * 50_000_000
def small(): return "é" * 40
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["text", "text_soon", "numbers", "blob"])
async def test_fifty_megabytes_are_cut_and_the_loop_goes_on(tmp_path: Path, name: str) -> None:
    async with toolbox(tmp_path, one(HUGE)) as box:
        late, call = 0.0, asyncio.create_task(box.call(name, {}))
        while not call.done():
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            late = max(late, time.perf_counter() - before)
        outcome = call.result()

    what = "[1 file was dropped: the" if name == "blob" else "[cut: the"
    assert outcome.status == "ok" and outcome.text.endswith(f"{what} result is over 1,048,576 bytes]")
    assert len(outcome.text.encode()) < 1_048_700 and outcome.structured is None and outcome.blocks == ()
    assert late < 0.5


async def test_a_limit_counts_bytes_and_cuts_between_characters(tmp_path: Path) -> None:
    async with toolbox(tmp_path, one(HUGE), "{each: {small: {max_result_bytes: 79}}}") as box:
        assert (await box.call("small", {})).text == "é" * 39 + "\n[cut: the result is over 79 bytes]"


STUBBORN = """
import asyncio
from agentctl import tool
@tool(read_only=True)
async def stubborn():
    while not asyncio.get_running_loop().is_closed():
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            if STOP: raise
STOP = []
def stop(): STOP.append(1)
"""


@pytest.mark.slow
async def test_a_coroutine_that_swallows_its_cancellation_holds_nobody_up(tmp_path: Path) -> None:
    async with toolbox(tmp_path, one(STUBBORN), "{timeout_s: 0.1}") as box:
        start = time.perf_counter()

        assert (await box.call("stubborn", {})).status == "error"
        assert time.perf_counter() - start < 2
        await box.call("stop", {})


HANG = """
import asyncio, sys, tempfile
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.tools.box import one, toolbox
async def main():
    with tempfile.TemporaryDirectory() as folder:
        code = "import threading\\ndef hang(): threading.Event().wait()"
        async with toolbox(Path(folder), one(code), "{{timeout_s: 0.1}}") as box:
            print((await box.call("hang", {{}})).status)
asyncio.run(main())
"""


@pytest.mark.slow
def test_exit_does_not_wait_for_a_hung_tool() -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", HANG.format(root=root)], capture_output=True, text=True, timeout=20, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "unknown\n", "")
