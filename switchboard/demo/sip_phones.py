"""Agents' phones: they ring, answer, talk and hang up as told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from switchboard.demo import sip_scenarios
from switchboard.demo.pbx_files import PHONES_HOST, PbxAgent
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.demo.sipp import SippCounts, SippProcess


class SipPhones:
    """A phone for each of `shapes`, by endpoint name; agents left out have theirs unplugged.

    Each phone takes one call after another (or several at once, when it is rung for them).
    """

    def __init__(
        self, *, agents: tuple[PbxAgent, ...], shapes: dict[str, PhoneShape], folder: Path
    ) -> None:
        ports = {agent.endpoint: agent.port for agent in agents}
        self._processes = {
            endpoint: SippProcess(
                scenario=sip_scenarios.phone(shape),
                host=PHONES_HOST,
                port=ports[endpoint],
                folder=folder,
            )
            for endpoint, shape in shapes.items()
        }

    def counts(self, endpoint: str) -> SippCounts:
        """Calls that rang there; up to a second old while it runs."""
        return self._processes[endpoint].counts()

    def start(self) -> None:
        for process in self._processes.values():
            process.start()

    async def stop(self) -> None:
        for process in self._processes.values():
            await asyncio.to_thread(process.stop)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
