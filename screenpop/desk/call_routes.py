"""An agent's own calls: a list, a search, and one in full. Nobody sees another's."""

from __future__ import annotations

import time

from aiohttp import web

from calls.doors import LOGGED_IN, Door, Param, Reply, hang
from screenpop.desk.admission import AGENT
from screenpop.desk.answers import TOO_FAST, Refused, refusal, spared
from screenpop.desk.rate_limit import RateLimit
from screenpop.desk.static_files import guarded
from screenpop.pops.call_words import MAX_SOUGHT, sought
from screenpop.pops.past_calls import MAX_PAGE, Cursor, PastCallPage, PastCalls, PastCallTold

CALLS = "/api/v1/agent/calls"
#: Questions of one agent, far more than a person types and turns over.
PER_S, BURST = 5.0, 200.0
_PAGE = 50
_MAX_POP_ID = 40


PAGE = Door(
    "GET",
    CALLS,
    by=LOGGED_IN,
    what="The asker's own calls, newest first.",
    query=(
        Param("q", "Words that are all in the call.", pattern=f"^.{{0,{MAX_SOUGHT}}}$"),
        Param("before", "The `next` of a page."),
        Param("limit", f"1 to {MAX_PAGE}; {_PAGE} unless said.", pattern="^[0-9]{0,3}$"),
    ),
    replies={200: Reply("A page.", PastCallPage), 429: TOO_FAST},
)
CALL = Door(
    "GET",
    # As a program makes them: nothing else is looked up.
    CALLS + "/{pop_id:[A-Za-z0-9_-]+}",
    by=LOGGED_IN,
    what="One of the asker's calls in full.",
    own="pop_id",
    replies={
        200: Reply("The call.", PastCallTold),
        404: Reply("No call of the asker's.", Refused),
        429: TOO_FAST,
    },
)
DOORS = (PAGE, CALL)


class CallRoutes:
    def __init__(self, *, calls: PastCalls) -> None:
        self._calls = calls
        self._pace = RateLimit(per_s=PER_S, burst=BURST)

    async def page(self, request: web.Request) -> web.StreamResponse:
        login = self._login(request)
        asked = request.query.get("q", "")
        if len(asked) > MAX_SOUGHT:
            raise _bad(f"q is longer than {MAX_SOUGHT} letters")
        page = await self._calls.page(
            login, sought(asked), _before(request), _limit(request.query.get("limit", ""))
        )
        return web.json_response(text=page.model_dump_json())

    async def call(self, request: web.Request) -> web.StreamResponse:
        login = self._login(request)
        pop_id = request.match_info["pop_id"]
        told = await self._calls.call(login, pop_id) if len(pop_id) <= _MAX_POP_ID else None
        if told is None:
            raise refusal(web.HTTPNotFound, "no_call", "there is no such call of yours")
        return web.json_response(text=told.model_dump_json())

    def _login(self, request: web.Request) -> str:
        login = request[AGENT].login
        if not self._pace.take(login, time.monotonic()):
            raise refusal(web.HTTPTooManyRequests, "rate_limited", "too fast; wait a moment")
        return login


def add_routes(app: web.Application, *, calls: PastCalls) -> None:
    routes = CallRoutes(calls=calls)
    hang(app.router, PAGE, guarded(spared(routes.page)))
    hang(app.router, CALL, guarded(spared(routes.call)))


def _before(request: web.Request) -> Cursor | None:
    text = request.query.get("before", "")
    cursor = Cursor.parse(text)
    if text and cursor is None:
        raise _bad("before is not the next of a page")
    return cursor


def _limit(text: str) -> int:
    if not text:
        return _PAGE
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_PAGE):
        raise _bad(f"limit is not a number from 1 to {MAX_PAGE}")
    return int(text)


def _bad(text: str) -> web.HTTPException:
    return refusal(web.HTTPBadRequest, "bad_request", text)
