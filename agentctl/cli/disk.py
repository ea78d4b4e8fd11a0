"""Which file system a folder lies on."""

import subprocess
import sys
from pathlib import Path

_NETWORK = (
    "nfs", "cifs", "smb", "afp", "webdav", "davfs", "sshfs", "fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse",
    "afs", "ncpfs", "ceph", "glusterfs", "fuse.glusterfs", "lustre", "gpfs", "beegfs", "9p", "drvfs",
)  # fmt: skip


def is_network(kind: str) -> bool:
    """Whether files of that kind of file system may lie on another machine."""
    return kind.startswith(_NETWORK)


def filesystem(folder: Path) -> str:
    """The kind of file system, as `mount` names it; empty if it cannot be told."""
    best = ("", "")
    for mount, kind in _mounts():
        if len(mount) >= len(best[0]) and folder.is_relative_to(mount):
            best = (mount, kind)
    return best[1]


def _mounts() -> list[tuple[str, str]]:
    """Every mount point and its kind, later mounts last."""
    if sys.platform == "darwin":
        return [mount for row in _mac_mounts().splitlines() if (mount := _mac_mount(row))]
    try:
        rows = Path("/proc/self/mounts").read_text(errors="replace").splitlines()
    except OSError:
        return []
    fields = [row.split(" ") for row in rows]
    return [(field[1].encode().decode("unicode_escape"), field[2]) for field in fields if len(field) > 2]


def _mac_mounts() -> str:
    try:
        return subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _mac_mount(row: str) -> tuple[str, str] | None:
    """`/dev/disk3s1 on / (apfs, local)` → `("/", "apfs")`."""
    where, _, rest = row.partition(" on ")[2].rpartition(" (")
    kind = rest.partition(",")[0]
    return (where, kind) if where and kind else None
