"""HubSpot's CRM API: what is asked and answered is held to the vendor's published models.

New contacts are found by a search only after `index()`, as it takes HubSpot some seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import phonenumbers
from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import HubSpotSettings
from crm_adapter.adapters.hubspot import HubSpotCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Fault, Kept
from tests.fakes.hubspot_models import Unfit, fitted

TOKEN = "pat-eu1-token"
KEY = "switchboard_key"
_UNIQUE = {"contacts": KEY, "calls": KEY, "tasks": KEY}
_MAY_BE = {
    "hs_call_direction": ("INBOUND", "OUTBOUND"),
    "hs_call_status": ("COMPLETED", "NO_ANSWER", "IN_PROGRESS"),
    "hs_task_status": ("NOT_STARTED", "IN_PROGRESS", "COMPLETED"),
    "hs_task_type": ("CALL", "EMAIL", "TODO"),
    "hs_lead_status": ("NEW", "OPEN", "IN_PROGRESS", "UNQUALIFIED"),
}
_REQUIRED = {"calls": ("hs_timestamp",), "tasks": ("hs_timestamp",), "contacts": ()}
Row = dict[str, Any]


class HubSpotServer(CrmServer):
    crm = "hubspot"
    change_wait_s = 0.03
    key_header = ("Authorization", f"Bearer {TOKEN}")
    pause_s = 1.0
    rights: ClassVar = dict.fromkeys(("lead", "call", "task"), "crm.objects.contacts.write")
    rights_path = "/access-token-info"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Row]] = {
            name: {} for name in ("contacts", "calls", "tasks", "deals", "tickets")
        }
        self.linked: set[tuple[str, str, str]] = set()
        self.unindexed: set[str] = set()
        self.unique = dict(_UNIQUE)

    def routes(self) -> Iterable[web.RouteDef]:
        base = "/crm/v3/objects/{kind}"
        return [
            web.post(f"{base}/search", self._search),
            web.post(f"{base}/batch/read", self._batch_read),
            web.post(f"{base}/batch/upsert", self._upsert),
            web.post(base, self._create),
            web.get(f"{base}/{{id}}", self._read),
            web.patch(f"{base}/{{id}}", self._update),
            web.get("/crm/v3/properties/{kind}/{name}", self._property),
            web.post("/oauth/v2/private-apps/get/access-token-info", self._scopes),
            web.delete("/crm/v4/objects/{kind}/{id}/associations/{to}/{to_id}", self._dissociate),
            web.put(
                "/crm/v4/objects/{kind}/{id}/associations/default/{to}/{to_id}", self._associate
            ),
        ]

    def unauthorised(self) -> web.Response:
        return _wrong(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")

    def too_many(self) -> Fault:
        body = b'{"status":"error","message":"You have reached your secondly limit.",'
        body += b'"errorType":"RATE_LIMIT","policyName":"SECONDLY"}'
        return Fault(status=429, body=body)

    def adapter(self, **changed: Any) -> HubSpotCrm:
        given = {"url": self.url, "token": SecretStr(TOKEN), "portal": "77"}
        given |= {"client_secret": SecretStr("hub-secret"), "webhook_url": "https://pbx/hook"}
        return HubSpotCrm(settings=HubSpotSettings(**(UNHURRIED | given | changed)), region="GB")

    def stranger(self) -> HubSpotCrm:
        return self.adapter(token=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return (TOKEN, "hub-secret")

    def index(self) -> None:
        self.unindexed.clear()

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row = dict(zip(("phone", "mobilephone"), numbers, strict=False))
        row |= {"firstname": first_name, "lastname": last_name}
        return str(self._keep("contacts", row)["id"])

    def add_history(self, contact_id: str) -> None:
        for name, amount, closed, won in (
            ("Saw", "100", "2026-01-05T00:00:00Z", "true"),
            ("Drill", "250.0", "2026-02-05T00:00:00Z", "true"),
            ("Lathe", "900", "2026-02-07T00:00:00Z", "false"),
        ):
            deal = {"dealname": name, "amount": amount, "closedate": closed}
            row = self._keep("deals", deal | {"hs_is_closed_won": won, "deal_currency_code": "GBP"})
            self.linked.add(("deals", row["id"], contact_id))
        ticket = {"subject": "Broken", "hs_ticket_category": "PRODUCT_ISSUE", "closed_date": None}
        row = self._keep("tickets", ticket | {"createdate": "2026-02-20T10:00:00.000Z"})
        self.linked.add(("tickets", row["id"], contact_id))

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith("/batch/read")

    def touch(self, contact_id: str) -> None:
        self.rows["contacts"][contact_id]["properties"]["lastmodifieddate"] = "2026-03-03T10:00:00Z"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["contacts"][contact_id]

    def leads(self) -> list[Kept]:
        return [
            self._kept(row, "hs_lead_status", row["properties"].get("phone"))
            for row in self.rows["contacts"].values()
            if row["properties"].get(KEY)
        ]

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["calls"].values():
            one, told = self._kept(row, "hs_call_status"), row["properties"]
            seconds = int(told["hs_timestamp"]) // 1000
            one.started = _iso(seconds)
            one.seconds = int(told["hs_call_duration"]) // 1000
            linked = [to for kind, row_id, to in self.linked if (kind, row_id) == ("calls", one.id)]
            one.contact = "+".join(sorted(linked)) or None
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row, "hs_task_status"), due=row["properties"].get("hs_timestamp"))
            for row in self.rows["tasks"].values()
        ]

    def _kept(self, row: Row, status: str, number: str | None = None) -> Kept:
        told = row["properties"]
        texts = "\n".join(str(value) for value in told.values()).replace("<br>", "\n")
        return Kept(row["id"], told.get(KEY), texts, number, status=told.get(status))

    def _keep(self, kind: str, told: Row) -> Row:
        number = next(self._ids)
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}.000Z"
        dates = {"createdate": at, "lastmodifieddate": at, "hs_object_id": str(1000 + number)}
        row = {"id": str(1000 + number), "properties": dates | told}
        row |= {"createdAt": at, "updatedAt": at, "archived": False}
        self.rows[kind][str(row["id"])] = row
        return row

    async def _search(self, request: web.Request) -> web.Response:
        asked = await request.json()
        try:
            fitted(request.match_info["kind"], "PublicObjectSearchRequest", asked)
        except Unfit as error:
            return _wrong(400, "VALIDATION_ERROR", str(error))
        groups = asked["filterGroups"]
        if len(groups) > 5 or asked["limit"] > 200 or not asked["after"].isdecimal():
            return _wrong(400, "VALIDATION_ERROR", "too much")
        rows = [
            row
            for row in self.rows["contacts"].values()
            if row["id"] not in self.unindexed
            and (not groups or any(_all_fit(row, group["filters"]) for group in groups))
        ]
        rows.sort(key=lambda row: row["properties"][asked["sorts"][0]])
        start = int(asked["after"])
        page = [_shown(row, asked["properties"]) for row in rows[start : start + asked["limit"]]]
        answer = {"total": len(rows), "results": page}
        model = "CollectionResponseWithTotalSimplePublicObjectForwardPaging"
        return _answer("contacts", model, answer)

    async def _batch_read(self, request: web.Request) -> web.Response:
        kind, asked = request.match_info["kind"], await request.json()
        try:
            fitted(kind, "BatchReadInputSimplePublicObjectId", asked)
        except Unfit as error:
            return _wrong(400, "VALIDATION_ERROR", str(error))
        rows = self.rows[kind]
        found = [rows[one["id"]] for one in asked["inputs"] if one["id"] in rows]
        shown = [_shown(row, asked["properties"]) for row in found]
        return _answer(kind, "BatchResponseSimplePublicObject", _batch(shown))

    async def _upsert(self, request: web.Request) -> web.Response:
        unscoped = self._unscoped()
        if unscoped is not None:
            return unscoped
        kind, asked = request.match_info["kind"], await request.json()
        try:
            fitted(kind, "BatchInputSimplePublicObjectBatchInputUpsert", asked)
            [one] = asked["inputs"]
            self._valid(kind, one["properties"])
        except Unfit as error:
            return _wrong(400, "VALIDATION_ERROR", str(error))
        if self.unique.get(kind) != one["idProperty"]:
            return _wrong(400, "VALIDATION_ERROR", f"{one['idProperty']} is not a unique property")
        row = self._by_key(kind, one["id"])
        is_new = row is None
        if row is None:
            row = self._keep(kind, {one["idProperty"]: one["id"]} | one["properties"])
        row["properties"].update(one["properties"])
        return _answer(
            kind, "BatchResponseSimplePublicUpsertObject", _batch([row | {"new": is_new}])
        )

    async def _create(self, request: web.Request) -> web.Response:
        unscoped = self._unscoped()
        if unscoped is not None:
            return unscoped
        kind, asked = request.match_info["kind"], await request.json()
        try:
            fitted(kind, "SimplePublicObjectInputForCreate", asked)
            self._valid(kind, asked["properties"])
        except Unfit as error:
            return _wrong(400, "VALIDATION_ERROR", str(error))
        if self._by_key(kind, asked["properties"].get(KEY, "")) is not None:
            told = "Property values were not valid: CONFLICTING_UNIQUE_VALUE"
            return _wrong(400, "VALIDATION_ERROR", told)
        row = self._keep(kind, asked["properties"])
        self.unindexed.add(row["id"])
        return _answer(kind, "SimplePublicObject", row, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        kind, row_id = request.match_info["kind"], request.match_info["id"]
        by = request.query.get("idProperty")
        row = self._by_key(kind, row_id) if by == KEY else self.rows[kind].get(row_id)
        if row is None:
            return _wrong(404, "OBJECT_NOT_FOUND", "Object not found.")
        shown = _shown(row, request.query.get("properties", "").split(","))
        for other in filter(None, request.query.get("associations", "").split(",")):
            linked = [
                {"id": one, "type": f"contact_to_{other[:-1]}"}
                for kind_of, one, contact in sorted(self.linked)
                if (kind_of, contact) == (other, row["id"])
            ]
            if linked:
                shown.setdefault("associations", {})[other] = {"results": linked}
        return _answer(kind, "SimplePublicObjectWithAssociations", shown)

    async def _update(self, request: web.Request) -> web.Response:
        unscoped = self._unscoped()
        if unscoped is not None:
            return unscoped
        kind, asked = request.match_info["kind"], await request.json()
        try:
            fitted(kind, "SimplePublicObjectInput", asked)
            self._valid(kind, asked["properties"], required=())
        except Unfit as error:
            return _wrong(400, "VALIDATION_ERROR", str(error))
        row = self.rows[kind].get(request.match_info["id"])
        if row is None:
            return _wrong(404, "OBJECT_NOT_FOUND", "Object not found.")
        row["properties"].update(asked["properties"])
        row["properties"]["lastmodifieddate"] = f"{self.later()}.000Z"
        return _answer(kind, "SimplePublicObject", row)

    async def _scopes(self, request: web.Request) -> web.Response:
        if (await request.json()) != {"tokenKey": TOKEN}:
            return _wrong(400, "VALIDATION_ERROR", "no such token")
        scopes = {"crm.objects.contacts.read", "crm.objects.contacts.write", "tickets"}
        told = {"userId": 1, "hubId": 77, "appId": 2, "scopes": sorted(scopes - self.lacking)}
        return web.json_response(told)

    def _unscoped(self) -> web.Response | None:
        """Contacts, calls and tasks are all written by one scope."""
        if not self.lacking:
            return None
        return _wrong(403, "MISSING_SCOPES", f"This app needs {sorted(self.lacking)}")

    async def _property(self, request: web.Request) -> web.Response:
        kind, name = request.match_info["kind"], request.match_info["name"]
        if kind not in self.unique:
            return _wrong(404, "OBJECT_NOT_FOUND", "No property")
        told = {"name": name, "label": "Key", "type": "string", "fieldType": "text"}
        told |= {"description": "", "groupName": "info"}
        rest = {"options": [], "hasUniqueValue": self.unique[kind] == name}
        return _answer("properties", "ModelProperty", told | rest)

    async def _associate(self, request: web.Request) -> web.Response:
        about = request.match_info
        if about["to_id"] not in self.rows[about["to"]]:
            return _wrong(404, "OBJECT_NOT_FOUND", "Object not found.")
        self.linked.add((about["kind"], about["id"], about["to_id"]))
        return _answer("associations", "BatchResponsePublicDefaultAssociation", _batch([]))

    async def _dissociate(self, request: web.Request) -> web.Response:
        about = request.match_info
        self.linked.discard((about["kind"], about["id"], about["to_id"]))
        return web.Response(status=204)

    def _by_key(self, kind: str, key: str) -> Row | None:
        rows = self.rows[kind].values()
        return next((row for row in rows if row["properties"].get(KEY) == key), None)

    def _valid(self, kind: str, told: Row, required: tuple[str, ...] | None = None) -> None:
        for name in _REQUIRED[kind] if required is None else required:
            if not told.get(name):
                raise Unfit(f"{name} is required")
        for name, values in _MAY_BE.items():
            if told.get(name, values[0]) not in values:
                raise Unfit(f"{told[name]} was not one of the allowed options of {name}")
        for name in ("hs_timestamp", "hs_call_duration"):
            if not re.fullmatch(r"\d+", told.get(name, "0")):
                raise Unfit(f"{name} is not a number")


def _iso(seconds: int) -> str:

    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _all_fit(row: Row, filters: list[Row]) -> bool:
    return all(_fits(row, one) for one in filters)


def _fits(row: Row, wanted: Row) -> bool:
    name, how = wanted["propertyName"], wanted["operator"]
    if name.startswith("hs_searchable_calculated_"):
        raw = row["properties"].get("mobilephone" if "mobile" in name else "phone")
        value = _national(raw)
    else:
        value = row["properties"].get(name)
    if value is None:
        return False
    if how == "IN":
        return value in wanted["values"]
    if how == "CONTAINS_TOKEN":
        return value.endswith(wanted["value"].lstrip("*"))
    if how == "GTE":
        return datetime.fromisoformat(value).timestamp() * 1000 >= int(wanted["value"])
    return bool(value == wanted["value"])


def _national(raw: str | None) -> str | None:
    """As HubSpot reads numbers in an account in Britain."""
    try:
        number = phonenumbers.parse(raw or "", "GB")
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.national_significant_number(number)


def _shown(row: Row, properties: list[str]) -> Row:
    always = ("createdate", "lastmodifieddate", "hs_object_id")
    told = {name: row["properties"].get(name) for name in (*always, *properties) if name}
    return row | {"properties": told}


def _batch(results: list[Row]) -> Row:
    times = {"startedAt": "2026-03-02T09:00:00Z", "completedAt": "2026-03-02T09:00:00Z"}
    return {"status": "COMPLETE", "results": results} | times


def _answer(package: str, model: str, answer: Row, status: int = 200) -> web.Response:
    fitted(package, model, answer)  # our own answers too are what HubSpot's models say
    return web.json_response(answer, status=status)


def _wrong(status: int, category: str, message: str) -> web.Response:
    told = {"message": message, "category": category, "correlationId": "c-1"}
    fitted("contacts", "Error", told)
    return web.json_response(told | {"status": "error"}, status=status)
