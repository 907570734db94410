"""What one caller is to hear while waiting, planned from the hold programme. Pure."""

from __future__ import annotations

from calls.caller import IdentityOutcome
from calls.decision import HoldEntryPlanned
from config.rulebook import HoldEntry
from ivr.saying import PresentedWith, said

_NOT_FOUND_OUT = (IdentityOutcome.TIMEOUT, IdentityOutcome.ERROR)


def planned(programme: str | None, with_: PresentedWith) -> tuple[HoldEntryPlanned, ...]:
    """A message that cannot be filled in is left out: the music around it stays."""
    entries = with_.rulebook.programmes.get(programme or "", ())
    found = (_planned(entry, with_) for entry in entries if _is_meant(entry, with_))
    return tuple(entry for entry in found if entry is not None)


def _is_meant(entry: HoldEntry, with_: PresentedWith) -> bool:
    return entry.when is None or entry.when.judge(with_.facts.heard)[0]


def _planned(entry: HoldEntry, with_: PresentedWith) -> HoldEntryPlanned | None:
    text = said(entry.say, with_) if entry.say is not None else None
    match entry.kind:
        case "music":
            return HoldEntryPlanned("music", seconds=entry.music_s)
        case "say":
            return HoldEntryPlanned("say", text=text) if text else None
        case "offer":
            return _offer(with_)
        case "position":
            return HoldEntryPlanned("position")
        case "callback" if _can_be_called_back(with_):
            # Without a text of the author's, hold music has its own sentence for it.
            return HoldEntryPlanned("callback", text=text)
        case _:
            return None


def _can_be_called_back(with_: PresentedWith) -> bool:
    """As far as is known: of who is not found out in time, the number may still come."""
    fetch = with_.facts.fetch
    identity = fetch("caller.identity")
    if fetch("call.withheld") or identity == IdentityOutcome.OWN:
        return False
    return fetch("caller.number") is not None or identity in _NOT_FOUND_OUT


def _offer(with_: PresentedWith) -> HoldEntryPlanned | None:
    offer = with_.offer
    if offer is None or offer.hold is None:
        return None
    text = said(offer.hold, with_)
    return HoldEntryPlanned("offer", text=text, offer=offer.name) if text else None
