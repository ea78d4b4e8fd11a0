"""Arguments are checked before anything runs, and what is wrong is told so that it can be mended."""

from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.tools.arguments import Arguments
from tests.tools.box import one, told, toolbox

CODE = """
from typing import Literal, Annotated
from pydantic import BaseModel, Field
ran = []
class Leg(BaseModel):
    city: str
    nights: Annotated[int, Field(ge=1)]
def book(legs: list[Leg], kind: Literal["train", "plane"] = "train", strict: bool = False) -> str:
    ran.append(1)
    return f"{len(legs)} {type(legs[0]).__name__}"
def count(): return len(ran)
"""
LEG = {"city": "Rome", "nights": 2}
WRONG: list[tuple[Any, str]] = [
    ({}, "the arguments of book are wrong: 'legs' is a required property"),
    ({"legs": [{**LEG, "nights": "2"}]}, "legs[0].nights: '2' is not of type 'integer'"),
    ({"legs": [{**LEG, "nights": 0}]}, "legs[0].nights: 0 is less than the minimum of 1"),
    ({"legs": [LEG], "strict": "yes"}, "strict: 'yes' is not of type 'boolean'"),
    ({"legs": [LEG], "strict": 1}, "strict: 1 is not of type 'boolean'"),
    ({"legs": [LEG], "kind": "boat"}, "kind: 'boat' is not one of ['train', 'plane']"),
    ({"legs": [LEG], "knid": "train"}, "('knid' was unexpected), did you mean 'kind'?"),
    ([1], "the arguments of book must be an object, not list"),
    ({"legs": "x" * 5000}, "…"),
]


@pytest.mark.parametrize(("args", "says"), WRONG)
async def test_wrong_arguments_run_nothing_and_say_what_to_mend(tmp_path: Path, args: Any, says: str) -> None:
    async with toolbox(tmp_path, one(CODE)) as box:
        fault = box.check_arguments("book", args)
        outcome = await box.call("book", args)

        assert fault is not None and says in fault and len(fault) < 600
        assert (outcome.status, outcome.text) == ("error", fault)
        assert (await box.call("count", {})).structured == 0


async def test_right_arguments_arrive_as_the_function_declares_them(tmp_path: Path) -> None:
    async with toolbox(tmp_path, one(CODE)) as box:
        assert box.check_arguments("book", {"legs": [LEG, LEG]}) is None
        assert await told(box, "book", legs=[LEG, LEG], kind="plane") == ("ok", "2 Leg")


async def test_an_unknown_tool_is_named_with_its_neighbour(tmp_path: Path) -> None:
    async with toolbox(tmp_path, one(CODE)) as box:
        assert await told(box, "bok") == ("error", "there is no tool 'bok', did you mean 'book'?")


def test_all_faults_are_told_at_once_up_to_a_few() -> None:
    schema = {"type": "object", "properties": {f"a{n}": {"type": "integer"} for n in range(9)}}
    fault = Arguments("t", schema).fault({f"a{n}": "x" for n in range(9)})

    assert fault is not None and fault.count("is not of type") == 5 and fault.endswith("; and 4 more")


@pytest.mark.parametrize(
    "part", [{"$ref": "#"}, {"$ref": "http://127.0.0.1:1/x.json"}, {"$ref": "#/nowhere"}, {"pattern": "("}]
)
def test_a_schema_that_cannot_be_used_is_a_sentence(part: dict[str, Any]) -> None:
    schema = {"type": "object", "properties": {"a": part}, "$defs": {}}
    schema = {**schema, "allOf": [{"$ref": "#"}]} if part == {"$ref": "#"} else schema
    fault = Arguments("t", schema).fault({"a": "x"})

    assert fault is not None and "cannot be checked" in fault


def test_the_decorator_leaves_the_function_as_it_is() -> None:
    @agentctl.tool
    def bare(n: int) -> int:
        return n

    @agentctl.tool(read_only=True, destructive=False)
    async def marked() -> str:
        return "x"

    assert bare(3) == 3 and bare.__name__ == "bare"
    assert bare.__agentctl_tool__["destructive"] is True  # type: ignore[attr-defined]
    assert marked.__agentctl_tool__["read_only"] is True  # type: ignore[attr-defined]
