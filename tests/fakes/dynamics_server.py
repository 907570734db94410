"""Dataverse's Web API: the OData filters that the adapter speaks, alternate keys, conditional
writes, finished activities that are read-only."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import parse_qs

from aiohttp import web
from pydantic import SecretStr

from config.crm_settings import DynamicsSettings
from crm_adapter.adapters.dynamics import DynamicsCrm
from tests.fakes.crm_server import UNHURRIED, Asked, CrmServer, Kept

KEY = "cr_switchboardkey"
_PERSON = {"firstname", "lastname", "telephone1", "mobilephone", "telephone2", "_ownerid_value"}
_PERSON |= {"modifiedon", "createdon", "statecode", "statuscode", "description"}
_ACTIVITY = {"activityid", "subject", "description", "statecode", "statuscode", KEY, "modifiedon"}
_COLUMNS = {
    "contacts": _PERSON | {"contactid"},
    "leads": _PERSON | {"leadid", "companyname", "subject", KEY},
    "phonecalls": _ACTIVITY
    | {"directioncode", "actualdurationminutes", "actualstart", "actualend", "phonenumber"},
    "tasks": _ACTIVITY | {"scheduledend"},
}
_ID = {"contacts": "contactid", "leads": "leadid", "phonecalls": "activityid"}
_ID["tasks"] = "activityid"
#: Status of what is new: "Status and status reason codes".
_FIRST = {"contacts": (0, 1), "leads": (0, 1), "phonecalls": (0, 1), "tasks": (0, 2)}
_BOUND = re.compile(r"regardingobjectid_(contact|lead)_(phonecall|task)@odata\.bind")
_ONE = re.compile(r"(\w+)\(([^=]+?)(?:='(.+)')?\)")
_US, _BUSINESS = str(uuid.UUID(int=0x5)), str(uuid.UUID(int=0x6))
Row = dict[str, Any]


class DynamicsServer(CrmServer):
    crm = "dynamics"
    holds_seconds = False
    missing_id = "00000000-0000-0000-0000-000000000404"
    rights: ClassVar = {
        "lead": "prvCreateLead",
        "call": "prvCreateActivity",
        "task": "prvCreateActivity",
    }
    rights_path = "RetrieveUserPrivilegeByPrivilegeName"

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Row]] = {name: {} for name in _COLUMNS}
        self.sold: dict[str, list[Row]] = {}
        self.incidents: dict[str, list[Row]] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        return [
            web.post("/tenant-1/oauth2/v2.0/token", self._token),
            web.get("/api/data/v9.2/WhoAmI", self._who),
            web.get("/api/data/v9.2/{user}/Microsoft.Dynamics.CRM.{function}", self._privilege),
            web.get("/api/data/v9.2/{what:[a-z]+}", self._list),
            web.get("/api/data/v9.2/{what}", self._read),
            web.patch("/api/data/v9.2/{what}", self._patch),
        ]

    def open_paths(self) -> tuple[str, ...]:
        return ("/tenant-1/oauth2/v2.0/token",)

    def unauthorised(self) -> web.Response:
        return web.Response(status=401)

    def adapter(self, **changed: Any) -> DynamicsCrm:
        given = {"url": self.url, "login_url": self.url, "tenant": "tenant-1", "client_id": "app"}
        given |= {"client_secret": SecretStr("dyn-secret")}
        return DynamicsCrm(settings=DynamicsSettings(**(UNHURRIED | given | changed)), region="GB")

    def stranger(self) -> DynamicsCrm:
        return self.adapter(client_secret=SecretStr("wrong"))

    def secrets(self) -> Iterable[str]:
        return ("dyn-secret", "token-1")

    def add_contact(self, *numbers: str, first_name: str = "", last_name: str = "Ng") -> str:
        row: Row = dict(zip(("telephone1", "mobilephone", "telephone2"), numbers, strict=False))
        return self._keep("contacts", row | {"firstname": first_name, "lastname": last_name})

    def add_history(self, contact_id: str) -> None:
        self.sold[contact_id] = [
            _sale("Lathe", 900, "2026-02-07", 0),
            _sale("Drill", 250, "2026-02-05", 3),
            _sale("Saw", 100, "2026-01-05", 4),
        ]
        case = {"incidentid": str(uuid.UUID(int=7)), "title": "Broken", "casetypecode": 2}
        at = {"createdon": "2026-02-20T10:00:00Z", "statecode": 0}
        self.incidents[contact_id] = [case | at]

    def is_history(self, asked: Asked) -> bool:
        return asked.path.endswith(("/salesorders", "/incidents"))

    def touch(self, contact_id: str) -> None:
        self._changed(self.rows["contacts"][contact_id])
        self.rows["contacts"][contact_id]["modifiedon"] = "2026-03-03T10:00:00Z"

    def delete_contact(self, contact_id: str) -> None:
        del self.rows["contacts"][contact_id]

    def leads(self) -> list[Kept]:
        rows = self.rows["leads"].values()
        return [self._kept(row, row["leadid"], row["telephone1"]) for row in rows]

    def calls(self) -> list[Kept]:
        kept = []
        for row in self.rows["phonecalls"].values():
            one = self._kept(row, row["activityid"])
            one.started = row["actualstart"].replace("Z", "+00:00")
            one.seconds = row["actualdurationminutes"] * 60
            one.contact = _regarded(row)
            kept.append(one)
        return kept

    def tasks(self) -> list[Kept]:
        return [
            replace(self._kept(row, row["activityid"]), due=row.get("scheduledend"))
            for row in self.rows["tasks"].values()
        ]

    def _kept(self, row: Row, row_id: str, number: str | None = None) -> Kept:
        texts = "\n".join(str(value) for value in row.values())
        status = f"{row['statecode']}/{row['statuscode']}"
        return Kept(row_id, row.get(KEY), texts, number, status=status)

    def _keep(self, entity: str, told: Row) -> str:
        number = next(self._ids)
        row_id = str(uuid.UUID(int=0xC0000 + number))
        at = f"2026-03-02T09:{number // 180:02}:{number // 3 % 60:02}Z"
        state, status = _FIRST[entity]
        always = {_ID[entity]: row_id, "createdon": at, "modifiedon": at, "etag": 1}
        always |= {"statecode": state, "statuscode": status, "_ownerid_value": "o-1"}
        self.rows[entity][row_id] = always | told
        return row_id

    def _regarding_nobody(self, row: Row) -> Row:
        for name in [name for name in row if _BOUND.fullmatch(name)]:
            del row[name]
        return row

    def _changed(self, row: Row) -> None:
        row["etag"] += 1

    async def _token(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode())
        wanted = {"grant_type": ["client_credentials"], "client_id": ["app"]}
        wanted |= {"client_secret": ["dyn-secret"]}
        # Through a proxy the address is another one.
        [scope] = form.pop("scope", [""])
        if form != wanted or not re.fullmatch(r"http://[^/]+/\.default", scope):
            told = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret"}
            return web.json_response(told, status=401)
        token = {"token_type": "Bearer", "expires_in": 3599, "access_token": self.new_token()}
        return web.json_response(token)

    async def _who(self, _request: web.Request) -> web.Response:
        return web.json_response({"BusinessUnitId": _BUSINESS, "UserId": _US})

    async def _privilege(self, request: web.Request) -> web.Response:
        asked = re.fullmatch(
            r"RetrieveUserPrivilegeByPrivilegeName\(PrivilegeName='(prv[A-Za-z]+)'\)",
            request.match_info["function"],
        )
        if asked is None or request.match_info["user"] != f"systemusers({_US})":
            return _wrong(404, "0x80060888", "Resource not found")
        held = {
            "Depth": "Global",
            "PrivilegeId": str(uuid.UUID(int=5)),
            "BusinessUnitId": _BUSINESS,
        }
        return web.json_response({"RolePrivileges": [] if asked[1] in self.lacking else [held]})

    async def _list(self, request: web.Request) -> web.Response:
        entity, query = request.match_info["what"], request.query
        if "$skip" in query:
            return _wrong(400, "0x80060888", "Skip Clause is not supported in CRM")
        wanted = query.get("$filter", "")
        owner = re.match(r"_customerid_value eq (\S+)", wanted)
        if entity == "salesorders" and owner:
            states = [int(state) for state in re.findall(r"statecode eq (\d)", wanted)]
            rows = [
                row
                for row in self.sold.get(owner[1], [])
                if not states or row["statecode"] in states
            ]
            return web.json_response({"value": rows[: int(query["$top"])]})
        if entity == "incidents" and owner:
            return web.json_response({"value": self.incidents.get(owner[1], [])})
        used = set(re.findall(r"(\w+) (?:eq|ge) ", wanted)) | set(query["$select"].split(","))
        unknown = used - _COLUMNS.get(entity, set())
        if unknown:
            said = f"Could not find a property named '{unknown.pop()}'"
            return _wrong(400, "0x80060888", said)
        rows = [row for row in self.rows[entity].values() if _fits(row, wanted)]
        order = query.get("$orderby", "createdon asc").split(" ")[0]
        rows.sort(key=lambda row: (row[order], row[_ID[entity]]))
        size = re.fullmatch(r"odata\.maxpagesize=(\d+)", request.headers.get("Prefer", ""))
        if size and "$top" not in query:
            return _one_page(request, rows, int(size[1]))
        return web.json_response({"value": [_shown(row) for row in rows[: int(query["$top"])]]})

    def _named(self, what: str) -> tuple[str, str | None, Row | None]:
        """Entity set, our key where it was named by that, and the row."""
        found = _ONE.fullmatch(what)
        if found is None or found[1] not in self.rows:
            raise web.HTTPNotFound
        if found[2] == KEY:
            rows = self.rows[found[1]].values()
            return found[1], found[3], next((row for row in rows if row.get(KEY) == found[3]), None)
        return found[1], None, self.rows[found[1]].get(found[2])

    async def _read(self, request: web.Request) -> web.Response:
        _, _, row = self._named(request.match_info["what"])
        return web.json_response(_shown(row)) if row else _gone()

    async def _patch(self, request: web.Request) -> web.Response:
        entity, key, row = self._named(request.match_info["what"])
        told = await request.json()
        if row is not None and request.headers.get("If-None-Match") == "*":
            return _wrong(412, "0x80060892", "A record with matching key values already exists.")
        match = request.headers.get("If-Match")
        if row is None and (match is not None or key is None):
            return _gone()
        if row is not None and match not in (None, "*", f'W/"{row["etag"]}"'):
            return _wrong(412, "0x80060882", "The version of the existing record doesn't match")
        privilege = f"prvCreate{'Lead' if entity == 'leads' else 'Activity'}"
        if row is None and privilege in self.lacking:
            return _wrong(403, "0x80040220", f"Principal user is missing {privilege} privilege")
        wrong = self._invalid(entity, told, row)
        if wrong:
            return wrong
        created = row is None
        if row is None:
            row = self.rows[entity][self._keep(entity, {KEY: key})]
        if any(map(_BOUND.fullmatch, told)):  # it regards one record, of whatever kind
            row = self._regarding_nobody(row)
        row.update({name: value for name, value in told.items() if value is not None})
        self._changed(row)
        if request.headers.get("Prefer") != "return=representation":
            return web.Response(status=204)
        return web.json_response(_shown(row), status=201 if created else 200)

    def _invalid(self, entity: str, told: Row, row: Row | None) -> web.Response | None:
        reopened = "statecode" in told
        if row is not None and entity == "phonecalls" and row["statecode"] == 1 and not reopened:
            return _wrong(400, "0x80045003", "This activity is completed and is read-only")
        for name, value in told.items():
            bound = _BOUND.fullmatch(name)
            if bound is None and name not in _COLUMNS[entity]:
                return _wrong(400, "0x80048d19", f"property '{name}' does not exist")
            if bound is not None and value is not None:
                _, _, other = self._named(value.lstrip("/"))
                if other is None or bound[2] != entity[:-1]:
                    return _wrong(404, "0x80040217", "The entity does not exist")
        if ("statecode" in told) != ("statuscode" in told):
            return _wrong(400, "0x80048408", "statuscode is not valid for the statecode")
        return None


def _fits(row: Row, wanted: str) -> bool:
    since = re.fullmatch(r"modifiedon ge (\S+)", wanted)
    if since:
        return bool(row["modifiedon"] >= since[1])
    texts = re.findall(r"(\w+) eq '([^']*)'", wanted)
    if texts and not any(row.get(name) == value for name, value in texts):
        return False
    state = re.search(r"\) and statecode eq (\d)$", wanted)
    return state is None or row["statecode"] == int(state[1])


def _regarded(row: Row) -> str | None:
    bound = [value for name, value in row.items() if _BOUND.fullmatch(name)]
    return "+".join(one.partition("(")[2].strip(")") for one in bound) or None


def _shown(row: Row) -> Row:
    told = {name: value for name, value in row.items() if "@" not in name and name != "etag"}
    told["_regardingobjectid_value"] = _regarded(row)
    return {"@odata.etag": f'W/"{row["etag"]}"', "parentcustomerid_account": None} | told


def _one_page(request: web.Request, rows: list[Row], size: int) -> web.Response:
    """The mark of the next page is as odd as a paging cookie."""
    mark = request.query.get("$skiptoken")
    start = 0 if mark is None else int(re.findall(r'="(\d+)"', mark)[0])
    told: Row = {"value": [_shown(row) for row in rows[start : start + size]]}
    if len(rows) > start + size:
        mark = f'<cookie skip="{start + size}" pagingcookie="%253c+&" />'
        told["@odata.nextLink"] = str(request.url.update_query({"$skiptoken": mark}))
    return web.json_response(told)


def _sale(name: str, total: int, day: str, state: int) -> Row:
    told = {"salesorderid": str(uuid.UUID(int=total)), "name": name, "ordernumber": str(total)}
    told |= {"transactioncurrencyid": {"isocurrencycode": "GBP"}}  # type: ignore[dict-item]
    return told | {"totalamount": total, "statecode": state, "createdon": f"{day}T10:00:00Z"}


def _gone() -> web.Response:
    return _wrong(404, "0x80040217", "The entity does not exist")


def _wrong(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
