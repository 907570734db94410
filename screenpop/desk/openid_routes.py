"""The way over the company's own log-in, and what the log-in page may offer."""

from __future__ import annotations

import logging
import secrets
import time

from aiohttp import web
from pydantic import BaseModel

from calls.doors import ANYBODY, Door, Origin, Param, Reply, hang
from config.oidc_settings import OidcSettings
from config.settings import WebSettings
from screenpop.agents.log_in import counted_as
from screenpop.desk.answers import Refused, refusal, spared
from screenpop.desk.desk import Desk
from screenpop.desk.log_in_routes import LogInRoutes
from screenpop.desk.rate_limit import RateLimit
from screenpop.desk.static_files import guarded
from screenpop.openid.failures import Failed, NotLetIn
from screenpop.openid.openid_log_ins import LIFE_S, OpenIdLogIns

log = logging.getLogger(__name__)

COOKIE = "switchboard_oidc"
_PATH = "/api/v1/session"
_BACK = f"{_PATH}/oidc/callback"
_PAGES = {"": "/", "supervisor": "/supervisor"}


class Ways(BaseModel):
    #: The name of the company's log-in, where there is one.
    oidc: str | None
    #: Why the last log-in by it in this browser let nobody in; told once.
    failed: Failed | None


WAYS = Door(
    "GET",
    f"{_PATH}/ways",
    by=ANYBODY,
    why="the log-in page asks before anybody is logged in",
    what="How one may log in besides a password.",
    head=False,
    replies={200: Reply("The ways.", Ways)},
)
BEGIN = Door(
    "GET",
    f"{_PATH}/oidc",
    by=ANYBODY,
    why="nobody has a log-in before; who asks too often is refused",
    what="Begin a log-in by OpenID Connect: the browser goes to the provider.",
    head=False,
    query=(Param("to", "supervisor: the page to come back to.", pattern="^(supervisor)?$"),),
    replies={
        302: Reply("To the provider.", kind=""),
        404: Reply("There is none.", Refused),
        429: Reply("Too fast.", Refused),
    },
)
CALLBACK = Door(
    "GET",
    _BACK,
    by=ANYBODY,
    why="the provider sends the browser here; only who began a log-in is let in",
    what="End a log-in by OpenID Connect.",
    # A browser that comes from another site is the rule here; `state` and a cookie bind it.
    origin=Origin.FREE,
    head=False,
    query=(
        Param("code", "For the ID token."),
        Param("state", "As it was sent."),
        Param("iss", "The provider."),
        Param("error", "Why there is no code."),
    ),
    replies={
        302: Reply("To the page, logged in or not.", kind=""),
        404: Reply("There is none.", Refused),
        429: Reply("Too fast.", Refused),
    },
)
DOORS = (WAYS, BEGIN, CALLBACK)


class OpenIdRoutes:
    """`over` None: there is no provider."""

    def __init__(
        self,
        *,
        desk: Desk,
        settings: WebSettings,
        name: str,
        over: OpenIdLogIns | None,
        log_in: LogInRoutes,
    ) -> None:
        self._desk = desk
        self._settings = settings
        self._name = name
        self._over = over
        self._log_in = log_in
        self._by_address = RateLimit(per_s=1.0, burst=30)

    async def ways(self, request: web.Request) -> web.StreamResponse:
        if self._over is None:
            return web.json_response(Ways(oidc=None, failed=None).model_dump())
        failed = self._over.failure_of(request.cookies.get(COOKIE, ""))
        return web.json_response(Ways(oidc=self._name, failed=failed).model_dump())

    async def begin(self, request: web.Request) -> web.StreamResponse:
        over, page = self._over, _PAGES.get(request.query.get("to", ""))
        if over is None:
            raise refusal(web.HTTPNotFound, "not_here", "there is no log-in by OpenID Connect")
        if page is None:
            raise refusal(web.HTTPBadRequest, "bad_request", "there is no such page")
        self._count(request)
        try:
            begun = await over.begin(redirect_uri=f"{self._base(request)}{_BACK}", page=page)
        except NotLetIn as failure:
            return self._not_in(over, failure, page)
        response = web.Response(status=302, headers={"Location": begun.address})
        return self._bound(response, begun.browser)

    async def end(self, request: web.Request) -> web.StreamResponse:
        over, browser = self._over, request.cookies.get(COOKIE, "")
        if over is None:
            raise refusal(web.HTTPNotFound, "not_here", "there is no log-in by OpenID Connect")
        counted = self._count(request)
        page = over.page_of(browser)
        try:
            login = await over.end(browser, request.query)
            opened = await self._desk.log_ins.vouched(login, request.remote or "unknown")
            if opened is None:
                raise NotLetIn("nobody", "openid: nobody here is called so", who=login)
        except NotLetIn as failure:
            return self._not_in(over, failure, page)
        # Whoever is let in costs no more than to begin it.
        self._by_address.give_back(counted)
        # So that an agent added a moment ago is known when the page asks.
        await self._desk.admission.called(opened.login)
        response = web.Response(status=302, headers={"Location": page})
        response.del_cookie(COOKIE, path=_PATH)
        self._log_in.seat(response, opened.token)
        return response

    def _count(self, request: web.Request) -> str:
        """As what; who asks too often leaves no line in the log."""
        counted = counted_as(request.remote or "unknown")
        if not self._by_address.take(counted, time.monotonic()):
            raise refusal(web.HTTPTooManyRequests, "rate_limited", "too many log-ins; wait a bit")
        return counted

    def _not_in(self, over: OpenIdLogIns, failure: NotLetIn, page: str) -> web.StreamResponse:
        """Back to the page, which asks this browser's failure and says it: an address that told it
        could be made up by anybody."""
        log.warning("%s", failure)
        browser = secrets.token_urlsafe(32)
        over.remember(browser, failure)
        return self._bound(web.Response(status=302, headers={"Location": page}), browser)

    def _bound(self, response: web.Response, browser: str) -> web.Response:
        """Lax: the browser comes back from another site."""
        response.set_cookie(
            COOKIE,
            browser,
            path=_PATH,
            max_age=int(LIFE_S),
            httponly=True,
            samesite="Lax",
            secure=self._settings.is_https,
        )
        return response

    def _base(self, request: web.Request) -> str:
        """A `Host` that somebody invents leads nowhere: the provider knows our address."""
        return (self._settings.public_url or f"http://{request.host}").rstrip("/")


def add_routes(
    app: web.Application,
    *,
    desk: Desk,
    settings: WebSettings,
    oidc: OidcSettings,
    log_in: LogInRoutes,
) -> None:
    over = None if oidc.issuer is None else OpenIdLogIns(oidc)
    routes = OpenIdRoutes(desk=desk, settings=settings, name=oidc.name, over=over, log_in=log_in)
    if over is not None:

        async def close(_app: web.Application) -> None:
            await over.close()

        app.on_cleanup.append(close)
    hang(app.router, WAYS, guarded(spared(routes.ways)))
    hang(app.router, BEGIN, guarded(spared(routes.begin)))
    hang(app.router, CALLBACK, guarded(spared(routes.end)))
