"""Moves calls on behalf of agents, whatever phone they have: Asterisk does it, and keeps it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.ami_wire import UnsafeAction
from ami_bridge.call_tracker import CallTracker
from ami_bridge.live_channels import interface_of
from calls.call import CallId
from calls.errors import Unavailable
from calls.ports import Asked, AskingEnd, TransferTarget

#: Of switchboard_extensions.conf.
_GIVEN, _ASKED, _QUEUED = "switchboard-given", "switchboard-asked", "switchboard-given-queue"
_COLLEAGUE, _EXTENSION = "1", "2"
_DIALLED = re.compile(r"[0-9]{1,20}", re.ASCII)
_INTERFACE = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_./@+-]{1,100}", re.ASCII)
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", re.ASCII)
#: features.conf: `atxferthreeway` of [general] as it comes (main/features_config.c, 22.10.1).
_THREE = "*3"
DEADLINE_S = 3.0


class AmiTransfers:
    """Implements `calls.ports.Transfers` by BlindTransfer, Atxfer, CancelAtxfer, Hangup, PlayDTMF
    and Setvar, all by the right to write `call`. Atxfer needs a code for it in features.conf, and
    types an extension key by key, so whom it rings goes by a variable. `context` is where agents
    dial."""

    def __init__(self, *, client: AmiClient, tracker: CallTracker, context: str) -> None:
        self._client = client
        self._tracker = tracker
        self._context = context

    async def give(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        channel, caller = self._channels(call_id, interface)
        context, exten = self._context, target.extension
        if target.interface is not None:
            await self._set(caller, "SWB_COLLEAGUE", _safe(_INTERFACE, target.interface))
            context, exten = _GIVEN, target.name
        elif target.queue:
            context, exten = _QUEUED, _safe(_QUEUE, target.queue)
        else:
            _safe(_DIALLED, exten)
        await self._do(
            "BlindTransfer", ("Channel", channel), ("Context", context), ("Exten", exten)
        )

    async def ask(self, call_id: CallId, interface: str, target: TransferTarget) -> None:
        channel, _ = self._channels(call_id, interface)
        if target.interface is not None:
            await self._set(channel, "__SWB_COLLEAGUE", _safe(_INTERFACE, target.interface))
        else:
            await self._set(channel, "__SWB_EXTENSION", _safe(_DIALLED, target.extension))
            await self._set(channel, "__SWB_CONTEXT", self._context)
        exten = _COLLEAGUE if target.interface is not None else _EXTENSION
        await self._do("Atxfer", ("Channel", channel), ("Context", _ASKED), ("Exten", exten))

    async def asked(self, call_id: CallId) -> Asked:
        """By the half of its Local channel that talks with the agent."""
        known = map(self._tracker.channels.get, self._tracker.channels.of(call_id.linkedid))
        names = [one.name for one in known if one is not None and f"@{_ASKED}-" in one.name]
        half = next((name for name in names if name.endswith(";1")), None)
        if half is None:
            return "nobody"
        what = ("Channel", half), ("Variable", "CHANNEL(state)")
        told = await self._do("Getvar", *what)
        return "answered" if told.get("Value") == "Up" else "called"

    async def end_asking(self, call_id: CallId, interface: str, how: AskingEnd) -> None:
        channel, _ = self._channels(call_id, interface)
        match how:
            case "cancel":
                await self._do("CancelAtxfer", ("Channel", channel))
            case "complete":
                await self._do("Hangup", ("Channel", channel), ("Cause", "16"))
            case "conference":
                for digit in _THREE:
                    headers = ("Channel", channel), ("Digit", digit), ("Receive", "true")
                    await self._do("PlayDTMF", *headers)

    def _channels(self, call_id: CallId, interface: str) -> tuple[str, str]:
        """The agent's in this call, and the caller's. Raises Unavailable where the agent does not
        talk in it."""
        call = self._tracker.calls.get(call_id.linkedid)
        leg = call.talking.get(interface) if call is not None else None
        if call is None or leg is None:
            raise Unavailable("the agent does not talk in this call")
        channels = (self._tracker.channels.get(each) for each in sorted(leg.uniqueids))
        names = [each.name for each in channels if each is not None and each.name]
        # Of a Local member it is that half which talks with the caller.
        own = [name for name in names if interface_of(name) == interface.removesuffix("/n")]
        caller = self._tracker.channels.get(call.caller_uniqueid)
        if not names or caller is None:
            raise Unavailable("the agent's channel is not known")
        return (own or names)[0], caller.name

    async def _set(self, channel: str, name: str, value: str) -> None:
        await self._do("Setvar", ("Channel", channel), ("Variable", name), ("Value", value))

    async def _do(self, action: str, *headers: tuple[str, str]) -> Mapping[str, str]:
        try:
            return await self._client.ask(action, headers, deadline_s=DEADLINE_S)
        except (ActionRefused, UnsafeAction) as refused:
            raise Unavailable(f"Asterisk refused {action}: {refused}") from refused


def _safe(allowed: re.Pattern[str], value: str) -> str:
    if not allowed.fullmatch(value):
        raise Unavailable("the target is none that may be dialled")
    return value
