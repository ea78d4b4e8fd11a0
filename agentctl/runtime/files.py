"""What tools gave a run beside text: images, sounds and other files, under `.agentctl/files/<run>/`."""

import asyncio
import mimetypes
import os
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shutil import rmtree

from agentctl.errors import StoreUnusable


class RunFiles:
    """Keeps the files of runs, for their owner only."""

    def __init__(self, root: Path) -> None:
        self._root, self._folder = root, root / ".agentctl" / "files"

    async def keep(self, run_id: str, call_id: str, blocks: Sequence[Mapping[str, str]]) -> list[str]:
        """Write the blocks of one call; returns their paths, relative to the project.

        Raises:
            StoreUnusable: they cannot be written.
        """
        try:
            return await asyncio.to_thread(self._write, run_id, call_id, blocks)
        except OSError as error:
            raise StoreUnusable(f"a tool's file cannot be kept: {error}", hint="free some space") from error

    def runs(self) -> list[str]:
        """The runs that have files."""
        return [each.name for each in self._folder.iterdir()] if self._folder.is_dir() else []

    def forget(self, run_ids: Iterable[str]) -> None:
        """Delete what there is of these runs."""
        for run_id in run_ids:
            rmtree(self._folder / run_id, ignore_errors=True)

    def _write(self, run_id: str, call_id: str, blocks: Sequence[Mapping[str, str]]) -> list[str]:
        folder = self._folder / run_id
        for each in (self._folder, folder):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        paths = []
        for number, block in enumerate((block for block in blocks if "base64" in block), start=1):
            path = folder / f"{call_id}-{number}{mimetypes.guess_extension(block['mime_type']) or ''}"
            with open(path, "wb", opener=_owner_only) as file:
                file.write(b64decode(block["base64"]))
            paths.append(path.relative_to(self._root).as_posix())
        return paths


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
