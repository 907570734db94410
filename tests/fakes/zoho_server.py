"""Zoho CRM's API v8: COQL as far as the adapter speaks it, 204 for none, errors inside the answer,
unique fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import ZohoSettings
from crm_adapter.adapters.zoho import ZohoCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Fault, Kept

KEY = "Switchboard_Key"
_PHONES = ("Phone", "Mobile", "Home_Phone", "Other_Phone")
_ALWAYS = {"id", "Owner", "Modified_Time", "Created_Time"}
_FIELDS = {
    "Contacts": {"First_Name", "Last_Name", "Account_Name.Account_Name", *_PHONES} | _ALWAYS,
    "Leads": {"First_Name", "Last_Name", "Company", "Phone", "Mobile", "Lead_Source"}
    | {"Lead_Status", "Description", KEY}
    | _ALWAYS,
    "Calls": {"Subject", "Call_Type", "Call_Start_Time", "Call_Duration", "Description"}
    | {"Who_Id", "What_Id", "$se_module", KEY}
    | _ALWAYS,
    "Tasks": {
        "Subject",
        "Status",
        "Due_Date",
        "Description",
        "Who_Id",
        "What_Id",
        "$se_module",
        KEY,
    }
    | _ALWAYS,
}
_REQUIRED = {
    "Contacts": ("Last_Name",),
    "Leads": ("Last_Name",),
    "Calls": ("Subject", "Call_Type", "Call_Start_Time", "Call_Duration"),
    "Tasks": ("Subject",),
}
_COQL = re.compile(
    r"select (?P<fields>.+?) from (?P<module>\w+) where (?P<where>.+?)"
    r"(?: order by (?P<order>\w+) asc)? limit (?:(?P<start>\d+), )?(?P<most>\d+)"
)
Row = dict[str, Any]


class ZohoServer(CrmServer):
    crm = "zoho"
    bearer = "Zoho-oauthtoken "
    pause_s = 60.0
    missing_id = "3652397000000000404"
    rights: ClassVar = {"lead": "create Leads", "call": "create Calls", "task": "create Tasks"}
    rights_path = "/settings/modules/"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in _FIELDS}
        self.related: dict[tuple[str, str], list[Row]] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/oauth/v2/token", self._token),
            web.post("/crm/v8/coql", self._coql),
            web.get("/crm/v8/settings/modules/{module}", self._module),
            web.post("/crm/v8/Leads/upsert", self._upsert),
            web.post("/crm/v8/{module}", self._insert),
            web.get("/crm/v8/{module}/{id}", self._read),
            web.put("/crm/v8/{module}/{id}", self._update),
            web.get("/crm/v8/Contacts/{id}/{name}", self._related),
        ]

    def open_paths(self) -> tuple[str, ...]:
        return ("/oauth/v2/token",)

    def unauthorised(self) -> web.Response:
        return _wrong(401, "INVALID_TOKEN", "invalid oauth token")

    def too_many(self) -> Fault:
        told = b'{"code":"TOO_MANY_REQUESTS","details":{},"message":"too many","status":"error"}'
        return Fault(status=429, body=told)

    def adapter(self, **changed: Any) -> ZohoCrm:
        given = {"url": self.url, "accounts_url": self.url, "client_id": "1000.ID"}
        given |= {"client_secret": SecretStr("z-secret"), "refresh_token": SecretStr("z-refresh")}
        given |= {"webhook_token": SecretStr("z-hook")}
        return ZohoCrm(settings=ZohoSettings(**(UNHURRIED | given | changed)), region="GB")

    def stranger(self) -> ZohoCrm:
        return self.adapter(refresh_token=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return ("z-secret", "z-refresh", "token-1")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row: Row = dict(zip(_PHONES, numbers, strict=False))
        return self._keep("Contacts", row | {"First_Name": first_name, "Last_Name": last_name})

    def add_history(self, contact_id: str) -> None:
        self.related[contact_id, "Deals"] = [
            _deal("Saw", 100, "2026-01-05", "Closed Won"),
            _deal("Drill", 250, "2026-02-05", "Closed Won"),
            _deal("Lathe", 900, "2026-02-07", "Qualification"),
        ]
        order = {"id": "9", "Subject": "Drill", "SO_Number": "42", "Status": "Approved"}
        at = {"Created_Time": "2026-02-20T10:00:00+00:00"}
        self.related[contact_id, "SalesOrders"] = [order | at | {"Due_Date": "2026-03-20"}]
        case = {"id": "8", "Subject": "Broken", "Status": "New", "Type": "Problem"}
        self.related[contact_id, "Cases"] = [case | at]

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith(("/Deals", "/SalesOrders", "/Cases"))

    def touch(self, contact_id: str) -> None:
        self.rows["Contacts"][contact_id]["Modified_Time"] = "2026-03-03T10:00:00+00:00"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["Contacts"][contact_id]

    def leads(self) -> list[Kept]:
        rows = self.rows["Leads"].values()
        return [self._kept(row, row["Phone"], row["Lead_Status"]) for row in rows]

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["Calls"].values():
            one = self._kept(row)
            minutes, seconds = row["Call_Duration"].split(":")
            one.started, one.seconds = row["Call_Start_Time"], int(minutes) * 60 + int(seconds)
            one.contact = (row.get("Who_Id") or row.get("What_Id") or {}).get("id")
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row, None, row["Status"]), due=row.get("Due_Date"))
            for row in self.rows["Tasks"].values()
        ]

    def _kept(self, row: Row, number: str | None = None, status: str | None = None) -> Kept:
        texts = "\n".join(str(value) for value in row.values())
        return Kept(row["id"], row.get(KEY), texts, number, status=status)

    def _keep(self, module: str, told: Row) -> str:
        number = next(self._ids)
        row_id = str(3652397000000000000 + 1000 + number)
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}+00:00"
        always: Row = {"id": row_id, "Created_Time": at, "Modified_Time": at}
        self.rows[module][row_id] = always | {"Owner": {"id": "5", "email": "a@b.c"}} | told
        return row_id

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        if form.get("refresh_token") != ["z-refresh"] or form.get("client_id") != ["1000.ID"]:
            return web.json_response({"error": "invalid_code"})
        token = {"access_token": self.new_token(), "token_type": "Bearer", "expires_in": 3600}
        return web.json_response(token)

    async def _coql(self, request: web.Request) -> web.Response:
        asked = _COQL.fullmatch((await request.json())["select_query"])
        if asked is None:
            return _wrong(400, "SYNTAX_ERROR", "error occurred while parsing the query")
        module, fields = asked["module"], asked["fields"].split(", ")
        used = set(fields) | set(re.findall(r"(\w+) (?:like|=|!=|>=|is)", asked["where"]))
        unknown = used - _FIELDS.get(module, set())
        if unknown or int(asked["most"]) > 2000:
            return _wrong(400, "INVALID_QUERY", f"column given seems to be invalid: {unknown}")
        rows = [row for row in self.rows[module].values() if _fits(row, asked["where"])]
        rows.sort(key=lambda row: row[asked["order"] or "id"])
        start = int(asked["start"] or 0)
        page = [_shown(row, [*fields, "id"]) for row in rows[start : start + int(asked["most"])]]
        if not page:
            return web.Response(status=204)
        return web.json_response({"data": page, "info": {"more_records": False}})

    async def _module(self, request: web.Request) -> web.Response:
        module = request.match_info["module"]
        may = {"creatable": f"create {module}" not in self.lacking, "editable": True}
        told = {"api_name": module, "api_supported": True, "viewable": True}
        return web.json_response({"modules": [told | may]})

    async def _upsert(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["duplicate_check_fields"] != [KEY]:
            return _wrong(400, "INVALID_DATA", "duplicate_check_fields")
        told = body["data"][0]
        wrong = self._invalid("Leads", told, is_new=True)
        if wrong:
            return wrong
        row = self._by_key("Leads", told[KEY])
        if row is None:
            return _written(self._keep("Leads", told), 201)
        row.update(told)
        return _written(row["id"], 200)

    async def _insert(self, request: web.Request) -> web.Response:
        module, told = request.match_info["module"], (await request.json())["data"][0]
        wrong = self._invalid(module, told, is_new=True)
        if wrong:
            return wrong
        twin = self._by_key(module, told.get(KEY, ""))
        if twin is not None:
            details = {"api_name": KEY, "duplicate_record": {"id": twin["id"]}}
            return _wrong_record(202, "DUPLICATE_DATA", "duplicate data", details)
        return _written(self._keep(module, told), 201)

    async def _read(self, request: web.Request) -> web.Response:
        row = self.rows[request.match_info["module"]].get(request.match_info["id"])
        if not re.fullmatch(r"\d{5,19}", request.match_info["id"]):
            return _wrong(400, "INVALID_DATA", "the id given seems to be invalid")
        return web.json_response({"data": [row]}) if row else web.Response(status=204)

    async def _update(self, request: web.Request) -> web.Response:
        module, told = request.match_info["module"], (await request.json())["data"][0]
        row = self.rows[module].get(request.match_info["id"])
        if row is None:
            return _wrong_record(400, "INVALID_DATA", "the id given seems to be invalid", {})
        wrong = self._invalid(module, told, is_new=False)
        if wrong:
            return wrong
        since = request.headers.get("If-Unmodified-Since")
        if since is not None and since < row["Modified_Time"]:
            return web.Response(status=412)
        row.update(told)
        row["Modified_Time"] = f"{self.later()}+00:00"
        return _written(row["id"], 200)

    async def _related(self, request: web.Request) -> web.Response:
        if "fields" not in request.query:
            return _wrong(400, "REQUIRED_PARAM_MISSING", "fields")
        rows = self.related.get((request.match_info["id"], request.match_info["name"]), [])
        return web.json_response({"data": rows}) if rows else web.Response(status=204)

    def _by_key(self, module: str, key: str) -> Row | None:
        rows = self.rows[module].values()
        return next((row for row in rows if row.get(KEY) == key), None)

    def _invalid(self, module: str, told: Row, *, is_new: bool) -> web.Response | None:
        if is_new and f"create {module}" in self.lacking:
            return _wrong(403, "NO_PERMISSION", "permission denied")
        for name in _REQUIRED[module] if is_new else ():
            if not told.get(name):
                details = {"api_name": name}
                return _wrong_record(202, "MANDATORY_NOT_FOUND", "required field", details)
        for name in told:
            if name not in _FIELDS[module] - {"id"}:
                return _wrong_record(202, "INVALID_DATA", "unknown field", {"api_name": name})
        if not re.fullmatch(r"\d\d+:\d\d", told.get("Call_Duration", "00:00")):
            details = {"api_name": "Call_Duration"}
            return _wrong_record(202, "INVALID_DATA", "invalid data", details)
        who = (told.get("Who_Id") or {}).get("id")
        if who and who not in self.rows["Contacts"]:
            return _wrong_record(202, "INVALID_DATA", "invalid data", {"api_name": "Who_Id"})
        return None


def _fits(row: Row, where: str) -> bool:
    """One kind of condition at a time, as the adapter asks."""
    ends = re.findall(r"\((\w+) like '%(\d+)'\)", where)
    if ends and not any(str(row.get(name) or "").endswith(end) for name, end in ends):
        return False
    for name, how, value in re.findall(r"(\w+) (=|!=|>=) '([^']*)'", where):
        held = str(row.get(name) or "")
        if not {"=": held == value, "!=": held != value, ">=": held >= value}[how]:
            return False
    return True


def _shown(row: Row, fields: Iterable[str]) -> Row:
    return {name: row.get(name) for name in fields}


def _deal(name: str, amount: int, closed: str, stage: str) -> Row:
    told = {"id": f"7{amount}", "Deal_Name": name, "Amount": amount, "Closing_Date": closed}
    return told | {"Stage": stage, "Currency": "GBP"}


def _written(row_id: str, status: int) -> web.Response:
    told = {"code": "SUCCESS", "details": {"id": row_id}, "message": "ok", "status": "success"}
    return web.json_response({"data": [told]}, status=status)


def _wrong(status: int, code: str, message: str) -> web.Response:
    told = {"code": code, "details": {}, "message": message, "status": "error"}
    return web.json_response(told, status=status)


def _wrong_record(status: int, code: str, message: str, details: Row) -> web.Response:
    told = {"code": code, "details": details, "message": message, "status": "error"}
    return web.json_response({"data": [told]}, status=status)
