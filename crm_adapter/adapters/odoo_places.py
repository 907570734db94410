"""Which of Odoo's records a call, a lead or a task belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calls.caller import ContactRef
from calls.deadlines import Deadline
from crm_adapter.adapters import odoo_records
from crm_adapter.adapters.hosted import QUESTION_S
from crm_adapter.adapters.odoo_questions import OdooQuestions
from crm_adapter.adapters.odoo_records import LEAD, PARTNER, Place


class OdooPlaces:
    def __init__(self, *, questions: OdooQuestions) -> None:
        self._questions = questions

    async def of(self, contact: ContactRef | None, number: str | None) -> Place:
        """Where a call or task belongs: the contact, else the open lead of that number, else our
        own user's card, where calls of nobody known are collected."""
        place = Place.of(contact) if contact is not None else None
        if place is not None:
            return place
        shape = await self._questions.shape(soon())
        if number and shape.lead_numbers:
            field = "phone_sanitized" if shape.sanitizes else "phone"
            leads = await self._questions.open_leads(
                [[field, "=", number]], limit=20, deadline=soon()
            )
            if leads:
                return Place(LEAD, odoo_records.row_id(leads[-1]) or 0)
        return await self.own_card()

    async def own_card(self) -> Place:
        return Place(PARTNER, await self._questions.own_card(soon()))

    async def exists(self, place: Place) -> bool:
        found = await self.ids(place.model, [["id", "=", place.id]], archived=True)
        return bool(found)

    async def ids(self, model: str, domain: Sequence[Any], *, archived: bool = False) -> list[int]:
        rows = await self._questions.rows(
            model, domain, {"id": {}}, order="id", limit=1, deadline=soon(), archived=archived
        )
        return [found for row in rows if (found := odoo_records.row_id(row)) is not None]

    async def owner(self, place: Place) -> int | None:
        """The user whose the record is."""
        spec: dict[str, Any] = {"user_id": {"fields": {"login": {}}}}
        rows = await self._questions.rows(
            place.model,
            [["id", "=", place.id]],
            spec,
            order="id",
            limit=1,
            deadline=soon(),
            archived=True,
        )
        return odoo_records.row_id(rows[0].get("user_id")) if rows else None

    async def user(self, login: str) -> int | None:
        found = await self.ids("res.users", [["login", "=", login]]) if login else []
        return found[0] if found else None


def soon() -> Deadline:
    """Of a question on the way to a write."""
    return Deadline.after(QUESTION_S)
