"""How addresses refuse: a JSON object with a code for programs and a sentence for people."""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from calls.doors import Reply
from calls.errors import Unavailable


class Refused(BaseModel):
    """The body of every refusal."""

    error: str
    message: str


TOO_FAST = Reply("Too fast.", Refused)


def refusal(kind: type[web.HTTPException], code: str, text: str) -> web.HTTPException:
    return refused(kind, Refused(error=code, message=text))


def refused(kind: type[web.HTTPException], told: Refused) -> web.HTTPException:
    return kind(text=told.model_dump_json(exclude_none=True), content_type="application/json")


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
