"""The page, its assets, and what is not served."""

from __future__ import annotations

import gzip
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from storage.database import Database
from tests.fakes.desk_server import desk_server

pytestmark = pytest.mark.integration


@pytest.fixture
def built(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>built</title>")
    (static / "assets" / "index-abc.js").write_text("1")
    (static / "assets" / "nested").mkdir()
    (tmp_path / "secret.js").write_text("secret")
    (static / "assets" / "link.js").symlink_to(tmp_path / "secret.js")
    return static


async def test_the_supervisor_page_says_how_it_is_built(database: Database, built: Path) -> None:
    async with desk_server(database, static=built) as server, aiohttp.ClientSession() as http:
        address = f"{server.base_url}/supervisor"
        async with http.get(address) as page:
            assert (page.status, "make desktop" in await page.text()) == (503, True)
        (built / "supervisor.html").write_text("<!doctype html><title>supervisor</title>")
        async with http.get(address) as page:
            assert (page.status, page.headers["Cache-Control"]) == (200, "no-store")
            assert "unsafe" not in page.headers["Content-Security-Policy"]


async def test_the_page_is_fresh_and_its_assets_are_for_ever(
    database: Database, built: Path
) -> None:
    async with desk_server(database, static=built) as server, aiohttp.ClientSession() as http:
        async with http.get(server.base_url) as page:
            assert (page.status, page.content_type) == (200, "text/html")
            assert page.headers["Cache-Control"] == "no-store"
            policy = page.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
            assert "unsafe" not in policy
            assert page.headers["X-Frame-Options"] == "DENY"
            assert page.headers["X-Content-Type-Options"] == "nosniff"
        async with http.get(f"{server.base_url}/assets/index-abc.js") as asset:
            assert (asset.status, asset.content_type.split("/")[1]) == (200, "javascript")
            assert "immutable" in asset.headers["Cache-Control"]


SCRIPT = "/assets/index-abc.js"


@pytest.fixture
def compressed(built: Path) -> Path:
    """As the build leaves it; aiohttp's client unpacks no br here, and need not."""
    for name in ("index.html", SCRIPT[1:]):
        path = built / name
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.with_name(f"{path.name}.br").write_bytes(b"br of it")
    return built


@pytest.mark.parametrize("path", ["/", SCRIPT])
@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("identity", None),
    ],
)
async def test_what_the_browser_can_unpack_comes_compressed(
    database: Database, compressed: Path, path: str, accepted: str, encoding: str | None
) -> None:
    async with (
        desk_server(database, static=compressed) as server,
        aiohttp.ClientSession(auto_decompress=False) as http,
        http.get(server.base_url + path, headers={"Accept-Encoding": accepted}) as answer,
    ):
        file = compressed / (path[1:] or "index.html")
        suffix = {"gzip": ".gz", "br": ".br", None: ""}[encoding]
        assert await answer.read() == file.with_name(file.name + suffix).read_bytes()
        assert answer.headers.get("Content-Encoding") == encoding
        # Of every form, or a shared cache gives one who cannot unpack it the wrong one.
        assert answer.headers.getall("Vary") == ["Accept-Encoding"]
        kind = answer.content_type.partition("/")[2]
        assert kind == ("html" if path == "/" else "javascript")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        cached = answer.headers["Cache-Control"]
        assert cached == ("no-store" if path == "/" else "public, max-age=31536000, immutable")


async def test_each_form_of_an_asset_has_its_own_tag(database: Database, compressed: Path) -> None:
    async with (
        desk_server(database, static=compressed) as server,
        aiohttp.ClientSession() as http,
    ):
        address = server.base_url + SCRIPT
        tags = {}
        for accepted in ("gzip", "identity"):
            async with http.get(address, headers={"Accept-Encoding": accepted}) as answer:
                tags[accepted] = answer.headers["ETag"]
        assert tags["gzip"] != tags["identity"]
        for accepted, status in (("gzip", 304), ("identity", 200)):
            asked = {"Accept-Encoding": accepted, "If-None-Match": tags["gzip"]}
            async with http.get(address, headers=asked) as answer:
                assert answer.status == status
                assert answer.headers["Vary"] == "Accept-Encoding"
                assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    "path",
    [
        "/assets/missing.js",
        "/assets/",
        "/assets/nested",
        "/assets/..%2f..%2fsecret.js",
        "/assets/%2e%2e/index.html",
        "/assets/link.js",
        "/assets/%00",
        "/icon.svg",
    ],
)
async def test_nothing_else_is_served(database: Database, built: Path, path: str) -> None:
    async with (
        desk_server(database, static=built) as server,
        aiohttp.ClientSession() as http,
        http.get(URL(server.base_url + path, encoded=True)) as answer,
    ):
        assert answer.status == 404
        assert "secret" not in await answer.text()


async def test_without_a_build_the_page_says_what_to_do(database: Database, tmp_path: Path) -> None:
    async with (
        desk_server(database, static=tmp_path) as server,
        aiohttp.ClientSession() as http,
        http.get(server.base_url) as page,
    ):
        assert page.status == 503
        assert "make desktop" in await page.text()
