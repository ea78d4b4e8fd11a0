"""Built-in tools: they only read, inside the project and at public addresses."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from agentctl.settings import Settings
from agentctl.tools.built_in import built_in_functions
from agentctl.workspace import check_workspace
from agentctl.workspace.checks.tool import BUILT_IN_TOOLS
from tests.conftest import WriteWorkspace
from tests.fakes import FileServer
from tests.tools.box import toolbox

PNG = b"\x89PNG\r\n\x1a\nrest"


def test_validate_knows_their_names(tmp_path: Path) -> None:
    assert {function.name for function in built_in_functions(Settings(root=tmp_path))} == BUILT_IN_TOOLS


@pytest.mark.parametrize(
    ("listed", "says"), [("[now, read_file]", []), ("[now, 'read_*']", ["no tool matches 'read_*'"])]
)
def test_an_agent_lists_them_by_name_and_no_glob_stands_for_them(
    write_workspace: WriteWorkspace, listed: str, says: list[str]
) -> None:
    text = "version: 1\nmodel: offline\nstages: {s: {agents: [a]}}\ntools: {approve: {'http_*': always}}\n"
    _, problems = check_workspace(
        write_workspace("demo", text + f"agents: {{a: {{prompt: hi, tools: {listed}}}}}\n"), "demo"
    )

    errors = [problem.message for problem in problems if problem.severity == "error"]
    assert len(errors) == len(says) and all(word in error for word, error in zip(says, errors, strict=True))


async def test_all_only_read_and_ask_nobody(tmp_path: Path) -> None:
    async with toolbox(tmp_path, {}) as box:
        assert set(box.tools) == BUILT_IN_TOOLS
        assert all(info.read_only and not info.needs_approval for info in box.tools.values())
        reaching = {name for name, info in box.tools.items() if info.open_world}

    assert reaching == {"http_get", "fetch_images", "web_search"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "docs" / "deep").mkdir(parents=True)
    (root / "docs" / "a.md").write_text("über alles")
    (root / "docs" / "deep" / "b.txt").write_text("b")
    (root / "docs" / "c.png").write_bytes(PNG)
    (root / "docs" / "binary.bin").write_bytes(b"\xff\x00")
    (root / "docs" / "big.md").write_text("x" * (1024 * 1024 + 1))
    for name in (".env", ".agentctl/state.db", "server.pem", "id_rsa", "my-secrets.txt", "docs/.hidden"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("s3cret")
    (tmp_path / "outside.txt").write_text("s3cret")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.txt").write_text("s3cret")
    (root / "link.txt").symlink_to(tmp_path / "outside.txt")
    (root / "inner.txt").symlink_to(root / ".env")
    (root / "linked").symlink_to(tmp_path / "folder")
    os.mkfifo(root / "pipe")
    return root


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt", "docs/../../outside.txt", "docs/../.env", "/etc/passwd", "~/x", ".env", ".agentctl/state.db",
        "server.pem", "id_rsa", "my-secrets.txt", "MY-SECRETS.TXT", "docs/.hidden", "link.txt", "inner.txt",
        "linked/x.txt", "pipe", "docs", ".", "", "docs/a.md/x", "nowhere.md", "a\0b", "docs/big.md", "docs/binary.bin",
        "a" * 5000, "\ud800",
    ],
)  # fmt: skip
async def test_what_is_outside_hidden_secret_linked_or_no_text_is_refused(project: Path, path: str) -> None:
    async with toolbox(project, {}) as box:
        outcome = await box.call("read_file", {"path": path})

    assert outcome.status == "error" and "s3cret" not in outcome.text and "\n" not in outcome.text


async def test_a_file_is_read_as_text_or_as_an_image(project: Path) -> None:
    async with toolbox(project, {}) as box:
        assert (await box.call("read_file", {"path": "./docs//a.md"})).text == "über alles"
        picture = await box.call("read_file", {"path": "docs/c.png"})

    assert [block["mime_type"] for block in picture.blocks] == ["image/png"]


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"path": "docs"}, ["docs/a.md", "docs/big.md", "docs/binary.bin", "docs/c.png", "docs/deep/b.txt"]),
        ({"path": "docs/deep"}, ["docs/deep/b.txt"]),
        ({"path": ".", "pattern": "*.txt"}, ["docs/deep/b.txt"]),
        ({"path": "docs", "pattern": "deep/*"}, ["docs/deep/b.txt"]),
        ({"pattern": "*secret*"}, []),
    ],
)
async def test_files_are_listed_without_what_cannot_be_read(
    project: Path, args: Mapping[str, str], found: list[str]
) -> None:
    async with toolbox(project, {}) as box:
        assert (await box.call("list_files", args)).structured == found


@pytest.mark.parametrize("path", ["..", "linked", "/", ".agentctl", "nowhere", "docs/a.md"])
async def test_no_other_folder_is_listed(project: Path, path: str) -> None:
    async with toolbox(project, {}) as box:
        assert (await box.call("list_files", {"path": path})).status == "error"


async def test_a_long_list_ends_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(1001):
        (tmp_path / "many" / f"{number:04}").touch()
    async with toolbox(tmp_path, {}) as box:
        found = (await box.call("list_files", {"path": "many"})).structured

    assert len(found) == 1001 and found[-1].startswith("… and more")


PAGES = {
    "/page": (200, {"content-type": "text/html; charset=x"}, "grüße".encode("latin-1")),
    "/a.png": (200, {"content-type": "text/html"}, PNG),
    "/no.png": (200, {"content-type": "image/png"}, b"<html>"),
    "/big": b"x" * (1024 * 1024 + 1),
    "/search?q=t%C3%A9a%20%26%20x%3D1&format=json": json.dumps(
        {"results": [{"title": "T", "url": "http://t", "content": "C", "engine": "e"}, "odd", {"title": None}]}
    ).encode(),
    "/bad": b"<html>",
}


async def test_pages_and_images_are_fetched(tmp_path: Path) -> None:
    with FileServer(PAGES) as server:
        async with toolbox(tmp_path, {}) as box:
            page = await box.call("http_get", {"url": f"{server.url}/page"})
            big = await box.call("http_get", {"url": f"{server.url}/big"})
            urls = [f"{server.url}/{name}" for name in ("a.png", "no.png", "gone")]
            images = await box.call("fetch_images", {"urls": urls})

    assert page.text == "gr��e"
    assert big.status == "error" and "is over 1,048,576 bytes" in big.text
    assert [block["mime_type"] for block in images.blocks] == ["image/png"]
    assert "/no.png is no png" in images.text and "status 404" in images.text


@pytest.mark.parametrize("name", ["http_get", "fetch_images"])
async def test_private_addresses_are_refused(tmp_path: Path, name: str) -> None:
    with FileServer(PAGES) as server:
        async with toolbox(tmp_path, {}, private=False) as box:
            url = f"{server.url}/page"
            outcome = await box.call(name, {"url": url} if name == "http_get" else {"urls": [url]})

    assert "private" in outcome.text and server.requests == []


async def test_a_search_asks_the_backend_that_is_set(tmp_path: Path) -> None:
    with FileServer(PAGES) as server:
        env = {"AGENTCTL_SEARCH_URL": f"{server.url}/search?q={{query}}&format=json"}
        async with toolbox(tmp_path, {}, env=env, private=False) as box:
            found = await box.call("web_search", {"query": "téa & x=1"})

    assert found.structured == [{"title": "T", "url": "http://t", "text": "C"}, {"title": "", "url": "", "text": ""}]


@pytest.mark.parametrize("template", [None, "http://127.0.0.1:1/none", "{server}/bad?{query}"])
async def test_a_search_without_a_usable_backend_says_how_to_set_it(tmp_path: Path, template: str | None) -> None:
    with FileServer({**PAGES, "/bad?x": PAGES["/bad"]}) as server:
        env = {"AGENTCTL_SEARCH_URL": template.replace("{server}", server.url)} if template else {}
        async with toolbox(tmp_path, {}, env=env) as box:
            outcome = await box.call("web_search", {"query": "x"})

    assert outcome.status == "error" and "AGENTCTL_SEARCH_URL" in outcome.text


async def test_now_tells_the_time(tmp_path: Path) -> None:
    async with toolbox(tmp_path, {}) as box:
        told = (await box.call("now", {})).structured

    assert told["utc"].endswith("+00:00") and set(told) == {"utc", "local", "weekday", "zone"}
