"""Agents' phones: they ring, answer, talk and hang up as told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Self

from switchboard.demo import sip_scenarios
from switchboard.demo.pbx_files import PHONES_HOST, PbxAgent
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.demo.sipp import SippCounts, SippProcess

#: Refuses at once; a phone that is not plugged in is rung in vain for as long as the queue rings.
BUSY = PhoneShape(busy=True)


class SipPhones:
    """A phone for every agent: of one of `shapes`, by endpoint name, else of `others`
    (None: not plugged in).

    Each phone takes one call after another (or several at once, when it is rung for them). Agents
    that share a port share one process, and with it the shape of the first of them.
    """

    def __init__(
        self,
        *,
        agents: tuple[PbxAgent, ...],
        shapes: dict[str, PhoneShape],
        folder: Path,
        others: PhoneShape | None = BUSY,
    ) -> None:
        self._processes: dict[str, SippProcess] = {}
        by_port: dict[int, SippProcess] = {}
        for agent in agents:
            shape = shapes.get(agent.endpoint, others)
            if shape is None:
                continue
            if agent.port not in by_port:
                by_port[agent.port] = SippProcess(
                    scenario=sip_scenarios.phone(shape),
                    host=PHONES_HOST,
                    port=agent.port,
                    folder=folder,
                )
            self._processes[agent.endpoint] = by_port[agent.port]
        self._started = tuple(by_port.values())

    def counts(self, endpoint: str) -> SippCounts:
        """Calls that rang there; up to a second old while it runs."""
        return self._processes[endpoint].counts()

    def start(self) -> None:
        for process in self._started:
            process.start()

    async def stop(self) -> None:
        for process in self._started:
            await asyncio.to_thread(process.stop)

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()
