"""The hosted CRMs as worlds of the conformance kit: fakes of ours that speak the documented wire,
never real servers (`tests.crm_worlds.proven`)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from calls.caller import ContactRef
from crm_adapter.adapter import CrmAdapter
from tests.crm_worlds.hosted import HOSTED, WITH_TOKENS
from tests.crm_worlds.proven import PROVEN
from tests.crm_worlds.world import CallRow, LeadRow, TaskRow, WorldKind
from tests.fakes.crm_server import CrmServer, Kept

Row = dict[str, Any]


@dataclass(frozen=True)
class Doors:
    """How a person at the CRM's own screen changes what the fake holds."""

    contacts: str
    #: Of a contact's row.
    last_name: str
    modified: str
    company: Callable[[Row, str], None]
    purchase: Callable[[Any, str, str, datetime, Decimal], None]
    case: Callable[[Any, str, str, datetime, bool], None] | None = None
    order: Callable[[Any, str, str, datetime, bool], None] | None = None
    webhook: Callable[[str], tuple[Mapping[str, str], bytes]] | None = None
    row: Callable[[Row], Row] = lambda row: row
    closed_leads: tuple[str, ...] = ()


@dataclass
class HostedWorld:
    """Implements `tests.crm_worlds.world.HttpCrmWorld`."""

    server: CrmServer
    crm: CrmAdapter
    other: CrmAdapter
    doors: Doors

    @property
    def secrets(self) -> Sequence[str]:
        return tuple(self.server.secrets())

    @property
    def url(self) -> str:
        return self.server.url

    def through(self, url: str) -> CrmAdapter:
        direct, self.server.url = self.server.url, url
        try:
            return self.server.adapter()
        finally:
            self.server.url = direct

    def take_away(self, right: str) -> None:
        self.server.take_away(right)

    async def server_version(self) -> str:
        return f"a fake of {PROVEN[self.server.crm].version}"

    async def add_contact(
        self,
        *numbers: str,
        last_name: str = "Caller",
        first_name: str = "",
        company: str | None = None,
        customer_number: str | None = None,
        account_number: str | None = None,
    ) -> ContactRef:
        contact = self.server.add_contact(*numbers, first_name=first_name, last_name=last_name)
        if company is not None:
            self.doors.company(self._row(contact), company)
        return ContactRef(self.server.crm, contact)

    def _row(self, contact: str) -> Row:
        rows: Any = getattr(self.server, "rows")  # noqa: B009
        return self.doors.row(rows[self.doors.contacts][contact])

    async def add_purchase(
        self, contact: ContactRef, *, product: str, at: datetime, amount: Decimal
    ) -> None:
        self.doors.purchase(self.server, contact.id, product, at, amount)

    async def add_order(
        self, contact: ContactRef, *, number: str, at: datetime, is_open: bool = True
    ) -> None:
        assert self.doors.order is not None
        self.doors.order(self.server, contact.id, number, at, is_open)

    async def add_case(
        self, contact: ContactRef, *, subject: str, at: datetime, is_open: bool = True
    ) -> None:
        assert self.doors.case is not None
        self.doors.case(self.server, contact.id, subject, at, is_open)

    async def rename_contact(self, contact: ContactRef, last_name: str) -> None:
        row = self._row(contact.id)
        row[self.doors.last_name] = last_name
        if "name" in row:
            row["name"] = last_name
        # As the fake writes its times, an hour later than all it knows.
        row[self.doors.modified] = row[self.doors.modified].replace("09:", "10:", 1)

    async def delete_contact(self, contact: ContactRef) -> None:
        self.server.delete_contact(contact.id)

    async def contact_field(self, contact: ContactRef, field: str) -> str | None:
        fields: Mapping[str, str] = getattr(self._own, "fields")  # noqa: B009
        value: str | None = self._row(contact.id)[fields[field]]
        return value

    @property
    def _own(self) -> CrmAdapter:
        """The server's, where `crm` is more."""
        return self.crm

    def webhook(self, contact: ContactRef) -> tuple[Mapping[str, str], bytes]:
        assert self.doors.webhook is not None
        return self.doors.webhook(contact.id)

    async def leads(self) -> Sequence[LeadRow]:
        return [
            LeadRow(
                one.id,
                _key(one),
                one.number or "",
                one.texts,
                one.status not in self.doors.closed_leads,
            )
            for one in self.server.leads()
        ]

    async def calls(self) -> Sequence[CallRow]:
        return [_call_row(one) for one in self.server.calls()]

    async def tasks(self) -> Sequence[TaskRow]:
        return [
            TaskRow(
                one.id, _key(one), _told(r"Number: (\S+)", one), one.texts, True, _moment(one.due)
            )
            for one in self.server.tasks()
        ]


def _told(pattern: str, one: Kept) -> str | None:
    found = re.search(pattern, one.texts)
    return found[1] if found else None


def _key(one: Kept) -> str:
    return _told(r"Key: ([^\n']+)", one) or ""


def _moment(text: str | None) -> datetime | None:
    """However it is written; without a zone it is UTC."""
    if text is None:
        return None
    if text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _call_row(one: Kept) -> CallRow:
    assert one.started is not None
    started = datetime.fromisoformat(one.started)
    number = _told(r"From (\+\d+) to", one)
    seconds = one.seconds or 0
    is_live = "under way" in one.texts
    ended = None if is_live else started + timedelta(seconds=seconds)
    return CallRow(one.id, _key(one), number, one.texts, seconds, started, ended, one.contact)


def _put(name: str) -> Callable[[Row, str], None]:
    def put(row: Row, company: str) -> None:
        row[name] = company

    return put


def _espo_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    row = {"id": uuid.uuid4().hex, "name": name, "amount": float(amount), "stage": "Closed Won"}
    told = row | {"amountCurrency": "GBP", "closeDate": f"{at:%Y-%m-%d}"}
    server.related.setdefault((contact, "opportunities"), []).append(told)


def _espo_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    row = {"id": uuid.uuid4().hex, "name": subject, "status": "New" if is_open else "Closed"}
    row["createdAt"] = f"{at:%Y-%m-%d %H:%M:%S}"
    server.related.setdefault((contact, "cases"), []).append(row)


def _espo_webhook(contact: str) -> tuple[Mapping[str, str], bytes]:
    body = json.dumps([{"id": contact, "lastName": "Lee"}]).encode()
    signed = b"w1:" + hmac.new(b"hook", body, hashlib.sha256).hexdigest().encode()
    return {"signature": base64.b64encode(signed).decode()}, body


def _suite_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    told = {"name": name, "amount": str(amount), "date_closed": f"{at:%Y-%m-%d}"}
    row = {"id": uuid.uuid4().hex, "attributes": told | {"sales_stage": "Closed Won"}}
    server.related.setdefault((contact, "opportunities"), []).append(row)


def _suite_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    told = {"name": subject, "state": "Open" if is_open else "Closed"}
    row = {"id": uuid.uuid4().hex, "attributes": told | {"date_entered": at.isoformat()}}
    server.related.setdefault((contact, "cases"), []).append(row)


def _hub_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    told = {"dealname": name, "amount": str(amount), "closedate": at.isoformat()}
    row = server._keep("deals", told | {"hs_is_closed_won": "true", "deal_currency_code": "GBP"})
    server.linked.add(("deals", row["id"], contact))


def _hub_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    told = {"subject": subject, "closed_date": None if is_open else at.isoformat()}
    row = server._keep("tickets", told | {"createdate": at.isoformat()})
    server.linked.add(("tickets", row["id"], contact))


def _hub_webhook(contact: str) -> tuple[Mapping[str, str], bytes]:
    told = {"objectId": int(contact), "subscriptionType": "contact.propertyChange"}
    body, stamp = json.dumps([told]).encode(), str(round(time.time() * 1000))
    content = b"POSThttps://pbx/hook" + body + stamp.encode()
    signed = base64.b64encode(hmac.new(b"hub-secret", content, hashlib.sha256).digest())
    headers = {"x-hubspot-signature-v3": signed.decode(), "x-hubspot-request-timestamp": stamp}
    return headers, body


def _sf_company(row: Row, company: str) -> None:
    row["Account"] = {"attributes": {"type": "Account"}, "Name": company}


def _sf_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    row = {"Id": "006A", "Name": name, "Amount": float(amount), "CloseDate": f"{at:%Y-%m-%d}"}
    server.opportunities.setdefault(contact, []).append(row)


def _sf_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    row = {"Id": "500A", "Subject": subject, "IsClosed": not is_open}
    server.cases.setdefault(contact, []).append(row | {"CreatedDate": at.isoformat()})


def _zoho_company(row: Row, company: str) -> None:
    row["Account_Name.Account_Name"], row["Account_Name"] = company, {"name": company, "id": "1"}


def _zoho_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    row = {"id": "7", "Deal_Name": name, "Amount": float(amount), "Stage": "Closed Won"}
    told = row | {"Closing_Date": f"{at:%Y-%m-%d}", "Currency": "GBP"}
    server.related.setdefault((contact, "Deals"), []).append(told)


def _zoho_order(server: Any, contact: str, number: str, at: datetime, is_open: bool) -> None:
    row = {"id": number, "SO_Number": number, "Status": "Approved" if is_open else "Delivered"}
    told = row | {"Created_Time": at.isoformat()}
    server.related.setdefault((contact, "SalesOrders"), []).append(told)


def _zoho_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    row = {"id": "8", "Subject": subject, "Status": "New" if is_open else "Closed"}
    told = row | {"Created_Time": at.isoformat()}
    server.related.setdefault((contact, "Cases"), []).append(told)


def _zoho_webhook(contact: str) -> tuple[Mapping[str, str], bytes]:
    told = {"module": "Contacts", "ids": [contact], "operation": "update", "token": "z-hook"}
    return {}, json.dumps(told).encode()


def _dyn_company(row: Row, company: str) -> None:
    row["parentcustomerid_account"] = {"name": company}


def _dyn_sale(
    server: Any, contact: str, name: str, at: datetime, amount: Decimal, state: int = 3
) -> None:
    row = {"salesorderid": str(uuid.uuid4()), "name": name, "ordernumber": name}
    told = row | {"totalamount": float(amount), "statecode": state, "createdon": at.isoformat()}
    rows = server.sold.setdefault(contact, [])
    rows.append(told)
    rows.sort(key=lambda one: one["createdon"], reverse=True)


def _dyn_order(server: Any, contact: str, number: str, at: datetime, is_open: bool) -> None:
    _dyn_sale(server, contact, number, at, Decimal(1), 0 if is_open else 3)


def _dyn_case(server: Any, contact: str, subject: str, at: datetime, is_open: bool) -> None:
    row = {"incidentid": str(uuid.uuid4()), "title": subject, "statecode": 0 if is_open else 1}
    rows = server.incidents.setdefault(contact, [])
    rows.append(row | {"createdon": at.isoformat()})
    rows.sort(key=lambda one: one["createdon"], reverse=True)


def _pipe_company(row: Row, company: str) -> None:
    row["org_id"], row["company"] = 1, company


def _pipe_purchase(server: Any, contact: str, name: str, at: datetime, amount: Decimal) -> None:
    row = {"id": 1, "title": name, "value": float(amount), "currency": "GBP", "status": "won"}
    server.deals.setdefault(contact, []).append(row | {"won_time": at.isoformat()})


def _pipe_webhook(contact: str) -> tuple[Mapping[str, str], bytes]:
    pair = base64.b64encode(b"switchboard:pipe-hook").decode()
    told = {"meta": {"action": "change", "entity": "person", "entity_id": contact}}
    return {"authorization": f"Basic {pair}"}, json.dumps(told).encode()


DOORS: dict[str, Doors] = {
    "dynamics": Doors(
        "contacts", "lastname", "modifiedon", _dyn_company, _dyn_sale, _dyn_case, _dyn_order
    ),
    "espocrm": Doors(
        "Contact",
        "lastName",
        "modifiedAt",
        _put("accountName"),
        _espo_purchase,
        _espo_case,
        webhook=_espo_webhook,
    ),
    "hubspot": Doors(
        "contacts",
        "lastname",
        "lastmodifieddate",
        _put("company"),
        _hub_purchase,
        _hub_case,
        webhook=_hub_webhook,
        row=lambda row: row["properties"],
    ),
    "pipedrive": Doors(
        "persons", "last_name", "update_time", _pipe_company, _pipe_purchase, webhook=_pipe_webhook
    ),
    "salesforce": Doors(
        "Contact", "LastName", "LastModifiedDate", _sf_company, _sf_purchase, _sf_case
    ),
    "suitecrm": Doors(
        "Contacts",
        "last_name",
        "date_modified",
        _put("account_name"),
        _suite_purchase,
        _suite_case,
    ),
    "zoho": Doors(
        "Contacts",
        "Last_Name",
        "Modified_Time",
        _zoho_company,
        _zoho_purchase,
        _zoho_case,
        _zoho_order,
        _zoho_webhook,
    ),
}

_TYPED = "test_the_caller_is_found_however_somebody_typed_the_number"
_RACE = "test_one_of_two_changes_at_once_from_one_version_is_refused"
_SECONDS = dict.fromkeys(
    (
        "test_a_later_record_of_the_call_replaces_the_earlier",
        "test_an_earlier_record_that_comes_late_undoes_nothing",
        "test_63_seconds_stay_63_seconds",
        "test_times_are_the_same_instants_across_the_change_of_clocks",
    ),
    "calls there are as long as whole minutes; the description tells the seconds",
)
_TWINS = "an open lead with the same number is the lead: EspoCRM refuses twins, and so do we"
_TEXT = "compares numbers as text, and this spelling is none of the usual ones"
_FAULTS = (
    *("latency", "silence", "reset_after_sent", "reset_after_commit", "too_many", "error"),
    *("error_after_commit", "html", "html_after_commit", "truncated", "huge", "expired"),
)
_NOT_UNIQUE = "nothing is unique there: two processes at one instant can write twice"
_NO_CONDITION = "knows no condition on a change: of two at once the later wins"
_NO_SIGNATURE = "its webhooks bear a shared secret and sign nothing"
GAPS: dict[str, dict[str, str]] = {
    "dynamics": {
        f"{_TYPED}[(020) 7946-0018]": _TEXT,
        f"{_TYPED}[+44 (0)20 7946 0018]": _TEXT,
        **_SECONDS,
    },
    "espocrm": {
        "test_two_keys_make_two_leads": _TWINS,
        "test_keys_that_begin_alike_are_two": _TWINS,
        "test_what_the_network_calls_a_caller_may_be_anything": _TWINS,
        # Several leads of one number, one after the other.
        **{
            f"test_a_write_repeated_until_it_succeeds_leaves_one_record[{fault}-lead]": _TWINS
            for fault in _FAULTS
        },
    },
    "hubspot": {_RACE: _NO_CONDITION},
    "pipedrive": {
        f"{_TYPED}[(020) 7946-0018]": _TEXT,
        _RACE: _NO_CONDITION,
        "test_a_field_is_changed_only_from_the_version_that_was_seen": (
            "its search tells no version; its list of changes does"
        ),
        "test_an_open_lead_is_found_by_its_number": "the lead's person is found, as a contact",
        "test_a_webhook_is_believed_only_as_it_was_signed": _NO_SIGNATURE,
        "test_one_key_at_once_from_two_processes_makes_one_lead": _NOT_UNIQUE,
        "test_one_key_at_once_from_two_processes_makes_one_task": _NOT_UNIQUE,
        "test_one_call_at_once_from_two_processes_makes_one_record": _NOT_UNIQUE,
    },
    "salesforce": {
        f"{_TYPED}[+44 (0)20 7946 0018]": _TEXT,
        "test_63_seconds_stay_63_seconds": "a Task has a date and no time of day",
    },
    "suitecrm": {**_SECONDS, _RACE: _NO_CONDITION},
    "zoho": {"test_a_webhook_is_believed_only_as_it_was_signed": _NO_SIGNATURE},
}


def opener(name: str) -> Callable[..., AbstractAsyncContextManager[Any]]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[HostedWorld]:
        async with HOSTED[name]() as server:
            crm, other = server.adapter(), server.adapter()
            await crm.open()
            await other.open()
            # Both have logged in, and what they do at once really is.
            await crm.check()
            await other.check()
            try:
                yield HostedWorld(server, crm, other, DOORS[name])
            finally:
                await crm.close()
                await other.close()

    return opened


WORLDS = tuple(
    WorldKind(
        name=name,
        opened=opener(name),
        needs=(),
        proven_by=PROVEN[name].how,
        is_http=True,
        renews_log_in=name in WITH_TOKENS,
        gaps=GAPS.get(name, {}),
        rights=HOSTED[name].rights,
    )
    for name in sorted(HOSTED)
)
