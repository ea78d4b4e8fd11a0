"""How a model is called: attempts with backoff, one repair, then the fallbacks."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from agentctl.errors import ModelFailed
from agentctl.models.call import ModelReply, ModelRequest, OnToken, Retry
from agentctl.models.message import media_types
from agentctl.models.price import cost_of
from agentctl.models.provider import Answer, Fault, Provider
from agentctl.models.structured import AnswerInvalid, parse_answer, repair_messages

LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A provider with the limits of its calls."""

    provider: Provider
    retry: Retry
    timeout_s: float
    base_url: str | None = None


@dataclass(slots=True)
class _Tally:
    """What the attempts of one call have used so far."""

    attempts: int = 0
    usage: dict[str, int] = field(default_factory=lambda: {"input_tokens": 0, "output_tokens": 0})
    taken: list[int] = field(default_factory=list)

    def add(self, answer: Answer | Fault) -> None:
        self.taken += answer.taken
        for name, count in answer.usage.items():
            self.usage[name] = self.usage.get(name, 0) + count


class _Preview:
    """Passes on the tokens of one attempt only: a second one would repeat what was shown."""

    def __init__(self, on_token: OnToken | None) -> None:
        self._on_token = on_token
        self._shown = False

    def next(self) -> OnToken | None:
        return None if self._shown or self._on_token is None else self._show

    def _show(self, text: str) -> None:
        assert self._on_token is not None
        self._shown = True
        self._on_token(text)


class Client:
    """The `ModelClient` of one model and its fallbacks; keeps no run state."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._candidates = candidates
        self.name = candidates[0].provider.name
        self.simulated = candidates[0].provider.simulated

    async def generate(self, request: ModelRequest, on_token: OnToken | None = None) -> ModelReply:
        """See `ModelClient.generate`."""
        preview = _Preview(on_token)
        failures: list[ModelFailed] = []
        taken: dict[str, list[int]] = {}
        spent: list[object] = []
        for candidate in self._capable(request):
            tally = _Tally(taken=taken.setdefault(candidate.provider.name, []))
            try:
                reply = await _answer(candidate, request, preview, tally)
            except ModelFailed as failure:
                failures.append(failure)
                if any(tally.usage.values()):
                    spent.append(
                        {"model": failure.model, "usage": tally.usage, "cost_usd": await _cost(candidate, tally)}
                    )
            else:
                return replace(reply, meta=_meta(failures, taken, spent))
        first, *others = failures
        if others:
            also = ", ".join(f"{failure.model} ({failure.code})" for failure in others)
            first.hint = f"{first.hint}; its fallbacks failed too: {also}".lstrip("; ")
        first.meta = _meta([], taken, spent)
        raise first

    def unsupported(self, media_type: str) -> str | None:
        """See `ModelClient.unsupported`."""
        return self._candidates[0].provider.unsupported(media_type)

    def _capable(self, request: ModelRequest) -> list[Candidate]:
        """The model, and those of its fallbacks that take the files of the request."""
        first, *fallbacks = self._candidates
        types = media_types(request.messages)
        return [first, *(one for one in fallbacks if not any(map(one.provider.unsupported, types)))]

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """See `ModelClient.replayed`."""
        for candidate in self._candidates:
            candidate.provider.replayed(request, reply)

    async def close(self) -> None:
        """See `ModelClient.close`."""


def _meta(failures: Sequence[ModelFailed], taken: Mapping[str, list[int]], spent: list[object]) -> dict[str, object]:
    """What the journal keeps beside the answer: the models that failed before, what that cost, the scripts' entries."""
    meta: dict[str, object] = {"spent": spent} if spent else {}
    if failures:
        meta["failed"] = [{"model": failure.model, "code": failure.code} for failure in failures]
    if any(taken.values()):
        meta["taken"] = {name: entries for name, entries in taken.items() if entries}
    return meta


async def _answer(candidate: Candidate, request: ModelRequest, preview: _Preview, tally: _Tally) -> ModelReply:
    """One model's answer, repaired once if it does not follow the schema."""
    try:
        answer = await _attempt(candidate, request, preview, tally)
        try:
            data = _data(answer, request)
        except AnswerInvalid as invalid:
            again = replace(request, messages=repair_messages(request, answer.text, invalid))
            answer = await _repaired(candidate, again, preview, tally, invalid)
            data = _data(answer, again)
    except AnswerInvalid as invalid:
        raise _malformed(candidate, tally, invalid) from None
    except Fault as fault:
        raise ModelFailed(
            candidate.provider.name,
            fault.reason,
            code=fault.code,
            status=fault.status,
            attempts=tally.attempts,
            hint=fault.hint,
        ) from fault.__cause__
    return await _reply(candidate, answer, data, tally)


def _data(answer: Answer, request: ModelRequest) -> dict[str, object] | None:
    """The structured answer; None where none was asked, or it asks for tools first."""
    if answer.data is not None or request.schema is None or answer.tool_calls:
        return answer.data
    return parse_answer(answer.text, request.schema)


async def _repaired(
    candidate: Candidate, request: ModelRequest, preview: _Preview, tally: _Tally, invalid: AnswerInvalid
) -> Answer:
    try:
        return await _attempt(candidate, request, preview, tally)
    except Fault as fault:
        if fault.code != "model-no-reply":
            raise
        # A script that holds the wrong reply only: what is wrong with it says more than that no other follows.
        raise invalid from None


def _malformed(candidate: Candidate, tally: _Tally, invalid: AnswerInvalid) -> ModelFailed:
    simplify = "simplify the agent's `output`, or use a model with structured output"
    correct = "correct the reply so that it follows the agent's `output` and `scores`, or write it as JSON in `text`"
    return ModelFailed(
        candidate.provider.name,
        f"its answer does not follow the schema, and was not repaired when asked once more: {invalid}",
        code="model-malformed",
        attempts=tally.attempts,
        hint=correct if candidate.provider.simulated else simplify,
    )


async def _cost(candidate: Candidate, tally: _Tally) -> float | None:
    provider = candidate.provider
    return 0.0 if provider.free else await cost_of(provider.name, candidate.base_url, tally.usage)


async def _reply(candidate: Candidate, answer: Answer, data: dict[str, object] | None, tally: _Tally) -> ModelReply:
    provider = candidate.provider
    cost = await _cost(candidate, tally)
    text = answer.text
    if data is not None and isinstance(data.get("text"), str):
        text = str(data["text"])
    return ModelReply(
        text,
        data=data,
        usage=tally.usage,
        cost_usd=cost,
        model=provider.name,
        simulated=provider.simulated,
        finish_reason=answer.finish_reason,
        attempts=tally.attempts,
        tool_calls=answer.tool_calls,
    )


async def _attempt(candidate: Candidate, request: ModelRequest, preview: _Preview, tally: _Tally) -> Answer:
    """Ask until there is an answer or the attempts are used up."""
    for attempt in range(1, candidate.retry.attempts + 1):
        tally.attempts += 1
        try:
            answer = await _ask(candidate, request, preview)
        except Fault as fault:
            tally.add(fault)
            wait_s = _wait_s(candidate.retry, attempt, fault)
            if wait_s is None:
                raise
            await asyncio.sleep(wait_s)
        else:
            tally.add(answer)
            return answer
    raise AssertionError


async def _ask(candidate: Candidate, request: ModelRequest, preview: _Preview) -> Answer:
    try:
        async with asyncio.timeout(candidate.timeout_s):
            return await candidate.provider.ask(request, preview.next())
    except TimeoutError as error:
        raise Fault(
            "model-timeout",
            f"no answer within {candidate.timeout_s:g} s",
        ) from error


def _wait_s(retry: Retry, attempt: int, fault: Fault) -> float | None:
    """Seconds until the next attempt; None if there is none."""
    if not fault.retryable or attempt >= retry.attempts:
        return None
    asked = fault.retry_after_s or 0.0
    if asked > LONGEST_WAIT_S:
        return None
    jitter = random.uniform(0.5, 1.0)  # noqa: S311 not secret
    return max(asked, min(retry.backoff_s * 2.0 ** (attempt - 1) * jitter, LONGEST_WAIT_S))
