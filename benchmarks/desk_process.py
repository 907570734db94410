"""The agents' desk alone in a process, so that its processor time is of nothing else: a page to
ring one agent many times, and a plain aiohttp websocket that echoes, to hold beside it.

Started by benchmarks.desktop; writes its address and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import WSMsgType, web

from calls.bus import EventBus
from calls.doors import ANYBODY, Door, hang
from screenpop.desk.desk import Desk
from storage import migrate
from storage.database import Database
from tests.fakes.desk_server import ANNA, add_agents, desk_server
from tests.fakes.ringing_call import RingingCall, now, victoria

#: Between two pops: each is on its way before the next begins, as it is with calls.
PAUSE_S = 0.002


async def echo(request: web.Request) -> web.WebSocketResponse:
    answer = web.WebSocketResponse()
    await answer.prepare(request)
    async for message in answer:
        if message.type is WSMsgType.TEXT:
            await answer.send_str(message.data)
    return answer


async def add_bench_routes(app: web.Application, _desk: Desk, bus: EventBus) -> None:
    async def ring(request: web.Request) -> web.Response:
        for _ in range(int(request.query["pops"])):
            call = RingingCall()
            for event in call.until_ringing(victoria(), ANNA.interfaces[0]):
                bus.publish(event)
            bus.publish(call.ended())
            await bus.drain()
            await asyncio.sleep(PAUSE_S)
        return web.Response(text=now().isoformat())

    for method, path, handler in (("POST", "/bench/ring", ring), ("GET", "/bench/echo", echo)):
        door = Door(method, path, ANYBODY, "Of a benchmark.", why="loopback alone", head=False)
        hang(app.router, door, handler)


async def serve(folder: Path) -> None:
    async with Database(f"sqlite:///{folder / 'desk.db'}") as database:
        await migrate.upgrade(database)
        await add_agents(database, ANNA)
        async with desk_server(database, more=add_bench_routes) as server:
            print(server.base_url, flush=True)
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    with TemporaryDirectory(prefix="swb-bench-") as made:
        asyncio.run(serve(Path(made)))
