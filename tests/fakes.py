"""HTTP servers that misbehave on demand: one speaks OpenAI's chat completions, one gives out files.

`ChatServer()` runs it on a thread of its own; `python -m tests.fakes --port 0 --delay 0.2`
in a process of its own, which prints its address and ends with its standard input.
"""

import argparse
import asyncio
import functools
import http.server
import json
import socket
import ssl
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

Said = str | dict[str, Any]
"""Text, or `{text, tool_calls: [{id, name, args}]}`; `args` is an object, or text that is sent as it is."""
Reply = Said | Callable[[dict[str, Any]], Said]
Page = bytes | tuple[int, dict[str, str], bytes] | Callable[[socket.socket], None]
PLAIN = "A short answer from the chat server."
_ERRORS = {
    "400": (400, {"message": "bad things were asked", "type": "invalid_request_error", "code": "bad"}),
    "401": (401, {"message": "Incorrect API key provided: {key}", "type": "invalid_request_error"}),
    "404": (404, {"message": "the model does not exist", "type": "invalid_request_error", "code": "model_not_found"}),
    "429": (429, {"message": "slow down", "type": "requests", "code": "rate_limit_exceeded"}),
    "quota": (429, {"message": "you exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}),
    "500": (500, {"message": "the server had an error", "type": "server_error"}),
    "503": (503, {"message": "overloaded", "type": "server_error"}),
    "context": (
        400,
        {"message": "maximum context length is 8 tokens", "type": "x", "code": "context_length_exceeded"},
    ),
    "no-tools": (400, {"message": "small does not support tools", "type": "invalid_request_error"}),
    "no-format": (400, {"message": "unknown field response_format", "type": "invalid_request_error"}),
    "filtered-prompt": (400, {"message": "the prompt was filtered", "type": "x", "code": "content_filter"}),
}


class ChatServer:
    """A context manager: `with ChatServer(replies=["hi"], faults=["429", None]) as server: server.url`.

    `faults` are used up one a request, None meaning none: `400 401 404 429 429:<retry-after>
    quota 500 503 context no-format no-tools filtered-prompt` answer with that error; `timeout` never answers;
    `cut` breaks off in the middle, `end` too but politely; `malformed` is no JSON; `error-event`
    is an error inside a stream; `length content_filter refusal` are ways to end; `empty` says nothing.
    `replies` are used in order, the last one for ever; a reply may ask for tools.
    `pace_s` is waited between a stream's pieces.
    """

    def __init__(
        self,
        *,
        delay_s: float = 0,
        replies: Sequence[Reply] = (PLAIN,),
        faults: Iterable[str | None] = (),
        pace_s: float = 0,
        port: int = 0,
    ) -> None:
        self.delay_s, self.pace_s, self.port = delay_s, pace_s, port
        self.replies, self.faults = deque(replies), deque(faults)
        self.requests: list[dict[str, Any]] = []
        """Bodies, in order of arrival; `headers` is added to each."""
        self.connections = 0
        """Connections ever made."""
        self.open = 0
        """Connections open now."""
        self.transports: set[asyncio.Transport] = set()
        self.most_open = 0
        """Most connections open at once."""
        self.aborted = 0
        """Connections that were closed in the middle of an answer."""
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._serve, name="chat-server", daemon=True)

    @property
    def url(self) -> str:
        """What `base_url` takes."""
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def offered(self) -> list[list[str]]:
        """The names of the tools that each request offered."""
        return [[tool["function"]["name"] for tool in body.get("tools", ())] for body in self.requests]

    def next_reply(self, body: dict[str, Any]) -> Said:
        reply = self.replies[0] if len(self.replies) == 1 else self.replies.popleft()
        return reply(body) if callable(reply) else reply

    def _serve(self) -> None:
        asyncio.run(self.run())

    async def run(self) -> None:
        """Serve until stopped."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await self._loop.create_server(lambda: _Connection(self), "127.0.0.1", self.port, backlog=1000)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for transport in self.transports:
            transport.abort()
        await asyncio.sleep(0)


class FileServer:
    """A context manager: `with FileServer({"/a": b"body"}) as server: server.url + "/a"`.

    A page is its body, `(status, headers, body)`, or a function of the socket that answers by itself.
    """

    def __init__(
        self,
        pages: dict[str, Page] | None = None,
        *,
        host: str = "127.0.0.1",
        delay_s: float = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.pages = pages or {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path and headers of each request, in order of arrival."""
        serve = functools.partial(_FileRequest, self, delay_s)
        self._server = http.server.ThreadingHTTPServer((host, 0), serve)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients hang up on purpose
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _FileRequest(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, owner: FileServer, delay_s: float, *args: Any) -> None:
        self._owner, self._delay_s = owner, delay_s
        super().__init__(*args)

    def do_GET(self) -> None:
        self._owner.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        time.sleep(self._delay_s)
        page = self._owner.pages.get(self.path, (404, {}, b"nothing here"))
        if callable(page):
            self.close_connection = True
            page(self.connection)
            return
        status, headers, body = (200, {}, page) if isinstance(page, bytes) else page
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Connection(asyncio.Protocol):
    """One connection, kept alive; a protocol rather than streams, as it costs a third and hears the client hang up."""

    def __init__(self, server: ChatServer) -> None:
        self._server, self._received = server, b""
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections += 1
        self._server.open += 1
        self._server.transports.add(transport)
        self._server.most_open = max(self._server.most_open, self._server.open)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open -= 1
        self._server.transports.discard(self._transport)
        self._server.aborted += self._busy
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, rest = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:])
        headers = {name.lower(): value for name, value in headers.items()}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self._received = rest[length:]
        body = json.loads(rest[:length] or b"{}")
        self._server.requests.append({**body, "headers": headers})
        self._busy = True
        fault = self._server.faults.popleft() if self._server.faults else None
        if fault != "timeout":
            self._later(self._server.delay_s, self._answer, body, fault or "", headers)

    def _later(self, delay_s: float, what: Callable[..., None], *args: object) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, what, *args)

    def _answer(self, body: dict[str, Any], fault: str, headers: dict[str, str]) -> None:
        kind, _, after = fault.partition(":")
        if kind in _ERRORS:
            status, error = _ERRORS[kind]
            key = headers.get("authorization", "").removeprefix("Bearer ")
            said = json.dumps({"error": {**error, "message": error["message"].replace("{key}", key)}}).encode()
            return self._send(status, said, f"retry-after: {after}\r\n" if after else "")
        if kind == "malformed":
            return self._send(200, b'{"choices": [{"mess')
        said = "" if kind in ("refusal", "empty") else self._server.next_reply(body)
        text, calls = _text_and_calls(said)
        if body.get("stream"):
            return self._begin_stream(body, text, calls, kind)
        message = {"role": "assistant", "content": text, "refusal": "I will not." if kind == "refusal" else None}
        if calls:
            message |= {"content": text or None, "tool_calls": calls}
        answer = _whole(body, {"index": 0, "message": message, "finish_reason": _end(kind, calls)}, text)
        sent = json.dumps(answer).encode()
        if kind in ("cut", "end"):
            self._transport.write(_head(200, len(sent)) + sent[: len(sent) // 2])
            return self._close()
        return self._send(200, sent)

    def _send(self, status: int, said: bytes, extra: str = "") -> None:
        self._busy = False
        self._transport.write(_head(status, len(said), extra) + said)

    def _begin_stream(self, body: dict[str, Any], text: str, calls: list[dict[str, Any]], kind: str) -> None:
        deltas: list[dict[str, Any]] = [
            {"role": "assistant", "content": None if calls and not text else ""},
            *({"content": piece} for piece in _pieces(text)),
            *({"tool_calls": [piece]} for index, call in enumerate(calls) for piece in _pieces_of_call(index, call)),
        ]
        if kind == "refusal":
            deltas.append({"refusal": "I will not."})
        events = [_chunk(body, delta) for delta in deltas]
        if kind in ("cut", "end"):
            events = events[:3]
        elif kind == "error-event":
            events[2:] = [b'data: {"error": {"message": "it broke", "type": "server_error"}}\n\n']
        else:
            events.append(_chunk(body, {}, _end(kind, calls)))
            if (body.get("stream_options") or {}).get("include_usage"):
                events.append(_event({**_whole(body, None, text), "object": "chat.completion.chunk"}))
            events.append(b"data: [DONE]\n\n")
        self._transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        self._go_on(deque(events), kind)

    def _go_on(self, events: deque[bytes], kind: str) -> None:
        if self._server.pace_s and events:
            self._transport.write(_framed(events.popleft()))
            return self._later(self._server.pace_s, self._go_on, events, kind)
        rest = b"".join(map(_framed, events))
        if kind == "cut":
            self._transport.write(rest)
            return self._close()
        self._busy = False
        self._transport.write(rest + b"0\r\n\r\n")
        return None

    def _close(self) -> None:
        self._busy = False
        self._transport.close()


def _head(status: int, length: int, extra: str = "") -> bytes:
    return f"HTTP/1.1 {status} x\r\ncontent-type: application/json\r\n{extra}content-length: {length}\r\n\r\n".encode()


def _framed(event: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(event), event)


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _end(kind: str, calls: Sequence[object]) -> str:
    return kind if kind in ("length", "content_filter") else "tool_calls" if calls else "stop"


def _text_and_calls(said: Said) -> tuple[str, list[dict[str, Any]]]:
    if isinstance(said, str):
        return said, []
    calls = said.get("tool_calls", ())
    return said.get("text", ""), [
        {
            **({"id": call["id"]} if "id" in call else {}),
            "type": "function",
            "function": {
                "name": call["name"],
                "arguments": call["args"] if isinstance(call["args"], str) else json.dumps(call["args"]),
            },
        }
        for call in calls
    ]


def _pieces(text: str) -> list[str]:
    size = max(1, len(text) // 4)
    return [text[start : start + size] for start in range(0, len(text), size)]


def _pieces_of_call(index: int, call: dict[str, Any]) -> list[dict[str, Any]]:
    """A call as OpenAI streams it: its name first, then its arguments bit by bit."""
    asked = call["function"]
    head = {"index": index, **call, "function": {"name": asked["name"], "arguments": ""}}
    return [head, *({"index": index, "function": {"arguments": piece}} for piece in _pieces(asked["arguments"]))]


def _chunk(body: dict[str, Any], delta: dict[str, Any], end: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return _event(
        {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": body.get("model"), "choices": [choice]}
    )


def _whole(body: dict[str, Any], choice: dict[str, Any] | None, text: str) -> dict[str, Any]:
    prompt = sum(len(str(message.get("content"))) for message in body.get("messages", ()))
    usage = {"prompt_tokens": prompt // 4, "completion_tokens": len(text) // 4}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model"),
        "choices": [choice] if choice else [],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }


def main() -> None:
    """Serve in this process until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0, help="seconds before an answer")
    given = parser.parse_args()
    with ChatServer(port=given.port, delay_s=given.delay) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
