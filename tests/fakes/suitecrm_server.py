"""SuiteCRM's V8 API: JSON:API, 400 for nearly everything, one filter operator for all fields."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import SuiteCrmSettings
from crm_adapter.adapters.suitecrm import SuiteCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Kept

_FIELDS = {
    "Contacts": "first_name last_name account_name assigned_user_name phone_mobile phone_work "
    "phone_home phone_other status date_modified date_entered",
    "Leads": "first_name last_name account_name assigned_user_name phone_mobile phone_work "
    "phone_home phone_other status date_modified date_entered lead_source description",
    "Calls": "name status direction date_start duration_hours duration_minutes description "
    "parent_type parent_id date_modified",
    "Tasks": "name status date_due description parent_type parent_id date_modified",
}
_PHONES = ("phone_mobile", "phone_work", "phone_home", "phone_other")


class SuiteCrmServer(CrmServer):
    crm = "suitecrm"
    change_wait_s = 0.03
    holds_seconds = False
    missing_id = "00000000-0000-0000-0000-000000000404"
    rights: ClassVar = {"lead": "edit Leads", "call": "edit Calls", "task": "edit Tasks"}
    rights_path = "/meta/modules"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in _FIELDS}
        self.related: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.links: list[tuple[str, str]] = []

    def routes(self) -> Iterable[web.RouteDef]:
        base = "/Api/V8/module"
        return [
            web.post("/Api/access_token", self._token),
            web.get("/Api/V8/meta/modules", self._modules),
            web.get(f"{base}/{{module}}", self._list),
            web.get(f"{base}/{{module}}/{{id}}", self._read),
            web.get(f"{base}/{{module}}/{{id}}/relationships/{{link}}", self._related),
            web.post(f"{base}/{{module}}/{{id}}/relationships", self._link),
            web.delete(f"{base}/{{module}}/{{id}}/relationships/{{link}}/{{to}}", self._unlink),
            web.post(base, self._create),
            web.patch(base, self._update),
        ]

    def open_paths(self) -> tuple[str, ...]:
        return ("/Api/access_token",)

    def unauthorised(self) -> web.Response:
        told = {"error": "access_denied", "message": "The resource owner denied the request."}
        return web.json_response(told, status=401)

    def adapter(self, **changed: Any) -> SuiteCrm:
        given = {"url": self.url, "client_id": "id-1", "client_secret": SecretStr("suite+secret/1")}
        return SuiteCrm(settings=SuiteCrmSettings(**(UNHURRIED | given | changed)), region="GB")

    def stranger(self) -> SuiteCrm:
        return self.adapter(client_secret=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return ("suite+secret/1", "token-1")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row = dict(zip(_PHONES, numbers, strict=False))
        return self._keep("Contacts", row | {"first_name": first_name, "last_name": last_name})

    def add_history(self, contact_id: str) -> None:
        self.related[contact_id, "opportunities"] = [
            _opportunity("o1", "Saw", "100.00", "2026-01-05", "Closed Won"),
            _opportunity("o2", "Drill", "250.000000", "2026-02-05", "Closed Won"),
            _opportunity("o3", "Lathe", "900.00", "2026-02-07", "Prospecting"),
        ]
        case = {"name": "Broken", "type": "User", "state": "Open", "status": "Open_New"}
        case["date_entered"] = "2026-02-20T10:00:00+00:00"
        self.related[contact_id, "cases"] = [{"type": "Case", "id": "c1", "attributes": case}]

    def is_history(self, asked: Asked) -> bool:
        return "/relationships/" in asked.path

    def touch(self, contact_id: str) -> None:
        self.rows["Contacts"][contact_id]["date_modified"] = "2026-03-03T10:00:00+00:00"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["Contacts"][contact_id]

    def leads(self) -> list[Kept]:
        return [
            self._kept(row_id, row, number=row["phone_work"])
            for row_id, row in self.rows["Leads"].items()
        ]

    def calls(self) -> list[Kept]:
        kept = []
        for row_id, row in self.rows["Calls"].items():
            one = self._kept(row_id, row)
            one.started = row["date_start"].replace(" ", "T") + "+00:00"
            one.seconds = row["duration_hours"] * 3600 + row["duration_minutes"] * 60
            linked = {to for call, to in self.links if call == row_id} | {row.get("parent_id")}
            one.contact = "+".join(sorted(linked - {None, ""})) or None
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row_id, row), due=row.get("date_due"))
            for row_id, row in self.rows["Tasks"].items()
        ]

    def _kept(self, row_id: str, row: dict[str, Any], number: str | None = None) -> Kept:
        texts = "\n".join(str(value) for value in row.values())
        return Kept(row_id, row_id, texts, number, status=row.get("status"))

    def _keep(self, module: str, row: dict[str, Any], row_id: str | None = None) -> str:
        number = next(self._ids)
        row_id = row_id or f"00000000-0000-0000-0000-{number:012x}"
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}+00:00"
        self.rows[module][row_id] = {"date_modified": at, "date_entered": at} | row
        return row_id

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        if form != {
            "grant_type": ["client_credentials"],
            "client_id": ["id-1"],
            "client_secret": ["suite+secret/1"],
        }:
            told = {"error": "invalid_client", "message": "Client authentication failed"}
            return web.json_response(told, status=401)
        token = {"token_type": "Bearer", "expires_in": 3600, "access_token": self.new_token()}
        return web.json_response(token)

    async def _modules(self, _request: web.Request) -> web.Response:
        """PHP makes an object of a list with gaps."""
        told: dict[str, Any] = {}
        for number, module in enumerate(_FIELDS):
            access = ["access", "view", "list", "edit", "delete", "import", "export"]
            if f"edit {module}" in self.lacking:
                access.remove("edit")
            as_object = {str(place * 2): action for place, action in enumerate(access)}
            told[module] = {"label": module, "access": as_object if number % 2 else access}
        data = {"type": "modules", "attributes": told}
        return web.json_response({"data": data})

    async def _list(self, request: web.Request) -> web.Response:
        module = request.match_info["module"]
        if module not in self.rows:
            return _wrong(f"Module {module} does not exist")
        ways, together = [], all
        for name, value in request.query.items():
            found = re.fullmatch(r"filter\[(\w+)\](?:\[(\w+)\])?", name)
            if found is None:
                continue
            if found[1] == "operator":
                together = {"or": any, "and": all}[value]
            elif found[1] not in _FIELDS[module].split():
                return _wrong(f"Filter field {found[1]} in {module} module is not found")
            elif found[2] not in ("eq", "gte", "like"):
                return _wrong(f"Filter operator {found[2]} is invalid")
            else:
                ways.append((found[1], found[2], value))
        rows = [
            (row_id, row)
            for row_id, row in self.rows[module].items()
            if not ways or together(_fits(row, *way) for way in ways)
        ]
        order = request.query["sort"]
        rows.sort(key=lambda one: one[1].get(order.lstrip("-"), ""), reverse=order[0] == "-")
        size, number = int(request.query["page[size]"]), int(request.query["page[number]"])
        page = rows[(number - 1) * size : number * size]
        return web.json_response({"data": [_data(module, *one) for one in page]})

    async def _read(self, request: web.Request) -> web.Response:
        module, row_id = request.match_info["module"], request.match_info["id"]
        row = self.rows[module].get(row_id)
        if row is None:
            return _wrong(f"{module} module with id {row_id} is not found")
        return web.json_response({"data": _data(module, row_id, row)})

    async def _related(self, request: web.Request) -> web.Response:
        link = (request.match_info["id"], request.match_info["link"])
        return web.json_response({"data": self.related.get(link, [])})

    async def _link(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        if data["id"] not in self.rows[data["type"]]:
            return _wrong(f"{data['type']} module with id {data['id']} is not found")
        pair = (request.match_info["id"], data["id"])
        if pair not in self.links:
            self.links.append(pair)
        return web.json_response({"meta": {"message": "added"}}, status=201)

    async def _unlink(self, request: web.Request) -> web.Response:
        about = request.match_info
        if about["to"] not in self.rows[about["link"].capitalize()]:
            return _wrong(f"{about['link']} module with id {about['to']} is not found")
        self.links = [pair for pair in self.links if pair != (about["id"], about["to"])]
        return web.json_response({"meta": {"message": "removed"}})

    async def _create(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        module, row_id = data["type"], data.get("id")
        refused = self._refused(data)
        if refused is not None:
            return refused
        if row_id in self.rows[module]:
            return _wrong(f"Bean {module} with id {row_id} is already exist")
        row_id = self._keep(module, dict(data["attributes"]), row_id)
        answer = {"data": _data(module, row_id, self.rows[module][row_id])}
        return web.json_response(answer, status=201)

    async def _update(self, request: web.Request) -> web.Response:
        data = (await request.json())["data"]
        module, row_id = data["type"], data["id"]
        if row_id not in self.rows[module]:
            return _wrong(f"{module} module with id {row_id} is not found")
        refused = self._refused(data)
        if refused is not None:
            return refused
        self.rows[module][row_id].update(data["attributes"])
        self.rows[module][row_id]["date_modified"] = f"{self.later()}+00:00"
        answer = {"data": _data(module, row_id, self.rows[module][row_id])}
        return web.json_response(answer, status=201)

    def _refused(self, data: dict[str, Any]) -> web.Response | None:
        if f"edit {data['type']}" in self.lacking:
            return _wrong("The API user does not have access to this module.")
        for name in data["attributes"]:
            if name not in _FIELDS[data["type"]].split():
                return _wrong(f"Property {name} in {data['type']} module is invalid")
        started = data["attributes"].get("date_start", "2026-01-01 00:00:00")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", started):
            return _wrong("date_start is invalid")
        return None


def _fits(row: dict[str, Any], field: str, how: str, wanted: str) -> bool:
    value = str(row.get(field) or "")
    if how == "like":
        pattern = ".*".join(re.escape(part) for part in wanted.split("%"))
        return re.fullmatch(pattern, value) is not None
    if how == "gte":
        return value.replace("T", " ")[:19] >= wanted
    return value == wanted


def _data(module: str, row_id: str, row: dict[str, Any]) -> dict[str, Any]:
    return {"type": module.removesuffix("s"), "id": row_id, "attributes": row, "relationships": {}}


def _opportunity(row_id: str, name: str, amount: str, closed: str, stage: str) -> dict[str, Any]:
    told = {"name": name, "amount": amount, "date_closed": closed, "sales_stage": stage}
    return {"type": "Opportunity", "id": row_id, "attributes": told | {"currency_symbol": "£"}}


def _wrong(detail: str) -> web.Response:
    told = {"errors": {"status": 400, "title": None, "detail": detail}}
    return web.json_response(told, status=400)
