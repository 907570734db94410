"""Takes callers out of the hands of a server that does not answer, by a short AMI connection of its
own: they go where the dialplan's own clock would send them, only sooner.

Works because the dialplan sets AGIEXITONHANGUP: without it Asterisk 22.10.1 answers Redirect with
Success and the caller stays. Needs the rights `reporting` (CoreShowChannels) and `call` (Redirect),
which the AMI user of `switchboard pbx-config` has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ami_bridge import dialplan
from ami_bridge.ami_client import ActionRefused, AmiClient, AmiTiming
from ami_bridge.ami_wire import Headers, UnsafeAction
from ami_bridge.brief_session import logged_in
from calls.errors import DeadlineExceeded, Unavailable
from config.settings import AmiSettings

_TIMING = AmiTiming(connect_s=1.0, login_s=1.5, action_s=2.0)
#: Of an address without a port (res_agi.c, AGI_PORT).
_AGI_PORT = 4573
#: Asked at once; Asterisk answers them one after the other.
_AT_ONCE = 100


@dataclass(slots=True)
class Rescue:
    """How far it came. `problem`: why no further."""

    found: int = 0
    moved: int = 0
    problem: str = ""
    #: Channels that were gone, or Asterisk would not move.
    refused: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        told = f"{self.moved} of {self.found} callers were sent to the default queue"
        return f"{told}; then: {self.problem}" if self.problem else told


async def rescue(settings: AmiSettings, *, agi_port: int, deadline_s: float = 2.5) -> Rescue:
    """Never raises for what Asterisk or the network does, and takes no longer than `deadline_s`."""
    done = Rescue()
    try:
        async with logged_in(
            settings, name="ami:rescue", timing=_TIMING, deadline_s=deadline_s
        ) as client:
            await client.ask("Events", (("EventMask", "off"),))
            await _move(client, agi_port, done)
    except TimeoutError:
        done.problem = f"Asterisk was not done after {deadline_s:g} s"
    except (ActionRefused, DeadlineExceeded, Unavailable) as error:
        done.problem = str(error)
    return done


async def _move(client: AmiClient, agi_port: int, done: Rescue) -> None:
    names = await _with_us(client, await client.ask_list("CoreShowChannels"), agi_port)
    done.found = len(names)
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        await asyncio.gather(*(_take_back(client, name, done) for name in some))


async def _with_us(client: AmiClient, channels: Iterable[Headers], agi_port: int) -> Sequence[str]:
    """Names of channels in our dialog: whichever application is running, as EXEC shows its own in
    place of AGI. Callers of another server, on another port, are left to that one."""
    names: list[str] = []
    unclear: list[str] = []
    for channel in channels:
        name = channel.get("Channel", "")
        if channel.get("Context") != dialplan.CONTEXT_DIALOG:
            continue
        if channel.get("Application") != "AGI":
            unclear.append(name)
        elif _is_at(channel.get("ApplicationData", "").partition(",")[0], agi_port):
            names.append(name)
    for start in range(0, len(unclear), _AT_ONCE):
        some = unclear[start : start + _AT_ONCE]
        asked = await asyncio.gather(*(_asked_last(client, name) for name in some))
        names += [
            name
            for name, address in zip(some, asked, strict=True)
            if not address or _is_at(f"agi://{address}", agi_port)
        ]
    return names


async def _asked_last(client: AmiClient, channel: str) -> str:
    """HOST:PORT of the server that talks there; empty where the dialplan does not say, as where
    there is one alone."""
    what = (("Channel", channel), ("Variable", dialplan.SWB_ASKED))
    try:
        return (await client.ask("Getvar", what)).get("Value", "")
    except (ActionRefused, UnsafeAction):
        return ""


def _is_at(address: str, port: int) -> bool:
    try:
        return (urlsplit(address).port or _AGI_PORT) == port
    except ValueError:
        return False


async def _take_back(client: AmiClient, channel: str, done: Rescue) -> None:
    where = (("Context", dialplan.CONTEXT_DIALOG), ("Exten", dialplan.TAKEN_BACK))
    try:
        await client.ask("Redirect", (("Channel", channel), *where, ("Priority", "1")))
    except (ActionRefused, UnsafeAction) as error:
        done.refused.append(f"{channel}: {error}")
    else:
        done.moved += 1
