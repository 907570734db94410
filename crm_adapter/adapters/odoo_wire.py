"""Asking Odoo: JSON-2 (19 and later) or JSON-RPC (18 and before), one way of calling for both.

JSON-2 is `POST /json/2/<model>/<method>` with named arguments, a bearer key and the header
X-Odoo-Database (odoo.com/documentation/19.0, external API); JSON-RPC is `execute_kw` at `/jsonrpc`
(the same, 18.0). In both a call is one transaction: what ends in one of Odoo's own errors has
changed nothing. Seen on Odoo 19.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from calls.deadlines import Deadline
from config.crm_settings import OdooSettings
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    Unavailable,
)
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import FixedHeaders
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply, by_status
from crm_adapter.http.traces import Trace

NAME = "odoo"
#: Pages of changes and long histories; a tenth of it is usual.
MOST_BYTES = 2 * 1024 * 1024
#: Before a write, where it has not been done yet.
LOG_IN_S = 5.0
_LONGEST_REASON = 300

#: By what Odoo calls its error; the status alone says little (an unknown field is 500).
_BY_NAME: dict[str, type[CrmError]] = {
    "odoo.exceptions.AccessError": Forbidden,
    "odoo.exceptions.AccessDenied": AuthFailed,
    "odoo.http.SessionExpiredException": AuthFailed,
    "werkzeug.exceptions.Unauthorized": AuthFailed,
    "werkzeug.exceptions.Forbidden": Forbidden,
    "odoo.exceptions.MissingError": NotFound,
    "werkzeug.exceptions.NotFound": NotFound,
    "odoo.exceptions.UserError": Invalid,
    "odoo.exceptions.ValidationError": Invalid,
    "odoo.exceptions.RedirectWarning": Invalid,
    "werkzeug.exceptions.BadRequest": Invalid,
    "werkzeug.exceptions.UnprocessableEntity": Invalid,
    "builtins.ValueError": Invalid,
    "builtins.TypeError": Invalid,
    "builtins.AttributeError": Invalid,
    "builtins.KeyError": Invalid,
    "psycopg2.errors.UniqueViolation": Conflict,
    "psycopg2.IntegrityError": Conflict,
    "odoo.exceptions.ConcurrencyError": Unavailable,
    "odoo.exceptions.LockError": Unavailable,
}


class NoJson2(Unavailable):
    """404 without Odoo's JSON: an Odoo before 19, or no such database."""


class Api(Protocol):
    """Either way of calling. `ids` are the records a method is called on; None: on none."""

    async def ask(
        self, model: str, method: str, ids: Sequence[int] | None, given: Mapping[str, Any],
        deadline: Deadline,
    ) -> Any: ...  # fmt: skip

    async def tell(
        self, model: str, method: str, ids: Sequence[int] | None, given: Mapping[str, Any]
    ) -> Any: ...

    async def user(self, deadline: Deadline) -> int:
        """The id of the user that we are. Raises AuthFailed."""
        ...


class OdooWire:
    """Whichever API the server has; with `api: auto` found out by the first call and remembered."""

    def __init__(
        self, *, settings: OdooSettings, url: str, key: str, trace: Trace | None = None
    ) -> None:
        self._http = CrmHttp(
            crm=NAME,
            base_url=url,
            log_in=FixedHeaders(
                {"Authorization": f"bearer {key}", "X-Odoo-Database": settings.database},
                secrets=(key,),
            ),
            limits=HttpLimits(
                connections=settings.concurrency,
                connect_s=settings.connect_s,
                most_bytes=MOST_BYTES,
            ),
            classify=classify,
            trace=trace,
        )
        self._database = settings.database
        self._json2 = Json2(self._http)
        self._json_rpc = JsonRpc(
            self._http, database=settings.database, username=settings.username, key=key
        )
        apis: dict[str, Api] = {"json2": self._json2, "jsonrpc": self._json_rpc}
        self._known = apis.get(settings.api)
        self._is_fixed = self._known is not None
        self._user: int | None = None

    @property
    def http(self) -> CrmHttp:
        return self._http

    async def ask(
        self,
        model: str,
        method: str,
        *,
        deadline: Deadline,
        ids: Sequence[int] | None = None,
        **given: Any,
    ) -> Any:
        """What the method returns; it changes nothing. Raises any CrmError but AmbiguousWrite."""
        api = self._known or await self._found(deadline)
        try:
            return await api.ask(model, method, ids, given, deadline)
        except NoJson2 as error:
            raise self._no_database() from error

    async def tell(
        self, model: str, method: str, *, ids: Sequence[int] | None = None, **given: Any
    ) -> Any:
        """What the method returns that changes something."""
        api = self._known or await self._found(Deadline.after(LOG_IN_S))
        try:
            return await api.tell(model, method, ids, given)
        except NoJson2 as error:
            raise self._no_database() from error

    async def user(self, deadline: Deadline) -> int:
        """The id of the user that we are. Raises AuthFailed."""
        if self._user is None:
            api = self._known or await self._found(deadline)
            try:
                self._user = await api.user(deadline)
            except NoJson2 as error:
                raise self._no_database() from error
        return self._user

    async def _found(self, deadline: Deadline) -> Api:
        """Several may find out at once: they find the same."""
        try:
            self._user = await self._json2.user(deadline)
            self._known = self._json2
        except NoJson2:
            self._user = await self._json_rpc.user(deadline)
            self._known = self._json_rpc
        return self._known

    def forget(self) -> None:
        """Find out anew: the server may have been updated, the user been changed."""
        self._user = None
        self._json_rpc.forget()
        if not self._is_fixed:
            self._known = None

    def _no_database(self) -> Unavailable:
        return Unavailable(
            f"odoo: at this address is no Odoo 19 or later with a database '{self._database}'"
        )


class Json2:
    """Implements Api."""

    def __init__(self, http: CrmHttp) -> None:
        self._http = http

    async def ask(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        given: Mapping[str, Any],
        deadline: Deadline,
    ) -> Any:
        reply = await self._http.read(
            "POST", _path(model, method), json=_named(ids, given), deadline=deadline
        )
        return reply.json()

    async def tell(
        self, model: str, method: str, ids: Sequence[int] | None, given: Mapping[str, Any]
    ) -> Any:
        reply = await self._http.write("POST", _path(model, method), json=_named(ids, given))
        return reply.json()

    async def user(self, deadline: Deadline) -> int:
        told = await self.ask("res.users", "context_get", None, {}, deadline)
        uid = told.get("uid") if isinstance(told, Mapping) else None
        return _user_id(uid, "its answer names no user")


def _path(model: str, method: str) -> str:
    return f"/json/2/{quote(model)}/{quote(method)}"


def _named(ids: Sequence[int] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    return dict(given) if ids is None else {**given, "ids": list(ids)}


class JsonRpc:
    """Implements Api. The key stands where the password would."""

    def __init__(self, http: CrmHttp, *, database: str, username: str, key: str) -> None:
        self._http = http
        self._database, self._username, self._key = database, username, key
        self._uid: int | None = None
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        self._uid = None

    async def ask(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        given: Mapping[str, Any],
        deadline: Deadline,
    ) -> Any:
        body = await self._executing(model, method, ids, given, deadline)
        return _result(await self._http.read("POST", "/jsonrpc", json=body, deadline=deadline))

    async def tell(
        self, model: str, method: str, ids: Sequence[int] | None, given: Mapping[str, Any]
    ) -> Any:
        deadline = Deadline.after(LOG_IN_S)
        body = await self._executing(model, method, ids, given, deadline)
        return _result(await self._http.write("POST", "/jsonrpc", json=body))

    async def _executing(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        given: Mapping[str, Any],
        deadline: Deadline,
    ) -> dict[str, Any]:
        uid = await self.user(deadline)
        positional = [] if ids is None else [list(ids)]
        return _calling(
            "object",
            "execute_kw",
            [self._database, uid, self._key, model, method, positional, dict(given)],
        )

    async def user(self, deadline: Deadline) -> int:
        async with self._lock:
            if self._uid is None:
                given = [self._database, self._username, self._key, {}]
                body = _calling("common", "authenticate", given)
                reply = await self._http.read("POST", "/jsonrpc", json=body, deadline=deadline)
                self._uid = _user_id(_result(reply), "the username or the key is wrong")
            return self._uid


def _calling(service: str, method: str, args: list[Any]) -> dict[str, Any]:
    params = {"service": service, "method": method, "args": args}
    return {"jsonrpc": "2.0", "id": 1, "method": "call", "params": params}


def _result(reply: Reply) -> Any:
    """A method that returns nothing comes back without a result (seen on 19.0)."""
    told = reply.json_object()
    if "jsonrpc" not in told:
        raise Unavailable("odoo answered something other than JSON-RPC")
    return told.get("result")


def _user_id(found: Any, otherwise: str) -> int:
    if isinstance(found, bool) or not isinstance(found, int) or found <= 0:
        raise AuthFailed(f"odoo lets us in as nobody: {otherwise}")
    return found


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """What is wrong, by the name of Odoo's own error; its traceback goes nowhere."""
    try:
        told = reply.json()
    except Unavailable:
        told = None
    error = told.get("error") if isinstance(told, Mapping) else None
    data = error.get("data") if isinstance(error, Mapping) else None
    if isinstance(error, Mapping):  # JSON-RPC, with status 200
        return _named_error(data if isinstance(data, Mapping) else {}, is_write)
    if reply.is_ok:
        return None
    if isinstance(told, Mapping) and isinstance(told.get("name"), str):
        return _named_error(told, is_write, by_status(reply, is_write))
    if reply.status == 404:
        return NoJson2("odoo knows neither the address nor the database")
    return by_status(reply, is_write)


def _named_error(
    told: Mapping[str, Any], is_write: bool, by_itself: CrmError | None = None
) -> CrmError:
    name, message = str(told.get("name", "")), told.get("message")
    if name == "psycopg2.OperationalError":
        return Unavailable("odoo cannot use the database: is odoo.database right?")
    kind = _BY_NAME.get(name)
    if kind is not None:
        return kind(f"odoo: {quoted(message, _LONGEST_REASON) or name}")
    if name.startswith("psycopg2."):
        return Unavailable(f"odoo could not use its database ({quoted(name, 80)})")
    if by_itself is not None and not isinstance(by_itself, Unavailable):
        return by_itself
    what = f"odoo failed ({quoted(name, 80)})"
    return AmbiguousWrite(what) if is_write else Unavailable(what)
