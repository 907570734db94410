"""A centre of several processes on loopback: PostgreSQL, Redis, two Asterisks, two processes that
talk with the callers of both, and one that keeps the desk."""

from __future__ import annotations

import asyncio
import copy
import secrets
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from calls.agents import Agent
from switchboard.demo import free_ports, prepared
from switchboard.demo.centre import INES, agent_login
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.pbx_files import PBX_HOST
from switchboard.demo.private_pbx import QUEUES, PrivatePbx
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_callers import CallersResult, ScriptedCall, SipCallers
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.demo.traffic import Callers, Work, summed
from switchboard.part import Part

#: What the Asterisks are called, and the processes that talk with callers.
SYSTEMS = ("hq", "branch")
NODES = ("first", "second")


class Cluster:
    """`async with`: on return both Asterisks' calls are served; on leaving everything it started is
    gone. Every agent has the same phone at both Asterisks, and a desktop at the second node."""

    def __init__(
        self,
        *,
        folder: Path,
        storage_url: str,
        redis_url: str,
        agents: int = 3,
        phone: PhoneShape | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._storage_url = storage_url
        phone = phone or PhoneShape(ring_ms=1500, talk_ms=4000)
        secret = secrets.token_urlsafe(24)
        agi, web = ([free_ports.tcp() for _ in NODES] for _ in range(2))
        self.pbxes = [
            PrivatePbx(
                agi_port=first,
                more_agi_ports=[other],
                web_url=f"http://{PBX_HOST}:{port}",
                ami_secret=secret,
                agents=agents,
                systems=systems,
            )
            # Each asks a process of its own first, and the other where that one is away.
            for systems, first, other, port in zip(
                (SYSTEMS, SYSTEMS[::-1]), agi, reversed(agi), web, strict=True
            )
        ]
        self.agents = [
            Agent(agent_login(n), one.name, (f"PJSIP/{one.endpoint}",), queues=tuple(QUEUES))
            for n, one in enumerate(self.pbxes[0].agents, 1)
        ]
        amis = [
            {"port": pbx.ami_port, "secret": secret, "system": system}
            for pbx, system in zip(self.pbxes, SYSTEMS, strict=True)
        ]
        self._settings: dict[str, dict[str, Any]] = {
            "ami": amis[0],
            "nodes": {"asterisks": amis[1:], "desk_port": free_ports.tcp()},
            "storage": {"url": storage_url},
            "redis": {"url": redis_url},
            "scoring": {"nightly_at": ""},
        }
        self.nodes = [
            self._process(name, Part.CALLS, agi={"port": at}, web={"port": port})
            for name, at, port in zip(NODES, agi, web, strict=True)
        ]
        self.desk = self._process("desk", Part.DESK)
        self._phones = [
            SipPhones(
                agents=pbx.agents,
                shapes={one.endpoint: phone for one in pbx.agents},
                folder=self.folder / "sip",
            )
            for pbx in self.pbxes
        ]
        self.callers = CallersOfBoth(
            [SipCallers(trunk=pbx.trunk, folder=self.folder / "sip") for pbx in self.pbxes]
        )
        self.desktops: list[DesktopClient] = []
        self._stack = AsyncExitStack()

    def _process(self, name: str, part: Part, **sections: dict[str, Any]) -> ServerProcess:
        settings = copy.deepcopy(self._settings) | sections
        settings.setdefault("web", {})["host"] = settings.setdefault("agi", {})["host"] = PBX_HOST
        settings["nodes"]["desk_host"] = PBX_HOST
        settings["speech"] = {"cache_dir": str(self.folder / name / "prompts")}
        settings["rulebook"] = {"state_dir": str(self.folder / name / "rulebooks")}
        # One key for all.
        settings["audit"] = {"folder": str(self.folder / "audit")}
        return ServerProcess(self.folder / name, settings, part=part)

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def _start(self) -> None:
        async with asyncio.TaskGroup() as starting:
            starting.create_task(prepared.fill(self._storage_url, (INES, *self.agents)))
            for pbx in self.pbxes:
                starting.create_task(self._stack.enter_async_context(pbx))
        for phones in self._phones:
            await self._stack.enter_async_context(phones)
        for process in (self.desk, *self.nodes):
            self._stack.push_async_callback(process.stop)
        both = [f"ami:{system}" for system in SYSTEMS]
        await self.desk.start(wait_for=("outbox", *both))
        async with asyncio.TaskGroup() as starting:
            for node in self.nodes:
                starting.create_task(node.start(wait_for=("agi", "storage", "desk", *both)))
        for agent in self.agents:
            desktop = DesktopClient(
                self.nodes[-1].base_url, agent.login, prepared.PASSWORD, comes_back=True
            )
            await self._stack.enter_async_context(desktop)
            await desktop.set_state("available")
            self.desktops.append(desktop)


class CallersOfBoth:
    """Implements `traffic.Callers`: every other caller rings the other Asterisk."""

    def __init__(self, trunks: Sequence[Callers]) -> None:
        self._trunks = trunks

    def start(self, calls: Sequence[ScriptedCall], *, rate_per_s: float = 10.0) -> Work:
        count = len(self._trunks)
        shares = [(trunk, calls[n::count]) for n, trunk in enumerate(self._trunks)]
        return WorkOfBoth(
            [
                trunk.start(share, rate_per_s=rate_per_s * len(share) / len(calls))
                for trunk, share in shares
                if share
            ]
        )


class WorkOfBoth:
    """Implements `traffic.Work`."""

    def __init__(self, at_work: Sequence[Work]) -> None:
        self._at_work = at_work

    def progress(self) -> CallersResult:
        return summed([one.progress() for one in self._at_work])

    async def wait(self, *, deadline_s: float = 60.0) -> CallersResult:
        waits = (one.wait(deadline_s=deadline_s) for one in self._at_work)
        return summed(await asyncio.gather(*waits))

    async def stop(self) -> None:
        await asyncio.gather(*(one.stop() for one in self._at_work))
