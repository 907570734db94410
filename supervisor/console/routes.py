"""What the supervisor page is answered; `doors` says whom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from calls.agents import Agent
from calls.call import CallId
from calls.doors import hang
from calls.errors import Misconfigured
from config.problems import ProblemsFound
from screenpop.desk.admission import AGENT, SEAT
from screenpop.desk.answers import refusal, spared
from screenpop.desk.static_files import SECURITY_HEADERS, guarded
from storage.audit_chain import Entry
from supervisor.console import doors
from supervisor.console.call_page import CallPages
from supervisor.console.console import Console
from supervisor.console.feed import Viewer
from supervisor.console.model_cards import card_page, model_rows
from supervisor.console.outbox_desk import OutboxDesk
from supervisor.console.rulebook_desk import (
    FolderChanged,
    RulebookDesk,
    TooBusy,
    problem_as_json,
)

_MAX_BODY = 4 * 1024
#: A card has its style in the page and nothing else: no script, no form, no origin of its own.
_CARD_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

M = TypeVar("M", bound=BaseModel)


class ConsoleRoutes:
    def __init__(
        self,
        *,
        console: Console,
        pages: CallPages,
        rulebook: RulebookDesk,
        outbox: OutboxDesk,
        models_dir: Path,
        audit: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        self._audit = audit
        self._console = console
        self._pages = pages
        self._rulebook = rulebook
        self._outbox = outbox
        self._models_dir = models_dir

    def add_to(self, app: web.Application) -> None:
        for door, handler in (
            (doors.BOARD, self.board),
            (doors.CALL, self.call),
            (doors.RULEBOOK, self.rulebook),
            (doors.MODELS, self.models),
            (doors.OUTBOX, self.outbox),
            (doors.EVENTS, self.events),
            (doors.CHECK, self.check),
            (doors.PUBLISH, self.publish),
            (doors.ROLL_BACK, self.roll_back),
            (doors.RETRY, self.retry),
        ):
            hang(app.router, door, guarded(spared(handler)))
        hang(app.router, doors.MODEL, _powerless(guarded(spared(self.model))))
        app.on_shutdown.append(self._close)

    async def board(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=self._console.board(), content_type="application/json")

    async def events(self, request: web.Request) -> web.StreamResponse:
        seat = request[SEAT]
        viewer = Viewer(seat.login, seat.session)
        if not self._console.add(viewer):
            raise refusal(web.HTTPTooManyRequests, "too_many", "too many supervisor pages are open")
        try:
            headers = SECURITY_HEADERS | {"Cache-Control": "no-store"}
            return await self._console.feed.show(viewer, request, headers)
        finally:
            self._console.feed.remove(viewer)

    async def call(self, request: web.Request) -> web.StreamResponse:
        try:
            call_id = CallId.parse(request.query.get("id", "")[:120])
        except ValueError:
            raise refusal(web.HTTPBadRequest, "bad_request", "id is SYSTEM/LINKEDID") from None
        page = await self._pages.page(call_id)
        if page is None:
            raise refusal(web.HTTPNotFound, "no_call", "nothing is kept of this call (yet)")
        return _answer(page)

    async def rulebook(self, request: web.Request) -> web.StreamResponse:
        return _answer(await self._rulebook.state())

    async def check(self, request: web.Request) -> web.StreamResponse:
        try:
            return _answer((await self._rulebook.check()).as_json())
        except (Misconfigured, TooBusy) as why:
            raise _refused(why) from None

    async def publish(self, request: web.Request) -> web.StreamResponse:
        """422 with the checker's problems where it is not good."""
        agent = request[AGENT]
        move = await _body(request, doors.Move)
        try:
            checked = await self._rulebook.publish(
                move.version, author=agent.login, comment=move.comment
            )
        except (Misconfigured, FolderChanged, TooBusy) as why:
            raise _refused(why) from None
        if checked.good:
            self._tell("rulebook.published", agent, request, move.version)
        return _answer(checked.as_json(), status=200 if checked.good else 422)

    async def roll_back(self, request: web.Request) -> web.StreamResponse:
        agent = request[AGENT]
        move = await _body(request, doors.Move)
        try:
            done = await self._rulebook.roll_back(
                move.version, author=agent.login, comment=move.comment
            )
        except ProblemsFound as found:
            problems = [problem_as_json(problem) for problem in found.problems]
            return _answer({"good": False, "version": move.version, "problems": problems}, 422)
        except (Misconfigured, TooBusy) as why:
            raise _refused(why) from None
        self._tell("rulebook.rolled_back", agent, request, done.version)
        return _answer({"good": True, "version": done.version, "problems": []})

    def _tell(self, action: str, agent: Agent, request: web.Request, version: str) -> None:
        origin = request.remote or ""
        self._audit(Entry(action=action, actor=agent.login, origin=origin, subject=version))

    async def outbox(self, request: web.Request) -> web.StreamResponse:
        return _answer(await self._outbox.state())

    async def retry(self, request: web.Request) -> web.StreamResponse:
        again = await _body(request, doors.Again)
        by, address = request[AGENT].login, request.remote or ""
        if not await self._outbox.retry(again.key, by=by, address=address):
            why = "this is not given up, or a newer version of it was delivered"
            raise refusal(web.HTTPConflict, "refused", why)
        return _answer({"retried": 1})

    async def models(self, request: web.Request) -> web.StreamResponse:
        return _answer({"models": await asyncio.to_thread(model_rows, self._models_dir)})

    async def model(self, request: web.Request) -> web.StreamResponse:
        kind, version = request.match_info["kind"], request.match_info["version"]
        page = await asyncio.to_thread(card_page, self._models_dir, kind, version)
        if page is None:
            raise refusal(web.HTTPNotFound, "no_model", "there is no such model, or its card broke")
        return web.Response(text=page, content_type="text/html")

    async def _close(self, _app: web.Application) -> None:
        self._console.feed.close()


def _powerless(handler: Handler) -> Handler:
    """A page that can do nothing."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await handler(request)
        response.headers["Content-Security-Policy"] = _CARD_POLICY
        return response

    return answer


def _answer(content: Any, status: int = 200) -> web.Response:
    text = json.dumps(content, ensure_ascii=False)
    return web.Response(text=text, content_type="application/json", status=status)


def _refused(why: Exception) -> web.HTTPException:
    code = "refused"
    if isinstance(why, FolderChanged | TooBusy):
        code = "folder_changed" if isinstance(why, FolderChanged) else "busy"
    return refusal(web.HTTPConflict, code, str(why))


async def _body(request: web.Request, model: type[M]) -> M:
    body = await request.read()
    if request.content_type != "application/json" or len(body) > _MAX_BODY:
        raise refusal(web.HTTPBadRequest, "bad_request", "expected a small JSON object")
    try:
        return model.model_validate_json(body)
    except ValidationError:
        raise refusal(
            web.HTTPBadRequest, "bad_request", f"expected {', '.join(model.model_fields)}"
        ) from None
