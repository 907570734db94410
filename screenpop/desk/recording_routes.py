"""An agent pauses the recording of the call they are in, and has it go on."""

from __future__ import annotations

import time
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from calls.doors import LOGGED_IN, Door, Reply, hang
from screenpop.desk.admission import AGENT
from screenpop.desk.answers import TOO_FAST, Refused, refusal, spared
from screenpop.desk.call_routes import CALLS
from screenpop.desk.protocol import RecordingState
from screenpop.desk.rate_limit import RateLimit
from screenpop.desk.static_files import guarded
from screenpop.pops.recording_pauses import NotPaused, RecordingPauses

#: Of one agent, far more than a person presses.
PER_S, BURST = 1.0, 20.0
_MAX_BODY = 1024


class RecordingWish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    paused: Annotated[bool, Field(strict=True)]


class RecordingTold(BaseModel):
    """`state` is on, paused, off or unsure (it may be recorded); still paused after a wish to go on
    where the telephone system does not answer: it goes on as soon as it does. `ended`: it could not
    be paused, so the recording was ended for good."""

    state: RecordingState
    #: Milliseconds since 1970: when it was paused.
    since: float | None
    ended: bool


RECORDING = Door(
    "PUT",
    CALLS + "/{pop_id:[A-Za-z0-9_-]+}/recording",
    by=LOGGED_IN,
    what="Pause the recording of the call that the asker is in, or have it go on.",
    own="pop_id",
    takes=RecordingWish,
    replies={
        200: Reply("How it is now.", RecordingTold),
        404: Reply("No call that the asker is in.", Refused),
        409: Reply("Another agent in the call paused it.", Refused),
        429: TOO_FAST,
        503: Reply("It may still be recorded; or the desk is away.", Refused),
    },
)
DOORS = (RECORDING,)

_REFUSED: dict[str, type[web.HTTPException]] = {
    "no_call": web.HTTPNotFound,
    "pause_of_another": web.HTTPConflict,
    "pause_failed": web.HTTPServiceUnavailable,
}


class RecordingRoutes:
    """Without `pauses` there is no telephone system."""

    def __init__(self, *, pauses: RecordingPauses | None) -> None:
        self._pauses = pauses
        self._pace = RateLimit(per_s=PER_S, burst=BURST)

    async def set(self, request: web.Request) -> web.StreamResponse:
        login = request[AGENT].login
        if not self._pace.take(login, time.monotonic()):
            raise refusal(web.HTTPTooManyRequests, "rate_limited", "too fast; wait a moment")
        wish = await _wish(request)
        if self._pauses is None:
            raise refusal(web.HTTPNotFound, "no_call", "there is no telephone system")
        pop_id = request.match_info["pop_id"]
        try:
            now, ended = await self._pauses.set(login, pop_id, paused=wish.paused)
        except NotPaused as no:
            raise refusal(_REFUSED[no.code], no.code, str(no)) from None
        told = RecordingTold(state=now.state, since=now.since, ended=ended)
        return web.json_response(text=told.model_dump_json())


def add_routes(app: web.Application, *, pauses: RecordingPauses | None) -> None:
    routes = RecordingRoutes(pauses=pauses)
    hang(app.router, RECORDING, guarded(spared(routes.set)))


async def _wish(request: web.Request) -> RecordingWish:
    body = await request.read()
    if request.content_type != "application/json" or len(body) > _MAX_BODY:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected a small JSON object")
    try:
        return RecordingWish.model_validate_json(body)
    except ValidationError:
        raise refusal(web.HTTPBadRequest, "bad_request", 'expected {"paused": true}') from None
