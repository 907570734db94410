"""The address that the desktop opens for a caller, filled from what the pop shows."""

from __future__ import annotations

from collections.abc import Sequence

from config.pop_address import PopAddress
from config.pop_settings import PopUrl
from screenpop.pops.content import OpenShown, PopContent

#: The CRM has not said who it is; it may still.
_MAY_BE_KNOWN = ("pending", "error", "timeout")


class OpenAddresses:
    """Implements `screenpop.pops.pops.Opener`. Where a queue has addresses of its own, only those
    count; of these the first that is for such a caller."""

    def __init__(self, addresses: Sequence[PopUrl]) -> None:
        self._addresses = [(one, PopAddress.parsed(one.url)) for one in addresses]

    def __call__(self, content: PopContent, agent: str) -> OpenShown | None:
        queue = content.call.queue
        own = [one for one in self._addresses if queue in one[0].queues]
        for wanted, address in own or [one for one in self._addresses if not one[0].queues]:
            if not _fits(wanted, content):
                continue
            url = address.filled(_values(content, agent))
            return OpenShown(url=url, mode=wanted.open) if url is not None else None
        return None


def _fits(wanted: PopUrl, content: PopContent) -> bool:
    known = content.contact is not None or content.match.selected is not None
    match wanted.callers:
        case "known":
            return known
        case "unknown":
            return not known and content.match.outcome not in _MAY_BE_KNOWN
        case "any":
            return True


def _values(content: PopContent, agent: str) -> dict[str, str]:
    """Of every field of `config.pop_address.FIELDS`; empty where nothing is known."""
    call, contact, match = content.call, content.contact, content.match
    ref = contact.ref if contact else match.selected
    chosen = next((one for one in match.candidates if one.ref == ref), None)
    who = contact or chosen
    intents = [key.intent for key in call.keys if key.intent]
    values = {
        "number": call.number,
        "network_name": call.network_name,
        "dialled": call.dialled,
        "queue": call.queue,
        "call_id": call.id,
        "uniqueid": call.id.partition("/")[2],
        "agent": agent,
        "contact": ref,
        "contact_id": ref.partition(":")[2] if ref else None,
        "name": who.name if who else None,
        "company": who.company if who else None,
        "language": call.language,
        "attestation": call.attestation,
        "outcome": match.outcome,
        "tier": content.segments.tier if content.segments else None,
        "intent": intents[-1] if intents else None,
        "arrived": str(round(call.arrived_at / 1000)) if call.arrived_at is not None else None,
    }
    return {name: value or "" for name, value in values.items()}
