"""Where a pop stopped on its way to the agent's eyes."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Protocol

#: `pops.close_reason`, and the kind of a trace, where the rulebook wanted no pop.
NOT_SHOWN = "not_shown"
#: An agent who sees it later than this has answered without it.
LATE_AFTER = timedelta(seconds=2)
#: A desktop that shows it says so within this; a ringing that is over sooner is nobody's fault.
ACK_WITHIN = timedelta(seconds=1)


class PopStop(enum.StrEnum):
    #: The rulebook wants none.
    NOT_SHOWN = "not_shown"
    LOGGED_OUT = "logged_out"
    #: Logged in, and no desktop there.
    NO_DESKTOP = "no_desktop"
    #: Sent, and no desktop said a word.
    UNACKNOWLEDGED = "unacknowledged"
    #: It was over before the desktop could say anything.
    WITHDRAWN = "withdrawn"
    #: Taken in, and not painted.
    HIDDEN = "hidden"
    #: Seen, and too late to help.
    LATE = "late"


class Offer(Protocol):
    """What is kept of an offer; `explain_pop.DeliveryTrace`."""

    @property
    def kind(self) -> str: ...

    @property
    def event_at(self) -> datetime: ...

    @property
    def sent_at(self) -> datetime: ...

    @property
    def sockets(self) -> int: ...

    @property
    def logged_in(self) -> bool | None: ...

    @property
    def acked_at(self) -> datetime | None: ...

    @property
    def rendered_ms(self) -> float | None: ...

    @property
    def closed_at(self) -> datetime | None: ...


def stop_of(offer: Offer, now: datetime) -> PopStop | None:
    """None where it was seen in time, or may still be."""
    if offer.kind == NOT_SHOWN:
        return PopStop.NOT_SHOWN
    if offer.acked_at is None:
        if offer.sockets == 0:
            return PopStop.LOGGED_OUT if offer.logged_in is False else PopStop.NO_DESKTOP
        if (offer.closed_at or now) - offer.sent_at < ACK_WITHIN:
            return PopStop.WITHDRAWN if offer.closed_at is not None else None
        return PopStop.UNACKNOWLEDGED
    if late_by(offer) > LATE_AFTER:
        return PopStop.LATE
    # A desktop that opens takes it in with the greeting, of which nothing is measured.
    return PopStop.HIDDEN if offer.rendered_ms is None and offer.sockets else None


def late_by(offer: Offer) -> timedelta:
    """From the event to the eye, as far as it is known."""
    if offer.rendered_ms is not None:
        return timedelta(milliseconds=offer.rendered_ms)
    return (offer.acked_at or offer.sent_at) - offer.event_at
