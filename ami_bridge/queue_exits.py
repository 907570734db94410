"""A key takes a waiting caller out of the queue, where that was offered to them.

AMI says which key was pressed, `QueueWithdrawCaller` (apps/app_queue.c, tried with 22.10.1)
ends their Queue() with QUEUESTATUS=WITHDRAW, and the dialplan calls us again as `withdrawn`.

Seen with 22.10.1: while an agent rings, the withdrawal waits until the ringing is over (the queue's
`timeout`), and an agent who answers meanwhile has the caller as if no key had been pressed. Who has
been answered is no caller in the queue any more: Asterisk refuses.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ami_bridge import ami_events as ami
from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.dialplan import TRIES
from ami_bridge.snapshot import Waiting
from calls.call import CallId
from calls.errors import DeadlineExceeded, Unavailable
from calls.ports import QueuePlace, QueuePlaces

log = logging.getLogger(__name__)

V = TypeVar("V")

#: Callers who were offered the key, or used it; the oldest is forgotten first.
_REMEMBERED = 5_000


@dataclass(frozen=True, slots=True)
class _Waits:
    """`queue` as Asterisk knows it, also while one agent is tried first."""

    queue: str
    channel: str
    linkedid: str


class QueueExits:
    """Implements `calls.ports.QueueExits`. The key works once for each `allow_exit`."""

    def __init__(
        self, *, client: AmiClient, system: str, places: QueuePlaces, in_step: Callable[[], bool]
    ) -> None:
        self._client = client
        self._system = system
        self._places = places
        self._in_step = in_step
        #: By linked id.
        self._allowed: OrderedDict[str, None] = OrderedDict()
        self._given_up: OrderedDict[str, QueuePlace] = OrderedDict()
        #: Pressed while one agent was tried first: that queue ends after its one ringing without
        #: looking for withdrawals, so it is done in the next one. By linked id.
        self._later: OrderedDict[str, None] = OrderedDict()
        #: By unique id.
        self._waits: dict[str, _Waits] = {}
        self._withdrawals: set[asyncio.Task[None]] = set()

    async def allow_exit(self, call_id: CallId) -> None:
        if not self._in_step():
            raise Unavailable("no AMI connection: nobody would see the key")
        _keep(self._allowed, call_id.linkedid, None)

    async def forbid_exit(self, call_id: CallId) -> None:
        self._allowed.pop(call_id.linkedid, None)
        self._later.pop(call_id.linkedid, None)

    def place_given_up(self, call_id: CallId) -> QueuePlace | None:
        """Where the caller stood as they pressed the key; None where it was not known."""
        return self._given_up.get(call_id.linkedid)

    def apply(self, event: ami.AmiEvent) -> None:
        match event:
            case ami.QueueJoined():
                queue = _asterisks_name(event.queue, event.preferred)
                waits = _Waits(queue, event.channel, event.linkedid)
                self._waits[event.uniqueid] = waits
                if not event.preferred and event.linkedid in self._later:
                    del self._later[event.linkedid]
                    self._start(waits)
            case ami.QueueLeft():
                self._waits.pop(event.uniqueid, None)
            case ami.ChannelRenamed() if known := self._waits.get(event.uniqueid):
                self._waits[event.uniqueid] = _Waits(known.queue, event.channel, known.linkedid)
            case ami.AgentConnected():
                self._forget(event.linkedid)
            case ami.ChannelHungUp():
                self._waits.pop(event.uniqueid, None)
                if event.uniqueid == event.linkedid:
                    self._forget(event.linkedid)
            case ami.ExitKeyPressed():
                self._pressed(event.uniqueid)

    def replace(self, waiting: Sequence[Waiting], linkedid_of: Callable[[str], str | None]) -> None:
        """All who wait now."""
        self._waits = {
            entry.uniqueid: _Waits(
                _asterisks_name(entry.queue, entry.preferred),
                entry.channel,
                linkedid_of(entry.uniqueid) or entry.uniqueid,
            )
            for entry in waiting
        }

    async def close(self) -> None:
        for task in self._withdrawals:
            task.cancel()
        await asyncio.gather(*self._withdrawals, return_exceptions=True)

    def _pressed(self, uniqueid: str) -> None:
        waits = self._waits.get(uniqueid)
        if waits is None or waits.linkedid not in self._allowed:
            return
        del self._allowed[waits.linkedid]
        if TRIES in waits.queue:
            _keep(self._later, waits.linkedid, None)
        else:
            self._start(waits)

    def _forget(self, linkedid: str) -> None:
        self._allowed.pop(linkedid, None)
        self._later.pop(linkedid, None)

    def _start(self, waits: _Waits) -> None:
        place = self._places.place_of(CallId(self._system, waits.linkedid))
        task = asyncio.create_task(self._withdraw(waits, place), name=f"ami:exit:{waits.linkedid}")
        self._withdrawals.add(task)
        task.add_done_callback(self._withdrawals.discard)

    async def _withdraw(self, waits: _Waits, place: QueuePlace | None) -> None:
        call = f"{self._system}/{waits.linkedid}"
        headers = [
            ("Queue", waits.queue),
            ("Caller", waits.channel),
            ("WithdrawInfo", "callback"),
        ]
        self._given_up.pop(waits.linkedid, None)
        if place is not None:
            _keep(self._given_up, waits.linkedid, place)
        try:
            await self._client.ask("QueueWithdrawCaller", headers)
            log.info("%s leaves the queue by the key", call)
        except ActionRefused as error:
            log.info("%s stays: %s", call, error)
        except (Unavailable, DeadlineExceeded) as error:
            # Pressed again, it is tried again.
            _keep(self._allowed, waits.linkedid, None)
            log.warning("%s could not be taken out of the queue: %s", call, error)
        except Exception:
            log.exception("%s could not be taken out of the queue", call)


def _keep(where: OrderedDict[str, V], linkedid: str, value: V) -> None:
    where[linkedid] = value
    if len(where) > _REMEMBERED:
        where.popitem(last=False)


def _asterisks_name(queue: str, preferred: str) -> str:
    return f"{queue}{TRIES}{preferred}" if preferred else queue
