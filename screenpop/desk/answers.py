"""How addresses refuse: a JSON object with a code for programs and a sentence for people."""

from __future__ import annotations

import json

from aiohttp import web
from aiohttp.typedefs import Handler

from calls.errors import Unavailable


def refusal(kind: type[web.HTTPException], code: str, text: str) -> web.HTTPException:
    body = json.dumps({"error": code, "message": text})
    return kind(text=body, content_type="application/json")


def unavailable(away: Unavailable) -> web.HTTPException:
    return refusal(web.HTTPServiceUnavailable, "unavailable", str(away))


def spared(handler: Handler) -> Handler:
    """A database that is away is nobody's fault here: 503, and the desktop tries again."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Unavailable as away:
            raise unavailable(away) from None

    return answer
