"""A whole centre on loopback: Asterisk, the server, agents' phones and agents' desktops."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from calls.agents import Agent, softphone_interface
from switchboard.demo import free_ports, personas, prepared
from switchboard.demo.call_page import CallPage
from switchboard.demo.desktop_client import DesktopClient
from switchboard.demo.private_pbx import QUEUES, PrivatePbx
from switchboard.demo.server_process import ServerProcess
from switchboard.demo.sip_callers import SipCallers
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from switchboard.part import Part

_LOGINS = ("anna", "ben", "chen")


#: Nobody simulates her: whoever logs in as Dora answers in the browser.
DORA = Agent("dora", "Dora", (softphone_interface("dora"),), softphone=True)
#: Has no phone, and sees the supervisor page.
INES = Agent("ines", "Ines Roth", (), role="supervisor")
#: Whom agents may call and transfer to.
_AGENTS_DIAL = """
[from-agents]
exten => _10X,1,Dial(PJSIP/agent${EXTEN:2},20)
exten => reception,1,Goto(switchboard-targets,reception,1)
"""


def agent_login(number: int) -> str:
    """`number` counts from 1, as in PJSIP/agent1."""
    return _LOGINS[number - 1] if number <= len(_LOGINS) else f"agent{number}"


class DemoCentre:
    """`async with`: on return calls are served; on leaving everything it started is gone.

    `desk_only` more agents have a desktop and no phone. `call_page`: on that port people ring in
    from the browser; and Dora is there, whose phone is in the browser too. `phone_bank`:
    see PrivatePbx. `rtp_timeout_s`: who sends no sound for so long is hung up on. `part`: what its
    own server process does; whoever starts the others does so around this. `under`: see
    ServerProcess.
    `overrides` are settings by section, on top of the demo's own. `storage_url` None: a fresh
    SQLite database with the demo's customers.
    """

    #: Where databases are kept that are copied for a fresh one; None: each in its own `folder`.
    templates: ClassVar[Path | None] = None
    #: Settings by section for every centre, below its `overrides`.
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    def __init__(
        self,
        *,
        folder: Path,
        agents: int = 3,
        desk_only: int = 0,
        call_page: int | None = None,
        phone_bank: bool = False,
        web_port: int | None = None,
        phone: PhoneShape | None = None,
        desktops: bool = True,
        strategy: str = "rrmemory",
        ring_s: int = 15,
        rtp_timeout_s: int = 60,
        queues: Sequence[str] = QUEUES,
        storage_url: str | None = None,
        agi_port: int | None = None,
        more_agi_ports: Sequence[int] = (),
        watchdog: bool = False,
        part: Part = Part.ALL,
        under: tuple[str, ...] = (),
        overrides: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._with_desktops = desktops
        self._storage_url = storage_url
        web = {"host": "127.0.0.1", "port": web_port or free_ports.tcp()}
        agi = {"host": "127.0.0.1", "port": free_ports.tcp()}
        ami_secret = secrets.token_urlsafe(24)
        in_browser = call_page is not None
        ringing_in = personas.personas() if in_browser else ()
        self.pbx = PrivatePbx(
            agi_port=agi_port or agi["port"],  # type: ignore[arg-type]
            more_agi_ports=more_agi_ports,
            web_url=f"http://127.0.0.1:{web['port']}",
            ami_secret=ami_secret,
            agents=agents,
            strategy=strategy,
            ring_s=ring_s,
            rtp_timeout_s=rtp_timeout_s,
            phone_bank=phone_bank,
            queues=queues,
            softphones=in_browser,
            more_members=((DORA.interfaces[0], DORA.name, personas.PENALTY),) if in_browser else (),
            more_files={
                "extensions.conf": _AGENTS_DIAL + personas.dialplan(DORA.login, queues[0]),
                "queues.conf": personas.queues(queues),
                "queuerules.conf": personas.queue_rules(),
                "pjsip.conf": personas.pjsip(ringing_in),
            }
            if in_browser
            else {},
        )
        self.agents = tuple(
            Agent(
                login=agent_login(number),
                name=pbx_agent.name if pbx_agent else f"Agent {number}",
                interfaces=(f"PJSIP/agent{number}",),
                queues=tuple(queues),
            )
            for number, pbx_agent in enumerate((*self.pbx.agents, *[None] * desk_only), 1)
        )
        self._in_browser = (replace(DORA, queues=tuple(queues)),) if in_browser else ()
        self.database_file = self.folder / "switchboard.db"
        settings = self._settings(web=web, agi=agi, ami_secret=ami_secret)
        for more in (self.defaults, overrides or {}):
            for section, values in more.items():
                settings.setdefault(section, {}).update(values)
        self.server = ServerProcess(
            self.folder, settings, watchdog=watchdog, part=part, under=under
        )
        self.call_page = (
            CallPage(
                port=call_page,
                callers=ringing_in,
                softphone=self.pbx.softphone_settings,
                server_url=self.server.base_url,
                agent=DORA.login,
                supervisor=INES.login,
                password=prepared.PASSWORD,
                console=self.pbx.rx,
            )
            if call_page is not None
            else None
        )
        self.phones = SipPhones(
            agents=self.pbx.agents,
            shapes={a.endpoint: phone or PhoneShape() for a in self.pbx.agents},
            folder=self.folder / "sip",
        )
        self.callers = SipCallers(trunk=self.pbx.trunk, folder=self.folder / "sip")
        self.desktops: list[DesktopClient] = []
        self._stack = AsyncExitStack()

    def _settings(
        self, *, web: dict[str, Any], agi: dict[str, Any], ami_secret: str
    ) -> dict[str, dict[str, Any]]:
        settings: dict[str, dict[str, Any]] = {
            "web": web,
            "agi": agi,
            "ami": {"port": self.pbx.ami_port, "secret": ami_secret},
            "storage": {"url": self._storage_url or f"sqlite:///{self.database_file}"},
            "speech": {"cache_dir": str(self.folder / "prompts")},
            # It would take the processor from the calls that are shown.
            "scoring": {"nightly_at": ""},
            "rulebook": {"state_dir": str(self.folder / "rulebooks")},
            "audit": {"folder": str(self.folder / "audit")},
        }
        if self._in_browser:
            phones = self.pbx.softphone_settings
            settings["softphone"] = {"asterisk_ws": phones.asterisk_ws, "context": phones.context}
        return settings

    @property
    def storage_url(self) -> str:
        url: str = self.server.settings["storage"]["url"]
        return url

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
        agents = (INES, *self.agents, *self._in_browser)
        if self._storage_url is None:
            await prepared.prepared_copy(self.templates or self.folder, agents, self.database_file)
        else:
            await prepared.fill(self._storage_url, agents)
        if self._in_browser:
            await self.pbx.tell_softphones(await prepared.softphones_of(self.storage_url))
        await self._stack.enter_async_context(self.pbx)
        await self._stack.enter_async_context(self.phones)
        await self._stack.enter_async_context(self.server)
        if self.call_page is not None:
            await self._stack.enter_async_context(self.call_page)
        if self._with_desktops:
            for agent in self.agents:
                await self.open_desktop(agent.login)

    async def open_desktop(self, login: str) -> DesktopClient:
        client = DesktopClient(self.server.base_url, login, prepared.PASSWORD, comes_back=True)
        await self._stack.enter_async_context(client)
        await client.set_state("available")
        self.desktops.append(client)
        return client
