"""Driving a proxy from another process, or by hand: small JSON over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.toxics import Direction, NoSuchToxic, made

_WAYS = ", ".join(Direction)


def add_by_json(proxy: FaultProxy, asked: object) -> str:
    """The new toxic's name. Raises NoSuchToxic."""
    if not isinstance(asked, dict) or not isinstance(asked.get("toxic"), str):
        raise NoSuchToxic('say {"toxic": "latency", "delay_s": 0.2, "direction": "down"}')
    values = dict(asked)
    kind, way, name = values.pop("toxic"), values.pop("direction", "both"), values.pop("name", "")
    if way not in tuple(Direction):
        raise NoSuchToxic(f"direction is to be one of {_WAYS}, not {way!r}")
    if not isinstance(name, str) or "/" in name:
        raise NoSuchToxic("name is to be a text without /")
    return proxy.add(made(kind, values), Direction(way), name=name)


def control_app(proxy: FaultProxy) -> web.Application:
    async def state(_: web.Request) -> web.Response:
        return web.json_response(proxy.state())

    async def add(request: web.Request) -> web.Response:
        try:
            name = add_by_json(proxy, await request.json())
        except (NoSuchToxic, json.JSONDecodeError, UnicodeDecodeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"name": name}, status=201)

    async def remove(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in proxy.toxics:
            known = ", ".join(proxy.toxics) or "none"
            return web.json_response(
                {"error": f"no toxic {name!r}; there are: {known}"}, status=404
            )
        proxy.remove(name)
        return await state(request)

    async def remove_all(request: web.Request) -> web.Response:
        proxy.let_pass()
        return await state(request)

    async def act(request: web.Request) -> web.Response:
        match request.match_info["what"]:
            case "cut":
                proxy.cut()
            case "reset":
                proxy.cut(rst=True)
            case "refuse":
                await proxy.refuse()
            case "listen":
                await proxy.listen()
        return await state(request)

    app = web.Application()
    app.router.add_get("/", state)
    app.router.add_post("/toxics", add)
    app.router.add_delete("/toxics", remove_all)
    app.router.add_delete("/toxics/{name}", remove)
    app.router.add_post("/{what:cut|reset|refuse|listen}", act)
    return app


@asynccontextmanager
async def controlled(
    proxy: FaultProxy, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[str]:
    """The URL of the control port."""
    runner = web.AppRunner(control_app(proxy), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
