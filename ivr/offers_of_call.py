"""The offers of one call: which the ledger lets us make, and what the caller met of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from calls.bus import EventBus
from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.events import OfferMet
from calls.offers import OfferAnswer, OfferPlace
from calls.ports import OfferLedger
from config.rulebook import Offer


class OffersOfCall:
    """`met` is the one offer of the call, once it was heard or chosen in a menu."""

    def __init__(
        self,
        *,
        ledger: OfferLedger,
        call_id: CallId,
        bus: EventBus,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._call_id = call_id
        self._bus = bus
        self._now = now
        self._claimed: set[tuple[ContactRef, str]] = set()
        self._answers: set[tuple[str, OfferAnswer]] = set()
        self.met: str | None = None

    async def refusal_of(
        self, contact: ContactRef | None, offer: Offer, deadline: Deadline
    ) -> str | None:
        """Why it may not be made, or None: then one of its hearings is kept for this call."""
        if contact is None:
            return "nobody is identified, so no cap could be kept"
        if self.met is not None and self.met != offer.name:
            return "another offer was made in this call"
        if (contact, offer.name) in self._claimed:
            return None
        try:
            refused = await deadline.bound(
                "the offer ledger",
                self._ledger.claim(
                    contact, self._call_id, offer.name, offer.cap, deadline=deadline
                ),
            )
        except Unavailable:
            return "the ledger did not answer in time"
        if refused is None:
            self._claimed.add((contact, offer.name))
        return refused

    def met_in_menu(self, offer: str, answer: OfferAnswer) -> None:
        """Published once for each answer, however often the menu is spoken."""
        self.met = offer
        if (offer, answer) not in self._answers:
            self._answers.add((offer, answer))
            self._bus.publish(
                OfferMet(
                    self._call_id, self._now(), offer=offer, place=OfferPlace.MENU, answer=answer
                )
            )
