"""What the last batch computed for one contact, while the phone rings."""

from __future__ import annotations

import logging

from sqlalchemy import bindparam, select
from sqlalchemy.exc import SQLAlchemyError

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import DeadlineExceeded
from calls.segments import Segments
from config.settings import ScoringSettings
from scoring.segmenting.segment_rows import segments_in
from scoring.tables import contact_segments
from storage.database import Database
from storage.overtime import Overtime

log = logging.getLogger(__name__)

#: Made once: building a statement costs more than running it.
_OF_CONTACT = select(contact_segments).where(
    contact_segments.c.crm == bindparam("of_crm"),
    contact_segments.c.contact_id == bindparam("of_contact"),
)


class Scorer:
    """Implements `calls.ports.SegmentReader`. Never worth a caller's waiting: after
    `settings.deadline_s` at most the answer is None."""

    def __init__(self, *, database: Database, settings: ScoringSettings) -> None:
        self._database = database
        self._settings = settings
        self._reads = Overtime("scoring:read")

    async def close(self) -> None:
        """Waits for questions still going on; the database is closed by its owner."""
        await self._reads.finish()

    async def segments_of(self, contact: ContactRef, *, deadline: Deadline) -> Segments | None:
        own = Deadline.after(self._settings.deadline_s)
        try:
            nearest = min(own, deadline, key=lambda each: each.at)
            return await self._reads.ask("scoring", self._read(contact), deadline=nearest)
        except DeadlineExceeded:
            log.warning("segments were not read in time")
        except (SQLAlchemyError, OSError, ValueError):  # also words that a later version wrote
            log.warning("segments cannot be read", exc_info=True)
        return None

    async def _read(self, contact: ContactRef) -> Segments | None:
        whose = {"of_crm": contact.crm, "of_contact": contact.id}
        async with self._database.read(brief=True) as connection:
            row = (await connection.execute(_OF_CONTACT, whose)).one_or_none()
        return None if row is None else segments_in(row)
