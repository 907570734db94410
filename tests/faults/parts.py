"""A centre in parts, in this process: calls parts and a desk on a real PostgreSQL and Redis, with
an Asterisk whose AMI and AGI the test speaks itself."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from calls.agents import Agent
from config.settings import Settings
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.server_process import ServerProcess
from switchboard.nodes.calls_part import CallsPart
from switchboard.nodes.desk_part import DeskPart
from switchboard.part import Part
from tests.acceptance.ledger import Ledger
from tests.fakes.asterisk_agi import FakeAsterisk, FakeLine
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.desk_server import ANNA, PASSWORD, add_agents

QUEUE = "support"
LEASE_S = 2.0
SUPERVISOR = Agent("sue", "Sue Park", ("PJSIP/sue",), (QUEUE,), role="supervisor")


@dataclass
class House:
    """`settings` are of the first calls part; `also` makes those of further processes."""

    folder: Path
    storage_url: str
    redis_url: str
    pbx: FakeAmi
    settings: dict[str, dict[str, Any]]
    stack: AsyncExitStack
    ledger: Ledger
    desk: DeskPart = field(init=False)
    calls: list[CallsPart] = field(default_factory=list)
    _count: int = 0

    def also(self, name: str, **sections: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Settings of a process of its own in the same centre."""
        web, agi, desk = (free_ports.tcp() for _ in range(3))
        own: dict[str, dict[str, Any]] = {
            "storage": {"url": self.storage_url},
            "redis": {"url": self.redis_url},
            "ami": {
                "port": self.pbx.port,
                "secret": self.pbx.secret,
                "system": self.settings.get("ami", {}).get("system", f"pbx{secrets.token_hex(4)}"),
                "resync_every_s": 5,
            },
            "agi": {"port": agi},
            "web": {"host": "127.0.0.1", "port": web},
            "nodes": {"desk_host": "127.0.0.1", "desk_port": desk, "lease_s": LEASE_S},
            "speech": {"cache_dir": str(self.folder / name / "prompts")},
            "rulebook": {"state_dir": str(self.folder / name / "rulebooks")},
            "scoring": {"nightly_at": ""},
        }
        for section, values in sections.items():
            own.setdefault(section, {}).update(values)
        return own

    async def start_calls(self, **sections: Mapping[str, Any]) -> CallsPart:
        own = self.also(f"calls{len(self.calls)}", **sections)
        part = await self.stack.enter_async_context(CallsPart(Settings.model_validate(own)))
        self.calls.append(part)
        return part

    async def start_desk(self, **sections: Mapping[str, Any]) -> DeskPart:
        own = self.also("desk", **sections)
        self.desk = await self.stack.enter_async_context(DeskPart(Settings.model_validate(own)))
        return self.desk

    async def start_desk_process(self, **sections: Mapping[str, Any]) -> ServerProcess:
        """In a process of its own, so that it may be stopped and killed."""
        own = self.also("own desk", **sections)
        process = ServerProcess(self.folder / "own desk", own, part=Part.DESK)
        self.stack.push_async_callback(process.kill)
        await process.start(wait_for=("outbox",))
        return process

    @property
    def system(self) -> str:
        return str(self.settings["ami"]["system"])

    def web_url(self, node: int = 0) -> str:
        web = self.calls[node].settings.web
        return f"http://{web.host}:{web.port}"

    async def are_together(self) -> bool:
        """Each part has Redis."""
        desk = self.desk.settings.nodes
        urls = [f"http://{desk.desk_host}:{desk.desk_port}"]
        urls += [self.web_url(node) for node in range(len(self.calls))]
        async with aiohttp.ClientSession() as http:
            for url in urls:
                async with http.get(f"{url}/metrics") as answer:
                    if "switchboard_nodes_redis_connected 1.0" not in await answer.text():
                        return False
        return True

    def agent(self, node: int = 0) -> DesktopClient:
        return DesktopClient(self.web_url(node), ANNA.login, PASSWORD)

    def number(self) -> str:
        """A caller's, never used before."""
        self._count += 1
        return f"+1202555{self._count:04d}"

    async def into_the_queue(
        self, uid: str, number: str, *, node: int = 0, keys: tuple[str, ...] = ("0",)
    ) -> FakeLine:
        """A caller who talks with that process and then waits in a queue."""
        self.pbx.new_channel(uid, uid, f"PJSIP/trunk-{uid}")
        asterisk = FakeAsterisk("127.0.0.1", self.calls[node].agi.port)
        overrides = {"agi_channel": f"PJSIP/trunk-{uid}", "agi_uniqueid": uid}
        line = await asterisk.call(
            linkedid=uid, number=number, keys=list(keys), overrides=overrides
        )
        assert line.route == "queue"
        self.pbx.waiting.append((uid, QUEUE, 0))
        self.pbx.event(
            "QueueCallerJoin", Uniqueid=uid, Linkedid=uid, Queue=QUEUE, CallerIDNum=number
        )
        return line

    def ring(self, uid: str) -> None:
        self._member("AgentCalled", uid)

    def answer(self, uid: str) -> None:
        self.pbx.waiting = [row for row in self.pbx.waiting if row[0] != uid]
        self._member("AgentConnect", uid)

    def hang_up(self, uid: str) -> None:
        self.pbx.hang_up(uid)

    def _member(self, name: str, uid: str) -> None:
        self.pbx.event(name, Uniqueid=uid, Linkedid=uid, Queue=QUEUE, Interface=ANNA.interfaces[0])


@asynccontextmanager
async def house(folder: Path, storage_url: str, redis_url: str) -> AsyncIterator[House]:
    """Without a process yet: start the desk, then calls parts."""
    async with AsyncExitStack() as stack:
        pbx = await stack.enter_async_context(FakeAmi())
        pbx.members.append((QUEUE, ANNA.interfaces[0], ANNA.interfaces[0]))
        ledger = await stack.enter_async_context(Ledger(storage_url))
        made = House(folder, storage_url, redis_url, pbx, {}, stack, ledger)
        made.settings = made.also("first")
        yield made


async def with_agents(storage_url: str) -> None:
    async with Database(storage_url) as database:
        await add_agents(database, ANNA, SUPERVISOR)
