"""A small shop's CRM over HTTP, with the habits of real ones: tokens that end, errors with 200,
409 with the twin, 204 for nothing, times in three spellings."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fakes.printed_examples import whole_example

JsonObject = dict[str, Any]


@dataclass
class RestServer:
    """`asked` are all requests as (method, path with query, JSON body)."""

    contacts: dict[str, JsonObject] = field(default_factory=dict)
    orders: dict[str, list[JsonObject]] = field(default_factory=dict)
    leads: list[JsonObject] = field(default_factory=list)
    calls: list[JsonObject] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    token: str = "token-0000"
    tokens_given: int = 0
    #: Said instead of the next answers: status, body, headers.
    instead: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    #: A lead's key is seen only by the one who wrote it (as after a lost answer).
    hides_leads: bool = False

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._front])
        app.router.add_post("/token", self._token)
        app.router.add_get("/api/contacts", self._search)
        app.router.add_get("/api/contacts/{id}", self._contact)
        app.router.add_patch("/api/contacts/{id}", self._change)
        app.router.add_get("/api/contacts/{id}/orders", self._orders)
        app.router.add_get("/api/leads", self._find_leads)
        app.router.add_post("/api/leads", self._add_lead)
        app.router.add_delete("/api/leads/{id}", self._drop_lead)
        app.router.add_get("/api/calls", self._find_calls)
        app.router.add_post("/api/calls", self._add_call)
        app.router.add_put("/api/calls/{id}", self._put_call)
        return app

    @web.middleware
    async def _front(self, request: web.Request, handler: Any) -> web.StreamResponse:
        body = await request.text()
        is_json = request.content_type == "application/json" and body
        self.asked.append((request.method, request.path_qs, json.loads(body) if is_json else body))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.instead:
            status, text, headers = self.instead.pop(0)
            return web.Response(status=status, text=text, headers=headers)
        if request.path != "/token" and request.headers.get("Authorization") != (
            f"Bearer {self.token}"
        ):
            return web.json_response({"error": {"message": "who are you?"}}, status=401)
        answered: web.StreamResponse = await handler(request)
        return answered

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form.get("client_secret") != "the-client-secret":
            return web.json_response({"error": "invalid_client"}, status=401)
        self.tokens_given += 1
        self.token = f"token-{self.tokens_given:04}"
        return web.json_response({"access_token": self.token, "expires_in": 3600})

    async def _search(self, request: web.Request) -> web.Response:
        if "since" in request.query:
            return self._changed(request)
        wanted = request.query.get("phone", "")
        found = [
            one
            for one in self.contacts.values()
            if wanted in (one["phone"], one["mobile"]) or wanted == one.get("number")
        ]
        if not found:
            return web.Response(status=204)
        return web.json_response({"data": found[: int(request.query["limit"])]})

    def _changed(self, request: web.Request) -> web.Response:
        known = sorted(self.contacts.values(), key=lambda one: int(one["id"]))
        after, most = int(request.query["after"]), int(request.query["limit"])
        found = [
            one
            for one in known
            if one["updated"] >= request.query["since"] and int(one["id"]) > after
        ]
        return web.json_response({"data": found[:most]})

    async def _contact(self, request: web.Request) -> web.Response:
        found = self.contacts.get(request.match_info["id"])
        if found is None:
            return web.json_response({"success": False, "error": {"message": "gone"}}, status=404)
        return web.json_response({"data": found})

    async def _change(self, request: web.Request) -> web.Response:
        found = self.contacts[request.match_info["id"]]
        if request.headers.get("If-Match", found["v"]) != found["v"]:
            return web.Response(status=412)
        found |= await request.json()
        return web.json_response({"data": found})

    async def _orders(self, request: web.Request) -> web.Response:
        return web.json_response({"data": self.orders.get(request.match_info["id"], [])})

    async def _find_leads(self, request: web.Request) -> web.Response:
        key = request.query["ext"]
        found = [] if self.hides_leads else [one for one in self.leads if one["ext"] == key]
        return web.json_response({"data": found})

    async def _add_lead(self, request: web.Request) -> web.Response:
        lead = await request.json()
        twins = [one for one in self.leads if one["ext"] == lead["ext"]]
        if twins:
            return web.json_response([{"id": twins[0]["id"]}], status=409)
        if lead.get("name") == "refused":
            return web.json_response({"success": False, "error": {"message": "no such name"}})
        lead["id"] = len(self.leads) + 1
        self.leads.append(lead)
        return web.json_response({"data": {"id": lead["id"]}}, status=201)

    async def _drop_lead(self, request: web.Request) -> web.Response:
        kept = [one for one in self.leads if str(one["id"]) != request.match_info["id"]]
        status = 404 if len(kept) == len(self.leads) else 204
        self.leads = kept
        return web.Response(status=status)

    async def _find_calls(self, request: web.Request) -> web.Response:
        key = request.query["call"]
        return web.json_response({"data": [one for one in self.calls if one["call"] == key]})

    async def _add_call(self, request: web.Request) -> web.Response:
        call = await request.json() | {"id": f"call-{len(self.calls) + 1}"}
        self.calls.append(call)
        return web.json_response({"data": {"id": call["id"]}}, status=201)

    async def _put_call(self, request: web.Request) -> web.Response:
        changed = await request.json()
        for call in self.calls:
            if call["id"] == request.match_info["id"]:
                call.update(changed)
        return web.json_response({"data": {"id": request.match_info["id"]}})


async def started(server: RestServer) -> TestServer:
    listening = TestServer(server.application())
    await listening.start_server()
    return listening


MAPPING = whole_example("crm/rest.md").replace("timeout_ms: 2000", "timeout_ms: 30000")
ENVIRON = {"SHOP_SECRET": "the-client-secret", "SHOP_HOOK": "the-hook-secret"}
