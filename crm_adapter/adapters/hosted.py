"""What CRMs that are somebody else's web application have in common."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import SecretStr

from calls.caller import Candidate, ContactRef, Purchase
from calls.deadlines import Deadline
from calls.errors import Misconfigured
from calls.records import NewLead
from crm_adapter.adapter import (
    AmbiguousWrite,
    Capabilities,
    CrmError,
    Forbidden,
    HitKind,
    Invalid,
    KeyField,
    NotFound,
    PhoneHit,
    Unsupported,
)
from crm_adapter.http import replies
from crm_adapter.http.client import CrmHttp
from crm_adapter.http.replies import Reply
from crm_adapter.http.traces import Trace

log = logging.getLogger(__name__)

#: Of what a contact bought, ordered or complained about.
MOST_HISTORY = 20
#: Of a page of changes, where whole records are large; and the most that its answer may weigh.
BULK_PAGE, BULK_BYTES = 100, 2 * 1024 * 1024
#: In front of a lead's id, which may be the same as a contact's.
LEAD = "lead:"
#: A question on the way to a write.
QUESTION_S = 5.0

#: All that hosted CRMs have for ids; anything else is nobody's, and stays out of addresses.
_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
#: How long what we made may be missing in a search, and how many we remember.
_UNSEEN = timedelta(minutes=1)
_MOST_UNSEEN = 500
_ORDER = (HitKind.CONTACT, HitKind.ACCOUNT, HitKind.LEAD)


def utc_now() -> datetime:
    return datetime.now(UTC)


def needed(value: str | None, key: str) -> str:
    """A setting that the CRM cannot do without."""
    if not value:
        raise Misconfigured(f"set {key}: without it the CRM cannot be asked")
    return value


def secret(value: SecretStr, file: Path | None, key: str) -> str:
    """From the file where one is named. Raises Misconfigured where it cannot be read."""
    if file is None:
        return value.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{key}_file cannot be read") from error


class JustMade:
    """The leads that we made in the last minute, by their number: where a CRM's search finds new
    records only seconds later, we know them all the same."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._made: dict[str, tuple[str, datetime]] = {}

    def add(self, number: str, record_id: str) -> None:
        if len(self._made) >= _MOST_UNSEEN:
            self._made.pop(next(iter(self._made)))
        self._made[number] = (record_id, self._now())

    def of(self, number: str) -> str | None:
        record_id, made_at = self._made.get(number, ("", self._now() - _UNSEEN))
        return record_id if made_at > self._now() - _UNSEEN else None


class HostedCrm:
    """The parts of `crm_adapter.adapter.CrmAdapter` that are alike for all of them."""

    name: ClassVar[str]
    capabilities: Capabilities
    #: Our name of a field that may be changed: the CRM's own.
    fields: ClassVar[Mapping[str, str]] = {}

    def __init__(self, *, http: CrmHttp, now: Callable[[], datetime] = utc_now) -> None:
        self._http = http
        self._now = now

    def set_trace(self, trace: Trace | None) -> None:
        self._http.set_trace(trace)

    async def open(self) -> None:
        await self._http.open()

    async def close(self) -> None:
        await self._http.close()

    async def find_by_key(
        self, field: KeyField, digits: str, *, limit: int, deadline: Deadline
    ) -> Sequence[Candidate]:
        raise Unsupported(f"{self.name} keeps no {field.value.replace('_', ' ')} that we know of")

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        raise Unsupported(f"{self.name} sends no webhooks that can be trusted: changes are polled")

    def _ref(self, record_id: str, kind: HitKind = HitKind.CONTACT) -> ContactRef:
        return ContactRef(self.name, f"{LEAD}{record_id}" if kind is HitKind.LEAD else record_id)

    def _kind_and_id(self, ref: ContactRef) -> tuple[HitKind, str]:
        """Raises NotFound for another CRM's record."""
        if ref.crm != self.name or not _ID.fullmatch(ref.id.removeprefix(LEAD)):
            raise NotFound(f"there is no contact {ref}")
        is_lead = ref.id.startswith(LEAD)
        return (HitKind.LEAD if is_lead else HitKind.CONTACT), ref.id.removeprefix(LEAD)

    def _renamed(self, changes: Mapping[str, str]) -> dict[str, str]:
        """`changes` in the CRM's own words. Raises Invalid for a field that is not ours to
        change."""
        for field in changes:
            if field not in self.fields:
                raise Invalid(f"{field} cannot be changed in {self.name}", field=field)
        return {self.fields[field]: value for field, value in changes.items()}

    async def _spared(self, what: str, answer: Awaitable[Sequence[T]]) -> tuple[T, ...]:
        """Nothing where that part of the history cannot be had: the caller is known all the
        same."""
        try:
            return tuple(await answer)
        except CrmError as error:
            log.debug("%s: no %s (%s)", self.name, what, type(error).__name__)
            return ()


def cleaned(text: str, longest: int = 30_000) -> str:
    """Without what no CRM can store, and cut."""
    return _CONTROLS.sub("", text)[:longest]


def lead_name(lead: NewLead) -> str:
    """A family name of bearable length; the number where the network tells no name."""
    return cleaned(lead.network_name or "", 80).strip() or lead.number


def bought(purchases: Iterable[Purchase]) -> frozenset[str]:
    return frozenset(one.product for one in purchases)


def by_status(reply: Reply, is_write: bool) -> CrmError | None:
    """As `crm_adapter.http.replies.by_status`; a page that a proxy or a log-in answers to a write
    is no word of the CRM's, whatever its status."""
    if is_write and reply.is_ok and reply.body.lstrip()[:1] == b"<":
        return AmbiguousWrite(f"{reply.crm} answered a write with a page")
    return replies.by_status(reply, is_write)


def ends_in(hit: PhoneHit, national: str) -> bool:
    """Whether one of its numbers ends in these digits, whatever stands between them."""
    return any("".join(filter(str.isdigit, one)).endswith(national) for one in hit.numbers)


def ordered(hits: Iterable[PhoneHit], limit: int) -> list[PhoneHit]:
    """Each record once, contacts before leads, at most `limit`."""
    by_ref = {hit.candidate.ref: hit for hit in hits if hit.candidate.ref.id.removeprefix(LEAD)}
    kept = sorted(by_ref.values(), key=lambda hit: (_ORDER.index(hit.kind), hit.candidate.ref.id))
    return kept[:limit]


def newest_first(purchases: Iterable[Purchase], limit: int) -> tuple[Purchase, ...]:
    return tuple(sorted(purchases, key=lambda one: one.at, reverse=True)[:limit])


async def all_of(*questions: Awaitable[T]) -> list[T]:
    """All answers in the order of the questions; the first failure ends the others."""
    tasks = [asyncio.ensure_future(question) for question in questions]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def both(first: Awaitable[A], second: Awaitable[B]) -> tuple[A, B]:
    """As `all_of`, of two kinds."""
    left, right = await all_of(_any(first), _any(second))
    return left, right


async def _any(question: Awaitable[Any]) -> Any:
    return await question


def webhook_json(body: bytes) -> Any:
    """Raises Invalid."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid("the webhook holds no JSON") from error


def hmac_sha256(secret_text: str, content: bytes) -> bytes:
    return hmac.new(secret_text.encode(), content, hashlib.sha256).digest()


def expect_same(given: str, wanted: str, crm: str) -> None:
    """Raises Forbidden, without telling how far they agree."""
    if not wanted or not hmac.compare_digest(given.encode(errors="surrogatepass"), wanted.encode()):
        raise Forbidden(f"the webhook does not come from {crm}: its signature is wrong")
