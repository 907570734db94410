"""One centre of several processes, on a real Asterisk, PostgreSQL and Redis."""

from __future__ import annotations

import copy
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from switchboard.demo import free_ports, prepared
from switchboard.demo.centre import DemoCentre
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from switchboard.part import Part
from tests.acceptance.waiting import until

#: Asks for a person, twice as people do, and waits for one.
CALLER = CallerShape(
    presses=(Press(1500, "0"), Press(2500, "0")), hang_up_after_ms=6000, audio=False
)
LEASE_S = 2.0


@dataclass
class ProcessHouse:
    """Two processes that talk with callers, asked in turn, and two that may keep the desk."""

    centre: DemoCentre
    second: ServerProcess
    desks: list[ServerProcess]

    @property
    def talking(self) -> list[ServerProcess]:
        return [self.centre.server, self.second]

    async def keeper(self) -> ServerProcess:
        """Whoever keeps the desk, once somebody does."""

        async def found() -> ServerProcess | None:
            for desk in self.desks:
                # Between standing by and keeping it, nothing listens there.
                with suppress(aiohttp.ClientError, OSError):
                    if desk.is_running and "outbox" in (await desk.readyz())["parts"]:
                        return desk
            return None

        return await until(found, "a process that keeps the desk")

    def client(self, base_url: str, login: str = "anna") -> DesktopClient:
        return DesktopClient(base_url, login, prepared.PASSWORD, comes_back=True)


@asynccontextmanager
async def process_house(
    folder: Path, postgres_url: str, redis_url: str
) -> AsyncIterator[ProcessHouse]:
    """`postgres_url` is of an empty database."""
    agi_port, web_port = free_ports.tcp(), free_ports.tcp()
    centre = DemoCentre(
        folder=folder / "first",
        storage_url=postgres_url,
        part=Part.CALLS,
        more_agi_ports=[agi_port],
        phone=PhoneShape(ring_ms=300, talk_ms=500, audio=False),
        desktops=False,
        overrides={
            "redis": {"url": redis_url},
            "ami": {"system": f"pbx{secrets.token_hex(4)}", "resync_every_s": 5},
            "nodes": {"lease_s": LEASE_S},
        },
    )

    def also(name: str, part: Part, **sections: dict[str, Any]) -> ServerProcess:
        settings = copy.deepcopy(centre.server.settings)
        for section, values in sections.items():
            settings.setdefault(section, {}).update(values)
        settings["rulebook"]["state_dir"] = str(folder / name / "rulebooks")
        return ServerProcess(folder / name, settings, part=part)

    second = also("second", Part.CALLS, agi={"port": agi_port}, web={"port": web_port})
    desks = [
        also(f"desk{n}", Part.DESK, nodes={"desk_host": "127.0.0.1", "desk_port": port})
        for n, port in enumerate([free_ports.tcp(), free_ports.tcp()])
    ]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(centre)
        stack.push_async_callback(second.stop)
        await second.start()
        for desk in desks:
            stack.push_async_callback(desk.stop)
            await desk.start(wait_for=("lease",))
        yield ProcessHouse(centre, second, desks)
