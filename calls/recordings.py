"""Silence in the recordings of a line, whoever records it, while something is said or typed that is
to be kept nowhere."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from calls.call import Call, CallId
from calls.errors import DeadlineExceeded, Unavailable

log = logging.getLogger(__name__)

#: Who wants silence: the dialog with the caller, or an agent who pauses.
Silencer = Literal["dialog", "agent"]


class LineRecordings(Protocol):
    """Who records a caller's line, we or the PBX itself, may have to hear nothing for a while.
    Implemented by `ami_bridge.line_recordings`."""

    async def mute(self, call: Call, by: Silencer) -> None:
        """From its return on silence is recorded, in both directions, until each who wanted it
        has asked to `unmute`. Raises Unavailable, also where nobody records it, or
        DeadlineExceeded: then it may be recorded."""
        ...

    def unmute(self, call: Call, by: Silencer) -> None:
        """Seen to until it is done or the call is over, for an hour at most while the AMI is away;
        a new `mute` overrules it. Also after a `mute` that was not answered in time; not where it
        was Unavailable and the recording was ended: then nothing is left to unmute."""
        ...

    async def unmuted(self, call_id: CallId) -> None:
        """Returns when nothing of an `unmute` is left to be done, or another `mute` came."""
        ...

    async def stop(self, call: Call) -> None:
        """Ends every recording of the line for good. Raises Unavailable: then it may go on."""
        ...


@dataclass(frozen=True, slots=True)
class Silence:
    """`is_sure`: nothing of the line is recorded now. `ended`: its recordings were ended for good.
    `may_be_muted`: it is to be unmuted afterwards."""

    is_sure: bool
    ended: bool
    may_be_muted: bool


async def silence(
    call_id: CallId, *, mute: Awaitable[None], stop: Callable[[], Awaitable[bool]]
) -> Silence:
    """The one way to it: `mute` (see `LineRecordings.mute`), and where that fails `stop`, which
    ends the recordings and says whether it did."""
    try:
        await mute
    except Unavailable as error:
        log.info("call %s: recordings cannot be muted: %s", call_id, error)
        stopped = await stop()
        maybe = isinstance(error, DeadlineExceeded) or not stopped
        return Silence(is_sure=stopped, ended=stopped, may_be_muted=maybe)
    return Silence(is_sure=True, ended=False, may_be_muted=True)
