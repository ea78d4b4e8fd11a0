"""What `--file` and its like name becomes attachments, or one error that names all that is wrong."""

import hashlib
import os
from pathlib import Path

import pytest

from agentctl.errors import FetchFailed, FetchRefused, ServiceUnavailable, UsageError
from agentctl.sessions.attachments import MAX_BYTES, load_attachments, media_type_of
from tests.fakes import FileServer

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


async def test_files_and_urls_come_in_the_order_given(tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("# tea")
    with FileServer({"/pics/cat%20one.png?token=hush": (200, {"content-type": "text/html"}, PNG)}) as server:
        shown = f"{server.url}/pics/cat%20one.png?…"
        url = f"{server.url}/pics/cat%20one.png?token=hush"
        loaded = await load_attachments([url, tmp_path / "notes.html", url], allow_private=True)

    assert [(one.name, one.media_type, one.path) for one in loaded] == [
        ("cat one.png", "image/png", shown),
        ("notes.html", "text/html", str(tmp_path / "notes.html")),
        ("cat one.png", "image/png", shown),
    ]
    assert (loaded[1].digest, loaded[1].size) == (hashlib.sha256(b"# tea").hexdigest(), 5)
    assert loaded[1].as_dict()["bytes"] == b"# tea"
    assert len(server.requests) == 1


async def test_a_path_is_taken_from_here_and_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("a")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert [one.path for one in await load_attachments(["a.txt", "~/a.txt"])] == [str(tmp_path / "a.txt")] * 2


@pytest.mark.parametrize(
    ("name", "body", "told", "expected"),
    [
        ("a.txt", PNG, "", "image/png"),
        ("a.png", b"\xff\xd8\xff\xe0", "", "image/jpeg"),
        ("a", b"GIF89a...", "", "image/gif"),
        ("a", b"RIFF\0\0\0\0WEBPVP8 ", "", "image/webp"),
        ("a", b"%PDF-1.7 ...", "text/plain", "application/pdf"),
        ("a.png", b"no png at all", "image/png", "text/plain"),
        ("a.png", b"\0no png at all", "image/png", "application/octet-stream"),
        ("a.txt", b"a\0b", "text/plain", "application/octet-stream"),
        ("a.txt", "tschüß".encode("latin-1"), "", "application/octet-stream"),
        ("a.csv", "tschüß".encode(), "", "text/csv"),
        ("a.json", b"{}", "", "text/plain"),
        ("a.svg", b"<svg/>", "", "text/plain"),
        ("page", b"<p>", "text/html", "text/html"),
        ("a.wav", b"RIFF\0\0\0\0WAVE\xff", "", "audio/x-wav"),
        ("a", b"\xff\xfe\0", "application/x-thing", "application/x-thing"),
        ("a.tar.gz", b"\x1f\x8b\x08\0", "", "application/octet-stream"),
        ("a", b"\xff\xfe\0", "", "application/octet-stream"),
    ],
)
def test_the_content_says_what_a_file_is_before_its_name(name: str, body: bytes, told: str, expected: str) -> None:
    assert media_type_of(name, body, told) == expected


async def test_all_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    (tmp_path / "large.bin").touch()
    os.truncate(tmp_path / "large.bin", MAX_BYTES + 1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    wrong = [tmp_path / name for name in ("missing.txt", "empty.txt", "large.bin", "pipe", "loop", "a\0b")]
    with FileServer({"/none": b""}) as server:
        urls = [f"{server.url}/none", f"{server.url}/gone", "file:///etc/passwd"]
        with pytest.raises(UsageError) as raised:
            await load_attachments([tmp_path, *wrong, *urls, "~nobody-at-all/x", ""], allow_private=True)

    said = str(raised.value).split("; ")
    ends = [
        "is a directory", "is not there", "is empty", "is over 20,000,000 bytes", "is no regular file",
        "is not there", "is not there", "is empty", "status 404", "only http and https are fetched", "home directory.",
        "is a directory",
    ]  # fmt: skip
    assert len(said) == len(ends)
    assert all(any(line.endswith(end) for line in said) for end in ends)
    assert str(raised.value).isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "a.txt").chmod(0)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        await load_attachments([tmp_path / "a.txt"])


async def test_a_file_of_the_limit_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.bin").touch()
    os.truncate(tmp_path / "a.bin", MAX_BYTES)
    [loaded] = await load_attachments([tmp_path / "a.bin"])

    assert loaded.size == MAX_BYTES


async def test_private_addresses_are_refused_unless_allowed() -> None:
    with FileServer({"/a.txt": b"x"}) as server:
        with pytest.raises(FetchRefused) as raised:
            await load_attachments([f"{server.url}/a.txt"])
        assert server.requests == []
        assert "AGENTCTL_ALLOW_PRIVATE_URLS=1" in raised.value.hint
        [loaded] = await load_attachments([f"{server.url}/a.txt"], allow_private=True)

    assert loaded.body == b"x"


async def test_urls_that_only_failed_are_no_mistake_of_the_user() -> None:
    with FileServer() as server:
        with pytest.raises(FetchFailed):
            await load_attachments([f"{server.url}/a"], allow_private=True)
        with pytest.raises(ServiceUnavailable, match=r"status 404.*; .*status 404") as raised:
            await load_attachments([f"{server.url}/a", f"{server.url}/b"], allow_private=True)

    assert (raised.value.code, raised.value.exit_code) == ("fetch-failed", 5)


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "127.0.0.1"), ("/a/..%2f..%2fetc%2fpasswd", "passwd"), ("/%2e%2e", "127.0.0.1"), ("/x%00.png", "x.png")],
)
async def test_the_name_of_a_url_is_a_plain_file_name(path: str, name: str) -> None:
    with FileServer({path: b"x", "/a/../../etc/passwd": b"x"}) as server:
        [loaded] = await load_attachments([server.url + path], allow_private=True)

    assert loaded.name == name
