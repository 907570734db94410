"""The built desktop: hashed assets for ever, the page itself never from a cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from calls.doors import ANYBODY, Door, Origin, Reply, hang

_EMPTY = "the page is empty until somebody logs in"
_NO_PAGE = {503: Reply("The page is not built.", kind="text/html")}
_NO_FILE = {404: Reply("There is no such file.", kind="text/plain")}
INDEX = Door(
    "GET",
    "/",
    by=ANYBODY,
    why=_EMPTY,
    origin=Origin.FREE,
    what="The agents' desktop.",
    replies={200: Reply("The page.", kind="text/html"), **_NO_PAGE},
)
SUPERVISOR = replace(INDEX, path="/supervisor", what="The supervisors' page.")
ICON = Door(
    "GET",
    "/icon.svg",
    by=ANYBODY,
    why="the same for everybody",
    origin=Origin.FREE,
    what="The pages' icon.",
    replies={200: Reply("The icon.", kind="image/svg+xml"), **_NO_FILE},
)
ASSET = Door(
    "GET",
    r"/assets/{name:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}}",
    by=ANYBODY,
    why="the same for everybody",
    origin=Origin.FREE,
    what="What the pages load.",
    replies={200: Reply("The file.", kind="*/*"), **_NO_FILE},
)
DOORS = (INDEX, SUPERVISOR, ICON, ASSET)

STATIC = Path(__file__).parents[1] / "static"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # No text becomes a script or a page, not even by a fault of ours.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), payment=()",
}
#: A file of the build has siblings, .br and .gz, which `FileResponse` sends to whoever takes them;
#: it says Vary of these alone (aiohttp 3.14), and a cache must know it of the plain one too.
_FILE_HEADERS = SECURITY_HEADERS | {"Vary": "Accept-Encoding"}

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Switchboard</title>
<p>The agent desktop is not built. Run <code>make desktop</code>, then reload this page.</p>
</html>
"""


def add_static(app: web.Application, static: Path) -> None:
    """`/`, `/supervisor` and `/assets/...`; whatever lies in `static` when it is asked for."""

    async def index(_request: web.Request) -> web.StreamResponse:
        return page(static / "index.html")

    async def supervisor(_request: web.Request) -> web.StreamResponse:
        # Empty until somebody logs in whom `/api/v1/supervisor` answers.
        return page(static / "supervisor.html")

    hang(app.router, INDEX, index)
    hang(app.router, SUPERVISOR, supervisor)
    add_assets(app, static)


def add_assets(app: web.Application, static: Path) -> None:
    """What pages load."""

    async def asset(request: web.Request) -> web.StreamResponse:
        folder = (static / "assets").resolve()
        path = (folder / request.match_info["name"]).resolve()
        if path.parent != folder or not path.is_file():
            raise web.HTTPNotFound
        cache = {"Cache-Control": "public, max-age=31536000, immutable"}
        return web.FileResponse(path, headers=_FILE_HEADERS | cache)

    async def icon(_request: web.Request) -> web.StreamResponse:
        path = static / "icon.svg"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_FILE_HEADERS)

    hang(app.router, ICON, icon)
    hang(app.router, ASSET, asset)


def page(path: Path) -> web.StreamResponse:
    """503 with what to do where the desktop is not built."""
    headers = _FILE_HEADERS | {"Cache-Control": "no-store"}
    if not path.is_file():
        return web.Response(text=_NOT_BUILT, content_type="text/html", status=503, headers=headers)
    return web.FileResponse(path, headers=headers)


def guarded(handler: Handler) -> Handler:
    """An answer of the interface: never cached, never sniffed, never framed."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            refusal.headers.update(SECURITY_HEADERS | {"Cache-Control": "no-store"})
            raise
        response.headers.update(SECURITY_HEADERS | {"Cache-Control": "no-store"})
        return response

    return answer
