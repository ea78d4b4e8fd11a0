"""What comes beside text: images, sound, resources."""

from base64 import b64encode
from pathlib import Path

import pytest
from mcp_types import (
    AudioContent,
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from agentctl.tools.content import outcome_of
from tests.tools.box import one, toolbox

DATA = b64encode(b"x" * 30).decode()


def image(data: str = DATA, media_type: str = "image/png") -> ImageContent:
    return ImageContent(type="image", data=data, mime_type=media_type)


def blob(uri: str, media_type: str | None = "application/pdf") -> EmbeddedResource:
    resource = BlobResourceContents(uri=uri, blob=DATA, mime_type=media_type)
    return EmbeddedResource(type="resource", resource=resource)


def test_files_become_blocks_and_the_text_names_them_in_order() -> None:
    result = CallToolResult(
        content=[
            TextContent(type="text", text="Here:"),
            image(),
            AudioContent(type="audio", data=DATA, mime_type="audio/wav"),
            blob("file:///plans/a%20trip.pdf"),
            EmbeddedResource(type="resource", resource=TextResourceContents(uri="note://1", text="a note")),
            ResourceLink(type="resource_link", name="more", uri="https://example.com/more"),
        ]
    )
    outcome = outcome_of(result, 1000)

    assert outcome.text.splitlines() == [
        "Here:",
        "[image 1: image/png, 30 bytes]",
        "[audio 2: audio-2.wav, audio/wav, 30 bytes]",
        "[file 3: a_trip.pdf, application/pdf, 30 bytes]",
        "[resource: note://1]",
        "a note",
        "[link: more, https://example.com/more]",
    ]
    assert outcome.blocks == (
        {"type": "image", "mime_type": "image/png", "base64": DATA},
        {"type": "file", "mime_type": "audio/wav", "base64": DATA, "filename": "audio-2.wav"},
        {"type": "file", "mime_type": "application/pdf", "base64": DATA, "filename": "a_trip.pdf"},
    )


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("file:///../../etc/passwd", "passwd"),
        ("file:///a/%2e%2e%2f.ssh%2fid", "id"),
        ("file:///.bashrc", "bashrc"),
        ("x:", "file-1.pdf"),
        ("http://[", "file-1.pdf"),
        ("f:///" + "a" * 500, "a" * 100),
        ("f:///a\x1b[2J\n.txt", "a__2J.txt"),
    ],
)
def test_names_of_files_lead_nowhere(uri: str, name: str) -> None:
    assert outcome_of(CallToolResult(content=[blob(uri)]), 1000).blocks[0]["filename"] == name


def test_what_is_over_the_limit_is_dropped_and_counted() -> None:
    result = CallToolResult(content=[image(), image(), image(), TextContent(type="text", text="the end")])
    outcome = outcome_of(result, 70)

    assert len(outcome.blocks) == 2
    assert outcome.text.splitlines()[-2:] == ["the end", "[1 file was dropped: the result is over 70 bytes]"]


def test_data_that_is_none_and_types_that_are_none_are_contained() -> None:
    result = CallToolResult(content=[image("no base64!"), image(DATA, "text\n<b>")])
    outcome = outcome_of(result, 1000)

    assert outcome.text.splitlines()[0] == "[image: image/png, dropped: its data is no base64]"
    assert [block["mime_type"] for block in outcome.blocks] == ["application/octet-stream"]


def test_an_error_without_words_still_says_something() -> None:
    outcome = outcome_of(CallToolResult(content=[], is_error=True), 10)

    assert (outcome.status, outcome.text) == ("error", "the tool failed, and does not say why")


async def test_a_function_returns_images_and_files_of_fastmcp(tmp_path: Path) -> None:
    code = """
from fastmcp.utilities.types import File, Image
from fastmcp.tools import ToolResult
def picture(): return Image(data=b"png", format="png")
def both(): return ["a picture", Image(data=b"png", format="png"), {"n": 1}]
def raw(): return b"\\xff\\x00"
def whole(): return ToolResult(content="said", structured_content={"n": 1})
"""
    async with toolbox(tmp_path, one(code)) as box:
        outcomes = {name: await box.call(name, {}) for name in ("picture", "both", "raw", "whole")}

    assert [block["type"] for block in outcomes["picture"].blocks] == ["image"]
    assert outcomes["both"].text == 'a picture\n[image 1: image/png, 3 bytes]\n{"n":1}'
    assert outcomes["raw"].blocks[0]["mime_type"] == "application/octet-stream"
    assert (outcomes["whole"].text, outcomes["whole"].structured) == ("said", {"n": 1})
