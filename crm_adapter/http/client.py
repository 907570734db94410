"""Every request to a CRM over HTTP: to one host, under a deadline, never believed beyond a size.

A question that changes nothing (`read`) fails with Timeout or Unavailable; whether a write that
failed on the way was carried out nobody knows (`AmbiguousWrite`), unless it never left us.
"""

from __future__ import annotations

import json as json_text
import os
import ssl
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote as percent_encoded
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from calls.bodies import PIECE, TooLong, whole
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded, Misconfigured
from config.clear_text import REFUSED, may_be_clear
from config.public_addresses import NotPrivate, resolver_for
from crm_adapter.adapter import AmbiguousWrite, AuthFailed, Timeout, Unavailable
from crm_adapter.http.log_ins import LogIn, no_log_in
from crm_adapter.http.packing import NotUnpackable, unpacked
from crm_adapter.http.replies import Classify, Reply, by_status
from crm_adapter.http.requests import Request
from crm_adapter.http.traces import MASKED, Exchange, Trace, masked

Json = Any
Query = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """What a CRM may cost us, and we it."""

    #: Requests under way at once; others wait, under their own deadlines.
    connections: int = 8
    #: A connection that takes longer to open is given up.
    connect_s: float = 3.0
    #: Of an answer, in bytes.
    most_bytes: int = 256 * 1024
    #: A write is given up after that long; below the outbox's own limit.
    write_s: float = 15.0


class CrmHttp:
    """One CRM's HTTP side. `open` before the first request; it asks nothing.

    Only `base_url`'s host is asked, and the hosts of `also` (where tokens are had), over http only
    in this machine and private networks (Misconfigured). No redirects are followed, no cookies
    kept, no proxies taken from the environment.
    """

    def __init__(
        self,
        *,
        crm: str,
        base_url: str,
        log_in: LogIn | None = None,
        limits: HttpLimits | None = None,
        classify: Classify = by_status,
        also: Collection[str] = (),
        trace: Trace | None = None,
    ) -> None:
        self.crm = crm
        self._base = base_url.rstrip("/")
        self._log_in = log_in or no_log_in()
        self._limits = limits or HttpLimits()
        self._classify = classify
        self._hosts = {_origin(base_url), *(_origin(address) for address in also)}
        self._trace = trace
        for address in (base_url, *also):
            _not_in_the_clear(crm, address)
        #: By scheme: without TLS a name must lead into a network of ours.
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    def set_trace(self, trace: Trace | None) -> None:
        """From now on `trace` is told of every exchange."""
        self._trace = trace

    async def open(self) -> None:
        self._sessions = {scheme: self._session_for(scheme) for scheme in ("http", "https")}

    def _session_for(self, scheme: str) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=self._limits.connections, keepalive_timeout=30, resolver=resolver_for(scheme)
        )
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_s),
            trust_env=False,
            # Nothing is unpacked, so that what is small on the wire is small here.
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        await self._log_in.close()
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def read(
        self,
        method: str,
        path: str,
        *,
        deadline: Deadline,
        query: Query = (),
        json: Json = None,
        form: Query | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Reply:
        """A question that changes nothing, whatever its method. Raises any CrmError but
        AmbiguousWrite; for no answer with a status of `accept`."""
        data, given = body_of(json, form)
        told = given | dict(headers or {})
        request = Request(method, self.address(path, query), told, data)
        return await self._ask(request, deadline, accept)

    async def write(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        json: Json = None,
        form: Query | None = None,
        headers: Mapping[str, str] | None = None,
        accept: Collection[int] = (),
    ) -> Reply:
        """Changes something there. Raises AmbiguousWrite where nobody knows whether it did; nothing
        for an answer with a status of `accept`."""
        data, given = body_of(json, form)
        told = given | dict(headers or {})
        request = Request(method, self.address(path, query), told, data)
        limit = Deadline.after(self._limits.write_s)
        return await self._ask(replace(request, is_write=True), limit, accept)

    async def _ask(self, request: Request, deadline: Deadline, accept: Collection[int]) -> Reply:
        ours = await self._log_in.headers(self, deadline=deadline)
        try:
            return await self.exchange(_with(request, ours), deadline, accept=accept)
        except AuthFailed:
            # Refused before anything was done, so a write too may be sent again.
            if not self._log_in.refused(ours):
                raise
        ours = await self._log_in.headers(self, deadline=deadline)
        return await self.exchange(_with(request, ours), deadline, accept=accept)

    def address(self, path: str, query: Query = ()) -> str:
        """`path` is below `base_url` and already encoded where it holds values (`quote`)."""
        pairs = list(query.items()) if isinstance(query, Mapping) else list(query)
        url = URL(f"{self._base}{path}", encoded=True)
        return str(url.update_query(pairs) if pairs else url)

    async def exchange(
        self, request: Request, deadline: Deadline, *, accept: Collection[int] = ()
    ) -> Reply:
        """One request as it is, no log-in; the answer is classified, unless its status is one of
        `accept`. Raises as `read` and `write` do."""
        if _origin(request.address) not in self._hosts:
            raise Unavailable(f"{self.crm}: an address outside the CRM's own host was refused")
        started = time.monotonic()
        try:
            reply = await deadline.bound(self.crm, self._send(request))
        except DeadlineExceeded as error:
            self._tell(request, None, "no answer in time", started)
            if request.is_write:
                raise AmbiguousWrite(f"{self.crm} did not answer a write in time") from error
            raise Timeout(f"{self.crm} did not answer in time") from error
        except (Unavailable, AmbiguousWrite) as error:
            self._tell(request, None, str(error), started)
            raise
        self._tell(request, reply.status, reply.body.decode("utf-8", "replace"), started)
        if reply.status in accept:
            return reply
        wrong = self._classify(reply, request.is_write)
        if wrong is not None:
            raise wrong
        return reply

    async def _send(self, request: Request) -> Reply:
        url = URL(request.address, encoded=True)
        if (session := self._sessions.get(url.scheme)) is None:
            raise Unavailable(f"{self.crm} is not open")
        ours = {"Accept": "application/json", "Accept-Encoding": "identity", **request.headers}
        try:
            async with session.request(
                request.method,
                url,
                headers=ours,
                data=request.data or None,
                allow_redirects=False,
            ) as response:
                body = await self._body(response)
                told = {name.lower(): value for name, value in response.headers.items()}
                return Reply(self.crm, response.status, told, body, request.address)
        except aiohttp.ClientConnectorError as error:
            # Nothing was sent.
            raise Unavailable(f"{self.crm} cannot be reached ({_why(error)})") from error
        except aiohttp.ConnectionTimeoutError as error:
            raise Unavailable(f"{self.crm} cannot be reached (no connection in time)") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            what = f"{self.crm} broke off the answer ({_why(error)})"
            raise (AmbiguousWrite(what) if request.is_write else Unavailable(what)) from error

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        most = self._limits.most_bytes
        encoding = response.headers.get("Content-Encoding", "")
        try:
            body = await whole(response.content.iter_chunked(PIECE), most)
            return unpacked(body, encoding, most_bytes=most)
        except (TooLong, NotUnpackable) as error:
            raise aiohttp.ClientPayloadError(str(error)) from error

    def _tell(self, request: Request, status: int | None, answer: str, started: float) -> None:
        if self._trace is None:
            return
        secrets = sorted(self._log_in.secrets(), key=len, reverse=True)
        self._trace(
            Exchange(
                request.method,
                masked(request.address, secrets),
                masked(request.data.decode("utf-8", "replace"), secrets),
                status,
                MASKED if request.answers_secrets and status == 200 else masked(answer, secrets),
                time.monotonic() - started,
            )
        )


def _with(request: Request, headers: Mapping[str, str]) -> Request:
    return replace(request, headers={**request.headers, **headers})


def body_of(json: Json = None, form: Query | None = None) -> tuple[bytes, dict[str, str]]:
    """The body, and the header that says what it is."""
    if json is not None:
        data = json_text.dumps(json, ensure_ascii=False).encode()
        return data, {"Content-Type": "application/json"}
    if form is not None:
        pairs = list(form.items()) if isinstance(form, Mapping) else list(form)
        return urlencode(pairs).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return b"", {}


def quote(value: str) -> str:
    """`value` as one segment of a path."""
    return percent_encoded(value, safe="")


def _origin(address: str) -> str:
    try:
        return str(URL(address).origin())
    except ValueError as error:
        raise Unavailable("the CRM's address cannot be read") from error


def _not_in_the_clear(crm: str, address: str) -> None:
    """Of an address written as a number; a name is looked at when it connects."""
    url = URL(address)
    if not may_be_clear(url.scheme, url.host or "", names=True):
        raise Misconfigured(f"{crm}: {url.host}: {REFUSED}")


def _why_not_trusted(error: Exception) -> str:
    """OpenSSL's own words are the same in every version; they hold no value."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    said = error.verify_message
    if "expired" in said:
        return "its certificate has expired: it is to be renewed there"
    if "not yet valid" in said:
        return "its certificate is not valid yet: look at this machine's clock"
    if "Hostname mismatch" in said or "IP address mismatch" in said:
        return "its certificate is another host's: look at its address in the settings"
    return f"its certificate is not trusted here ({said}): have this machine know who signed it"


def _why(error: Exception) -> str:
    """By type, with what an administrator can mend; never with values."""
    if isinstance(error, aiohttp.ClientPayloadError) and error.args:
        return str(error.args[0])[:80]
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        unknown = "its name is unknown: look at its address in the settings, and this machine's DNS"
        return REFUSED if isinstance(error.os_error, NotPrivate) else unknown
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _why_not_trusted(error.certificate_error)
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return "it does not speak TLS there: https or http?"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        said = os.strerror(number) if number else type(error.os_error).__name__
        is_refused = isinstance(error.os_error, ConnectionRefusedError)
        return f"{said}: nobody listens there" if is_refused else said
    return type(error).__name__
