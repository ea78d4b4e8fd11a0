"""No failure of an SDK reaches a user untranslated."""

import json
from collections.abc import Iterator

import httpx2
import langchain_core.exceptions as langchain_errors
import langchain_openai.chat_models.base as langchain_openai
import openai
import pytest

from agentctl.models.translate import fault_of, fault_of_end, foreign_errors

REQUEST = httpx2.Request("POST", "http://localhost/v1")
CODES = {
    "ContextOverflowError": "model-context-overflow",
    "ModelError": "model-server-error",
    "ModelAuthenticationError": "model-auth",
    "ModelPermissionDeniedError": "model-auth",
    "ModelInvalidRequestError": "model-bad-request",
    "ModelNotFoundError": "model-bad-request",
    "ModelRateLimitError": "model-rate-limited",
    "ModelAPIError": "model-server-error",
    "ModelConnectionError": "model-unreachable",
    "ModelTimeoutError": "model-timeout",
    "OpenAIError": "model-server-error",
    "APIError": "model-server-error",
    "APIStatusError": "model-bad-request",
    "APIResponseValidationError": "model-malformed",
    "APIConnectionError": "model-unreachable",
    "APITimeoutError": "model-timeout",
    "BadRequestError": "model-bad-request",
    "AuthenticationError": "model-auth",
    "OAuthError": "model-auth",
    "PermissionDeniedError": "model-auth",
    "NotFoundError": "model-bad-request",
    "ConflictError": "model-server-error",
    "UnprocessableEntityError": "model-bad-request",
    "RateLimitError": "model-rate-limited",
    "InternalServerError": "model-server-error",
    "LengthFinishReasonError": "model-truncated",
    "ContentFilterFinishReasonError": "model-filtered",
    "SubjectTokenProviderError": "model-auth",
    "WebSocketConnectionClosedError": "model-unreachable",
    "WebSocketQueueFullError": "model-unreachable",
    "StreamAlreadyConsumed": "model-unreachable",
    "MutuallyExclusiveAuthError": "model-bad-request",
    "APIRemovedInV1": "model-bad-request",
    "_AmbiguousModuleClientUsageError": "model-bad-request",
    "OpenAIContextOverflowError": "model-context-overflow",
    "OpenAIAPIContextOverflowError": "model-context-overflow",
    "OpenAIAuthenticationError": "model-auth",
    "OpenAIPermissionDeniedError": "model-auth",
    "OpenAIInvalidRequestError": "model-bad-request",
    "OpenAIModelNotFoundError": "model-bad-request",
    "OpenAIRateLimitError": "model-rate-limited",
    "OpenAIAPIError": "model-server-error",
    "OpenAIConnectionError": "model-unreachable",
    "OpenAITimeoutError": "model-timeout",
}
STATUS = {"AuthenticationError": 401, "OAuthError": 401, "PermissionDeniedError": 403, "NotFoundError": 404}
STATUS |= {"ConflictError": 409, "UnprocessableEntityError": 422, "RateLimitError": 429, "InternalServerError": 500}
STATUS |= {"OpenAIAuthenticationError": 401, "OpenAIPermissionDeniedError": 403, "OpenAIModelNotFoundError": 404}
STATUS |= {"OpenAIRateLimitError": 429, "OpenAIAPIError": 502}


def tree(base: type[Exception]) -> Iterator[type[Exception]]:
    yield base
    for below in base.__subclasses__():
        yield from tree(below)


def made(kind: type[Exception]) -> Exception:
    """An instance as the SDK would raise it, whatever its signature."""
    error = kind.__new__(kind)
    Exception.__init__(error, "it says so")
    if isinstance(error, openai.APIStatusError):
        error.response = httpx2.Response(STATUS.get(kind.__name__, 400), request=REQUEST)
        error.status_code = error.response.status_code
    return error


def name_of(kind: type[Exception]) -> str:
    return kind.__name__


OPENAI: set[type[Exception]] = {
    *tree(openai.OpenAIError),
    *tree(langchain_errors.ModelError),
    langchain_openai.OpenAIRefusalError,
}
IN_ORDER = sorted(OPENAI, key=name_of)


def test_the_list_of_sdk_exceptions_is_complete() -> None:
    ours = {kind.__name__ for kind in OPENAI if kind.__module__.split(".")[0] in ("openai", "langchain_core")}
    ours |= {kind.__name__ for kind in OPENAI if kind.__module__ == langchain_openai.__name__}

    assert ours - {"OpenAIRefusalError"} == set(CODES)


@pytest.mark.parametrize("kind", IN_ORDER, ids=name_of)
def test_each_sdk_exception_is_caught_and_mapped(kind: type[Exception]) -> None:
    expected = CODES.get(kind.__name__, "model-refused")

    assert issubclass(kind, foreign_errors())
    assert fault_of(made(kind)).code == expected


HTTP = sorted({*tree(httpx2.HTTPError), *tree(httpx2.StreamError), httpx2.InvalidURL}, key=name_of)


@pytest.mark.parametrize("kind", HTTP, ids=name_of)
def test_each_http_exception_is_caught_and_mapped(kind: type[Exception]) -> None:
    assert issubclass(kind, foreign_errors())
    assert fault_of(made(kind)).code in (
        "model-timeout",
        "model-unreachable",
        "model-malformed",
        "model-bad-request",
        "model-server-error",
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (json.JSONDecodeError("x", "y", 0), "model-malformed"),
        (TypeError("no choices"), "model-malformed"),
        (KeyError("choices"), "model-malformed"),
        (TimeoutError(), "model-timeout"),
        (ConnectionResetError("reset"), "model-unreachable"),
        (NotImplementedError("no"), "model-bad-request"),
    ],
)
def test_what_parsing_trips_over_is_mapped(error: Exception, code: str) -> None:
    assert isinstance(error, foreign_errors())
    assert fault_of(error).code == code


@pytest.mark.parametrize("ended", ["stop", "tool_calls", "function_call", "end_turn", "stop_sequence", "tool_use", ""])
def test_a_whole_answer_is_no_fault(ended: str) -> None:
    assert fault_of_end(ended) is None


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        ("length", "model-truncated"),
        ("max_tokens", "model-truncated"),
        ("MAX_TOKENS", "model-truncated"),
        ("content_filter", "model-filtered"),
        ("SAFETY", "model-filtered"),
        ("refusal", "model-refused"),
        ("model_context_window_exceeded", "model-context-overflow"),
    ],
)
def test_each_way_an_answer_breaks_off_has_a_code(ended: str, code: str) -> None:
    fault = fault_of_end(ended)

    assert fault is not None
    assert (fault.code, fault.retryable) == (code, False)


def test_a_key_that_a_provider_quotes_is_struck() -> None:
    fault = fault_of(ValueError("bad thing sk-secret-key in it"), "sk-secret-key")

    assert fault.reason == "its answer cannot be read: bad thing *** in it"


@pytest.mark.parametrize(
    ("header", "least", "most"), [("2", 2, 2), ("Wed, 21 Oct 2037 07:28:00 GMT", 1e6, 1e9), ("soon", None, None)]
)
def test_a_wait_is_read_as_seconds_or_date(header: str, least: float | None, most: float | None) -> None:
    response = httpx2.Response(429, request=REQUEST, headers={"Retry-After": header})
    wait = fault_of(openai.RateLimitError("slow", response=response, body=None)).retry_after_s

    assert wait is None if least is None or most is None else wait is not None and least <= wait <= most
