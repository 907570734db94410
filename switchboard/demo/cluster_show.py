"""`switchboard demo --cluster`: a centre of several processes, one of which is killed under calls;
what became of every call is counted at the end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from calls.errors import Unavailable
from crm_adapter.call_tables import calls, outbox
from screenpop.pops.pop_tables import pops
from storage.database import Database
from switchboard.demo import prepared, programs
from switchboard.demo.asterisk_program import NoAsterisk
from switchboard.demo.cluster import NODES, SYSTEMS, Cluster
from switchboard.demo.counts import DemoCounts, PromptUse, count
from switchboard.demo.private_pbx import PbxDidNotStart
from switchboard.demo.private_servers import FORGETFUL, OwnPostgres, OwnRedis
from switchboard.demo.sip_callers import CallersResult
from switchboard.demo.sipp import NoSipp
from switchboard.demo.traffic import Traffic

_PROGRESS_EVERY_S = 5.0
_SETTLE_S = 20.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """`kill_after`: seconds after the first call; None: when Enter is pressed, if ever."""

    folder: Path
    seconds: float | None
    rate: float
    agents: int
    kill_after: float | None
    as_json: bool


@dataclass(frozen=True, slots=True)
class ClusterCounts:
    """`fallbacks`: calls that no process talked with to the end; the dialplan took them to the
    default queue. `lost`: offered, and failed or unknown. `killed_after_s`: after the first call;
    None: nobody was killed. `arrived_after`: calls that came to a process after that."""

    offered: int
    served: int
    records: int
    pops: int
    fallbacks: int
    lost: int
    by_asterisk: dict[str, int]
    pops_by_asterisk: dict[str, int]
    killed_after_s: float | None
    arrived_after: int

    @classmethod
    def of(
        cls,
        all_: DemoCounts,
        *,
        by_asterisk: dict[str, int],
        pops_by_asterisk: dict[str, int],
        killed_after_s: float | None,
        arrived_after: int,
    ) -> ClusterCounts:
        return cls(
            offered=all_.calls_offered,
            served=all_.calls_served,
            records=all_.call_records,
            pops=all_.pops_offered,
            fallbacks=all_.fallback,
            lost=all_.lost,
            by_asterisk=by_asterisk,
            pops_by_asterisk=pops_by_asterisk,
            killed_after_s=killed_after_s,
            arrived_after=arrived_after,
        )


def run(wanted: Wanted) -> int:
    """0, or 1 where calls were lost. Raises SwitchboardError with what to do."""
    programs.require_all()
    console = Console(stderr=wanted.as_json)
    began = time.monotonic()
    console.print("starting: PostgreSQL, Redis, two Asterisks, a desk and two nodes ...")
    try:
        with ExitStack() as stack:
            postgres = stack.enter_context(OwnPostgres(tied=True, options=FORGETFUL))
            redis = stack.enter_context(OwnRedis(tied=True))
            show = _Show(wanted, console, f"{postgres.url}/postgres", redis.url)
            counts = asyncio.run(show.play(began))
    except (NoAsterisk, NoSipp, PbxDidNotStart) as error:
        raise Unavailable(str(error)) from error
    except KeyboardInterrupt:
        return 130
    _print(counts, console)
    if wanted.as_json:
        Console(soft_wrap=True).print(json.dumps(asdict(counts)), highlight=False)
    return 1 if counts.lost else 0


class _Show:
    def __init__(self, wanted: Wanted, console: Console, storage_url: str, redis_url: str) -> None:
        self._wanted = wanted
        self._storage_url = storage_url
        self._redis_url = redis_url
        # Never wrapped: paths and commands are there to be copied.
        self._say: Callable[[str], None] = partial(console.print, soft_wrap=True)
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()
        self._first_call = 0.0
        self._killed_after_s: float | None = None
        self._arrived_before = 0

    async def play(self, began: float) -> ClusterCounts:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, self._stop.set)
        wanted = self._wanted
        cluster = Cluster(
            folder=wanted.folder,
            storage_url=self._storage_url,
            redis_url=self._redis_url,
            agents=wanted.agents,
        )
        async with cluster, Database(self._storage_url) as database:
            self._say(f"up after {time.monotonic() - began:.1f} s")
            self._tell(cluster)
            callers = await self._traffic(cluster, database)
            self._say("stopping; what is under way is written down")
            await _settle(database)
        return await self._counted(callers)

    def _tell(self, cluster: Cluster) -> None:
        say = self._say
        password = f"password [bold]{prepared.PASSWORD}[/bold]"
        say(f"\n[bold]agent desktop[/bold]  {cluster.nodes[-1].base_url}/")
        say(f"               log-in [bold]anna[/bold], {password}")
        say(f"[bold]supervisor[/bold]     {cluster.nodes[-1].base_url}/supervisor")
        say("               log-in [bold]ines[/bold], same password: the calls of both Asterisks")
        for name, process in zip((*NODES, "desk"), (*cluster.nodes, cluster.desk), strict=True):
            say(f"{name:<14} {process.base_url}/readyz  {process.folder}/server.log")
        for name, pbx in zip(SYSTEMS, cluster.pbxes, strict=True):
            say(f"Asterisk {name:<6} sip:{pbx.trunk}  {pbx.run}")
        say(f"database       {self._storage_url}   {self._redis_url}\n")

    async def _traffic(self, cluster: Cluster, database: Database) -> CallersResult:
        wanted = self._wanted
        if wanted.seconds is None:
            self._say("calls come until Ctrl-C")
        self._first_call = time.monotonic()
        traffic = Traffic(cluster.callers, rate=wanted.rate, stop=self._stop)
        beside = [
            asyncio.create_task(self._kill_one(cluster, database), name="kill"),
            asyncio.create_task(self._progress(traffic), name="progress"),
        ]
        try:
            return await traffic.play(wanted.seconds)
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
            for error in ended:
                if isinstance(error, Exception):
                    raise error

    async def _kill_one(self, cluster: Cluster, database: Database) -> None:
        if self._wanted.kill_after is not None:
            self._say(f"the first node is killed after {self._wanted.kill_after:.0f} s")
            await asyncio.sleep(self._wanted.kill_after)
        else:
            await self._enter_pressed()
        await cluster.nodes[0].kill()
        self._killed_after_s = round(time.monotonic() - self._first_call, 1)
        self._arrived_before = await _number_of_calls(database)
        self._say(f"[bold]{NODES[0]} is killed[/bold]: {NODES[1]} talks with everybody now")

    async def _enter_pressed(self) -> None:
        """Never, where nobody sits at a terminal."""
        if sys.stdin is not None and sys.stdin.isatty():
            self._say(f"[bold]press Enter[/bold] to kill the node {NODES[0]}")
            loop = asyncio.get_running_loop()
            loop.add_reader(sys.stdin, self._kill.set)
            try:
                await self._kill.wait()
            finally:
                loop.remove_reader(sys.stdin)
            sys.stdin.readline()
        else:
            await self._kill.wait()

    async def _progress(self, traffic: Traffic) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            now, after_s = traffic.progress(), time.monotonic() - self._first_call
            self._say(
                f"{after_s:4.0f} s: {now.offered} calls offered, {now.successful} over, "
                f"{now.failed} failed"
            )

    async def _counted(self, callers: CallersResult) -> ClusterCounts:
        """The processes have stopped: everything they owed is written or in the outbox."""
        all_ = await count(self._storage_url, callers, PromptUse())
        async with Database(self._storage_url) as database, database.read() as link:
            rows = await link.execute(select(calls.c.system, func.count()).group_by(calls.c.system))
            by_asterisk: dict[str, int] = dict(rows.tuples().all())
            pops_of = {}
            for system in SYSTEMS:
                of_it = select(func.count()).where(pops.c.call_id.startswith(f"{system}/"))
                pops_of[system] = int(await link.scalar(of_it) or 0)
        killed = self._killed_after_s is not None
        return ClusterCounts.of(
            all_,
            by_asterisk=by_asterisk,
            pops_by_asterisk=pops_of,
            killed_after_s=self._killed_after_s,
            arrived_after=sum(by_asterisk.values()) - self._arrived_before if killed else 0,
        )


async def _number_of_calls(database: Database) -> int:
    async with database.read() as link:
        return int(await link.scalar(select(func.count()).select_from(calls)) or 0)


async def _settle(database: Database) -> None:
    """Until no call is open and the CRM has everything; a call that does not end is counted as it
    stands."""
    still_open = select(func.count()).where(calls.c.ended_at.is_(None)).scalar_subquery()
    owed = select(func.count()).where(outbox.c.state != "done").scalar_subquery()
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLE_S):
            while True:
                async with database.read() as link:
                    row = (await link.execute(select(still_open, owed))).one()
                if tuple(row) == (0, 0):
                    return
                await asyncio.sleep(0.2)


def _print(counts: ClusterCounts, console: Console) -> None:
    table = Table("what became of the calls", "", box=None)
    told = asdict(counts)
    for name, value in told.items():
        table.add_row(name.replace("_", " "), _shown(value))
    console.print(table)


def _shown(value: dict[str, int] | float | None) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{system} {number}" for system, number in value.items())
    return "-" if value is None else str(value)
