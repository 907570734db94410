"""SuiteCRM over its V8 JSON:API (7.10 and later, and 8): docs.suitecrm.com, "JSON API"; where that
is silent, `Api/V8` of SuiteCRM 7.14.

Whatever is wrong is said with 400: the sentence tells what. Numbers are kept as typed and compared
as text, so they are asked for by a pattern that allows for anything between the last digits; the
database scans for that. Calls are as long as whole minutes; their descriptions tell the seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from calls.caller import Case, ContactRef, Purchase
from calls.deadlines import Deadline
from config.crm_settings import SuiteCrmSettings
from crm_adapter import rights
from crm_adapter.adapter import Capabilities, ChangePage, Forbidden, HitKind
from crm_adapter.adapters import (
    hosted,
    people,
    set_up,
    suitecrm_records,
    suitecrm_rights,
)
from crm_adapter.adapters.hosted import BULK_BYTES, BULK_PAGE, MOST_HISTORY, QUESTION_S
from crm_adapter.adapters.hosted_people import HostedPeople
from crm_adapter.adapters.people import Person
from crm_adapter.adapters.polling import Since
from crm_adapter.adapters.suitecrm_wire import MODULE_OF, SuiteWire, classify
from crm_adapter.adapters.suitecrm_writes import SuiteWrites
from crm_adapter.http.client import quote
from crm_adapter.http.log_ins import oauth2
from crm_adapter.http.traces import Trace
from crm_adapter.spellings import last_digits

#: The pattern also fits longer numbers with these digits in them.
_MORE = 4


class SuiteCrm(HostedPeople):
    """Implements `crm_adapter.adapter.CrmAdapter`."""

    name = SuiteWrites.crm
    capabilities = Capabilities(
        purchases=True,
        cases=True,
        finds_leads=True,
        task_due="time",
        updates=frozenset(("first_name", "last_name")),
        changes=True,
        unique_keys=True,
    )
    fields: ClassVar = {"first_name": "first_name", "last_name": "last_name"}
    compared = 9

    def __init__(
        self,
        *,
        settings: SuiteCrmSettings,
        region: str,
        trace: Trace | None = None,
        now: Callable[[], datetime] = hosted.utc_now,
    ) -> None:
        url = set_up.needed_url(settings.url, "suitecrm.url")
        form = {"grant_type": "client_credentials"} | set_up.client_form(settings, self.name)
        self._url = url.removesuffix("/legacy")
        http = set_up.http_of(
            self.name,
            settings,
            base_url=f"{url}/Api/V8",
            log_in=oauth2(token_address=f"{url}/Api/access_token", form=form),
            classify=classify,
            trace=trace,
            most_bytes=BULK_BYTES,
        )
        self._wire = SuiteWire(http)
        super().__init__(http=http, writer=SuiteWrites(self._wire), now=now)

    async def check(self) -> None:
        deadline = Deadline.after(QUESTION_S)
        for module in ("Contacts", "Leads", "Calls", "Tasks"):
            try:
                await self._wire.rows(module, "date_modified", {}, limit=1, deadline=deadline)
            except Forbidden as error:
                raise Forbidden(
                    f"suitecrm: give the OAuth2 client's user a role that may view {module}"
                ) from error
        self.warnings = await rights.warnings_of(
            self.name,
            suitecrm_rights.asked(self._wire, deadline),
            suitecrm_rights.ADVICE,
        )

    async def _having(
        self, kind: HitKind, key: str, limit: int, deadline: Deadline
    ) -> Sequence[Person]:
        # `or` holds for all of the filter: leads cannot be asked for the open ones as well.
        # SuiteCRM keeps what was typed, a blank behind the number included.
        pattern = f"%{'%'.join(last_digits(key, self.compared) or key)}%"
        wanted = {f"filter[{phone}][like]": pattern for phone in suitecrm_records.PHONES}
        wanted["filter[operator]"] = "or"
        found = await self._wire.rows(
            MODULE_OF[kind],
            suitecrm_records.PERSON_FIELDS,
            wanted,
            limit=limit * _MORE,
            deadline=deadline,
        )
        return [
            suitecrm_records.person(one, kind)
            for one in found
            if kind is HitKind.CONTACT or suitecrm_records.is_open_lead(one)
        ]

    async def _person(self, kind: HitKind, record_id: str, deadline: Deadline) -> Person:
        found = await self._wire.record(MODULE_OF[kind], record_id, deadline)
        return suitecrm_records.person(found, kind)

    async def _purchases(
        self, contact: str, limit: int, deadline: Deadline
    ) -> tuple[Purchase, ...]:
        found = await self._wire.related(contact, "opportunities", deadline)
        return people.newest_first(map(suitecrm_records.purchase, found), limit)

    async def _cases(self, contact: str, deadline: Deadline) -> Sequence[Case]:
        found = await self._wire.related(contact, "cases", deadline)
        return people.newest_cases(map(suitecrm_records.case, found), MOST_HISTORY)

    def _link(self, kind: HitKind, record_id: str) -> str:
        where = f"module={MODULE_OF[kind]}&action=DetailView&record={quote(record_id)}"
        return f"{self._url}/index.php?{where}"

    async def update_fields(
        self, ref: ContactRef, changes: Mapping[str, str], *, expect_version: str | None, idem: str
    ) -> None:
        kind, record_id = self._kind_and_id(ref)
        attributes = self._renamed(changes)
        await self._expect(kind, record_id, expect_version)
        await self._wire.change(MODULE_OF[kind], record_id, attributes)

    async def changes(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, limit = Since.parse(cursor), min(limit, BULK_PAGE)
        found = await self._wire.rows(
            "Contacts",
            suitecrm_records.PERSON_FIELDS,
            {"filter[date_modified][gte]": suitecrm_records.time(since.at)},
            limit=limit,
            deadline=deadline,
            page=since.offset // limit + 1,
        )
        told = [suitecrm_records.person(one, HitKind.CONTACT) for one in found]
        return self._page(told, *since.after([one.changed_at for one in told], limit=limit))
