"""What a CRM that does not answer costs a caller: the whole look-up, as calls make it, through a
real adapter to a server that takes connections and says nothing, or refuses them.

First while the breaker is still closed, then once it is open; beside it, the same with the CRM
alive. 20 callers a second, each from another number.

    python -m benchmarks.crm_away [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from benchmarks.measuring import quantile
from calls.call import Call, CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.segments import Segments
from config.crm_settings import EspoCrmSettings
from config.settings import CrmSettings, Settings, StorageSettings
from crm_adapter.connection import CrmConnection
from crm_adapter.directory import Directory
from crm_adapter.live.guarded import FIND_BY_PHONE
from storage import migrate
from storage.database import Database

RATE = 20.0
AIM_MS = 800.0
#: "About nothing", on a busy machine.
AIM_OPEN_MS = 20.0
ANSWERS_IN_S = 0.08


@dataclass
class Crm:
    """EspoCRM's wire, as far as a look-up of strangers goes."""

    silent: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        if self.silent:
            await self.over.wait()
        await asyncio.sleep(ANSWERS_IN_S)
        return web.json_response({"total": 0, "list": []})


class NoSegments:
    async def segments_of(self, contact: ContactRef, *, deadline: Deadline) -> Segments | None:
        return None


async def measure(callers: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        crm = Crm()
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", crm.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        stack.callback(crm.over.set)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        folder = stack.enter_context(TemporaryDirectory())
        alive = await _waits(folder, port, callers, FIND_BY_PHONE)
        crm.silent = True
        silent = await _waits(folder, port, callers, FIND_BY_PHONE)
        await site.stop()
        refused = await _waits(folder, port, callers, FIND_BY_PHONE)
    return {
        "benchmark": "crm_away",
        "callers": callers,
        "rate": RATE,
        "aim_ms": AIM_MS,
        "aim_open_ms": AIM_OPEN_MS,
        "alive": alive,
        "silent": silent,
        "refused": refused,
    }


async def _waits(folder: str, port: int, callers: int, operation: str) -> dict[str, Any]:
    settings = Settings(
        storage=StorageSettings(url=f"sqlite:///{Path(folder) / 'away.db'}"),
        crm=CrmSettings(adapter="espocrm", cache_s=0, index=False),
        espocrm=EspoCrmSettings(url=f"http://127.0.0.1:{port}", key=SecretStr("key")),
    )
    async with (
        Database(settings.storage.url) as database,
        CrmConnection(settings=settings, database=database) as connection,
    ):
        await migrate.upgrade(database)
        directory = Directory(
            adapter=connection.adapter,
            segments=NoSegments(),
            settings=settings.crm,
            look_up=connection.look_up,
        )
        breaker = connection.guards[0].breakers[operation]
        closed: list[float] = []
        opened: list[float] = []

        async def one(number: int) -> None:
            began = time.perf_counter()
            was_closed = breaker.lets_pass(asyncio.get_running_loop().time())
            await asyncio.wait_for(
                directory.identify(
                    _call(number),
                    region="US",
                    deadline=Deadline.after(settings.crm.lookup_deadline_s),
                ),
                60,
            )
            (closed if was_closed else opened).append((time.perf_counter() - began) * 1000)

        began = time.perf_counter()
        tasks = []
        for number in range(callers):
            await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
    return {
        "asked": len(closed),
        "asked_p50_ms": round(quantile(closed, 0.5), 1),
        "asked_p99_ms": round(quantile(closed, 0.99), 1),
        "not_asked": len(opened),
        "not_asked_p50_ms": round(quantile(opened, 0.5), 2) if opened else None,
        "not_asked_p99_ms": round(quantile(opened, 0.99), 2) if opened else None,
    }


def _call(number: int) -> Call:
    return Call(
        id=CallId("pbx", f"1700000000.{number}"),
        channel=f"PJSIP/trunk-{number}",
        from_raw=f"+4930{2_000_000 + number}",
        from_name="",
        withheld=False,
        dialled="+18005550100",
        language="en",
        arrived_at=datetime.now(UTC),
    )


def run(*, quick: bool = False) -> dict[str, Any]:
    return asyncio.run(measure(40 if quick else 400))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(json.dumps(run(quick=options.quick), indent=1))


if __name__ == "__main__":
    main()
