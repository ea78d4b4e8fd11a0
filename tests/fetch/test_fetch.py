"""Fetching against a real server on this machine; the hostile cases are refused before it hears of them."""

import asyncio
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest

from agentctl.errors import FetchFailed, FetchRefused
from agentctl.fetch import Fetched, fetch, fetch_all, is_public
from tests.fakes import FileServer, Page

ROOT = Path(__file__).parents[2]


async def get(url: str, *, max_bytes: int = 1_000_000, timeout_s: float = 5, allow_private: bool = True) -> Fetched:
    return await fetch(url, max_bytes=max_bytes, timeout_s=timeout_s, allow_private=allow_private)


async def test_a_page_comes_with_its_type_and_nothing_of_us_goes_along() -> None:
    with FileServer({"/a%20b?x=1": (200, {"content-type": "Image/PNG; q=1"}, b"body")}) as server:
        found = await get(f"{server.url}/a b?x=1#part")

    assert (found.media_type, found.body) == ("image/png", b"body")
    [(_, headers)] = server.requests
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert set(headers) == {"host", "accept-encoding", "user-agent"}


async def test_a_type_that_is_none_is_not_passed_on() -> None:
    with FileServer({"/": (200, {"content-type": "\x9b31m/<b>"}, b"x")}) as server:
        assert (await get(server.url)).media_type == ""


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "127.8.9.10",
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "[fd00:ec2::254]", "[fe80::1]",
        "2130706433", "0177.0.0.1", "0x7f.1", "0x7f000001", "127.1", "017700000001", "①②⑦.⓪.⓪.①", "127。0。0。1",
    ],
)  # fmt: skip
async def test_hosts_that_are_not_public_are_refused_unasked(host: str) -> None:
    with FileServer({"/": b"a secret"}) as server, pytest.raises(FetchRefused):
        await get(f"http://{host}:{server.port}/", allow_private=False)

    assert server.requests == []


@pytest.mark.parametrize("host", ["2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0x7f000001"])
async def test_a_number_is_no_host_even_where_private_addresses_are_allowed(host: str) -> None:
    with FileServer({"/": b"x"}) as server, pytest.raises(FetchRefused):
        await get(f"http://{host}:{server.port}/")

    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16", "100.64.0.1", "198.18.0.1",
        "::ffff:8.8.8.8", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:1::",
        "fec0::1", "ff0e::1", "fc00::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_ways_around_the_check_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://example.com/x", "gopher://example.com", "data:text/plain,x", "//example.com/x",
        "http://", "http:///x", "https://user@example.com/", "http://h\\@example.com/", "http://exa\nmple.com/",
        "http://example.com:99999/", "nonsense", "", "http://[::1", "http://" + "a" * 70_000,
    ],
)  # fmt: skip
async def test_what_is_no_plain_http_url_is_refused(url: str) -> None:
    with pytest.raises(FetchRefused):
        await get(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@127.0.0.1:1/x",
        "http://user:s3/cret@127.0.0.1/x",
        "http://127.0.0.1:1/x?key=s3cret#s3cret",
        "http://127.0.0.1:bad/x?key=s3cret",
    ],
)
async def test_errors_name_the_url_without_its_secrets(url: str) -> None:
    with pytest.raises((FetchRefused, FetchFailed), match=r"127\.0\.0\.1.*/x") as raised:
        await get(url)

    assert "s3" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://a.example/\x1b[2J\n", "nonsense \x1b[2J\u202e"])
async def test_what_an_error_says_of_a_url_is_one_printable_line(url: str) -> None:
    with pytest.raises(FetchRefused) as raised:
        await get(url)

    assert str(raised.value).isprintable()


async def test_redirects_are_followed_up_to_five() -> None:
    hops: dict[str, Page] = {f"/{n}": (302, {"location": f"/{n + 1}", "set-cookie": "a=b"}, b"") for n in range(6)}
    with FileServer({**hops, "/6": b"there"}) as server:
        found = await get(f"{server.url}/1")
        with pytest.raises(FetchFailed, match=r"/0' could not be fetched: it redirects more than 5 times"):
            await get(f"{server.url}/0")

    assert (found.url, found.body) == (f"{server.url}/6", b"there")
    assert not any("cookie" in headers for _, headers in server.requests)


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "http://u:s3cret@127.0.0.1/", "http://2130706433/", "ftp://h/"]
)
async def test_each_redirect_is_checked_again(target: str) -> None:
    server = FileServer({"/": (307, {"location": target}, b"")})
    with server, pytest.raises(FetchRefused, match=f"{server.url}/', which redirects to '") as raised:
        await get(f"{server.url}/")

    assert "s3cret" not in str(raised.value)


def can_make_a_network() -> bool:
    tools = shutil.which("unshare") and shutil.which("ip")
    return bool(tools) and subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not can_make_a_network(), reason="needs Linux's network namespaces")
def test_a_public_server_is_fetched_and_cannot_redirect_to_a_private_one() -> None:
    """In a network of its own, where this machine has a public address."""
    script = f"ip link set lo up && ip addr add 93.184.216.34/32 dev lo && exec {sys.executable} -c '{PUBLIC}'"
    done = subprocess.run(["unshare", "-rn", "sh", "-c", script], capture_output=True, text=True, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    body, refused, asked = json.loads(done.stdout)
    assert body == "open"
    assert "which redirects to" in refused and "private" in refused
    assert asked == []


PUBLIC = """
import asyncio, json
from agentctl.errors import FetchRefused
from agentctl.fetch import fetch
from tests.fakes import FileServer

async def go(url):
    return await fetch(url, max_bytes=100, timeout_s=5)

with FileServer({"/": b"a secret"}) as inner, FileServer(host="93.184.216.34") as outer:
    outer.pages = {"/": b"open", "/in": (302, {"location": inner.url + "/"}, b"")}
    body = asyncio.run(go(outer.url + "/")).body.decode()
    try:
        asyncio.run(go(outer.url + "/in"))
    except FetchRefused as error:
        print(json.dumps([body, str(error), inner.requests]))
"""


async def test_a_name_is_resolved_once_and_the_connection_goes_to_what_was_checked() -> None:
    """A second look-up is what DNS rebinding needs; the interpreter's audit tells of every one."""
    seen = []
    with FileServer({"/": b"x"}) as server:
        _AUDIT.append(lambda event, args: seen.append((event, args)))
        try:
            await get(f"http://localhost:{server.port}/")
        finally:
            _AUDIT.clear()

    assert [args[0] for event, args in seen if event == "socket.getaddrinfo"] == ["localhost"]
    assert ("127.0.0.1", server.port) in [args[1] for event, args in seen if event == "socket.connect"]
    assert server.requests[0][1]["host"] == f"localhost:{server.port}"


_AUDIT: list[Callable[[str, tuple[object, ...]], object]] = []
sys.addaudithook(lambda event, args: [hook(event, args) for hook in _AUDIT if event.startswith("socket.")] and None)


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with FileServer({"/": b"direct"}) as server:
        assert (await get(server.url)).body == b"direct"


async def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    with FileServer({"/": b"x" * 1000}) as server:
        assert len((await get(server.url, max_bytes=1000)).body) == 1000
        with pytest.raises(FetchRefused, match="it is over 999 bytes"):
            await get(server.url, max_bytes=999)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
async def test_a_packed_body_is_limited_by_what_is_in_it(encoding: str) -> None:
    bomb = zlib.compress(bytes(100_000_000), 9) if encoding == "deflate" else gzip.compress(bytes(100_000_000), 9)
    if "," in encoding:
        bomb = gzip.compress(bomb)
    with FileServer({"/": (200, {"content-encoding": encoding}, bomb)}) as server:
        tracemalloc.start()
        try:
            with pytest.raises(FetchRefused, match="it is over 2,000,000 bytes"):
                await get(server.url, max_bytes=2_000_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak < 20_000_000


async def test_a_packed_body_is_unpacked_and_an_unknown_packing_is_told() -> None:
    packed = (200, {"content-encoding": "gzip"}, gzip.compress(b"hello"))
    with FileServer({"/gz": packed, "/br": (200, {"content-encoding": "br"}, b"??")}) as server:
        assert (await get(f"{server.url}/gz")).body == b"hello"
        with pytest.raises(FetchFailed, match="packed it as 'br'"):
            await get(f"{server.url}/br")


def endless(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    with suppress(OSError):
        while True:
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")


def dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    with suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)


def dripping_headers(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"a: b\r\n")
            time.sleep(0.02)


async def test_an_endless_body_ends_at_the_limit() -> None:
    with FileServer({"/": endless}) as server, pytest.raises(FetchRefused, match="over 100,000 bytes"):
        await get(server.url, max_bytes=100_000)


@pytest.mark.slow
@pytest.mark.parametrize("page", [dripping, dripping_headers])
async def test_one_limit_holds_for_all_the_time_it_takes(page: Page) -> None:
    with FileServer({"/": page}) as server:
        started = time.monotonic()
        with pytest.raises(FetchFailed, match=r"0\.3 s passed"):
            await get(server.url, timeout_s=0.3)

    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ((404, {}, b""), "status 404"),
        ((500, {}, b""), "status 500"),
        ((304, {}, b""), "status 304"),
        ((302, {"location": "http://[::1"}, b""), "it redirects to what is no URL"),
        ((200, {"content-length": "50", "connection": "close"}, b"too short"), "RemoteProtocolError"),
        ((200, {"content-encoding": "gzip"}, b"no gzip"), "DecodingError"),
        (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"), "RemoteProtocolError"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50_000), "RemoteProtocolError"),
    ],
)  # fmt: skip
async def test_a_server_that_does_not_answer_well_has_failed(page: Page, said: str) -> None:
    with FileServer({"/": page}) as server, pytest.raises(FetchFailed, match=said):
        await get(server.url)


async def test_nobody_there_has_failed() -> None:
    with FileServer() as server:
        gone = server.url
    with pytest.raises(FetchFailed, match="ConnectError"):
        await get(gone)
    with pytest.raises(FetchFailed, match=r"'no-such-host\.invalid' cannot be resolved"):
        await get("http://no-such-host.invalid/")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
@pytest.mark.parametrize(("name", "said"), [("localhost", "fetched"), ("other.example", "certificate")])
def test_a_certificate_must_be_of_the_name_and_not_of_the_address(tmp_path: Path, name: str, said: str) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    files = ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*made, *files], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(cert, key)
    asked: list[str | None] = []
    tls.sni_callback = lambda _socket, server_name, _context: asked.append(server_name)
    with FileServer({"/": (302, {"location": "/a"}, b""), "/a": b"fetched"}, tls=tls) as server:
        code = TRUSTING.format(url=f"https://localhost:{server.port}/")
        env = {"SSL_CERT_FILE": str(cert), "PATH": "/usr/bin:/bin"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=env)

    assert said in done.stdout, done.stderr
    # Twice where it goes well: a connection made for one name is not used for another at the same address.
    assert asked == ["localhost"] * (2 if said == "fetched" else 1)


TRUSTING = """
import asyncio
from agentctl.errors import FetchFailed
from agentctl.fetch import fetch
try:
    print(asyncio.run(fetch("{url}", max_bytes=99, timeout_s=5, allow_private=True)).body)
except FetchFailed as error:
    print(error)
"""


@pytest.mark.slow
async def test_several_are_fetched_at_once_each_with_its_own_end() -> None:
    pages: dict[str, Page] = {f"/{n}": f"body {n}".encode() for n in range(5)}
    with FileServer(pages, delay_s=0.2) as server:
        started = time.monotonic()
        urls = [f"{server.url}/{n}" for n in range(5)] + [f"{server.url}/none", "file:///etc/passwd"]
        *good, missing, refused = await fetch_all(urls, max_bytes=100, timeout_s=5, allow_private=True)

    assert time.monotonic() - started < 0.9
    assert [one.body.decode() for one in good if isinstance(one, Fetched)] == [f"body {n}" for n in range(5)]
    assert isinstance(missing, FetchFailed) and isinstance(refused, FetchRefused)


async def test_a_cancelled_fetch_hangs_up() -> None:
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()

    def waiting(connection: socket.socket) -> None:
        connection.recv(1)  # returns when the client hangs up
        loop.call_soon_threadsafe(heard.set)

    with FileServer({"/": waiting}) as server:
        task = asyncio.create_task(get(server.url))
        async with asyncio.timeout(5):
            while not server.requests:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await heard.wait()
