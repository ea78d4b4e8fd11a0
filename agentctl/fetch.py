"""Fetching what a URL names, from public addresses only.

A name is resolved once and every address checked; the connection then goes to a checked
address itself, so that a name server cannot answer otherwise the second time. The `Host`
header and the certificate still belong to the name. Proxies of the environment are not used
(a bare transport knows none): behind one, what is reached is not what was checked.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import httpx2

from agentctl.errors import FetchFailed, FetchRefused

MAX_REDIRECTS = 5
AT_ONCE = 10
CONNECT_S = 5.0
"""For one address; a name may have several, and the first need not answer."""
ENCODINGS = {"gzip", "deflate"}
"""Those that httpx2 unpacks in pieces of bounded size."""

_NEVER = (
    ip_network("192.0.0.0/24"),  # metadata of some clouds; public for Python before 3.11.10
    ip_network("168.63.129.16/32"),  # Azure's platform, on an address that is public by the registry
)
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a URL gave: `url` is the one that answered, `media_type` what its server says, or empty."""

    url: str
    media_type: str
    body: bytes


async def fetch(url: str, *, max_bytes: int, timeout_s: float, allow_private: bool = False) -> Fetched:
    """Get one URL.

    Args:
        url: http or https, without credentials.
        max_bytes: of the body, after unpacking.
        timeout_s: for all of it: names, redirects and body.
        allow_private: takes addresses of this machine and its networks too.

    Raises:
        FetchRefused: the URL or what it leads to may not be fetched, or is too large.
        FetchFailed: it was tried, and there is no answer to use.
    """
    tls = await asyncio.to_thread(_tls)
    place = repr(shown(url))
    try:
        async with (
            asyncio.timeout(timeout_s),
            httpx2.AsyncHTTPTransport(verify=tls, limits=_NOT_KEPT) as transport,
        ):
            return await _follow(transport, url, place, max_bytes, allow_private=allow_private)
    except TimeoutError:
        raise FetchFailed(place, f"{timeout_s:g} s passed") from None


async def fetch_all(
    urls: Iterable[str], *, max_bytes: int, timeout_s: float, allow_private: bool = False
) -> list[Fetched | FetchRefused | FetchFailed]:
    """Get several URLs in parallel; each gives its body or its error, in the order of `urls`.

    Args:
        urls, max_bytes, timeout_s, allow_private: of each, as for `fetch`.
    """
    free = asyncio.Semaphore(AT_ONCE)

    async def one(url: str) -> Fetched | FetchRefused | FetchFailed:
        async with free:
            try:
                return await fetch(url, max_bytes=max_bytes, timeout_s=timeout_s, allow_private=allow_private)
            except (FetchRefused, FetchFailed) as error:
                return error

    return await asyncio.gather(*map(one, urls))


def shown(url: str) -> str:
    """The URL as errors name it: without credentials, and without the query, which may hold a key."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return re.split(r"[?#]", url.rpartition("@")[2], maxsplit=1)[0][:200]
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None)) + ("?…" if parsed.query else "")


_NOT_KEPT = httpx2.Limits(max_keepalive_connections=0)
"""A connection is for one name only, though others may have the same address."""


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


async def _follow(
    transport: httpx2.AsyncHTTPTransport, asked: str, place: str, max_bytes: int, *, allow_private: bool
) -> Fetched:
    target = asked
    for _ in range(MAX_REDIRECTS + 1):
        url = _checked(target, place)
        addresses = await _addresses(url, place, allow_private=allow_private)
        async with aclosing(await _ask(transport, url, addresses, place)) as response:
            if not response.has_redirect_location:
                return Fetched(str(url), *await _read(response, place, max_bytes))
            location = response.headers["location"]
        try:
            target = str(url.join(location))
        except httpx2.InvalidURL:
            raise FetchFailed(place, "it redirects to what is no URL") from None
        place = f"{shown(asked)!r}, which redirects to {shown(target)!r},"
    raise FetchFailed(repr(shown(asked)), f"it redirects more than {MAX_REDIRECTS} times")


def _checked(text: str, place: str) -> httpx2.URL:
    """The URL, if its text alone does not forbid it."""
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        raise FetchRefused(place, "it is no valid URL") from None
    host = url.raw_host.decode().rstrip(".")
    if url.scheme not in ("http", "https"):
        raise FetchRefused(place, "only http and https are fetched")
    if url.userinfo:
        raise FetchRefused(place, "it carries credentials")
    if not host or not 0 < (1 if url.port is None else url.port) < 65_536:
        raise FetchRefused(place, "it names no host and port")
    # Resolvers read 2130706433, 0177.1 and 0x7f.1 as addresses, each in its own way.
    if _literal(host) is None and _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise FetchRefused(place, "its host is a number, neither a name nor a plain IP address")
    return url


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


async def _addresses(url: httpx2.URL, place: str, *, allow_private: bool) -> list[str]:
    """Where the host is; all addresses are checked, as any of them may be taken."""
    host = url.raw_host.decode()
    if _literal(host) is None:
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise FetchFailed(place, f"{host!r} cannot be resolved") from error
        found = list(dict.fromkeys(str(info[4][0]) for info in infos))
    else:
        found = [host]
    for address in () if allow_private else found:
        if not is_public(ip_address(address)):
            raise FetchRefused(
                place,
                f"{host} is at {address}, which is no public address" if address != host else "its address is private",
                hint="set AGENTCTL_ALLOW_PRIVATE_URLS=1 to allow the addresses of this machine and its networks",
            )
    return found


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the open internet; stricter than `is_global`, which lets multicast pass."""
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and not any(address in net for net in _NEVER)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    # Of what IPv6 wraps around IPv4, only NAT64 is in real use; the rest is a way around this check.
    return address.is_global and address in _GLOBAL_UNICAST and address.sixtofour is None


async def _ask(
    transport: httpx2.AsyncHTTPTransport, url: httpx2.URL, addresses: list[str], place: str
) -> httpx2.Response:
    """The answer, its body unread, from the first address that takes the connection."""
    headers = {"host": url.netloc.decode(), "accept-encoding": ", ".join(sorted(ENCODINGS)), "user-agent": "agentctl"}
    extensions: dict[str, object] = {"timeout": {"connect": CONNECT_S}}
    if _literal(url.raw_host.decode()) is None:
        extensions["sni_hostname"] = url.raw_host.decode().rstrip(".")
    fault: Exception | None = None
    for address in addresses:
        request = httpx2.Request("GET", url.copy_with(host=address), headers=headers, extensions=extensions)
        try:
            return await transport.handle_async_request(request)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            fault = error
        except httpx2.HTTPError as error:
            raise FetchFailed(place, _said(error)) from error
    assert fault is not None
    raise FetchFailed(place, _said(fault)) from fault


async def _read(response: httpx2.Response, place: str, max_bytes: int) -> tuple[str, bytes]:
    """Media type and body."""
    if response.status_code != 200:
        raise FetchFailed(place, f"its server answered with status {response.status_code}")
    if unknown := set(_words(response.headers.get("content-encoding", ""))) - {*ENCODINGS, "identity"}:
        raise FetchFailed(place, f"its server packed it as {', '.join(sorted(unknown))!r}, which was not asked for")
    body = bytearray()
    try:
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > max_bytes:
                    raise FetchRefused(place, f"it is over {max_bytes:,} bytes")
    except httpx2.HTTPError as error:
        raise FetchFailed(place, _said(error)) from error
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "", bytes(body)


def _words(header: str) -> Iterator[str]:
    return (word for part in header.split(",") if (word := part.strip().lower()))


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200] if str(error) else type(error).__name__
