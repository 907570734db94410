"""A real Asterisk of our own, for the demo and the tests: started in a folder, gone with us."""

from __future__ import annotations

import asyncio
import csv
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pydantic import SecretStr

from ami_bridge import pbx_config
from ami_bridge.softphone_config import SOFTPHONES_FILE, render_softphones
from calls.agents import Softphone
from config.settings import AgiSettings, AmiSettings, NodesSettings, Settings, SoftphoneSettings
from switchboard import secret_file
from switchboard.demo import child, free_ports, local_addresses, pbx_files, tones
from switchboard.demo.asterisk_program import AsteriskProgram
from switchboard.demo.pbx_files import CALLERS_HOST, PBX_HOST, PHONES_HOST, PbxAgent

QUEUES = ("default", "support", "sales", "billing", "key_accounts")
AGENT_NAMES = ("Anna", "Ben", "Chen")
#: The notes of the music on hold.
MUSIC_HZ = (220, 277.18, 329.63)


#: PJSIP looks up the machine's own name as it starts; where DNS does not answer, that took 12 s.
_ENVIRONMENT = {**os.environ, "RES_OPTIONS": "timeout:1 attempts:1"}


class PbxDidNotStart(RuntimeError):
    """Asterisk ended or hung while starting; the text ends with its last words."""


class PrivatePbx:
    """Asterisk on free loopback ports, with a SIP trunk for callers, `agents` phones (agent1,
    agent2, ...) in every queue, and the shipped dialplan, filled in for a server that may start
    later.

    `phone_bank`: all phones at one address, told apart by their user alone, so that one process
    can play hundreds. `softphones`: phones in a browser too, see `tell_softphones`.
    `more_members`: interface, name and penalty of whom every queue rings besides. `more_files`: by
    name, what is added at the end of a configuration file. `systems`: the names of all Asterisks
    that ask the same servers, its own first, where there are several. Not tied to an event loop.
    `run` (the folder of its files and logs) is removed on `close` when it was made here. CDRs, CEL
    and queue_log are kept as witnesses that owe nothing to AMI.
    """

    def __init__(
        self,
        *,
        agi_port: int,
        more_agi_ports: Sequence[int] = (),
        web_url: str,
        ami_secret: str,
        ami_username: str = "switchboard",
        agents: int = 3,
        ring_s: int = 15,
        strategy: str = "rrmemory",
        rtp_timeout_s: int = 60,
        phone_bank: bool = False,
        softphones: bool = False,
        queues: Sequence[str] = QUEUES,
        more_members: Sequence[tuple[str, str, int]] = (),
        more_files: Mapping[str, str] = MappingProxyType({}),
        systems: Sequence[str] = (),
        program: AsteriskProgram | None = None,
        run: Path | None = None,
    ) -> None:
        self.ami_port = free_ports.tcp(PBX_HOST)
        self.sip_port = free_ports.udp(PBX_HOST)
        bank = free_ports.udp(PHONES_HOST) if phone_bank else None
        self.agents = tuple(
            PbxAgent(
                f"agent{number}",
                AGENT_NAMES[number - 1] if number <= len(AGENT_NAMES) else f"Agent {number}",
                bank or free_ports.udp(PHONES_HOST),
            )
            for number in range(1, agents + 1)
        )
        self.agi_port = agi_port
        self.web_url = web_url
        self.ami_username = ami_username
        self.ami_secret = ami_secret
        self._settings = Settings(
            agi=AgiSettings(
                host=PBX_HOST,
                port=agi_port,
                more=tuple(f"{PBX_HOST}:{port}" for port in more_agi_ports),
            ),
            ami=AmiSettings(
                username=ami_username, secret=SecretStr(ami_secret), system=(*systems, "pbx")[0]
            ),
            softphone=SoftphoneSettings(context="from-agents"),
            nodes=NodesSettings(asterisks=tuple(AmiSettings(system=s) for s in systems[1:])),
        )
        self._reach = pbx_config.Reach(web_url=web_url)
        self._queue_options = (ring_s, strategy)
        self._queues = tuple(queues)
        self._members = (
            *((f"PJSIP/{agent.endpoint}", agent.name, 0) for agent in self.agents),
            *more_members,
        )
        self._rtp_timeout_s = rtp_timeout_s
        self.http_port = free_ports.tcp(PBX_HOST) if softphones else None
        self._more_files = more_files
        self._program = program
        self._owns_run = run is None
        # Short: the name of the control socket below it must fit in 107 bytes.
        self.run = run or Path(tempfile.mkdtemp(prefix="swb-pbx-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the private Asterisk is not started")
        return self._process.pid

    @property
    def trunk(self) -> str:
        """HOST:PORT to which callers send their INVITE (from CALLERS_HOST)."""
        return f"{PBX_HOST}:{self.sip_port}"

    async def start(self, *, deadline_s: float = 30.0) -> None:
        """Returns when calls are served. After `stop` or `kill` it starts again with the same
        ports, configuration and AstDB."""
        if self._program is None:
            self._program = await asyncio.to_thread(AsteriskProgram.fetch)
        await asyncio.to_thread(self._write_files, self._program)
        self._process = self._launch(self._program)
        try:
            await asyncio.to_thread(self._wait_booted, time.monotonic() + deadline_s)
        except BaseException:
            await self.kill()
            raise

    async def rx(self, command: str, *, deadline_s: float = 10.0) -> str:
        """What Asterisk's own console answers to `command`."""
        done = await asyncio.to_thread(self._console, command, deadline_s)
        return done.stdout

    @property
    def softphone_settings(self) -> SoftphoneSettings:
        """What the server needs to know for its agents' phones in a browser to reach this one."""
        if self.http_port is None:
            raise RuntimeError("the private Asterisk was made without softphones")
        address = f"ws://{PBX_HOST}:{self.http_port}/ws"
        return SoftphoneSettings(asterisk_ws=address, context="from-agents")

    async def tell_softphones(self, phones: Sequence[Softphone]) -> None:
        """These and no others from now on, also after a restart; before or after `start`."""
        text = render_softphones(phones, self.softphone_settings, media_address=PBX_HOST)
        await asyncio.to_thread(secret_file.replace, self.run / "etc" / SOFTPHONES_FILE, text)
        if self._process is not None and self._process.poll() is None:
            await self.rx("module reload res_pjsip.so")

    async def stop(self) -> None:
        if self._process is not None:
            await asyncio.to_thread(child.stop, self._process, grace_s=5.0)

    async def kill(self) -> None:
        """As a crash would: nothing is hung up, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def close(self) -> None:
        await self.stop()
        if self._owns_run:
            await asyncio.to_thread(shutil.rmtree, self.run, ignore_errors=True)

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    def cel(self) -> list[list[str]]:
        """Rows of event, time, linkedid, uniqueid, channel name, oldest first."""
        return _rows(self.run / "log/cel-custom/Master.csv")

    def cdr(self) -> list[list[str]]:
        """Rows in the order of Asterisk's cdr_csv.c, without account code first: see there."""
        return _rows(self.run / "log/cdr-csv/Master.csv")

    def queue_log(self) -> list[list[str]]:
        """Rows of epoch, uniqueid, queue, agent, event, data..."""
        path = self.run / "log/queue_log"
        return [line.split("|") for line in path.read_text().splitlines()] if path.exists() else []

    def log(self) -> str:
        return "".join(
            path.read_text(errors="replace")
            for path in (self.run / "log/messages", self.run / "log/console")
            if path.exists()
        )

    def _argv(self, program: AsteriskProgram, *more: str) -> list[str]:
        return [*program.command, "-C", str(self.run / "etc/asterisk.conf"), *more]

    def _launch(self, program: AsteriskProgram) -> subprocess.Popen[bytes]:
        return child.start(
            self._argv(program, "-f"),
            folder=self.run,
            output=self.run / "log/console",
            env=_ENVIRONMENT,
        )

    def _console(self, command: str, deadline_s: float) -> subprocess.CompletedProcess[str]:
        assert self._program is not None
        return subprocess.run(
            self._argv(self._program, "-rx", command),
            env=_ENVIRONMENT,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=deadline_s,
            check=False,
        )

    def _wait_booted(self, deadline: float) -> None:
        assert self._process is not None
        socket = self.run / "run/asterisk.ctl"
        while (left_s := deadline - time.monotonic()) > 0:
            if self._process.poll() is not None:
                break
            if socket.exists():
                try:
                    if self._console("core waitfullybooted", left_s).returncode == 0:
                        return
                except subprocess.TimeoutExpired:
                    break
            time.sleep(0.02)
        raise PbxDidNotStart("Asterisk did not start:\n" + self.log()[-2000:])

    def _write_files(self, program: AsteriskProgram) -> None:
        for name in (
            "etc",
            "lib/keys",
            "data/sounds",
            "data/moh",
            "spool/monitor",
            "spool/voicemail",
            "cache",
            "run",
            "log/cdr-csv",
        ):
            (self.run / name).mkdir(parents=True, exist_ok=True)
        (self.run / "log/cel-custom").mkdir(exist_ok=True)
        (self.run / "run/asterisk.ctl").unlink(missing_ok=True)
        self._link_data(program)
        shipped = pbx_config.render(self._settings, reach=self._reach, secret=self.ami_secret)
        ring_s, strategy = self._queue_options
        sample = shipped["switchboard_queues.conf"]
        files = {
            "asterisk.conf": pbx_files.directories(self.run, program),
            "modules.conf": pbx_files.modules(softphones=self.http_port is not None),
            "pjsip.conf": pbx_files.pjsip(
                port=self.sip_port, agents=self.agents, rtp_timeout_s=self._rtp_timeout_s
            ),
            "queues.conf": pbx_files.queues(sample, self._queues, self._members, ring_s, strategy),
            **pbx_files.small_files(ami_port=self.ami_port, run=self.run),
            **shipped,
        }
        if self.http_port is not None:
            addresses = local_addresses.ipv4()
            files |= pbx_files.for_softphones(http_port=self.http_port, addresses=addresses)
        files = dict.fromkeys(self._more_files, "") | files
        for name, text in files.items():
            path = self.run / "etc" / name
            path.touch(mode=0o600)
            path.write_text(text + self._more_files.get(name, ""))

    def _link_data(self, program: AsteriskProgram) -> None:
        data = self.run / "data"
        links = {data / "documentation": program.data / "documentation"}
        if sounds := program.english_sounds:
            links[data / "sounds/en"] = sounds
        for link, target in links.items():
            if not link.is_symlink():
                link.symlink_to(target)
        music = data / "moh/chords.wav"
        if not music.exists():
            tones.write_wav(music, tones.chord(MUSIC_HZ, 4) * 2)


def _rows(path: Path) -> list[list[str]]:
    if not path.exists():
        return []
    with path.open(newline="", errors="replace") as lines:
        return list(csv.reader(lines))


__all__ = [
    "CALLERS_HOST",
    "MUSIC_HZ",
    "PBX_HOST",
    "PHONES_HOST",
    "PbxAgent",
    "PbxDidNotStart",
    "PrivatePbx",
]
