"""Chat models of LangChain, one attempt a call.

LangChain, which takes over half a second to import, is imported here and in `chat_message`
only; `Models` imports this when a run names a provider.
"""

import json
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.ai import add_ai_message_chunks
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence
from pydantic_core import from_json

from agentctl.errors import ServiceUnavailable, UsageError
from agentctl.models.attachment import refusal
from agentctl.models.call import ModelConfig, ModelReply, ModelRequest, OnToken
from agentctl.models.chat_message import langchain_messages, tool_calls_of
from agentctl.models.message import Message
from agentctl.models.provider import Answer, Fault
from agentctl.models.providers import PROVIDERS, near_provider
from agentctl.models.structured import instruction
from agentctl.models.translate import fault_of, fault_of_end, foreign_errors

MAX_CONNECTIONS = 100
MAX_KEPT_ALIVE = 20
MAX_BINDINGS = 256
_STRUCTURE = re.compile("response_format|structured output|schema|json mode|mime type", re.IGNORECASE)

Ask = Runnable[Any, Any]


class Chat:
    """A chat model of LangChain; keeps nothing of a run."""

    simulated = False
    free = False

    def __init__(
        self,
        name: str,
        model: BaseChatModel,
        *,
        secret: str = "",
        instruct: bool = False,
        tells_end: bool = False,
        close: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Wrap a chat model.

        Args:
            name: as declared, `provider:name`.
            model: makes no retries of its own.
            secret: its key, struck from what errors say.
            instruct: always put the schema into words too, as the server may not know `response_format`;
                into words alone where tools are offered.
            tells_end: an answer without a finish reason broke off.
            close: closes its connections.
        """
        self.name = name
        self._model, self._secret, self._instruct = model, secret, instruct
        self._tells_end, self._close = tells_end, close
        self._bindings: dict[str, tuple[Ask, bool]] = {}
        self._foreign = foreign_errors()

    def unsupported(self, media_type: str) -> str | None:
        """By LangChain's profile of the model; text and images are assumed of one without."""
        profile = self._model.profile or {}
        images, pdfs = profile.get("image_inputs", True), profile.get("pdf_inputs", False)
        return refusal(media_type, images=images, pdfs=pdfs)

    async def ask(self, request: ModelRequest, on_token: OnToken | None) -> Answer:
        """Make one attempt; see `Provider.ask`."""
        asked, is_bound = self._asked(request)
        messages = langchain_messages(self._told(request, is_bound))
        answer = None
        try:
            if on_token is not None:
                preview = _TextField(on_token).add if request.schema is not None else on_token
                answer = self._answer(request, await _stream(asked, messages, preview))
            # LangChain drops a refusal from a stream; asked without one, the model tells.
            if answer is None or answer.is_empty:
                answer = self._answer(request, await asked.ainvoke(messages))
        except self._foreign as error:
            fault = fault_of(error, self._secret)
            if is_bound and fault.code == "model-bad-request" and _STRUCTURE.search(fault.reason):
                self._bindings[_key(request)] = self._offered(request.tools), False
                return await self.ask(request, on_token)
            raise fault from error
        if answer.is_empty:
            raise Fault("model-malformed", "it answered nothing")
        return answer

    def replayed(self, request: ModelRequest, reply: ModelReply) -> None:
        """Nothing is kept of a run."""

    def forget(self, run_id: str) -> None:
        """Nothing is kept of a run."""

    async def close(self) -> None:
        """Close its connections."""
        if self._close is not None:
            await self._close()

    def _told(self, request: ModelRequest, is_bound: bool) -> Sequence[Message]:
        """The messages, with the schema in words where it takes them: behind the last of the user."""
        if request.schema is None or (is_bound and not self._instruct):
            return request.messages
        words: Message = {"role": "user", "content": instruction(request.schema, tools=bool(request.tools))}
        # In the same place for each round of tools, and not behind their results, where some refuse a user's words.
        place = max((n for n, one in enumerate(request.messages, 1) if one["role"] == "user"), default=0)
        return [*request.messages[:place], words, *request.messages[place:]]

    def _asked(self, request: ModelRequest) -> tuple[Ask, bool]:
        """What is asked: the model, bound to the tools and, where its provider takes that, to the schema (True)."""
        if request.schema is None and not request.tools:
            return self._model, False
        key = _key(request)
        if key not in self._bindings:
            if len(self._bindings) >= MAX_BINDINGS:  # options, which name the scores, never come to an end
                self._bindings.clear()
            offered = self._offered(request.tools)
            bound = self._bound(request.schema, offered) if request.schema is not None else None
            self._bindings[key] = (bound or offered), bound is not None
        return self._bindings[key]

    def _offered(self, tools: Sequence[Mapping[str, Any]]) -> Ask:
        """The model, bound to the tools if there are any."""
        if not tools:
            return self._model
        try:
            # OpenAI wants `properties` even of a tool that takes nothing.
            return self._model.bind_tools(
                [{**tool, "parameters": {"type": "object", "properties": {}, **tool["parameters"]}} for tool in tools]
            )
        except NotImplementedError as error:
            raise Fault("model-no-tools", "it cannot call tools") from error
        except (ValueError, TypeError, LookupError) as error:
            raise Fault("model-bad-request", f"it cannot be offered these tools: {error}") from error

    def _bound(self, schema: Mapping[str, object], offered: Ask) -> Ask | None:
        """What is offered, bound to answer in the schema too; None if its provider has no way to."""
        named = {"title": "answer", **schema}
        try:
            chain = self._model.with_structured_output(named, method="json_schema")
        except (NotImplementedError, ValueError, TypeError):
            return None
        # Its first step asks; the parsing behind it would hide the usage and the end.
        bound = chain.first if isinstance(chain, RunnableSequence) else None
        return bound if offered is self._model else self._both(bound, offered)

    def _both(self, bound: Ask | None, offered: Ask) -> Ask | None:
        """One binding of schema and tools.

        None where a server may let the schema keep the model from calling a tool, as Ollama (`format`), vLLM
        and other servers of one's own do: https://github.com/vllm-project/vllm/issues/39929,
        https://github.com/ollama/ollama/issues/13750. Or where the schema takes a tool's place.
        """
        if self._instruct or not (isinstance(bound, RunnableBinding) and isinstance(offered, RunnableBinding)):
            return None
        asked = dict(bound.kwargs)
        if "format" in asked or asked.keys() & offered.kwargs.keys():
            return None
        model: Any = self._model
        by_responses = getattr(model, "_use_responses_api", None)
        if by_responses and not by_responses({**model.model_kwargs, **offered.kwargs}):
            # OpenAI takes both, but its SDK refuses tools that are not `strict`, as few are, beside this argument.
            asked["extra_body"] = {**(model.extra_body or {}), "response_format": asked.pop("response_format")}
        return model.bind(**asked, **offered.kwargs)  # type: ignore[no-any-return]

    def _answer(self, request: ModelRequest, message: object) -> Answer:
        if not isinstance(message, AIMessage):
            raise TypeError(f"{type(message).__name__} is no answer of a chat model")
        ended, refusal = _ended(message), message.additional_kwargs.get("refusal")
        fault = fault_of_end("refusal" if refusal else ended, str(refusal or ""))
        if fault is None and self._tells_end and not ended:
            fault = Fault("model-unreachable", "the answer broke off before its end")
        used, text = message.usage_metadata, str(message.text)
        usage = {"input_tokens": used["input_tokens"], "output_tokens": used["output_tokens"]} if used else {}
        if fault is not None:
            fault.usage = usage
            raise fault
        calls = tool_calls_of(message, request.ordinal)
        if request.schema is not None and calls and not request.tools:
            # Some providers give a structure as the arguments of a tool that is none.
            text, calls = json.dumps(calls[0]["args"]), []
        return Answer(
            text,
            finish_reason=ended or "stop",
            usage=usage,
            tool_calls=calls,
        )


async def _stream(asked: Ask, messages: Sequence[Message | BaseMessage], on_token: OnToken) -> AIMessage:
    chunks: list[AIMessageChunk] = []
    async for chunk in asked.astream(messages):
        chunks.append(chunk)
        if text := str(chunk.text):
            on_token(text)
    if not chunks:
        raise ValueError("the stream was empty")
    return add_ai_message_chunks(*chunks) if len(chunks) > 1 else chunks[0]


def _key(request: ModelRequest) -> str:
    return json.dumps([request.schema, *request.tools], sort_keys=True)


class _TextField:
    """Shows the `text` field of a JSON object while the object arrives."""

    def __init__(self, on_token: OnToken) -> None:
        self._on_token = on_token
        self._raw, self._shown = "", 0

    def add(self, piece: str) -> None:
        self._raw += piece
        try:
            found = from_json(self._raw, allow_partial="trailing-strings")
        except ValueError:
            return
        text = found.get("text") if isinstance(found, dict) else None
        if isinstance(text, str) and len(text) > self._shown:
            self._on_token(text[self._shown :])
            self._shown = len(text)


def _ended(message: AIMessage) -> str:
    """The provider's word for why the answer ended."""
    told = message.response_metadata
    if told.get("status") == "incomplete":  # OpenAI's Responses API
        return str((told.get("incomplete_details") or {}).get("reason") or "length")
    words = (told.get(key) for key in ("finish_reason", "stop_reason", "stopReason", "done_reason", "status"))
    return str(next((word for word in words if word), ""))


def build_python(config: ModelConfig, made: object) -> Chat:
    """Wrap a workspace's own `BaseChatModel`, given as a class, a factory or an instance."""
    settings = {"temperature": config.temperature, "max_tokens": config.max_tokens}
    given = {name: value for name, value in settings.items() if value is not None}
    model = made(**given) if callable(made) and not isinstance(made, BaseChatModel) else made
    if not isinstance(model, BaseChatModel):
        raise UsageError(
            f"model {config.name!r} is no LangChain BaseChatModel but {type(model).__name__}",
            hint="name a class, a function without arguments or an instance",
        )
    return Chat(config.name, model)


def build_chat(config: ModelConfig, env: Mapping[str, str]) -> Chat:
    """Build the chat model of a provider, with one HTTP pool of its own.

    Raises:
        UsageError: LangChain does not know the provider.
        ServiceUnavailable: its package is not installed, or it cannot be used with these settings.
    """
    provider, _, name = config.name.partition(":")
    variable = PROVIDERS[provider].key if provider in PROVIDERS else ""
    key = env.get(variable, "")
    settings: dict[str, Any] = {"max_retries": 0, "timeout": config.timeout_s}
    for option in ("base_url", "temperature", "max_tokens"):
        if (value := getattr(config, option)) is not None:
            settings[option] = value
    close = None
    if provider in ("openai", "azure_openai"):
        http = _http_client()
        settings |= _openai_settings(http, key or "none-needed")
        close = http.aclose
    elif key:
        # The others read their key from the environment, under differently named arguments.
        os.environ.setdefault(variable, key)
    try:
        model = init_chat_model(name, model_provider=provider, **settings)
    except ImportError as error:
        raise ServiceUnavailable(f"model {config.name!r}: {error}", code="package-missing") from error
    except ValueError as error:
        if "Unsupported provider" in str(error):
            what = f"model {config.name!r}: unknown provider {provider!r}{near_provider(provider)}"
            raise UsageError(what, hint="see docs/models.md for the providers") from None
        reason = fault_of(error, key).reason
        raise ServiceUnavailable(f"model {config.name!r} cannot be used: {reason}", code="model-unusable") from error
    is_openai = close is not None
    return Chat(
        config.name,
        model,
        secret=key,
        instruct=config.base_url is not None,
        tells_end=is_openai,
        close=close,
    )


@cache
def _httpx() -> Any:
    """The HTTP library of the installed openai: httpx2 from version 3 on."""
    import openai

    if int(openai.__version__.partition(".")[0]) >= 3:
        import httpx2

        return httpx2
    import httpx

    return httpx


def _http_client() -> Any:
    httpx = _httpx()
    limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_KEPT_ALIVE)
    return httpx.AsyncClient(limits=limits, timeout=None, follow_redirects=True)


def _openai_settings(http: Any, key: str) -> dict[str, Any]:
    async def give_key() -> str:
        return key

    return {
        "http_async_client": http,
        # An async key keeps LangChain from building a second, blocking client with its own pool.
        "api_key": give_key,
        "stream_usage": True,
        # `Client` bounds the whole attempt; a timer for each chunk costs a task for each chunk.
        "stream_chunk_timeout": 0,
    }
