"""Pipedrive's API v1 and v2: searches in text as it was typed, call logs that cannot be changed,
null for an empty list."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import PipedriveSettings
from crm_adapter.adapters.pipedrive import PipedriveCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Fault, Kept

TOKEN = "pipe-token"
KEY = "a" * 40
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_MAY_BE = {
    "persons": {"name", "phones", "owner_id", "org_id"},
    "leads": {"title", "person_id", "is_archived", "was_seen", KEY},
    "notes": {"content", "lead_id"},
    "callLogs": {"subject", "duration", "outcome", "from_phone_number", "to_phone_number"}
    | {"start_time", "end_time", "person_id", "note"},
    "activities": {"subject", "type", "done", "due_date", "due_time", "note", "participants"},
}
_REQUIRED = {
    "persons": ("name",),
    "leads": ("title",),
    "notes": ("content",),
    "callLogs": ("outcome", "to_phone_number", "start_time", "end_time"),
    "activities": ("subject",),
}
Row = dict[str, Any]


class PipedriveServer(CrmServer):
    crm = "pipedrive"
    change_wait_s = 0.03
    key_header = ("x-api-token", TOKEN)
    missing_id = "999404"
    rights: ClassVar = {"lead": "can_add_leads"}
    rights_path = "/permissions"
    unique_keys = False
    keeps_call_ids = False

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in _MAY_BE}
        self.deals: dict[str, list[Row]] = {}
        self.has_field = True

    def routes(self) -> Iterable[web.RouteDef]:
        kinds = "{kind:persons|leads|notes|callLogs|activities}"
        return [
            web.get("/api/v1/dealFields", self._fields),
            web.get("/api/v1/users/me", self._me),
            web.get("/api/v1/users/12/permissions", self._permissions),
            web.get("/api/v2/persons/search", self._search),
            web.get("/api/v2/leads/search", self._search_leads),
            web.get("/api/v2/deals", self._deals),
            web.get("/api/v2/organizations/{id}", self._organisation),
            web.get(f"/api/{{v}}/{kinds}", self._list),
            web.post(f"/api/{{v}}/{kinds}", self._create),
            web.get(f"/api/{{v}}/{kinds}/{{id}}", self._read),
            web.patch(f"/api/{{v}}/{kinds}/{{id}}", self._update),
            web.delete("/api/v1/{kind:callLogs}/{id}", self._delete),
        ]

    def unauthorised(self) -> web.Response:
        return _wrong(401, "unauthorized access")

    def too_many(self) -> Fault:
        return Fault(status=429, headers={"x-ratelimit-reset": "7"}, body=b'{"success":false}')

    def adapter(self, **changed: Any) -> PipedriveCrm:
        given = {"url": self.url, "token": SecretStr(TOKEN), "key_field": KEY}
        given |= {"webhook_password": SecretStr("pipe-hook")}
        return PipedriveCrm(
            settings=PipedriveSettings(**(UNHURRIED | given | changed)), region="GB"
        )

    def stranger(self) -> PipedriveCrm:
        return self.adapter(token=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return (TOKEN, "pipe-hook")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        phones = [{"value": number, "primary": False, "label": "work"} for number in numbers]
        row = self._keep("persons", {"name": f"{first_name} {last_name}".strip()})
        row |= {"phones": phones, "first_name": first_name, "last_name": last_name}
        return str(row["id"])

    def add_history(self, contact_id: str) -> None:
        self.deals[contact_id] = [
            {"id": 1, "title": "Saw", "value": 100, "currency": "GBP", "status": "won"}
            | {"won_time": "2026-01-05T10:00:00Z"},
            {"id": 2, "title": "Drill", "value": 250, "currency": "GBP", "status": "won"}
            | {"won_time": "2026-02-05T10:00:00Z"},
            {"id": 3, "title": "Lathe", "value": 900, "currency": "GBP", "status": "open"}
            | {"won_time": None},
        ]

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith("/deals")

    def touch(self, contact_id: str) -> None:
        self.rows["persons"][contact_id]["update_time"] = "2026-03-03T10:00:00Z"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["persons"][contact_id]

    def leads(self) -> list[Kept]:
        kept = []
        for row in self.rows["leads"].values():
            notes = [one for one in self.rows["notes"].values() if one["lead_id"] == row["id"]]
            assert len(notes) <= 1
            [phone] = self.rows["persons"][str(row["person_id"])]["phones"]
            one = self._kept(row | {"notes": "".join(note["content"] for note in notes)})
            one.number, one.key = phone["value"], row.get(KEY)
            one.status = f"{row.get('is_archived')}/{row.get('was_seen')}"
            kept.append(one)
        return kept

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["callLogs"].values():
            one = self._kept(row)
            one.started = row["start_time"].replace(" ", "T") + "+00:00"
            one.seconds = int(row["duration"])
            one.contact = str(row["person_id"]) if "person_id" in row else None
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row), due=f"{row['due_date']} {row.get('due_time', '')}".strip())
            for row in self.rows["activities"].values()
        ]

    def _kept(self, row: Row) -> Kept:
        texts = "\n".join(str(value) for value in row.values()).replace("<br>", "\n")
        texts = html.unescape(texts)
        return Kept(str(row["id"]), None, texts, status=str(row.get("done")))

    def _keep(self, kind: str, told: Row) -> Row:
        number = next(self._ids)
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}Z"
        row_id = f"adf21080-0e10-11eb-879b-{number:012x}" if kind == "leads" else number
        row: Row = {"id": row_id, "update_time": at, "phones": []} | told
        self.rows[kind][str(row_id)] = row
        return row

    async def _fields(self, _request: web.Request) -> web.Response:
        return _good([{"key": KEY, "name": "Key"}] if self.has_field else [{"key": "title"}])

    async def _me(self, _request: web.Request) -> web.Response:
        return _good({"id": 12, "name": "Switchboard", "email": "switchboard@example.com"})

    async def _permissions(self, _request: web.Request) -> web.Response:
        names = ("can_add_leads", "can_add_people", "can_use_api", "can_delete_activities")
        return _good({name: name not in self.lacking for name in names})

    async def _search(self, request: web.Request) -> web.Response:
        term, exact = request.query["term"], request.query["exact_match"] == "true"
        if len(term) < 2 or (exact and len(term) > 30) or request.query["fields"] != "phone":
            return _wrong(400, "term is invalid")
        found = [
            {"result_score": 0.5, "item": _item(row)}
            for row in self.rows["persons"].values()
            if any(term in phone["value"] for phone in row["phones"])
        ]
        return _good({"items": found[: int(request.query["limit"])]})

    async def _search_leads(self, request: web.Request) -> web.Response:
        if request.query["fields"] != "custom_fields":
            return _wrong(400, "fields is invalid")
        rows = self.rows["leads"].values()
        found = [row for row in rows if row.get(KEY) == request.query["term"]]
        return _good({"items": [{"item": {"id": row["id"], "type": "lead"}} for row in found]})

    async def _deals(self, request: web.Request) -> web.Response:
        rows = self.deals.get(request.query["person_id"], [])
        return _good([row for row in rows if row["status"] == request.query["status"]] or None)

    async def _organisation(self, _request: web.Request) -> web.Response:
        [name] = {row["company"] for row in self.rows["persons"].values() if "company" in row}
        return _good({"id": 1, "name": name})

    async def _list(self, request: web.Request) -> web.Response:
        kind, query = request.match_info["kind"], request.query
        rows = list(self.rows[kind].values())
        if "lead_id" in query:
            rows = [row for row in rows if row["lead_id"] == query["lead_id"]]
        if kind == "persons":
            rows = [row for row in rows if row["update_time"] >= query["updated_since"]]
            rows.sort(key=_place)
            rows = [row for row in rows if _place(row) > _mark(query.get("cursor"))]
            return _one_page(rows, int(query["limit"]))
        if kind == "callLogs":
            if int(query["limit"]) > 50:
                return _wrong(400, "limit is too high")
            rows = rows[::-1][int(query.get("start", 0)) :]
        return _good(rows[: int(query["limit"])] or None)

    async def _create(self, request: web.Request) -> web.Response:
        kind, told = request.match_info["kind"], await request.json()
        if f"can_add_{kind}" in self.lacking:
            return _wrong(403, "You do not have permission to add this item.")
        wrong = self._invalid(kind, told)
        if wrong:
            return wrong
        return _good(self._keep(kind, told), status=201)

    async def _read(self, request: web.Request) -> web.Response:
        row = self.rows[request.match_info["kind"]].get(request.match_info["id"])
        return _good(row) if row else _wrong(404, "not found")

    async def _update(self, request: web.Request) -> web.Response:
        kind, told = request.match_info["kind"], await request.json()
        row = self.rows[kind].get(request.match_info["id"])
        if row is None:
            return _wrong(404, "not found")
        if set(told) - _MAY_BE[kind]:
            return _wrong(400, f"{sorted(told)} cannot be changed")
        row.update(told)
        row["update_time"] = f"{self.later()}Z"
        if kind == "persons":
            row["first_name"], _, row["last_name"] = told["name"].rpartition(" ")
        return _good(row)

    async def _delete(self, request: web.Request) -> web.Response:
        del self.rows["callLogs"][request.match_info["id"]]
        return _good(None)

    def _invalid(self, kind: str, told: Row) -> web.Response | None:
        for name in _REQUIRED[kind]:
            if not told.get(name):
                return _wrong(400, f"{name} is required")
        unknown = set(told) - _MAY_BE[kind]
        if unknown:
            return _wrong(400, f"{unknown.pop()} is not allowed")
        for name in ("start_time", "end_time"):
            if not _TIME.fullmatch(told.get(name, "2026-01-01 00:00:00")):
                return _wrong(400, f"{name} is invalid")
        if "person_id" in told and str(told["person_id"]) not in self.rows["persons"]:
            return _wrong(400, "person is not found")
        return None


def _item(row: Row) -> Row:
    told = {"id": row["id"], "type": "person", "name": row["name"], "owner": {"id": 1}}
    return told | {
        "phones": [one["value"] for one in row["phones"]],
        "organization": {"name": row.get("company")},
    }


def _place(row: Row) -> tuple[str, int]:
    return row["update_time"], row["id"]


def _mark(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return "", 0
    at, row_id = json.loads(base64.b64decode(cursor, validate=True))
    return at, row_id


def _one_page(rows: list[Row], limit: int) -> web.Response:
    """Version 2: no offset, but a mark for what follows."""
    after = None
    if len(rows) > limit:
        after = base64.b64encode(json.dumps(_place(rows[limit - 1])).encode()).decode()
    told = {"success": True, "data": rows[:limit], "additional_data": {"next_cursor": after}}
    return web.json_response(told)


def _good(data: Any, status: int = 200) -> web.Response:
    return web.json_response({"success": True, "data": data}, status=status)


def _wrong(status: int, error: str) -> web.Response:
    told = {"success": False, "error": error, "error_info": "see the documentation"}
    return web.json_response(told, status=status)
