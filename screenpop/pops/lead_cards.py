"""New leads on their owners' desktops, until they are dealt with."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from calls import events
from calls.call import CallId
from screenpop.desk import protocol
from screenpop.desk.hub import Hub
from screenpop.pops.call_story import epoch_ms
from screenpop.pops.content import clean, safe_url

#: Of one agent; the oldest make room.
KEPT = 20


class LeadCards:
    """In memory: the leads themselves are in the CRM. `url` is the address of a lead's page, with
    `{id}` in it."""

    def __init__(
        self,
        *,
        hub: Hub,
        publish: Callable[[events.LeadConfirmed], None],
        url: str | None = None,
    ) -> None:
        self._hub = hub
        self._publish = publish
        self._url = url
        self._cards: dict[str, deque[tuple[CallId, protocol.LeadCard]]] = {}

    async def handle(self, event: events.LeadCreated) -> None:
        """The bus's handler. A lead without an owner is nobody's news."""
        if event.owner is None:
            return
        card = protocol.LeadCard(
            lead_id=event.lead_id,
            number=clean(event.number, 40),
            name=clean(event.name),
            queue=clean(event.queue, 80) if event.queue else None,
            dialled=clean(event.dialled, 80),
            url=self._address(event.lead_id),
            created_at=epoch_ms(event.at),
        )
        cards = self._cards.setdefault(event.owner, deque(maxlen=KEPT))
        if all(known.lead_id != card.lead_id for _, known in cards):
            cards.append((event.call_id, card))
            self._hub.tell(event.owner, protocol.LeadNew(ts=card.created_at, lead=card))

    def of(self, agent: str) -> tuple[protocol.LeadCard, ...]:
        return tuple(card for _, card in self._cards.get(agent, ()))

    def done(self, agent: str, lead_id: str, *, confirmed: bool) -> None:
        """The card leaves all of the agent's desktops; again, and for another's, nothing."""
        cards = self._cards.get(agent, deque())
        for entry in cards:
            call_id, card = entry
            if card.lead_id == lead_id:
                cards.remove(entry)
                now = datetime.now(UTC)
                self._hub.tell(agent, protocol.LeadGone(ts=epoch_ms(now), lead_id=lead_id))
                if confirmed:
                    self._publish(events.LeadConfirmed(call_id, now, lead_id, agent))
                return

    def _address(self, lead_id: str) -> str | None:
        return safe_url(self._url.replace("{id}", quote(lead_id, safe=""))) if self._url else None
