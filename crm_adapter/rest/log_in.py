"""How a mapping's `auth` becomes a log-in."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import AuthFailed
from crm_adapter.http import log_ins
from crm_adapter.http.log_ins import Asking, FixedHeaders, LogIn, RenewedLogIn
from crm_adapter.mapped.reading import text
from crm_adapter.rest.filling import request_of
from crm_adapter.rest.shapes import AuthPart, LoginPart, RestMapping

_GRANTS = {
    "oauth2_client_credentials": "client_credentials",
    "oauth2_refresh_token": "refresh_token",
}


def log_in_of(mapping: RestMapping, secrets: Iterable[str]) -> LogIn:
    return _Masking(_log_in(mapping), mapping.headers, secrets)


def _log_in(mapping: RestMapping) -> LogIn:
    auth = mapping.auth
    if auth.type == "basic":
        return log_ins.basic(auth.username or "", auth.password or "")
    if auth.type == "bearer":
        token = auth.token or ""
        value = f"{auth.scheme or 'Bearer'} {token}"
        return FixedHeaders({"Authorization": value}, secrets=(token,))
    if auth.type == "header":
        return log_ins.api_key(auth.header or "", auth.value or "")
    if auth.type in _GRANTS:
        return log_ins.oauth2(
            token_address=auth.token_url or "",
            form=_form(auth),
            scheme=auth.scheme or "Bearer",
        )
    return log_ins.no_log_in() if auth.login is None else _session(auth.login, mapping)


def _form(auth: AuthPart) -> dict[str, str]:
    told = {
        "grant_type": _GRANTS[auth.type],
        "client_id": auth.client_id,
        "client_secret": auth.client_secret,
        "refresh_token": auth.refresh_token,
        "scope": auth.scope,
    }
    return {name: value for name, value in told.items() if value} | dict(auth.extra)


def _session(login: LoginPart, mapping: RestMapping) -> RenewedLogIn:
    async def obtain(
        http: Asking, deadline: Deadline
    ) -> tuple[Mapping[str, str], float | None, Iterable[str]]:
        request = request_of(login.request, {}, base_url=mapping.base_url, headers=mapping.headers)
        answer = (await http.exchange(request, deadline)).json()
        if login.ok_when is not None and not login.ok_when.holds(answer):
            raise AuthFailed("the answer to the log-in says no")
        taken = {name: text(reading.part(answer)) for name, reading in login.take.items()}
        for name, value in taken.items():
            if value is None:
                raise AuthFailed(f"the answer to the log-in holds no '{name}'")
        return _session_header(login, taken), login.lasts_s, _hidden(taken)

    return RenewedLogIn(obtain)


def _session_header(login: LoginPart, taken: Mapping[str, Any]) -> dict[str, str]:
    value = login.value.header(taken) or ""
    if login.encode == "base64":
        value = base64.b64encode(value.encode()).decode()
    return {login.header: f"{login.scheme} {value}".strip()}


def _hidden(taken: Mapping[str, str | None]) -> list[str]:
    """A user's number is no secret, and masking it would mask half the answer."""
    return [value for value in taken.values() if value is not None and len(value) >= 8]


class _Masking:
    """A log-in that also keeps what came from outside the mapping out of traces, and that sends
    the mapping's own headers."""

    def __init__(self, inner: LogIn, headers: Mapping[str, str], secrets: Iterable[str]) -> None:
        self._inner = inner
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._given: tuple[Mapping[str, str], Mapping[str, str]] | None = None

    async def headers(self, http: Asking, *, deadline: Deadline) -> Mapping[str, str]:
        inner = await self._inner.headers(http, deadline=deadline)
        if self._given is None or self._given[1] is not inner:
            self._given = ({**self._headers, **inner}, inner)
        return self._given[0]

    def refused(self, headers: Mapping[str, str]) -> bool:
        """The inner log-in knows its headers by identity."""
        if self._given is not None and self._given[0] is headers:
            return self._inner.refused(self._given[1])
        return self._inner.refused(headers)

    def secrets(self) -> Iterable[str]:
        return (*self._inner.secrets(), *self._secrets)

    async def close(self) -> None:
        await self._inner.close()
