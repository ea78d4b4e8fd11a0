"""Foreign failures and ways an answer can end, in agentctl's own words.

LangChain and the providers' SDKs share names for their exceptions, so these are told
apart by the names in their class tree: no SDK needs to be imported to recognise it.
"""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

from agentctl.models.provider import HINTS, Fault

SHOWN = 300
_BY_NAME = {
    # LangChain
    "ContextOverflowError": "model-context-overflow",
    "ModelAuthenticationError": "model-auth",
    "ModelPermissionDeniedError": "model-auth",
    "ModelNotFoundError": "model-bad-request",
    "ModelRateLimitError": "model-rate-limited",
    "ModelAPIError": "model-server-error",
    "ModelConnectionError": "model-unreachable",
    "ModelTimeoutError": "model-timeout",
    "ModelInvalidRequestError": "model-bad-request",
    "OutputParserException": "model-malformed",
    # SDKs
    "LengthFinishReasonError": "model-truncated",
    "ContentFilterFinishReasonError": "model-filtered",
    "OpenAIRefusalError": "model-refused",
    "APIResponseValidationError": "model-malformed",
    "APITimeoutError": "model-timeout",
    "APIConnectionError": "model-unreachable",
    "SubjectTokenProviderError": "model-auth",
    "WebSocketConnectionClosedError": "model-unreachable",
    "WebSocketQueueFullError": "model-unreachable",
    "StreamAlreadyConsumed": "model-unreachable",
    "MutuallyExclusiveAuthError": "model-bad-request",
    "APIRemovedInV1": "model-bad-request",
    "_AmbiguousModuleClientUsageError": "model-bad-request",
    # httpx and httpx2
    "TimeoutException": "model-timeout",
    "UnsupportedProtocol": "model-bad-request",
    "InvalidURL": "model-bad-request",
    "TransportError": "model-unreachable",
    "StreamError": "model-unreachable",
    "DecodingError": "model-malformed",
    "TooManyRedirects": "model-bad-request",
    # Python
    "TimeoutError": "model-timeout",
    "OSError": "model-unreachable",
    "NotImplementedError": "model-bad-request",
    "ValueError": "model-malformed",
    "LookupError": "model-malformed",
    "TypeError": "model-malformed",
    "AttributeError": "model-malformed",
    "AssertionError": "model-malformed",
}
_BY_STATUS = {
    401: "model-auth",
    403: "model-auth",
    408: "model-timeout",
    409: "model-server-error",
    413: "model-context-overflow",
    429: "model-rate-limited",
}
# What a provider says in an error's code, type or message, where the class or status says less.
_BY_WORD = {
    "context_length_exceeded": "model-context-overflow",
    "context window": "model-context-overflow",
    "maximum context length": "model-context-overflow",
    "prompt is too long": "model-context-overflow",
    "content_filter": "model-filtered",
    "content_policy": "model-filtered",
    "rate_limit": "model-rate-limited",
    "overloaded": "model-server-error",
    # Ollama, OpenRouter, vLLM
    "does not support tools": "model-no-tools",
    "support tool use": "model-no-tools",
    "tool-call-parser": "model-no-tools",
}
_BY_END = {
    "length": "model-truncated",
    "max_tokens": "model-truncated",
    "max_output_tokens": "model-truncated",
    "model_length": "model-truncated",
    "model_context_window_exceeded": "model-context-overflow",
    "content_filter": "model-filtered",
    "content_filtered": "model-filtered",
    "guardrail_intervened": "model-filtered",
    "safety": "model-filtered",
    "recitation": "model-filtered",
    "blocklist": "model-filtered",
    "prohibited_content": "model-filtered",
    "spii": "model-filtered",
    "refusal": "model-refused",
    "error": "model-server-error",
}
_REASONS = {
    "model-timeout": "it did not answer in time",
    "model-unreachable": "it cannot be reached, or the connection broke off",
    "model-malformed": "its answer cannot be read",
    "model-auth": "it refuses the key",
    "model-truncated": "its answer was cut off at the longest length allowed",
    "model-filtered": "a content filter ended the answer",
    "model-refused": "it refused to answer",
    "model-server-error": "its server failed",
    "model-rate-limited": "it takes no more requests now",
    "model-bad-request": "it refuses the request",
    "model-context-overflow": "the prompt is too long for it",
    "model-no-tools": "it cannot call tools",
}
# Providers quote the key or parts of it, or have nothing to add.
_SAYS_IT_ALL = frozenset({"model-auth", "model-timeout", "model-truncated", "model-filtered"})
_SDK_ERRORS = (
    ("openai", "OpenAIError"),
    ("langchain_openai.chat_models.base", "OpenAIRefusalError"),
    ("anthropic", "AnthropicError"),
    ("groq", "GroqError"),
    ("ollama", "ResponseError"),
    ("google.genai.errors", "APIError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("httpx", "HTTPError"),
    ("httpx", "StreamError"),
    ("httpx2", "HTTPError"),
    ("httpx2", "StreamError"),
    ("httpx2", "InvalidURL"),
    ("langchain_core.exceptions", "LangChainException"),
)


def foreign_errors() -> tuple[type[Exception], ...]:
    """What a chat model may raise, by the SDKs that are loaded."""
    known = (getattr(sys.modules.get(module), name, None) for module, name in _SDK_ERRORS)
    return (
        *(error for error in known if error is not None),
        # What their parsing trips over when a server talks nonsense.
        *(OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, NotImplementedError),
    )


def fault_of(error: Exception, secret: str = "") -> Fault:
    """The fault that a foreign exception means; `secret` is struck from what it says."""
    status, said = _status(error), _said(error)
    code = _code(error, status, f"{said} {getattr(error, 'code', '')} {getattr(error, 'type', '')}".lower())
    hint = ""
    if getattr(error, "code", None) == "insufficient_quota":
        hint = "the provider's quota is used up: check its billing"
    elif code == "model-unreachable" and (tried := _tried(error)):
        hint = f"{HINTS[code]}; it tried {tried.replace(secret, '***') if secret else tried}"
    reason = _REASONS[code]
    if said and code not in _SAYS_IT_ALL:
        reason = f"{reason}: {said.replace(secret, '***') if secret else said}"
    return Fault(
        code,
        reason,
        status=status,
        retry_after_s=_retry_after_s(error),
        final=getattr(error, "code", None) == "insufficient_quota",
        hint=hint,
    )


def fault_of_end(ended: str, said: str = "") -> Fault | None:
    """The fault in the way an answer ended; None if it is whole."""
    code = _BY_END.get(ended.lower())
    if code is None:
        return None
    return Fault(code, f"{_REASONS[code]}: {said[:SHOWN]}" if said else _REASONS[code])


def _code(error: Exception, status: int | None, said: str) -> str:
    names = [kind.__name__ for kind in type(error).__mro__]
    named = next((_BY_NAME[name] for name in names if name in _BY_NAME), None)
    if named is not None and named not in ("model-bad-request", "model-server-error"):
        return named
    worded = next((code for word, code in _BY_WORD.items() if word in said), None)
    if worded is not None and (status is None or status < 429):
        return worded
    if status is not None:
        return _BY_STATUS.get(status, "model-server-error" if status >= 500 else "model-bad-request")
    return named or "model-server-error"


def _status(error: Exception) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "code"):
            status = getattr(holder, name, None)
            if isinstance(status, int) and status >= 400:
                return status
    return None


def _said(error: Exception) -> str:
    """The provider's own words, short and on one line."""
    body = getattr(error, "body", None)
    words = body.get("message") if isinstance(body, Mapping) else None
    words = str(words or getattr(error, "message", None) or error)
    return " ".join(words.split())[:SHOWN]


def _tried(error: Exception) -> str:
    """Where the request went, without credentials and the query, which may hold a key; empty if it is not known."""
    try:
        url = urlsplit(str(error.request.url))  # type: ignore[attr-defined]
    except (AttributeError, RuntimeError, ValueError):  # httpx raises a RuntimeError where there was no request
        return ""
    return urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path, "", ""))


def _retry_after_s(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return None
    text = str(headers.get("retry-after", ""))
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
