"""Reading the open internet."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from agentctl.errors import FetchFailed, FetchRefused
from agentctl.fetch import fetch, fetch_all, shown
from agentctl.tools.project_files import as_content

MAX_PAGE_BYTES = 1024 * 1024
MAX_IMAGE_BYTES = 5 * 1024 * 1024
MAX_IMAGES = 8
MAX_FOUND = 10
TIMEOUT_S = 20.0
SEARCH_VARIABLE = "AGENTCTL_SEARCH_URL"
_IMAGES = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"))


class SearchNotSetUp(Exception):
    """Nobody has said where to search."""


@dataclass(frozen=True, slots=True)
class Web:
    """What `http_get`, `fetch_images` and `web_search` reach.

    Attributes:
        allow_private: fetches from this machine and its networks too.
        search_url: a JSON API, with `{query}` where the words go.
    """

    allow_private: bool
    search_url: str

    async def http_get(self, url: str) -> Any:
        """Get a page of the internet: text, an image or a PDF, up to 1 MiB.

        Args:
            url: http or https, at a public address.
        """
        page = await fetch(url, max_bytes=MAX_PAGE_BYTES, timeout_s=TIMEOUT_S, allow_private=self.allow_private)
        return as_content(page.body, page.media_type, shown(page.url))

    async def fetch_images(self, urls: list[str]) -> Any:
        """Get images of the internet (png, jpeg, gif or webp), up to 8 of 5 MiB.

        Args:
            urls: http or https, at public addresses.
        """
        from fastmcp.utilities.types import Image
        from mcp_types import TextContent

        asked = urls[:MAX_IMAGES]
        got = await fetch_all(asked, max_bytes=MAX_IMAGE_BYTES, timeout_s=TIMEOUT_S, allow_private=self.allow_private)
        told: list[Any] = []
        for url, image in zip(asked, got, strict=True):
            if isinstance(image, FetchRefused | FetchFailed):
                told.append(TextContent(type="text", text=str(image)))
            elif kind := _kind(image.body):
                told += [TextContent(type="text", text=f"{shown(url)}:"), Image(data=image.body, format=kind)]
            else:
                told.append(TextContent(type="text", text=f"{shown(url)} is no png, jpeg, gif or webp image"))
        if len(urls) > MAX_IMAGES:
            told.append(TextContent(type="text", text=f"the first {MAX_IMAGES} were fetched"))
        return told

    async def web_search(self, query: str) -> list[dict[str, str]]:
        """Search the web: title, URL and an excerpt of each result, best first.

        Args:
            query: words, as typed into a search engine.
        """
        if "{query}" not in self.search_url:
            raise SearchNotSetUp(
                f"set {SEARCH_VARIABLE} to a JSON search API with {{query}} in it, "
                "such as http://localhost:8888/search?q={query}&format=json of a SearXNG"
            )
        # Private addresses are fine: the URL is the operator's, and SearXNG often runs next door.
        url = self.search_url.replace("{query}", quote(query, safe=""))
        page = await fetch(url, max_bytes=MAX_PAGE_BYTES, timeout_s=TIMEOUT_S, allow_private=True)
        return _results(page.body)


def _results(body: bytes) -> list[dict[str, str]]:
    """As SearXNG writes them: `{results: [{title, url, content}]}`."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    found = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(found, list):
        raise SearchNotSetUp(f"what {SEARCH_VARIABLE} names did not answer with JSON of the form {{results: […]}}")
    entries = [entry for entry in found if isinstance(entry, dict)][:MAX_FOUND]
    keys = {"title": "title", "url": "url", "content": "text"}
    return [{name: str(entry.get(key) or "") for key, name in keys.items()} for entry in entries]


def _kind(body: bytes) -> str:
    """By the first bytes, as a server may call anything an image."""
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "webp"
    return next((kind for start, kind in _IMAGES if body.startswith(start)), "")
