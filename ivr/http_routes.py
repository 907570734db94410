"""What Asterisk fetches from us: prompts, and the music on hold of one call.

The realtime answers follow res_config_curl.c (Asterisk 20 to 22): a POST with a form, answered by
one form-encoded line per row; an empty body means that there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import parse_qs, urlencode

from aiohttp import web

from calls.doors import Asker, Door, Param, Reply, hang
from ivr.hold import HoldProgrammes
from ivr.prompt_store import PromptStore

FORM_LIMIT = 4096
FIELDS_LIMIT = 20
FOREVER = "public, max-age=31536000, immutable"
#: Asterisk asks again each time it gets there. No ETag beside it: that would cost it a HEAD more,
#: under a lock that holds up every other call's sounds (main/media_cache.c).
EVERY_TIME = "no-store"


#: What another process asks is answered from here or not at all.
FORWARDED = "X-Switchboard-Forwarded"


_ASTERISK = frozenset({Asker.PBX})
_ROWS = {
    200: Reply("Form-encoded rows; empty where there is none.", kind="text/plain"),
    413: Reply("No form of Asterisk's is so long.", kind="text/plain"),
}
_CLASS_NAMED = (Param("name", "A class of music on hold.", needed=True),)
PROMPT = Door(
    "GET",
    "/prompts/{file}",
    by=_ASTERISK,
    what="A sentence to be played.",
    replies={
        200: Reply("The sound.", kind="audio/wav"),
        404: Reply("There is no such sound.", kind="text/plain"),
    },
)
ENTRY = Door(
    "GET",
    r"/pbx/hold/{token}/{number:[0-9]{1,4}}.wav",
    by=_ASTERISK,
    what="What one waiting caller hears next.",
    # Asking moves the caller's programme on.
    head=False,
    replies={200: Reply("The sound.", kind="audio/wav")},
)
MUSIC_CLASS = Door(
    "POST",
    "/pbx/musiconhold/{shape:single|multi}",
    by=_ASTERISK,
    what="Whether there is such a class of music on hold.",
    form=_CLASS_NAMED,
    replies=_ROWS,
)
MUSIC_ENTRIES = Door(
    "POST",
    "/pbx/musiconhold_entry/{shape:single|multi}",
    by=_ASTERISK,
    what="What is played in this class.",
    form=_CLASS_NAMED,
    replies=_ROWS,
)
DOORS = (PROMPT, ENTRY, MUSIC_CLASS, MUSIC_ENTRIES)


class OtherProcesses(Protocol):
    async def hold_rows(self, path: str, music_class: str) -> str | None:
        """What the process says at this path that has the class; None where nobody does. Never
        raises."""
        ...


def add_routes(
    app: web.Application,
    *,
    store: PromptStore,
    hold: HoldProgrammes,
    others: OtherProcesses | None = None,
) -> None:
    routes = HoldRoutes(store=store, hold=hold, others=others)
    hang(app.router, PROMPT, routes.prompt)
    hang(app.router, ENTRY, routes.entry)
    hang(app.router, MUSIC_CLASS, routes.music_class)
    hang(app.router, MUSIC_ENTRIES, routes.music_entries)


class HoldRoutes:
    def __init__(
        self, *, store: PromptStore, hold: HoldProgrammes, others: OtherProcesses | None
    ) -> None:
        self._store = store
        self._hold = hold
        self._others = others

    async def prompt(self, request: web.Request) -> web.StreamResponse:
        """The file behind `Prompts.render`'s address; the name is a hash and nothing else."""
        name, dot, kind = request.match_info["file"].partition(".")
        try:
            path = self._store.path(name)
        except ValueError:
            raise web.HTTPNotFound from None
        if (dot, kind) != (".", "wav"):
            raise web.HTTPNotFound
        if not await asyncio.to_thread(path.is_file):
            self._store.forget(name)
            raise web.HTTPNotFound
        headers = {"Cache-Control": FOREVER, "Content-Type": "audio/wav"}
        return web.FileResponse(path, headers=headers)

    async def entry(self, request: web.Request) -> web.Response:
        """What one waiting caller hears next."""
        asked = request.match_info
        wav = await self._hold.entry(asked["token"], int(asked["number"]))
        headers = {"Cache-Control": EVERY_TIME, "Content-Type": "audio/wav"}
        return web.Response(body=wav, headers=headers)

    async def music_class(self, request: web.Request) -> web.Response:
        name = await _name_asked_for(request)
        if not self._hold.is_live(name):
            return await self._elsewhere(request, name)
        return _rows(({"name": name, "mode": "playlist"},))

    async def music_entries(self, request: web.Request) -> web.Response:
        name = await _name_asked_for(request)
        if not self._hold.is_live(name):
            return await self._elsewhere(request, name)
        urls = await self._hold.playlist(name)
        return _rows(
            [{"name": name, "position": str(n), "entry": url} for n, url in enumerate(urls)]
        )

    async def _elsewhere(self, request: web.Request, name: str) -> web.Response:
        rows = None
        if self._others is not None and FORWARDED not in request.headers:
            rows = await self._others.hold_rows(request.path, name)
        return web.Response(text=rows) if rows else _rows(())


async def _name_asked_for(request: web.Request) -> str:
    """The field `name` of a small form. Other fields (`position >=`) are Asterisk's own filter,
    which our answer always meets."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise web.HTTPRequestEntityTooLarge(max_size=FORM_LIMIT, actual_size=len(body))
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=FIELDS_LIMIT)
    except ValueError:
        raise web.HTTPBadRequest(text="not a form of Asterisk's\n") from None
    return form.get("name", [""])[0]


def _rows(rows: Sequence[dict[str, str]]) -> web.Response:
    # res_config_curl.c realtime_multi_curl() parts rows at newlines and fields at `&`.
    return web.Response(text="".join(f"{urlencode(row)}\n" for row in rows))
