"""`switchboard demo`: brings the centre up, plays callers, says what to look at, counts."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from calls.errors import Unavailable
from crm_adapter.embedded import demo_cast
from switchboard.demo import cast, free_ports, prepared, programs
from switchboard.demo.asterisk_program import NoAsterisk
from switchboard.demo.centre import DemoCentre
from switchboard.demo.counts import DemoCounts, PromptUse, count
from switchboard.demo.private_pbx import PbxDidNotStart
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.demo.sipp import NoSipp
from switchboard.demo.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Wanted:
    folder: Path
    seconds: float | None
    rate: float
    agents: int
    web_port: int
    #: None: the one after `web_port`, else any.
    call_port: int | None
    as_json: bool


def run(wanted: Wanted) -> int:
    """0, or 1 where calls were lost. Raises SwitchboardError with what to do."""
    programs.require_all()
    free_ports.require_free(
        wanted.web_port,
        what="the agent desktop",
        remedy="stop what listens there, or choose another with --web-port",
    )
    if wanted.call_port is not None:
        free_ports.require_free(
            wanted.call_port,
            what="the page for callers",
            remedy="stop what listens there, or choose another with --call-port",
        )
    console = Console(stderr=wanted.as_json)
    try:
        counts = asyncio.run(_Show(wanted, console).play())
    except (NoAsterisk, NoSipp, PbxDidNotStart) as error:
        raise Unavailable(str(error)) from error
    except KeyboardInterrupt:
        return 130
    _print(counts, console)
    if wanted.as_json:
        Console(soft_wrap=True).print(json.dumps(asdict(counts)), highlight=False)
    return 1 if counts.lost else 0


class _Show:
    def __init__(self, wanted: Wanted, console: Console) -> None:
        self._wanted = wanted
        self._console = console
        self._stop = asyncio.Event()

    async def play(self) -> DemoCounts:
        began = time.monotonic()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, self._stop.set)
        wanted = self._wanted
        self._console.print("starting: customers, Asterisk, server, phones, desktops ...")
        centre = DemoCentre(
            folder=wanted.folder,
            agents=wanted.agents,
            web_port=wanted.web_port,
            phone=PhoneShape(ring_ms=1500, talk_ms=4000),
            call_page=wanted.call_port or free_ports.next_to(wanted.web_port),
        )
        async with centre:
            self._console.print(f"up after {time.monotonic() - began:.1f} s")
            self._tell(centre)
            before = PromptUse.of(await centre.server.metrics())
            if wanted.seconds is None:
                self._console.print("calls come until Ctrl-C")
            traffic = Traffic(centre.callers, rate=wanted.rate, stop=self._stop)
            callers = await traffic.play(wanted.seconds)
            if self._stop.is_set():
                self._console.print("stopping; calls that are not over yet do not count as served")
            await _settle(centre)
            prompts = PromptUse.of(await centre.server.metrics()).since(before)
        # The server has stopped: everything it owed is written or in the outbox.
        return await count(centre.storage_url, callers, prompts)

    def _tell(self, centre: DemoCentre) -> None:
        # Never wrapped: paths and commands are there to be copied.
        say = partial(self._console.print, soft_wrap=True)
        assert centre.call_page is not None
        say(f"\n[bold]call it yourself[/bold]  {centre.call_page.address}")
        say("                  as Maria, the VIP, a stranger; a button opens the desktop")
        say(f"[bold]agent desktop[/bold]     {centre.server.base_url}/")
        password = f"password [bold]{prepared.PASSWORD}[/bold]"
        say(f"                  log-in [bold]dora[/bold], {password}:")
        say("                  you answer, in the browser; [bold]anna[/bold] is answered for")
        say(f"[bold]supervisor[/bold]        {centre.server.base_url}/supervisor")
        say("                  log-in [bold]ines[/bold], same password: calls, queues, decisions")
        say(f"state             {centre.server.base_url}/readyz  {centre.server.base_url}/metrics")
        say(f"logs              {centre.folder}/server.log")
        say("\nwatch for")
        for number, what in (
            (demo_cast.MARIA, "Maria Garcia hears that her order is late; look at her open order"),
            (demo_cast.VIP, "Victoria Stone, vip: no menu, straight to key_accounts"),
            (demo_cast.HOUSEHOLD, "a shared number: the desktop lets the agent choose"),
            (demo_cast.MANDARIN, "王小明 hears Mandarin"),
            (cast.STRANGERS[0] + " …", "strangers, who become leads"),
        ):
            say(f"  {number:<15} {what}", highlight=False)
        say(f"\ntry in another terminal\n  {_explain(centre)}\n")


async def _settle(centre: DemoCentre) -> None:
    """Asterisk's last words reach the server, and the last pops are acknowledged. A call that does
    not end is counted as it stands."""
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            await _all_hung_up(centre)
    await asyncio.sleep(0.5)


async def _all_hung_up(centre: DemoCentre) -> None:
    while not (await centre.pbx.rx("core show channels count")).startswith("0 active"):
        await asyncio.sleep(0.2)


def _explain(centre: DemoCentre) -> str:
    return (
        f".venv/bin/switchboard explain {demo_cast.MARIA} --dialled {cast.SHOP} "
        f"--config {centre.server.config_file}"
    )


def _print(counts: DemoCounts, console: Console) -> None:
    table = Table("what became of the calls", "", box=None)
    for name, value in asdict(counts).items():
        table.add_row(name.replace("_", " "), str(value))
    console.print(table)
