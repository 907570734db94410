"""How we say who we are: headers for each request, renewed where a CRM stops believing them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from calls.deadlines import Deadline
from crm_adapter.adapter import (
    AuthFailed,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply
from crm_adapter.http.requests import Request
from crm_adapter.shared_answer import SharedAnswer

#: A token is renewed so long before it ends, so that no caller waits for it.
RENEW_AHEAD_S = 120.0
_DEFAULT_LIFE_S = 900.0
#: A log-in that takes longer is given up.
LOG_IN_S = 10.0


class Asking(Protocol):
    """The part of `crm_adapter.http.client.CrmHttp` that a log-in needs."""

    async def exchange(self, request: Request, deadline: Deadline) -> Reply: ...


class LogIn(Protocol):
    """One way to be believed. Safe for many requests at once."""

    async def headers(self, http: Asking, *, deadline: Deadline) -> Mapping[str, str]:
        """Of one request. May log in first: once, however many requests wait for it."""
        ...

    def refused(self, headers: Mapping[str, str]) -> bool:
        """The CRM answered 401 to `headers`. True: other ones can be had, try again."""
        ...

    def secrets(self) -> Iterable[str]:
        """What no trace may show."""
        ...

    async def close(self) -> None:
        """Gives up a log-in under way."""
        ...


class FixedHeaders:
    """An API key, a bearer token, or nothing at all."""

    def __init__(self, headers: Mapping[str, str], *, secrets: Iterable[str] = ()) -> None:
        self._headers = dict(headers)
        self._secrets = tuple(secrets)

    async def headers(self, http: Asking, *, deadline: Deadline) -> Mapping[str, str]:
        return self._headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        return False

    def secrets(self) -> Iterable[str]:
        return self._secrets

    async def close(self) -> None:
        return None


def no_log_in() -> FixedHeaders:
    return FixedHeaders({})


def bearer(token: str) -> FixedHeaders:
    return FixedHeaders({"Authorization": f"Bearer {token}"}, secrets=(token,))


def api_key(header: str, key: str) -> FixedHeaders:
    return FixedHeaders({header: key}, secrets=(key,))


def basic(username: str, password: str) -> FixedHeaders:
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    return FixedHeaders({"Authorization": f"Basic {pair}"}, secrets=(pair, password))


class RenewedLogIn:
    """A token or session that has to be had first and does not last: had once for all who wait,
    renewed ahead of its end, and again after a 401. A CRM that is silent at the log-in keeps nobody
    longer than they wanted to wait; the log-in itself goes on for `LOG_IN_S`.

    `obtain(http, deadline)` returns the headers, how many seconds they last (None: unknown) and the
    secrets in them. While a CRM refuses the log-in itself, it is asked again only after
    `quiet_after_refusal_s`: wrong passwords lock users out.
    """

    def __init__(
        self,
        obtain: Obtain,
        *,
        secrets: Callable[[], Iterable[str]] = lambda: (),
        quiet_after_refusal_s: float = 60.0,
    ) -> None:
        self._obtain = obtain
        self._given_secrets = secrets
        self._quiet_s = quiet_after_refusal_s
        self._headers: Mapping[str, str] | None = None
        self._until = 0.0
        self._seen: tuple[str, ...] = ()
        self._refusal: tuple[float, str] | None = None
        self._renewing: SharedAnswer[Mapping[str, str]] = SharedAnswer("the log-in")
        #: How often it was had; for tests and the curious.
        self.obtained = 0

    async def headers(self, http: Asking, *, deadline: Deadline) -> Mapping[str, str]:
        loop = asyncio.get_running_loop()
        if self._headers is not None and loop.time() < self._until:
            return self._headers
        if self._refusal is not None and loop.time() < self._refusal[0]:
            raise AuthFailed(self._refusal[1])
        return await self._renewing.ask(
            lambda: self._renew(http, Deadline.after(LOG_IN_S)), deadline=deadline
        )

    async def _renew(self, http: Asking, deadline: Deadline) -> Mapping[str, str]:
        loop = asyncio.get_running_loop()
        try:
            headers, lasts_s, seen = await self._obtain(http, deadline)
        except NotFound as error:
            # Nothing is known of the record that was asked for.
            raise Unavailable(f"the log-in is not where it should be: {error}") from error
        except (AuthFailed, Forbidden, Invalid) as error:
            # Token endpoints say "wrong secret" with 400 as well (RFC 6749, 5.2).
            sentence = f"the log-in was refused: {error}"
            self._refusal = (loop.time() + self._quiet_s, sentence)
            raise AuthFailed(sentence) from error
        self._refusal = None
        life = lasts_s if lasts_s is not None else _DEFAULT_LIFE_S
        self._until = loop.time() + max(life - RENEW_AHEAD_S, life / 2)
        self._headers, self._seen = headers, tuple(seen)
        self.obtained += 1
        return headers

    def refused(self, headers: Mapping[str, str]) -> bool:
        """Others may have renewed them meanwhile: then those are tried."""
        if self._headers is headers:
            self._headers = None
        return True

    def secrets(self) -> Iterable[str]:
        return (*self._given_secrets(), *self._seen)

    async def close(self) -> None:
        await self._renewing.close()


class Obtain(Protocol):
    async def __call__(
        self, http: Asking, deadline: Deadline
    ) -> tuple[Mapping[str, str], float | None, Iterable[str]]: ...


def oauth2(*, token_address: str, form: Mapping[str, str], scheme: str = "Bearer") -> RenewedLogIn:
    """`form` is that of RFC 6749: grant_type (client_credentials, refresh_token or password) and
    what goes with it. `scheme` stands before the token in `Authorization`."""

    async def obtain(
        http: Asking, deadline: Deadline
    ) -> tuple[Mapping[str, str], float | None, Iterable[str]]:
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        data = urlencode(form).encode()
        request = Request("POST", token_address, content, data, answers_secrets=True)
        reply = await http.exchange(request, deadline)
        told = reply.json_object()
        token, lasts = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not token:
            raise _no_token(reply, told)
        lasts_s = float(lasts) if isinstance(lasts, int | float) and lasts > 0 else None
        return {"Authorization": f"{scheme} {token}"}, lasts_s, (token,)

    hidden = tuple(
        value for name, value in form.items() if name.endswith(("secret", "token", "password"))
    )
    return RenewedLogIn(obtain, secrets=lambda: hidden)


def _no_token(reply: Reply, told: Mapping[str, object]) -> CrmError:
    """Zoho says `{"error": "invalid_client"}` with 200."""
    if "error" in told:
        return AuthFailed(f"{reply.crm} gives no token: {quoted(told['error'], 80)}")
    return Unavailable(f"{reply.crm} answered {reply.status} to the log-in, without a token")
