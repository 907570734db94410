"""An Asterisk whose agents transfer, park, pick up and confer: what a whole PBX around us would
do, none of it ours. One manager user may do everything; only tests have it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asterisk.manager

from switchboard.demo import free_ports, sip_scenarios
from switchboard.demo.pbx_files import PHONES_HOST, PbxAgent
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import CallersAtWork
from switchboard.demo.sip_scenarios import CallerShape
from switchboard.demo.sipp import SippProcess
from tests.acceptance.waiting import until
from tests.pbx_queues import ANNA, BEN, CHEN, queue

OPERATOR, OPERATOR_SECRET = "operator", "only-for-the-tests"
#: A manager user like ours that may place calls too.
PLACER = "placer"
#: Somebody beyond the house, dialled as 0 and any number.
OUTSIDE = "outside"

_EXTENSIONS = f"""
[from-agents]
exten => _10X,1,Dial(PJSIP/agent${{EXTEN:2}},10)
exten => _0X.,1,Dial(PJSIP/{OUTSIDE},10)
exten => _9X.,1,Dial(PJSIP/${{EXTEN:1}}@{OUTSIDE},3,T)
exten => _*9X.,1,Dial(Local/${{EXTEN:2}}@trunks/n,10)
exten => _*8X.,1,Dial(Local/${{EXTEN:2}}@trunks,10)
exten => _60X,1,Dial(Local/1${{EXTEN:1}}@from-queue/n,10)
exten => *8,1,Pickup()
exten => 800,1,Answer()
 same => n,ConfBridge(800)
exten => _70X,1,Goto(parkedcalls,${{EXTEN}},1)

; As FreePBX finds a trunk.
[trunks]
exten => _X.,1,Gosub(out,s,1(${{EXTEN}}))
[out]
exten => s,1,Dial(PJSIP/${{ARG1}}@{OUTSIDE},10)

; As FreePBX makes its queue members.
[from-queue]
exten => _10X,1,Dial(PJSIP/agent${{EXTEN:2}},10)
[ext-local]
exten => 102,hint,PJSIP/agent2
"""
_QUEUES = (
    queue("ring_all", ANNA, BEN, CHEN)
    + queue("anna_only", ANNA)
    + queue("locals", "Local/102@from-queue/n,0,Ben,hint:102@ext-local")
    + queue("optimised", "Local/102@from-queue,0,Ben,PJSIP/agent2")
)
_MANAGER = f"""
[{OPERATOR}]
secret = {OPERATOR_SECRET}
read = all
write = all
[{PLACER}]
secret = {OPERATOR_SECRET}
read = call,agent,reporting,system,user,dtmf
write = call,agent,originate,reporting
writetimeout = 5000
"""
_PARKING = """[general]
parkeddynamic = no
[default]
parkext = 700
parkpos = 701-709
context = parkedcalls
parkingtime = 30
comebacktoorigin = no
comebackcontext = parked-too-long
"""
_FEATURES = """[general]
atxfernoanswertimeout = 5
transferdigittimeout = 1
"""
_MODULES = "app_directed_pickup res_parking app_confbridge bridge_builtin_interval_features"
_CONFBRIDGE = "[general]\n[default_user]\ntype = user\n[default_bridge]\ntype = bridge\n"


class _Manager(asterisk.manager.Manager):  # type: ignore[misc]
    def __del__(self) -> None:
        """pyst2 closes here once more, whenever the collector comes by; the test has closed it."""


class ActionFailed(AssertionError):
    """Asterisk refused what a test wanted of it."""


class Operator:
    """Somebody at a manager connection of their own (pyst2's): acts, and sees all that happens."""

    def __init__(self, pbx: PrivatePbx) -> None:
        self.seen: list[dict[str, str]] = []
        self._manager = _Manager()
        self._manager.connect("127.0.0.1", pbx.ami_port)
        self._manager.login(OPERATOR, OPERATOR_SECRET)
        self._manager.register_event("*", self._on_event)

    def _on_event(self, event: Any, _manager: object) -> None:
        self.seen.append(dict(event.headers))

    async def act(self, action: str, **headers: str) -> None:
        response = await asyncio.to_thread(self._manager.send_action, {"Action": action, **headers})
        if response.headers.get("Response") != "Success":
            raise ActionFailed(f"{action} {headers}: {response.headers}")

    def of(self, *names: str) -> list[dict[str, str]]:
        return [event for event in self.seen if event["Event"] in names]

    async def some(self, name: str, count: int = 1) -> None:
        async def seen() -> bool:
            return len(self.of(name)) >= count

        await until(seen, f"{count} {name}", every_s=0.02)

    async def channel(self, endpoint: str) -> str:
        """The newest of this endpoint that is not hung up, once it is told of here too."""
        found: list[str] = []

        async def seen() -> bool:
            names = [event["Channel"] for event in self.of("Newchannel")]
            gone = {event["Channel"] for event in self.of("Hangup")}
            found[:] = [
                name for name in names if name.startswith(f"PJSIP/{endpoint}-") and name not in gone
            ]
            return bool(found)

        await until(seen, f"a channel of {endpoint}", every_s=0.02)
        return found[-1]

    def close(self) -> None:
        # Not by its own logoff(): that races with its reader, which sees Asterisk close.
        self._manager._sock.write(b"Action: Logoff\r\n\r\n")
        self._manager.message_thread.join(timeout=10)
        self._manager.close()


class TransferHouse:
    """The PBX, and the hands of its people."""

    def __init__(self, *, agi_port: int, web_url: str, ami_secret: str) -> None:
        self.outside = PbxAgent(OUTSIDE, "Outside", free_ports.udp(PHONES_HOST))
        self.pbx = PrivatePbx(
            agi_port=agi_port,
            web_url=web_url,
            ami_secret=ami_secret,
            more_files={
                "extensions.conf": _EXTENSIONS,
                "queues.conf": _QUEUES,
                "manager.conf": _MANAGER,
                "res_parking.conf": _PARKING,
                "confbridge.conf": _CONFBRIDGE,
                "features.conf": _FEATURES,
                "modules.conf": "".join(f"load = {name}.so\n" for name in _MODULES.split()),
                "pjsip.conf": f"""
[{OUTSIDE}](phone)
context = from-agents
aors = {OUTSIDE}
[{OUTSIDE}]
type = aor
contact = sip:{OUTSIDE}@{PHONES_HOST}:{self.outside.port}
""",
            },
        )

    def dial(
        self, agent: str, extension: str, *, folder: Path, shape: CallerShape
    ) -> CallersAtWork:
        """From the agent's phone, as if the keys were pressed there."""
        process = SippProcess(
            scenario=sip_scenarios.caller(shape),
            host=PHONES_HOST,
            port=free_ports.udp(PHONES_HOST),
            folder=folder,
        )
        (process.folder / "callers.csv").write_text(f"SEQUENTIAL\n;{agent};{extension}\n", "utf-8")
        process.start(self.pbx.trunk, "-inf", "callers.csv", "-m", "1", "-l", "1", "-r", "1")
        return CallersAtWork({shape: process})
