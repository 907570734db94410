"""A whole server that dies again and again, and everybody around it who does not: Asterisk, its
callers and queues, an agent's phone and desktop. They speak the true wire, FastAGI, AMI and
websocket."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml

from calls import crash_points
from storage import migrate
from storage.database import Database
from switchboard.demo import free_ports
from switchboard.demo.desktop_client import DesktopClient, Frame
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.desk_server import ANNA, PASSWORD, add_agents

ROOT = Path(__file__).parents[2]
SHOP = "+18005550100"
PHONE = ANNA.interfaces[0]
STARTED_S, ARMED_S, DIALOG_S = 90.0, 10.0, 60.0
#: What a death that is due may take to come, after each thing that happens.
SOON_S, AT_LAST_S = 0.25, 2.0
#: And one that has come already, to be told.
DEATH_S = 10.0


#: Alembic knows one environment in a process.
_one_at_a_time = asyncio.Lock()


class ServerNursery:
    """`async with ServerNursery() as nursery`: begins servers, one at a time."""

    async def __aenter__(self) -> Self:
        environment = {k: v for k, v in os.environ.items() if k != crash_points.VARIABLE}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.kill_matrix.server_nursery",
            cwd=ROOT,
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        await self._line()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._process.communicate(b"")

    async def start(self, config: Path) -> tuple[int, asyncio.Task[str]]:
        """Its pid, and the task that ends with it."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{config}\n".encode())
        return int(await self._line()), asyncio.create_task(self._line(), name="server's end")

    async def _line(self) -> str:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the nursery has ended")
        return line.decode().strip()


def pop_call(pop: Frame) -> str:
    return str(pop["content"]["call"]["id"]).rpartition("/")[2]


@dataclass
class Told:
    """What Asterisk knows of a call when it is over."""

    linkedid: str
    number: str
    #: queue, fallback; left: they hung up in the dialog.
    route: str = ""
    answered: bool = False
    #: The server died meanwhile.
    died: bool = False
    #: An agent rang or talked while the server was there.
    pop_due: bool = False
    #: What we have of it in the end.
    outcome: str = ""


class MortalCentre:
    """`async with`: its database is made, Asterisk and the agent are there, and no server yet."""

    def __init__(
        self, *, folder: Path, url: str, nursery: ServerNursery, prompts: Path, seed: str
    ) -> None:
        self._folder, self._url, self._nursery = folder, url, nursery
        self._random = random.Random(seed)
        self._prompts = prompts
        self._ami = FakeAmi(members=[(name, PHONE, PHONE) for name in ("default", "support")])
        self._config = folder / "switchboard.yaml"
        self._stack = AsyncExitStack()
        self._pid = 0
        self._end: asyncio.Task[str] | None = None
        self._armed = False
        self._is_told_dead = False
        self._queue = "default"
        self._desktop: DesktopClient | None = None
        self.deaths = 0
        self.told: list[Told] = []

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._ami)
        async with Database(self._url) as database:
            async with _one_at_a_time:
                await migrate.upgrade(database)
            await add_agents(database, ANNA)
        self._settings: dict[str, dict[str, Any]] = {
            "agi": {"port": free_ports.tcp()},
            "web": {"host": "127.0.0.1", "port": free_ports.tcp()},
            "ami": {"port": self._ami.port, "secret": self._ami.secret},
            "storage": {"url": self._url},
            "speech": {"cache_dir": str(self._prompts), "keep_warm": False},
            "rulebook": {"state_dir": str(self._folder / "rulebooks")},
            "scoring": {"nightly_at": ""},
        }
        self._config.write_text(yaml.safe_dump(self._settings), encoding="utf-8")
        self._base_url = f"http://127.0.0.1:{self._settings['web']['port']}"
        self._asterisk = FakeAsterisk("127.0.0.1", self._settings["agi"]["port"])
        self._http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.lives:
            os.kill(self._pid, signal.SIGKILL)
        if self._end is not None:
            await self._end
        await self._stack.aclose()

    # The server

    @property
    def lives(self) -> bool:
        """The news of its end may be on its way."""
        if self._end is None or self._end.done():
            return False
        try:
            stat = Path(f"/proc/{self._pid}/stat").read_text("ascii")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] not in ("Z", "X")

    async def start(self) -> None:
        """Returns when it serves, is in step with Asterisk and has the agent's desktop."""
        if self._end is not None and not self._is_told_dead:
            # After all that was waited for.
            await self._died_in(self.told[-1])
        self._armed = self._is_told_dead = False
        connected = self._desktop.counters.connects if self._desktop is not None else 0
        self._pid, self._end = await self._nursery.start(self._config)
        async with asyncio.timeout(STARTED_S):
            while not await self._is_ready():
                if not self.lives:
                    raise RuntimeError(f"a server did not start: {self._log_end()}")
                await asyncio.sleep(0.1)
        if self._desktop is None:
            client = DesktopClient(self._base_url, ANNA.login, PASSWORD)
            self._desktop = await self._stack.enter_async_context(client)
        else:
            counters = self._desktop.counters
            await self._desktop.wait_for(lambda: counters.connects > connected, 30)

    async def arm(self, point: str, nth: int) -> None:
        """It dies at the n-th time from now on that it comes to the point."""
        if self._armed:
            return
        (self._folder / "armed").unlink(missing_ok=True)
        (self._folder / "arm").write_text(f"{point}:{nth}", "ascii")
        os.kill(self._pid, signal.SIGUSR2)
        async with asyncio.timeout(ARMED_S):
            while not (self._folder / "armed").exists():
                await asyncio.sleep(0.01)
        self._armed = True

    async def _is_ready(self) -> bool:
        try:
            async with self._http.get(f"{self._base_url}/readyz") as answer:
                parts = json.loads(await answer.text())["parts"]
        except (aiohttp.ClientError, OSError):
            return False
        return all(parts.get(name, {}).get("ok") for name in ("agi", "storage", "ami"))

    def _log_end(self) -> str:
        return (self._folder / "server.log").read_text("utf-8", "replace")[-1500:]

    async def _happened(self, told: Told, *, back_at_once: bool, within_s: float = SOON_S) -> None:
        """Time for what happened to reach the server, and for a death that comes of it."""
        assert self._end is not None
        if self._is_told_dead:
            return
        await asyncio.wait({self._end}, timeout=within_s)
        if self.lives:
            return
        await self._died_in(told)
        if back_at_once:
            await self.start()

    async def _died_in(self, told: Told) -> None:
        assert self._end is not None
        self._is_told_dead = True
        result = await self._end
        if result != str(-signal.SIGKILL):
            raise RuntimeError(f"a server ended with {result}: {self._log_end()}")
        self.deaths += 1
        told.died = True

    @property
    def pops_seen(self) -> set[str]:
        """Calls, by linked id, that came onto the agent's screen at any time."""
        frames = self._desktop.frames if self._desktop is not None else ()
        offered = {pop_call(frame) for frame in frames if frame["kind"] == "pop.offer"}
        # What a desktop that comes back is told at once.
        told = {
            pop_call(pop) for frame in frames if frame["kind"] == "hello" for pop in frame["pops"]
        }
        return offered | told

    # A call

    async def call(self, number: str, kind: str) -> None:
        """`kind`: answered, abandoned (in the queue) or left (in the menu)."""
        place = len(self.told) + 1
        told = Told(f"{1_700_000_000 + place}.{place}", number)
        self.told.append(told)
        back_at_once = self._random.random() < 0.5
        self._ami.new_channel(told.linkedid, told.linkedid, f"PJSIP/trunk-{place:08x}")
        await self._dialog(told, kind)
        # Nothing but a death leaves the caller to the fallback.
        within_s = DEATH_S if told.route == "fallback" else SOON_S
        await self._happened(told, back_at_once=back_at_once, within_s=within_s)
        if told.route == "left":
            ids = {"Uniqueid": told.linkedid, "Linkedid": told.linkedid}
            self._ami.event("HangupRequest", **ids)
            self._ami.hang_up(told.linkedid)
        else:
            await self._in_queue(told, kind, back_at_once=back_at_once)
        await self._happened(told, back_at_once=False, within_s=AT_LAST_S if self._armed else 0.05)

    async def _dialog(self, told: Told, kind: str) -> None:
        uniqueid = told.linkedid
        overrides = {"agi_channel": self._ami.channels[uniqueid].name, "agi_uniqueid": uniqueid}
        try:
            line = await self._asterisk.call(
                number=told.number,
                dialled=SHOP,
                linkedid=uniqueid,
                keys=["0"],
                hang_up_after=4 if kind == "left" else None,
                overrides=overrides,
                deadline_s=DIALOG_S,
            )
        except ConnectionError:
            told.route = "fallback"
            return
        told.route = "left" if line.hung_up else line.route
        self._queue = line.variables.get("SWB_QUEUE", "default")

    async def _in_queue(self, told: Told, kind: str, *, back_at_once: bool) -> None:
        uniqueid, queue = told.linkedid, self._queue
        of_caller = {"Uniqueid": uniqueid, "Linkedid": uniqueid}
        if told.route == "fallback":
            queue = "default"
            self._trace("swb_fallback", uniqueid, told.number, SHOP, uniqueid)
            self._ami.event(
                "UserEvent", UserEvent="SwitchboardFallback", CallerIDNum=told.number,
                Dialled=SHOP, **of_caller,
            )  # fmt: skip
        caller = self._ami.channels[uniqueid]
        caller.application, caller.data = "Queue", f"{queue},tb,,,600"
        self._ami.waiting.append((uniqueid, queue, 0))
        self._ami.event("QueueCallerJoin", Queue=queue, CallerIDNum=told.number, **of_caller)
        await self._happened(told, back_at_once=back_at_once)
        if kind == "answered":
            await self._talk(told, queue, back_at_once=back_at_once)
        if told.route == "fallback":
            self._trace("swb_ended", uniqueid, "ANSWERED" if told.answered else "ABANDONED")
        self._ami.event("HangupRequest", **of_caller)
        if not told.answered:
            self._ami.event("QueueCallerAbandon", Queue=queue, **of_caller)
        self._ami.hang_up(uniqueid)

    async def _talk(self, told: Told, queue: str, *, back_at_once: bool) -> None:
        uniqueid, leg = told.linkedid, f"{told.linkedid}9"
        agent = {
            "Uniqueid": uniqueid, "Linkedid": uniqueid, "Queue": queue,
            "Interface": PHONE, "DestUniqueid": leg,
        }  # fmt: skip
        self._ami.new_channel(leg, uniqueid, f"{PHONE}-{len(self.told):08x}")
        self._ami.event("AgentCalled", **agent)
        await self._happened(told, back_at_once=back_at_once)
        told.answered = True
        self._ami.waiting = [row for row in self._ami.waiting if row[0] != uniqueid]
        for one in (uniqueid, leg):
            self._ami.channels[one].bridge = f"b-{uniqueid}"
        self._ami.event("AgentConnect", RingTime="1", HoldTime="2", **agent)
        await self._happened(told, back_at_once=back_at_once)
        told.pop_due = self.lives
        self._ami.event("AgentComplete", TalkTime="3", Reason="caller", **agent)
        self._ami.hang_up(leg)

    def _trace(self, family: str, linkedid: str, *fields: str) -> None:
        """As the shipped dialplan keeps it in AstDB."""
        now = str(int(time.time()))
        self._ami.astdb[f"{family}/{linkedid}"] = "|".join(("v1", now, *fields))
