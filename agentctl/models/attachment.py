"""Attached files as content blocks, and which of them a model takes."""

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agentctl.errors import UsageError
from agentctl.models.call import ModelClient
from agentctl.models.message import Block

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
PDF = "application/pdf"


def refusal(media_type: str, *, images: bool, pdfs: bool) -> str | None:
    """Why a model does not take files of a type, as a clause that says what it takes; None if it does.

    Args:
        images, pdfs: whether the model takes them; text goes to every model.
    """
    is_taken = media_type.startswith("text/") or (images and media_type in IMAGES) or (pdfs and media_type == PDF)
    kinds = ["text", *(["images (png, jpeg, gif, webp)"] if images else ()), *(["PDFs"] if pdfs else ())]
    return None if is_taken else f"it takes {' and '.join(kinds)}"


def check_attachments(clients: Mapping[str, ModelClient], attachments: Iterable[Mapping[str, Any]]) -> None:
    """Refuse, before anything runs, files that an agent's model does not take.

    Args:
        clients: role to model; agents without a model take any file.
        attachments: `{name, media_type, path, bytes}` each.

    Raises:
        UsageError: naming each such file, its type, the model and what that takes.
    """
    roles: dict[str, list[str]] = {}
    by_name: dict[str, ModelClient] = {}
    for role, client in clients.items():
        roles.setdefault(client.name, []).append(repr(role))
        by_name[client.name] = client
    faults = [
        f"{file['name']!r} ({file['media_type']}) cannot go to model {name!r} of {', '.join(roles[name])}: {reason}"
        for file in attachments
        for name, client in by_name.items()
        if (reason := client.unsupported(file["media_type"])) is not None
    ]
    if faults:
        raise UsageError(
            "; ".join(faults),
            hint="leave it out, name another model with `--model`, or convert it to what the model takes",
            code="attachment-unsupported",
        )


def blocks_of(attachments: Iterable[Mapping[str, Any]]) -> list[Block]:
    """The files as content blocks, each headed by its name.

    Args:
        attachments: `{name, media_type, path, bytes}` each, of types that the model takes.
    """
    return [block for file in attachments for block in _blocks(file["name"], file["media_type"], file["bytes"])]


def _blocks(name: str, media_type: str, body: bytes) -> Sequence[Block]:
    head = f"File {name!r} ({media_type}):"
    if media_type.startswith("text/"):
        return [{"type": "text", "text": f"{head}\n{fenced(body.decode('utf-8-sig', errors='replace'))}"}]
    held = {"mime_type": media_type, "base64": b64encode(body).decode()}
    block = {"type": "image", **held} if media_type in IMAGES else {"type": "file", **held, "filename": name}
    return [{"type": "text", "text": head}, block]


def fenced(text: str) -> str:
    """The text between fences longer than any in it, so that none of it can pose as ours."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.removesuffix(chr(10))}\n{fence}"
