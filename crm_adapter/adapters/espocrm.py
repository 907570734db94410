"""EspoCRM over its REST API (8 and later): docs.espocrm.com, "REST API" and "Webhooks".

Numbers are stored in E.164 where the administrator lets EspoCRM format them, else as typed; so all
spellings are asked for. `Call.duration` is never read or trusted: 8.4 on PostgreSQL gave 3 for
63 s; the dates are right.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from calls.caller import Case, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import EspoCrmSettings
from crm_adapter import rights
from crm_adapter.adapter import (
    Capabilities,
    ChangePage,
    Forbidden,
    HitKind,
    Invalid,
)
from crm_adapter.adapters import (
    espocrm_records,
    espocrm_rights,
    hosted,
    people,
    readings,
    set_up,
    webhook_proofs,
)
from crm_adapter.adapters.espocrm_wire import MOST, EspoWire, classify, entity_of, where
from crm_adapter.adapters.espocrm_writes import EspoWrites
from crm_adapter.adapters.hosted import BULK_BYTES, MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Since
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import api_key
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits, spellings

#: Digits of the end that is asked for.
_END = 4
_OPEN_LEADS = ("New", "Assigned", "In Process")


class EspoCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = EspoWrites.crm
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        task_due="time",
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        webhooks=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "firstName", "last_name": "lastName"}
    compared = 15

    def __init__(
        self,
        *,
        settings: EspoCrmSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        self._url = set_up.needed_url(settings.url, "espocrm.url")
        key = set_up.needed_secret(settings.key, settings.key_file, "espocrm.key")
        self._key = settings.key_field
        self._secret = set_up.secret(
            settings.webhook_secret, settings.webhook_secret_file, "espocrm.webhook_secret"
        )
        http = set_up.http_of(
            self.name,
            settings,
            base_url=f"{self._url}/api/v1",
            log_in=api_key("X-Api-Key", key),
            classify=classify,
            trace=trace,
            most_bytes=BULK_BYTES,
        )
        self._wire = EspoWire(http)
        writes = EspoWrites(wire=self._wire, key=self._key, region=region, look=self._look)
        super().__init__(http=http, writer=writes, now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for entity in ("Contact", "Lead", "Call", "Task"):
            fields = "id" if entity == "Contact" else f"id,{self._key}"
            try:
                await self._wire.rows(entity, fields, [], limit=1, deadline=deadline)
            except Forbidden as error:
                raise Forbidden(
                    f"espocrm: give the API user's role the right to read {entity}"
                ) from error
            except Invalid as error:
                raise Invalid(f"espocrm: {entity} has no field {self._key}") from error
        self.warnings = await rights.warnings_of(
            self.name,
            espocrm_rights.asked(self._wire, deadline),
            espocrm_rights.ADVICE,
        )

    async def _having(
        self, kind: HitKind, key: str, limit: int, deadline: Deadline
    ) -> Sequence[Person]:
        # Few numbers share the last four digits, and every spelling keeps them together.
        ways = [("equals", one) for one in spellings(key)]
        ways.append(("endsWith", last_digits(key, _END) or key))
        wanted = [("where[0][type]", "or")]
        for number, (how, value) in enumerate(ways):
            name = f"where[0][value][{number}]"
            wanted += [(f"{name}[type]", how), (f"{name}[attribute]", "phoneNumber")]
            wanted.append((f"{name}[value]", value))
        if kind is HitKind.LEAD:
            wanted += [("where[1][type]", "in"), ("where[1][attribute]", "status")]
            wanted += [("where[1][value][]", status) for status in _OPEN_LEADS]
        fields, entity = espocrm_records.PERSON_FIELDS, entity_of(kind)
        found = await self._wire.rows(entity, fields, wanted, limit=MOST, deadline=deadline)
        return [espocrm_records.person(one, kind) for one in found]

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        found = await self._wire.record(entity_of(kind), record_id, deadline)
        return espocrm_records.person(found, kind)

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        """Won opportunities: EspoCRM without its Sales Pack knows no orders."""
        found = await self._wire.rows(
            f"Contact/{quote(contact)}/opportunities",
            espocrm_records.PURCHASE_FIELDS,
            where(0, "equals", "stage", "Closed Won"),
            limit=limit,
            deadline=deadline,
            order=("closeDate", "desc"),
        )
        return people.newest_first(map(espocrm_records.purchase, found), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        found = await self._wire.rows(
            f"Contact/{quote(contact)}/cases",
            espocrm_records.CASE_FIELDS,
            (),
            limit=MOST_HISTORY,
            deadline=deadline,
            order=("createdAt", "desc"),
        )
        return people.newest_cases(map(espocrm_records.case, found), MOST_HISTORY)

    def _link(self, kind: HitKind, record_id: str) -> str:
        return f"{self._url}/#{entity_of(kind)}/view/{quote(record_id)}"

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        body = self._renamed(changes)
        seen = await self._expect(kind, record_id, expect_version)
        # EspoCRM itself answers 409 where its optimistic concurrency control is on.
        headers = {"X-Version-Number": seen.version} if seen and seen.version else {}
        path = f"/{entity_of(kind)}/{quote(record_id)}"
        await self._http.write("PUT", path, json=body, headers=headers)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor), min(limit, MOST)
        # `after` is "later than", in whole seconds.
        at = espocrm_records.time(since.at - timedelta(seconds=1))
        found = await self._wire.rows(
            "Contact",
            espocrm_records.PERSON_FIELDS,
            where(0, "after", "modifiedAt", at),
            limit=limit,
            deadline=deadline,
            order=("modifiedAt", "asc"),
            offset=since.offset,
        )
        told = [espocrm_records.person(one, HitKind.CONTACT) for one in found]
        return self._page(told, *since.after([one.changed_at for one in told], limit=limit))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[ContactRef]:
        """`Signature` is base64 of the webhook's id, a colon and the hex HMAC of the body (before
        version 9, in `X-Signature`, the HMAC's bytes)."""
        given = headers.get("signature") or headers.get("x-signature", "")
        try:
            signature = base64.b64decode(given, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError) as error:
            raise Forbidden("the webhook's signature cannot be read") from error
        wanted = webhook_proofs.hmac_sha256(self._secret, body) if self._secret else b""
        told = signature if "signature" in headers else signature.hex().encode()
        webhook_proofs.expect_same(told.decode("latin-1"), wanted.hex(), "EspoCRM")
        found = readings.listed(webhook_proofs.webhook_json(body))
        ids = [readings.text(one.get("id")) for one in found]
        return [self._ref(one) for one in ids if one]
