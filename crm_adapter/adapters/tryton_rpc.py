"""Tryton's JSON-RPC: a session, one method after the other, and errors that come with 200.

Seen on trytond 8.2 (`trytond/protocols/dispatcher.py`, `jsonrpc.py`): `POST /DATABASE/rpc/`, the
header `Authorization: Session base64(LOGIN:USER:SESSION)`, and a body of exactly the keys id,
method and params. A wrong password or a session that has ended is 401, a method that may not be
called 403 and a page of HTML; everything else is 200 with `error`.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from calls.deadlines import Deadline
from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Unavailable,
)
from crm_adapter.adapters import readings
from crm_adapter.http import replies
from crm_adapter.http.client import CrmHttp, HttpLimits, quote
from crm_adapter.http.log_ins import Asking, RenewedLogIn
from crm_adapter.http.quoting import quoted
from crm_adapter.http.replies import Reply
from crm_adapter.http.requests import Request
from crm_adapter.http.traces import Trace

#: A lead's or contact's answer is small; twenty sales with their lines are not.
_LIMITS = HttpLimits(most_bytes=2 * 1024 * 1024)
#: The sentences of trytond's `ir/message.xml` in English; our user's language must be that.
_FORBIDDEN = "You are not allowed to"
_GONE = "that don't exist"
_REFUSED = "tryton refuses a value"
_EXCEPTIONS: Mapping[str, tuple[type[CrmError], str]] = {
    "UserWarning": (Invalid, "tryton asks for a person's confirmation"),
    "ConcurrencyException": (Conflict, "somebody else has changed the record meanwhile"),
    "LoginException": (AuthFailed, "tryton does not accept our user"),
    "RateLimitException": (RateLimited, "tryton wants fewer questions"),
}


@dataclass(frozen=True, slots=True)
class TrytonAccess:
    url: str
    database: str
    username: str
    password: str


class TrytonRpc:
    """Calls models' methods as one user. What it raises is any CrmError."""

    def __init__(
        self, access: TrytonAccess, *, concurrency: int, connect_s: float, trace: Trace | None
    ) -> None:
        self._access = access
        self._path = f"/{quote(access.database)}/rpc/"
        self._address = f"{access.url.rstrip('/')}{self._path}"
        self.http = CrmHttp(
            crm="tryton",
            base_url=access.url,
            log_in=RenewedLogIn(self._session, secrets=lambda: (access.password,)),
            limits=HttpLimits(
                connections=concurrency, connect_s=connect_s, most_bytes=_LIMITS.most_bytes
            ),
            classify=classify,
            trace=trace,
        )
        self._context: Mapping[str, Any] | None = None
        self._asking = asyncio.Lock()

    async def read(
        self,
        method: str,
        *arguments: Any,
        deadline: Deadline,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """`method` without the leading `model.`; the result, decoded."""
        reply = await self.http.read(
            "POST", self._path, json=_call(method, arguments, context), deadline=deadline
        )
        return _result(reply)

    async def write(
        self, method: str, *arguments: Any, context: Mapping[str, Any] | None = None
    ) -> Any:
        reply = await self.http.write("POST", self._path, json=_call(method, arguments, context))
        return _result(reply)

    async def rows(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        deadline: Deadline,
        limit: int,
        order: Sequence[tuple[str, str]] = (("id", "ASC"),),
        archived: bool = False,
    ) -> list[readings.Record]:
        found = await self.read(
            f"{model}.search_read",
            list(domain),
            0,
            limit,
            [list(one) for one in order],
            list(fields),
            deadline=deadline,
            context={"active_test": False} if archived else None,
        )
        if not isinstance(found, list):
            raise Unavailable(f"tryton answered without the list of {model}")
        return readings.listed(found)

    async def create(
        self, model: str, values: Mapping[str, Any], context: Mapping[str, Any] | None = None
    ) -> str:
        """The new record's id."""
        found = await self.write(f"{model}.create", [dict(values)], context=context)
        record_id = readings.text(found[0]) if isinstance(found, list) and found else ""
        if not record_id:
            raise Unavailable("tryton answered without the id of a record")
        return record_id

    async def company(self, *, deadline: Deadline) -> Mapping[str, Any]:
        """What our user's writes need for a context: the company it works for. Asked once."""
        async with self._asking:
            if self._context is None:
                told = readings.record(
                    await self.read("res.user.get_preferences", True, deadline=deadline)
                )
                company = told.get("company")
                if not isinstance(company, int) or isinstance(company, bool):
                    raise Forbidden("tryton: give our user a company (Users, Companies)")
                self._context = {"company": company}
        return self._context

    async def _session(
        self, http: Asking, deadline: Deadline
    ) -> tuple[Mapping[str, str], float | None, Iterable[str]]:
        access = self._access
        call = {
            "id": 0,
            "method": "common.db.login",
            "params": [access.username, {"password": access.password}, "en"],
        }
        data = json.dumps(call).encode()
        request = Request("POST", self._address, {"Content-Type": "application/json"}, data)
        found = _result(await http.exchange(request, deadline))
        if not (isinstance(found, list) and len(found) >= 2 and isinstance(found[1], str)):
            raise Unavailable("tryton answered the log-in without a session")
        words = f"{access.username}:{readings.text(found[0])}:{found[1]}"
        session = base64.b64encode(words.encode()).decode()
        return {"Authorization": f"Session {session}"}, None, (session, found[1])


def _call(
    method: str, arguments: Sequence[Any], context: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {"id": 0, "method": f"model.{method}", "params": [*arguments, dict(context or {})]}


def _result(reply: Reply) -> Any:
    told = reply.json_object()
    if "result" not in told:
        raise Unavailable("tryton answered without a result")
    return told["result"]


def classify(reply: Reply, is_write: bool) -> CrmError | None:
    """What is wrong with an answer; None where it is good."""
    wrong = replies.by_status(reply, is_write)
    if wrong is not None:
        if isinstance(wrong, AuthFailed):
            return AuthFailed("tryton does not know our user, or its session has ended")
        if isinstance(wrong, Forbidden):
            return Forbidden("tryton has no such method: is the module activated?")
        return wrong
    try:
        told = reply.json_object()
    except Unavailable as error:
        return AmbiguousWrite(str(error)) if is_write else error
    error_told = told.get("error")
    if error_told is None:
        return None
    parts = error_told if isinstance(error_told, list) else [error_told]
    kind, message = readings.text(parts[0] if parts else ""), parts[1] if len(parts) > 1 else ""
    sentence = readings.text(message[0] if isinstance(message, list) and message else message)
    return _named(kind, quoted(sentence))


def _named(kind: str, sentence: str) -> CrmError:
    """By trytond's `exceptions.py`. Whatever it is, the transaction was rolled back."""
    if kind == "UserError":
        return _user_error(sentence)
    if kind.startswith("'") and kind.endswith("'"):
        # Python's KeyError: a field or model that is not there.
        return Invalid(f"tryton knows no {quoted(kind, 60)}: is the module activated?")
    known = _EXCEPTIONS.get(kind)
    return known[0](known[1]) if known else Unavailable("tryton met an error of its own")


def _user_error(sentence: str) -> CrmError:
    """Such a sentence may quote values, so only what an administrator is to mend is told on."""
    if _FORBIDDEN in sentence:
        return Forbidden(f"tryton: {sentence}")
    return NotFound("tryton has no such record") if _GONE in sentence else Invalid(_REFUSED)


def moment(value: Any) -> datetime | None:
    """Tryton's own datetime, which is UTC."""
    told = readings.record(value)
    parts = [told.get(name) for name in ("year", "month", "day", "hour", "minute", "second")]
    if not all(isinstance(part, int) for part in parts):
        return None
    micro = told.get("microsecond")
    try:
        return datetime(*parts, micro if isinstance(micro, int) else 0, tzinfo=UTC)  # type: ignore[arg-type,misc]
    except (ValueError, OverflowError):
        return None


def day(value: Any) -> date | None:
    told = readings.record(value)
    parts = [told.get(name) for name in ("year", "month", "day")]
    if not all(isinstance(part, int) for part in parts):
        return None
    try:
        return date(*parts)  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return None


def amount(value: Any) -> Decimal:
    return readings.amount(readings.record(value).get("decimal"))


def as_moment(at: datetime) -> dict[str, Any]:
    """As a domain holds it."""
    at = at.astimezone(UTC)
    return {
        "__class__": "datetime",
        "year": at.year,
        "month": at.month,
        "day": at.day,
        "hour": at.hour,
        "minute": at.minute,
        "second": at.second,
        "microsecond": at.microsecond,
    }
