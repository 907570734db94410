"""The way around Redis: while it does not take what callers do, the desk is told straight away.

Whoever asks shows the name of the desk's holder as it stands in the lease, which has a secret in
it: only who reads the same database knows it."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import web

from calls.doors import Asker, Door, Reply, hang
from switchboard.nodes.bounded_body import body_of
from switchboard.nodes.desk_relay import DeskFinder
from switchboard.nodes.event_intake import EventIntake, Message

log = logging.getLogger(__name__)

PATH = "/nodes/events"
DEADLINE_S = 2.0
#: Bytes of events in one question, in base64; one event may be larger alone.
AT_ONCE_BYTES = 96 * 1024
#: The largest question that is read.
LIMIT_BYTES = 2 * 1024 * 1024

HEAR = Door(
    "POST",
    PATH,
    by=frozenset({Asker.NODE}),
    what="Another process of the centre tells what callers do.",
    replies={
        200: Reply("How far the desk is."),
        413: Reply("Too long.", kind="text/plain"),
    },
)
DOORS = (HEAR,)

AWAY = (aiohttp.ClientError, OSError, TimeoutError)


class DirectLine(Protocol):
    async def tell(
        self, who: str, first: int, last: int, batch: Sequence[tuple[int, bytes]]
    ) -> tuple[int, int]:
        """The number up to which all is safe, and the one to begin again with, or 0. Raises what
        AWAY has."""
        ...


class HttpDirectLine:
    """`async with`. For the callers of the Asterisk `system`."""

    def __init__(self, finder: DeskFinder, *, system: str) -> None:
        self._finder = finder
        self._system = system
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S))
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def tell(
        self, who: str, first: int, last: int, batch: Sequence[tuple[int, bytes]]
    ) -> tuple[int, int]:
        desk = await self._finder.find()
        if desk is None or self._http is None:
            raise ConnectionError("nobody keeps the desk")
        events = [[number, base64.b64encode(data).decode("ascii")] for number, data in batch]
        async with self._http.post(
            desk.address.rstrip("/") + PATH,
            json={
                "system": self._system,
                "who": who,
                "first": first,
                "last": last,
                "events": events,
            },
            headers={"Authorization": f"Bearer {desk.holder}"},
            allow_redirects=False,
        ) as answer:
            answer.raise_for_status()
            try:
                told: Any = await answer.json()
                return int(told["safe"]), int(told["wanted"])
            except (ValueError, KeyError, TypeError) as error:
                raise ConnectionError("the desk's answer is none") from error


def add_routes(app: web.Application, *, intakes: Mapping[str, EventIntake]) -> None:
    """`intakes` by the name of the Asterisk."""

    async def hear(request: web.Request) -> web.Response:
        try:
            asked = json.loads(await body_of(request.content, limit=LIMIT_BYTES))
            intake, messages = intakes[asked["system"]], _messages(asked)
        except (ValueError, KeyError, TypeError, RecursionError):
            log.warning("nodes: a process asked the desk what is no question")
            raise web.HTTPBadRequest(text="not as one of ours asks\n") from None
        for message in messages:
            intake.hear(message)
        who = messages[-1].who
        return web.json_response(
            {"safe": intake.safe.get(who, 0), "wanted": intake.wanted.get(who, 0)}
        )

    hang(app.router, HEAR, hear)


def _messages(asked: Any) -> list[Message]:
    """The last of them says how far the teller is."""
    who, first, last = str(asked["who"])[:200], int(asked["first"]), int(asked["last"])
    messages = []
    for number, text in asked["events"]:
        try:
            data = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise ValueError("no base64") from None
        messages.append(Message(who, int(number), data, first))
    return [*messages, Message(who, 0, b"", first, last)]
