"""A CRM's HTTP side over a real socket, in a test's hands: what it keeps, and how it misbehaves."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from aiohttp import web

from crm_adapter.adapter import CrmAdapter

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
#: What such an answer would have weighed.
HUGE = 10_000_000
#: Settings of adapters whose tests ask nothing of the clock: a busy machine is no fault of theirs.
UNHURRIED: Mapping[str, Any] = {"connect_s": 20.0}


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass
class Fault:
    """What happens instead of the right answer. `after` it was carried out, where said so."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    after: bool = False
    #: Seconds of silence; the answer comes then.
    wait_s: float = 0.0
    #: The connection ends in the middle of the body.
    cut: bool = False
    #: The connection ends without an answer.
    reset: bool = False
    times: int = 1
    only: Callable[[Asked], bool] = lambda asked: True


@dataclass
class Kept:
    """A lead, call or task as the CRM holds it, in plain words. `seconds` is as exact as the CRM
    can hold it; `texts` is everything readable of it."""

    id: str
    key: str | None
    texts: str
    number: str | None = None
    seconds: int | None = None
    started: str | None = None
    status: str | None = None
    contact: str | None = None
    #: Of a task: as the CRM writes it.
    due: str | None = None


class CrmServer:
    """`async with EspoCrmServer() as server`. Subclasses give `routes` and the side doors."""

    #: Its adapter's name.
    crm = ""
    #: Header that tells who asks, and what it must say; None: tokens, given out by `_new_token`.
    key_header: tuple[str, str] | None = None
    bearer = "Bearer "
    #: What a record's id looks like that nobody has.
    missing_id = "404"
    #: False: calls are as long as whole minutes.
    holds_seconds = True
    #: False: two processes at one instant can write twice.
    unique_keys = True
    #: False: later news of a call is another record in the place of the first.
    keeps_call_ids = True
    #: Before a change is made, so that two which were decided at one time meet; for CRMs that
    #: know no condition on a change.
    change_wait_s = 0.0
    #: Of what we write (lead, call, task), the rights that may be taken away, by their names.
    rights: ClassVar[Mapping[str, str]] = {}
    #: Part of the path at which it tells them.
    rights_path = ""
    #: Seconds of quiet that `too_many` asks for; None where it does not tell.
    pause_s: float | None = 7.0

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        #: Of `rights`, those that our user lacks.
        self.lacking: set[str] = set()
        self.tokens: set[str] = set()
        self.tokens_given = 0
        self._ids = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self.url = ""

    def routes(self) -> Iterable[web.RouteDef]:
        raise NotImplementedError

    def open_paths(self) -> tuple[str, ...]:
        """Where tokens are had."""
        return ()

    def unauthorised(self) -> web.Response:
        return web.json_response({"message": "Unauthorized"}, status=401)

    def adapter(self, **changed: Any) -> CrmAdapter:
        """A new adapter with settings for this server."""
        raise NotImplementedError

    # Side doors -------------------------------------------------------------------------------

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        raise NotImplementedError

    def add_history(self, contact_id: str) -> None:
        """Two purchases, the later for 250, and an open order and case where it has such."""
        raise NotImplementedError

    def is_history(self, asked: Asked) -> bool:
        """Whether it asks for a contact's history rather than for the contact."""
        raise NotImplementedError

    def take_away(self, right: str) -> None:
        """Our user may create no such record any more. Right and word are those of `rights`."""
        self.lacking.add(self.rights[right])

    def touch(self, contact_id: str) -> None:
        """Somebody else changes the contact."""
        raise NotImplementedError

    def too_many(self) -> Fault:
        """How it says that there are too many questions."""
        return Fault(status=429, headers={"Retry-After": "7"})

    def stranger(self) -> CrmAdapter:
        """An adapter that it does not believe."""
        raise NotImplementedError

    def secrets(self) -> Iterable[str]:
        return ()

    def delete_contact(self, contact_id: str) -> None:
        raise NotImplementedError

    def leads(self) -> list[Kept]:
        raise NotImplementedError

    def calls(self) -> list[Kept]:
        raise NotImplementedError

    def tasks(self) -> list[Kept]:
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._answer], client_max_size=2**20)
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def new_token(self) -> str:
        self.tokens_given += 1
        token = f"token-{self.tokens_given}"
        self.tokens.add(token)
        return token

    def expire_tokens(self) -> None:
        self.tokens.clear()

    def later(self) -> str:
        """The time of a change: after all contacts were made, and each a second after the other."""
        number = next(self._ids)
        return f"2026-03-02T11:{number // 60:02}:{number % 60:02}"

    def asked_paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked]

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        asked = Asked(
            request.method,
            request.path,
            list(request.query.items()),
            request.headers,
            await request.read(),
        )
        self.asked.append(asked)
        fault = self._fault(asked)
        if fault is not None and not fault.after:
            return await _misbehave(request, fault)
        if asked.method == "PATCH":
            await asyncio.sleep(self.change_wait_s)
        answer = await self._believed(request, handler)
        return answer if fault is None else await _misbehave(request, fault)

    def _fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and fault.only(asked) and asked.path not in self.open_paths():
                fault.times -= 1
                return fault
        return None

    async def _believed(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in self.open_paths():
            return await handler(request)
        if self.key_header is not None:
            name, value = self.key_header
            believed = request.headers.get(name) == value
        else:
            given = request.headers.get("Authorization", "")
            token = given.removeprefix(self.bearer)
            believed = token != given and token in self.tokens
        if not believed:
            return self.unauthorised()
        return await handler(request)


async def _misbehave(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.wait_s:
        await asyncio.sleep(fault.wait_s)
    if fault.reset:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    if fault.cut:
        answer = web.StreamResponse(status=fault.status, headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b'{"list": [')
        assert request.transport is not None
        request.transport.close()
        return answer
    return web.Response(status=fault.status, headers=fault.headers, body=fault.body)


def digits(text: str) -> str:
    return "".join(one for one in text if one.isdigit())
