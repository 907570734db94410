"""Several people call from one number: an agent who said which one it was is believed the next
time, until somebody says otherwise."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.errors import Unavailable
from calls.events import CandidateChosen
from crm_adapter.live.index_tables import number_choices
from storage.database import Database
from storage.insert_once import insert_once
from storage.overtime import Overtime
from storage.storable import storable


class NumberChoices:
    """Remembers; `note` is a subscriber of the bus for CandidateChosen."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._reads = Overtime("number-choices")

    async def close(self) -> None:
        await self._reads.finish()

    async def of(self, e164: str, *, deadline: Deadline) -> ContactRef | None:
        """Raises Unavailable, or DeadlineExceeded."""
        return await self._reads.ask(
            "the remembered choices", self._chosen(e164), deadline=deadline
        )

    async def _chosen(self, e164: str) -> ContactRef | None:
        query = select(number_choices.c.crm, number_choices.c.contact_id).where(
            number_choices.c.e164 == e164
        )
        try:
            async with self._database.read(brief=True) as connection:
                row = (await connection.execute(query)).one_or_none()
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable("the remembered choices cannot be read: see storage.url") from error
        return None if row is None else ContactRef(row.crm, row.contact_id)

    async def note(self, event: CandidateChosen) -> None:
        if event.contact is None:
            await self.undo(event.number)
        else:
            await self.remember(event.number, event.contact, agent=event.agent, at=event.at)

    async def remember(self, e164: str, contact: ContactRef, *, agent: str, at: datetime) -> None:
        """The newest choice counts, whoever made it."""
        values = {
            "crm": storable(contact.crm, 40),
            "contact_id": storable(contact.id, 120),
            "agent": storable(agent, 80),
            "chosen_at": at,
        }

        async def work(connection: AsyncConnection) -> None:
            await insert_once(connection, number_choices, [{"e164": e164, **values}])
            await connection.execute(
                update(number_choices)
                .where(number_choices.c.e164 == e164, number_choices.c.chosen_at <= at)
                .values(values)
            )

        await self._database.writer.write(work)

    async def undo(self, e164: str) -> bool:
        """True where there was a choice."""

        async def work(connection: AsyncConnection) -> bool:
            done = await connection.execute(
                delete(number_choices).where(number_choices.c.e164 == e164)
            )
            return done.rowcount > 0

        return await self._database.writer.write(work)

    async def all(self) -> list[tuple[str, ContactRef, str, datetime]]:
        """Number, contact, agent, when; the newest first."""
        query = select(number_choices).order_by(number_choices.c.chosen_at.desc())
        async with self._database.read() as connection:
            return [
                (row.e164, ContactRef(row.crm, row.contact_id), row.agent, row.chosen_at)
                for row in await connection.execute(query)
            ]
