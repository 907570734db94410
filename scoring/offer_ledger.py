"""The one book of offers: who met which, where, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.call import CallId
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.events import OfferAnswered, OfferMet
from calls.offers import OfferCap
from scoring import agent_answers, offer_book
from storage.database import Database

T = TypeVar("T")


def utc_now() -> datetime:
    return datetime.now(UTC)


class DatabaseOfferLedger:
    """Implements `calls.ports.OfferLedger` and `OfferAnswers`; `scoring.call_follower` brings it
    what was heard and answered by key. Exact among all nodes that share the database."""

    def __init__(self, *, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def claim(
        self, contact: ContactRef, call_id: CallId, offer: str, cap: OfferCap, *, deadline: Deadline
    ) -> str | None:
        """See the port. What the same call claimed for another contact and has not heard is given
        up. A claim that came too late to be answered is given back when the call ends."""

        async def work(connection: AsyncConnection) -> str | None:
            if not deadline.left_s:
                # The call may be over and its claims given back by now.
                return None
            return await offer_book.claim(
                connection, contact, call_id, offer, cap=cap, now=self._now()
            )

        return await deadline.bound("the offer ledger", self._write(work, urgent=True))

    async def met(self, event: OfferMet, contact: ContactRef | None) -> bool:
        """Writes down what became of an offer; repeated or older news changes nothing. `contact`
        is needed only where nothing was claimed: False where it is not known. Raises Unavailable.
        """
        return await self._write(lambda link: offer_book.enter(link, event, contact))

    async def answered(self, told: OfferAnswered, *, deadline: Deadline) -> None:
        """Implements `calls.ports.OfferAnswers`."""
        work = self._write(lambda link: agent_answers.note(link, told))
        await deadline.bound("the offer ledger", work)

    async def release(self, call_id: CallId) -> None:
        """Gives back what an ended call claimed and did not hear. Raises Unavailable."""
        await self._write(lambda link: offer_book.release(link, call_id))

    async def _write(
        self, work: Callable[[AsyncConnection], Awaitable[T]], *, urgent: bool = False
    ) -> T:
        try:
            return await self._database.writer.write(work, urgent=urgent, brief=True)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the offer ledger cannot be written") from error
