"""`offline`: a stand-in that needs no key and no network, and says so."""

import asyncio
import hashlib
import json
import random
import re
from collections.abc import Mapping, Sequence

from agentctl.models.call import ModelReply, ModelRequest, OnToken
from agentctl.models.message import text_of
from agentctl.models.provider import Answer

PIECES = 4
POINTS = (
    "the goal is clear and the limits are known",
    "the main risk lies in what is not said",
    "a small first step would show the most",
    "the cost should be checked before anything else",
    "there are at least two ways to do it",
    "the plan holds if its weakest part holds",
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+")


class Offline:
    """Answers from a hash of agent, stage, round, task and schema: the same every time, everywhere.

    It never calls a tool that it is offered, for it cannot know arguments that make sense.
    """

    name = "offline"
    simulated = True
    free = True

    def unsupported(self, media_type: str) -> str | None:
        """It takes everything, and looks at nothing."""
        return None

    async def ask(self, request: ModelRequest, on_token: OnToken | None) -> Answer:
        """Make up an answer that follows the schema."""
        told = next((text_of(m["content"]) for m in reversed(request.messages) if m["role"] == "user"), "")
        task = told.split("\n\n", 1)[0]  # what the agent is told of the run follows the task
        maker = _Maker(request, task)
        data = maker.mapping(request.schema) if request.schema is not None else None
        text = str(data.get("text", "")) if data is not None else maker.sentence()
        await _stream(text, on_token)
        usage = {"input_tokens": len(request.prompt) // 4, "output_tokens": len(text) // 4}
        return Answer(text if data is None or text else json.dumps(data), data=data, usage=usage)

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Nothing is kept of a run."""

    def forget(self, run_id: str) -> None:
        """Nothing is kept of a run."""

    async def close(self) -> None:
        """Nothing is open."""


async def _stream(text: str, on_token: OnToken | None) -> None:
    if on_token is None or not text:
        return
    size = -(-len(text) // PIECES)
    for start in range(0, len(text), size):
        on_token(text[start : start + size])
        await asyncio.sleep(0)


class _Maker:
    """Makes values for one request; its random numbers come from the request alone."""

    def __init__(self, request: ModelRequest, task: str) -> None:
        seed = json.dumps([request.agent, request.stage, request.round, task, request.schema], sort_keys=True)
        self._random = random.Random(hashlib.sha256(seed.encode(errors="replace")).digest())  # noqa: S311 not secret
        self._agent, self._stage = request.agent, request.stage
        self._subject = _UNPRINTABLE.sub(" ", task[:200]).strip()[:60].rstrip() or "an empty task"
        self._defs: Mapping[str, object] = {}

    def sentence(self) -> str:
        first, second = self._random.sample(POINTS, 2)
        return f"[simulated] {self._agent} on “{self._subject}” in {self._stage}: {first}; {second}."

    def mapping(self, schema: Mapping[str, object]) -> dict[str, object]:
        self._defs = _sub(schema, "$defs")
        made = self.value("", schema)
        if not isinstance(made, dict):
            return {}
        scores = _first(_sub(_sub(schema, "properties"), "scores"))
        if isinstance(made.get("scores"), dict) and (table := _sub(scores, "additionalProperties")):
            # More options may be scored than the schema can name: those that this answer adds.
            added = [option for option in _proposed(made) if option not in made["scores"]]
            made["scores"] |= {option: self.value(option, table, 1) for option in added}
        return made

    def value(self, name: str, schema: Mapping[str, object], depth: int = 0) -> object:
        for rule in ("const", "enum", "anyOf", "oneOf", "allOf", "$ref"):
            if rule in schema:
                return self._by_rule(name, rule, schema[rule], depth)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                return self._array(name, schema, depth)
            case "number" | "integer":
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._random.random() < 0.5
            case "null":
                return None
        return self._text(name, schema)

    def _by_rule(self, name: str, rule: str, given: object, depth: int) -> object:
        if rule == "enum" and isinstance(given, Sequence):
            return self._random.choice(given)
        if rule == "$ref":
            given = self._defs.get(str(given).rsplit("/", 1)[-1], {})
        elif isinstance(given, list):
            given = given[0]
        elif rule == "const":
            return given
        return self.value(name, given, depth) if isinstance(given, Mapping) else given

    def _object(self, schema: Mapping[str, object], depth: int) -> dict[str, object]:
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        return {
            key: self.value(key, _sub(_sub(schema, "properties"), key), depth + 1)
            for key in _sub(schema, "properties")
            if (key in names and depth < 16) or _is_made(key, depth, asked=bool(names))
        }

    def _array(self, name: str, schema: Mapping[str, object], depth: int) -> list[object]:
        wanted = max(2 if depth < 4 else 0, _int(schema.get("minItems"), 0))
        made = [
            self.value(name, _sub(schema, "items"), depth + 1)
            for _ in range(min(wanted, _int(schema.get("maxItems"), wanted)))
        ]
        for number, item in enumerate(made, 1):
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                item["id"] = f"{self._agent}-{number}"
        return made

    def _number(self, schema: Mapping[str, object], *, whole: bool) -> float | int:
        low, high = _float(schema.get("minimum"), 0.0), schema.get("maximum")
        top = _float(high, max(low + 1, 10.0 if whole else 1.0))
        if whole:
            return self._random.randint(int(low), max(int(low), int(top)))
        return round(low + self._random.random() * (top - low), 2)

    def _text(self, name: str, schema: Mapping[str, object]) -> str:
        made = f"[simulated] {name} by {self._agent}" if name and name != "text" else self.sentence()
        return made[: _int(schema.get("maxLength"), len(made))]


def _is_made(key: str, depth: int, *, asked: bool) -> bool:
    """Whether a property is made that its schema does not insist on.

    Not those that an agent may add to its answer, such as options, but its words. And a
    schema may name itself: deep down nothing is made that need not be.
    """
    return depth < 4 and (depth > 0 or key == "text" or not asked)


def _first(schema: Mapping[str, object]) -> Mapping[str, object]:
    """The alternative that is taken where a schema leaves a choice."""
    choice = schema.get("anyOf")
    return choice[0] if isinstance(choice, list) else schema


def _proposed(made: Mapping[str, object]) -> list[str]:
    """The ids of the options in an answer: of its field `options`, else of the first list whose items have ids."""
    for field in (made.get("options"), *made.values()):
        items = field if isinstance(field, list) else []
        if ids := [item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]:
            return ids
    return []


def _sub(schema: Mapping[str, object], key: str) -> Mapping[str, object]:
    found = schema.get(key)
    return found if isinstance(found, Mapping) else {}


def _int(value: object, default: int) -> int:
    return value if isinstance(value, int) else default


def _float(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
