"""EspoCRM's REST API as its documentation tells it: where clauses, header reasons, duplicates.

A unique field refuses a second value with 409; a lead with the name or number of another is a
twin, unless the header says that nobody minds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import EspoCrmSettings
from crm_adapter.adapters.espocrm import EspoCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Kept, digits

KEY = "espo-key"
_REQUIRED = {
    "Contact": ("lastName",),
    "Lead": ("lastName",),
    "Call": ("name", "dateStart", "dateEnd"),
    "Task": ("name",),
}
_WHERE = re.compile(r"where\[(\d+)\](.*)")
_INNER = re.compile(r"\[value\]\[(\d+)\]\[(type|attribute|value)\]")


class EspoCrmServer(CrmServer):
    crm = "espocrm"
    key_header = ("X-Api-Key", KEY)
    rights: ClassVar = {"lead": "create Lead", "call": "create Call", "task": "create Task"}
    rights_path = "/App/user"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in _REQUIRED}
        self.related: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.time = "2026-03-02 09:00:00"
        self.forbidden: set[str] = set()

    def routes(self) -> Iterable[web.RouteDef]:
        base = "/api/v1/{entity:[A-Z][A-Za-z]+}"
        return [
            web.get("/api/v1/App/user", self._user),
            web.get(base, self._list),
            web.post(base, self._create),
            web.get(f"{base}/{{id}}", self._read),
            web.put(f"{base}/{{id}}", self._update),
            web.get(f"{base}/{{id}}/{{link}}", self._related),
        ]

    def unauthorised(self) -> web.Response:
        return web.Response(status=401)

    def adapter(self, **changed: Any) -> EspoCrm:
        given = {"url": self.url, "key": SecretStr(KEY), "webhook_secret": SecretStr("hook")}
        return EspoCrm(settings=EspoCrmSettings(**(UNHURRIED | given | changed)), region="GB")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row = self._keep("Contact", {"firstName": first_name, "lastName": last_name})
        row["phoneNumber"] = numbers[0] if numbers else None
        row["phoneNumberData"] = [
            {"phoneNumber": number, "primary": place == 0, "type": "Mobile"}
            for place, number in enumerate(numbers)
        ]
        return str(row["id"])

    def add_history(self, contact_id: str) -> None:
        self.related[contact_id, "opportunities"] = [
            {"id": "o1", "name": "Saw", "amount": 100, "amountCurrency": "GBP"}
            | {"closeDate": "2026-01-05", "stage": "Closed Won"},
            {"id": "o2", "name": "Drill", "amount": 250.0, "amountCurrency": "GBP"}
            | {"closeDate": "2026-02-05", "stage": "Closed Won"},
            {"id": "o3", "name": "Lathe", "amount": 900, "amountCurrency": "GBP"}
            | {"closeDate": "2026-02-07", "stage": "Proposal"},
        ]
        self.related[contact_id, "cases"] = [
            {"id": "c1", "number": 4, "name": "Broken", "type": "Incident", "status": "New"}
            | {"createdAt": "2026-02-20 10:00:00"}
        ]

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith(("/opportunities", "/cases"))

    def touch(self, contact_id: str) -> None:
        self.rows["Contact"][contact_id]["versionNumber"] += 1
        self.rows["Contact"][contact_id]["modifiedAt"] = "2026-03-03 10:00:00"

    def stranger(self) -> EspoCrm:
        return self.adapter(key=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return (KEY,)

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["Contact"][contact_id]

    def leads(self) -> list[Kept]:
        return [
            self._kept(row, number=row.get("phoneNumber")) for row in self.rows["Lead"].values()
        ]

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["Call"].values():
            one = self._kept(row)
            one.started = row["dateStart"].replace(" ", "T") + "+00:00"
            one.seconds = _seconds(row["dateEnd"]) - _seconds(row["dateStart"])
            linked = {*row.get("contactsIds", []), *row.get("leadsIds", []), row.get("parentId")}
            one.contact = "+".join(sorted(linked - {None})) or None
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row), due=row.get("dateEnd")) for row in self.rows["Task"].values()
        ]

    def _kept(self, row: dict[str, Any], number: str | None = None) -> Kept:
        texts = "\n".join(str(value) for value in row.values())
        return Kept(row["id"], row.get("switchboardKey"), texts, number, status=row.get("status"))

    def _keep(self, entity: str, given: dict[str, Any]) -> dict[str, Any]:
        number = next(self._ids)
        row: dict[str, Any] = {"id": f"{number:017x}", "createdAt": self.time}
        # Three to a second, as imports make them.
        row["modifiedAt"] = f"2026-03-02 09:{number // 180:02}:{number // 3 % 60:02}"
        row |= {"versionNumber": 1, "deleted": False} | given
        name = " ".join(filter(None, (row.get("firstName"), row.get("lastName"))))
        row.setdefault("name", name)
        self.rows[entity][str(row["id"])] = row
        return row

    def _refused(self, request: web.Request, entity: str) -> web.Response | None:
        may_create = request.method != "POST" or f"create {entity}" not in self.lacking
        if entity in self.forbidden or entity not in self.rows or not may_create:
            reason = f"No access to '{entity}'."
            return web.Response(status=403, headers={"X-Status-Reason": reason})
        return None

    async def _user(self, _request: web.Request) -> web.Response:
        """Of a role that may do all, but for what was taken away."""
        every = {"create": "yes", "read": "all", "edit": "all", "delete": "no", "stream": "all"}
        table = {
            scope: every | ({"create": "no"} if f"create {scope}" in self.lacking else {})
            for scope in _REQUIRED
        }
        user = {"id": "u1", "userName": "switchboard", "type": "api"}
        told = {"user": user, "acl": {"table": table, "fieldTable": {}}, "token": None}
        return web.json_response(told | {"settings": {"language": "en_GB"}})

    async def _list(self, request: web.Request) -> web.Response:
        entity = request.match_info["entity"]
        refused = self._refused(request, entity)
        if refused is not None:
            return refused
        return _page(request, self.considered(request, entity))

    def considered(self, _request: web.Request, entity: str) -> list[dict[str, Any]]:
        """The rows among which the answer is looked for: all, or those that an index says."""
        return list(self.rows[entity].values())

    def possible_twins(self, entity: str, _given: dict[str, Any]) -> list[dict[str, Any]]:
        """The rows that a new one is compared with."""
        return list(self.rows[entity].values())

    async def _related(self, request: web.Request) -> web.Response:
        owner = request.match_info["id"]
        if owner not in self.rows[request.match_info["entity"]]:
            return web.Response(status=404)
        return _page(request, self.related.get((owner, request.match_info["link"]), []))

    async def _read(self, request: web.Request) -> web.Response:
        row = self.rows[request.match_info["entity"]].get(request.match_info["id"])
        return web.json_response(row) if row else web.Response(status=404)

    async def _create(self, request: web.Request) -> web.Response:
        entity, given = request.match_info["entity"], await request.json()
        refused = (
            self._refused(request, entity) or self._invalid(entity, given) or self._no_parent(given)
        )
        if refused is not None:
            return refused
        possible = self.possible_twins(entity, given)
        twins = [
            row
            for row in possible
            if (key := given.get("switchboardKey")) and row.get("switchboardKey") == key
        ]
        if entity == "Lead" and request.headers.get("X-Skip-Duplicate-Check") != "true":
            twins += [row for row in possible if _alike(row, given)]
        if twins:
            reason = {"X-Status-Reason": "duplicate"}
            return web.json_response(twins, status=409, headers=reason)
        row = self._keep(entity, {"status": None} | given)
        if entity == "Call":
            row["duration"] = 3  # as seen on PostgreSQL
        return web.json_response(row)

    def _invalid(self, entity: str, given: dict[str, Any]) -> web.Response | None:
        missing = [name for name in _REQUIRED[entity] if not given.get(name)]
        wrong = [
            name
            for name in ("dateStart", "dateEnd")
            if name in given and not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", given[name])
        ]
        if missing or wrong:
            body = {"field": (missing + wrong)[0], "type": "required" if missing else "valid"}
            reason = {"X-Status-Reason": f"Field validation failure; {body['field']}."}
            return web.json_response(body, status=400, headers=reason)
        return None

    def _no_parent(self, given: dict[str, Any]) -> web.Response | None:
        if given.get("parentId") and given["parentId"] not in self.rows[given["parentType"]]:
            reason = {"X-Status-Reason": "No foreign record access for link operation"}
            return web.Response(status=403, headers=reason)
        return None

    async def _update(self, request: web.Request) -> web.Response:
        row = self.rows[request.match_info["entity"]].get(request.match_info["id"])
        if row is None:
            return web.Response(status=404)
        expected = request.headers.get("X-Version-Number")
        if expected is not None and int(expected) != row["versionNumber"]:
            return web.Response(status=409, headers={"X-Status-Reason": "modified"})
        row.update(await request.json())
        row["versionNumber"] += 1
        row["name"] = row.get("name") or row.get("lastName")
        return web.json_response(row)


def _alike(row: dict[str, Any], given: dict[str, Any]) -> bool:
    same_number = digits(row.get("phoneNumber") or "") == digits(given.get("phoneNumber") or "-1")
    return same_number or row.get("lastName") == given.get("lastName")


def _seconds(text: str) -> int:
    hours, minutes, seconds = text[11:].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _page(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    try:
        wanted = _clauses(request)
        found = [row for row in rows if all(_fits(row, clause) for clause in wanted.values())]
        order = request.query.get("orderBy", "createdAt")
        found.sort(key=lambda row: str(row.get(order)), reverse=request.query["order"] == "desc")
        start, size = int(request.query.get("offset", 0)), int(request.query["maxSize"])
    except (KeyError, ValueError):
        return web.Response(status=400, headers={"X-Status-Reason": "Bad where or size."})
    if size > 200:
        reason = {"X-Status-Reason": "Max size should should not exceed 200. Use offset."}
        return web.Response(status=403, headers=reason)
    return web.json_response({"total": -2, "list": found[start : start + size]})


def _clauses(request: web.Request) -> dict[str, dict[str, Any]]:
    clauses: dict[str, dict[str, Any]] = {}
    for name, value in request.query.items():
        found = _WHERE.fullmatch(name)
        if not found:
            continue
        clause = clauses.setdefault(found[1], {})
        inner = _INNER.fullmatch(found[2])
        if inner:
            clause.setdefault("ways", {}).setdefault(inner[1], {})[inner[2]] = value
        elif found[2] == "[value][]":
            clause.setdefault("value", []).append(value)
        else:
            clause[found[2].strip("[]")] = value
    return clauses


def _fits(row: dict[str, Any], clause: dict[str, Any]) -> bool:
    if clause["type"] == "or":
        return any(_fits(row, way) for way in clause["ways"].values())
    values = [str(row.get(clause["attribute"]) or "")]
    if clause["attribute"] == "phoneNumber":
        values += [one["phoneNumber"] for one in row.get("phoneNumberData", [])]
    wanted = clause["value"]
    ways = {
        "equals": lambda value: value == wanted,
        "endsWith": lambda value: value.endswith(wanted),
        "in": lambda value: value in wanted,
        "after": lambda value: value > wanted,
    }
    return any(ways[clause["type"]](value) for value in values)
