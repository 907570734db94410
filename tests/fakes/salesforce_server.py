"""Salesforce's REST API: SOSL and SOQL read as far as the adapter speaks them; error lists, 403 for
limits, external ids, search that sees new records late."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import SalesforceSettings
from crm_adapter.adapters.salesforce import SalesforceCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Fault, Kept, digits

KEY = "Switchboard_Key__c"
_PHONES = ("Phone", "MobilePhone", "HomePhone", "OtherPhone")
_COMMON = {"Id", "OwnerId", "LastModifiedDate", "CreatedDate"}
_FIELDS = {
    "Contact": {"FirstName", "LastName", "Account.Name", *_PHONES, *_COMMON},
    "Lead": {"FirstName", "LastName", "Company", "Phone", "MobilePhone", "LeadSource", "Status"}
    | {"Description", "IsConverted", KEY, *_COMMON},
    "Task": {"Subject", "Status", "Priority", "TaskSubtype", "CallType", "CallDurationInSeconds"}
    | {"CallObject", "CallDisposition", "ActivityDate", "Description", "WhoId", KEY, *_COMMON}
    | {"IsReminderSet", "ReminderDateTime"},
}
_READ_ONLY = {"Id", "IsConverted", *_COMMON}
_REQUIRED = {"Lead": ("LastName", "Company"), "Task": (), "Contact": ("LastName",)}
_PREFIX = {"Contact": "003", "Lead": "00Q", "Task": "00T"}
Row = dict[str, Any]


class SalesforceServer(CrmServer):
    crm = "salesforce"
    pause_s = 60.0
    missing_id = "003000000000404AAA"
    rights: ClassVar = {"lead": "create Lead", "call": "create Task", "task": "create Task"}
    rights_path = "/describe"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in _FIELDS}
        self.opportunities: dict[str, list[Row]] = {}
        self.cases: dict[str, list[Row]] = {}
        self.unindexed: set[str] = set()
        self.missing_fields: set[str] = set()

    def routes(self) -> Iterable[web.RouteDef]:
        base = "/services/data/v62.0"
        return [
            web.post("/services/oauth2/token", self._token),
            web.get(f"{base}/search/", self._search),
            web.get(f"{base}/query/", self._query),
            web.get(f"{base}/sobjects/{{kind}}/describe", self._describe),
            web.get(f"{base}/sobjects/{{kind}}/{{id}}", self._read),
            web.patch(f"{base}/sobjects/{{kind}}/{{id}}", self._update),
            web.get(f"{base}/sobjects/{{kind}}/{KEY}/{{key}}", self._read_by_key),
            web.patch(f"{base}/sobjects/{{kind}}/{KEY}/{{key}}", self._upsert),
        ]

    def open_paths(self) -> tuple[str, ...]:
        return ("/services/oauth2/token",)

    def unauthorised(self) -> web.Response:
        return _wrong(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def too_many(self) -> Fault:
        told = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
        return Fault(status=403, body=json.dumps(told).encode())

    def adapter(self, **changed: Any) -> SalesforceCrm:
        given = {"url": self.url, "client_id": "3MVG9", "client_secret": SecretStr("sf-secret")}
        return SalesforceCrm(
            settings=SalesforceSettings(**(UNHURRIED | given | changed)), region="GB"
        )

    def stranger(self) -> SalesforceCrm:
        return self.adapter(client_secret=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return ("sf-secret", "token-1")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row = dict(zip(_PHONES, numbers, strict=False))
        return str(self._keep("Contact", row | {"FirstName": first_name, "LastName": last_name}))

    def add_history(self, contact_id: str) -> None:
        self.opportunities[contact_id] = [
            {"Id": "006A", "Name": "Saw", "Amount": 100.0, "CloseDate": "2026-01-05"},
            {"Id": "006B", "Name": "Drill", "Amount": 250.0, "CloseDate": "2026-02-05"},
        ]
        case = {"Id": "500A", "Subject": "Broken", "Type": "Mechanical", "IsClosed": False}
        self.cases[contact_id] = [case | {"CreatedDate": "2026-02-20T10:00:00.000+0000"}]

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith("/query/")

    def touch(self, contact_id: str) -> None:
        self.rows["Contact"][contact_id]["LastModifiedDate"] = "2026-03-03T10:00:00.000+0000"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["Contact"][contact_id]

    def leads(self) -> list[Kept]:
        return [self._kept(row, row["Phone"]) for row in self.rows["Lead"].values()]

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["Task"].values():
            if row.get("TaskSubtype") == "Call":
                one = self._kept(row)
                one.seconds, one.contact = row["CallDurationInSeconds"], row.get("WhoId")
                told = re.search(r"on (\S+ \S+) UTC", row["Description"])
                one.started = f"{told[1]}+00:00" if told else None
                kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        rows = self.rows["Task"].values()
        return [
            replace(self._kept(row), due=row.get("ActivityDate"))
            for row in rows
            if row.get("TaskSubtype") != "Call"
        ]

    def _kept(self, row: Row, number: str | None = None) -> Kept:
        texts = "\n".join(str(value) for value in row.values())
        return Kept(row["Id"], row.get(KEY), texts, number, status=row.get("Status"))

    def _keep(self, kind: str, told: Row) -> str:
        number = next(self._ids)
        row_id = f"{_PREFIX[kind]}{number:012x}AAA"
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}.000+0000"
        always = {"Id": row_id, "OwnerId": "005A", "CreatedDate": at, "LastModifiedDate": at}
        self.rows[kind][row_id] = always | told
        return row_id

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        if form.get("grant_type") != ["client_credentials"] or form.get("client_secret") != [
            "sf-secret"
        ]:
            told = {"error": "invalid_client", "error_description": "invalid client credentials"}
            return web.json_response(told, status=400)
        return web.json_response(
            {"access_token": self.new_token(), "instance_url": self.url, "token_type": "Bearer"}
        )

    async def _search(self, request: web.Request) -> web.Response:
        found = re.fullmatch(
            r"FIND \{([0-9A-Z ]+)\} IN PHONE FIELDS RETURNING Contact\((\S+) LIMIT (\d+)\),"
            r"Lead\((\S+) WHERE IsConverted = false AND Status != '([^']+)' LIMIT (\d+)\)",
            request.query["q"],
        )
        if found is None:
            return _wrong(400, "MALFORMED_SEARCH", "unexpected token")
        terms, answer = found[1].split(" OR "), []
        for kind, fields, most in (("Contact", found[2], found[3]), ("Lead", found[4], found[6])):
            wrong = self._unknown(kind, fields.split(","))
            if wrong:
                return wrong
            rows = [
                row
                for row in self.rows[kind].values()
                if row["Id"] not in self.unindexed
                and row.get("Status") != found[5]
                and any(digits(row.get(phone) or "x") in terms for phone in _PHONES)
            ]
            answer += [_shown(kind, row, fields.split(",")) for row in rows[: int(most)]]
        return web.json_response({"searchRecords": answer})

    async def _query(self, request: web.Request) -> web.Response:
        soql = request.query["q"]
        contact = re.search(r"ContactId = '(\w+)'", soql)
        most = int(re.search(r"LIMIT (\d+)", soql)[1])  # type: ignore[index]
        if " FROM Opportunity WHERE IsWon = true" in soql and contact:
            rows = sorted(self.opportunities.get(contact[1], []), key=lambda one: one["CloseDate"])
            return _page("Opportunity", rows[::-1][:most])
        if " FROM Case " in soql and contact:
            return _page("Case", self.cases.get(contact[1], [])[:most])
        found = re.fullmatch(
            r"SELECT (.+) FROM (Contact|Lead|Task)(?: WHERE LastModifiedDate >= (\S+)Z"
            r" ORDER BY LastModifiedDate, Id)? LIMIT (\d+)(?: OFFSET (\d+))?",
            soql,
        )
        if found is None:
            return _wrong(400, "MALFORMED_QUERY", "unexpected token")
        kind, fields = found[2], found[1].split(", ")
        wrong = self._unknown(kind, fields)
        if wrong:
            return wrong
        rows = [
            row for row in self.rows[kind].values() if row["LastModifiedDate"] >= (found[3] or "")
        ]
        rows.sort(key=lambda row: (row["LastModifiedDate"], row["Id"]))
        start = int(found[5] or 0)
        return _page(kind, [_shown(kind, row, fields) for row in rows[start : start + most]])

    def _unknown(self, kind: str, fields: Iterable[str]) -> web.Response | None:
        for field in fields:
            if field not in _FIELDS[kind] or field in self.missing_fields:
                return _wrong(400, "INVALID_FIELD", f"No such column '{field}' on entity '{kind}'")
        return None

    async def _describe(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        fields = [
            {"name": name, "createable": name not in _READ_ONLY, "updateable": True, "length": 80}
            for name in sorted(_FIELDS[kind] - self.missing_fields)
        ]
        may = {"createable": f"create {kind}" not in self.lacking, "updateable": True}
        return web.json_response({"name": kind, "fields": fields, "queryable": True} | may)

    async def _read(self, request: web.Request) -> web.Response:
        kind, row_id = request.match_info["kind"], request.match_info["id"]
        if not re.fullmatch(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?", row_id):
            return _wrong(400, "MALFORMED_ID", f"malformed id {row_id}")
        return self._told(request, kind, self.rows[kind].get(row_id))

    async def _read_by_key(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        return self._told(request, kind, self._by_key(kind, request.match_info["key"]))

    def _told(self, request: web.Request, kind: str, row: Row | None) -> web.Response:
        fields = request.query["fields"].split(",")
        wrong = self._unknown(kind, fields)
        if wrong:
            return wrong
        if row is None:
            return _wrong(404, "NOT_FOUND", "The requested resource does not exist")
        return web.json_response(_shown(kind, row, fields))

    def _by_key(self, kind: str, key: str) -> Row | None:
        rows = self.rows[kind].values()
        return next((row for row in rows if row.get(KEY) == key), None)

    async def _upsert(self, request: web.Request) -> web.Response:
        kind, key, told = (
            request.match_info["kind"],
            request.match_info["key"],
            await request.json(),
        )
        row = self._by_key(kind, key)
        if row is None and f"create {kind}" in self.lacking:
            said = "insufficient access rights on cross-reference id"
            return _wrong(403, "INSUFFICIENT_ACCESS_OR_READONLY", said)
        wrong = self._invalid(kind, told, is_new=row is None)
        if wrong:
            return wrong
        created = row is None
        if row is None:
            row = self.rows[kind][self._keep(kind, {KEY: key} | told)]
            self.unindexed.add(row["Id"])
        row.update(told)
        answer = {"id": row["Id"], "success": True, "errors": [], "created": created}
        return web.json_response(answer, status=201 if created else 200)

    async def _update(self, request: web.Request) -> web.Response:
        kind, told = request.match_info["kind"], await request.json()
        row = self.rows[kind].get(request.match_info["id"])
        if row is None:
            return _wrong(404, "NOT_FOUND", "The requested resource does not exist")
        wrong = self._invalid(kind, told, is_new=False)
        if wrong:
            return wrong
        since = request.headers.get("If-Unmodified-Since")
        modified = datetime.fromisoformat(row["LastModifiedDate"]).astimezone(UTC)
        if since is not None and parsedate_to_datetime(since) < modified:
            return web.Response(status=412)
        row.update(told)
        row["LastModifiedDate"] = f"{self.later()}.000+0000"
        return web.Response(status=204)

    def _invalid(self, kind: str, told: Row, *, is_new: bool) -> web.Response | None:
        for field in told:
            if field not in _FIELDS[kind] - _READ_ONLY - {KEY}:
                return _wrong(400, "INVALID_FIELD", f"No such column '{field}'", [field])
            if field == "TaskSubtype" and not is_new:
                return _wrong(400, "INVALID_FIELD_FOR_INSERT_UPDATE", "Unable to update", [field])
        missing = [field for field in _REQUIRED[kind] if is_new and not told.get(field)]
        if missing:
            return _wrong(400, "REQUIRED_FIELD_MISSING", "Required fields are missing", missing)
        who = told.get("WhoId")
        if who and who not in self.rows["Contact"] and who not in self.rows["Lead"]:
            return _wrong(400, "ENTITY_IS_DELETED", "entity is deleted", ["WhoId"])
        return None


def _shown(kind: str, row: Row, fields: Iterable[str]) -> Row:
    told = {field: row.get(field) for field in fields if "." not in field}
    return {"attributes": {"type": kind, "url": "/x"}, "Account": row.get("Account")} | told


def _page(kind: str, rows: list[Row]) -> web.Response:
    shown = [{"attributes": {"type": kind}} | row for row in rows]
    return web.json_response({"totalSize": len(rows), "done": True, "records": shown})


def _wrong(status: int, code: str, message: str, fields: list[str] | None = None) -> web.Response:
    told = {"message": message, "errorCode": code}
    return web.json_response([told | ({"fields": fields} if fields else {})], status=status)
