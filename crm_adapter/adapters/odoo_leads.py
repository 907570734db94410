"""What we leave for people in Odoo: leads of new callers, and activities."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from calls.caller import ContactRef
from calls.records import NewLead, NewTask
from config.crm_settings import OdooSettings
from crm_adapter import wording
from crm_adapter.adapter import NotFound, Unavailable
from crm_adapter.adapters import odoo_records, readings
from crm_adapter.adapters.odoo_once import markup, once
from crm_adapter.adapters.odoo_places import OdooPlaces, soon
from crm_adapter.adapters.odoo_questions import OdooQuestions
from crm_adapter.adapters.odoo_records import LEAD, PARTNER, Place
from crm_adapter.adapters.odoo_wire import OdooWire
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.written_once import record_key

_ACTIVITY, _TAG = "mail.activity", "crm.tag"
#: Nobody has confirmed yet who it was. Odoo's users may take it off themselves.
UNVERIFIED = "Unverified caller"
_DONE = "Closed by Switchboard: the caller was answered."
_MODEL_IDS = {PARTNER: "base.model_res_partner", LEAD: "crm.model_crm_lead"}


class OdooLeads:
    def __init__(
        self,
        *,
        wire: OdooWire,
        questions: OdooQuestions,
        places: OdooPlaces,
        settings: OdooSettings,
    ) -> None:
        self._wire = wire
        self._questions = questions
        self._places = places
        self._settings = settings
        self._task_user: int | None = None
        self._tag: int | None = None

    async def create(self, lead: NewLead, idem: str) -> str:
        owner = await self._places.user(lead.owner or "")
        cells = {
            "name": wording.lead_title(lead),
            "type": self._settings.lead_type,
            "phone": lead.number,
            "contact_name": (lead.name or lead.network_name or "")[:200],
            "description": markup(wording.lead_description(lead).splitlines(), [f"Key: {idem}"]),
            # Ours would be the default, and nobody looks there.
            "user_id/.id": str(owner or ""),
            "tag_ids/.id": str(await self._unverified()),
        }
        return str(await once(self._wire, LEAD, record_key("lead", idem), cells))

    async def withdraw(self, lead_id: str) -> bool:
        """Lost, as Odoo says it: archived, and not deleted, which ordinary users may not do."""
        row = await self._lead(lead_id)
        if row is None or not await self._is_unverified(row):
            return False
        if row.get("active") is not False:
            await self._wire.tell(LEAD, "action_set_lost", ids=[odoo_records.row_id(row) or 0])
        return True

    async def confirm(self, lead_id: str, agent: str) -> bool:
        """The agent's from then on, where nobody has it yet and Odoo knows the agent's login."""
        row = await self._lead(lead_id)
        if row is None or row.get("active") is False:
            return False
        values: dict[str, Any] = {}
        if await self._is_unverified(row):
            values["tag_ids"] = [[3, await self._unverified(), 0]]
        owner = await self._places.user(agent)
        if owner is not None and odoo_records.row_id(row.get("user_id")) is None:
            values["user_id"] = owner
        if values:
            await self._wire.tell(LEAD, "write", ids=[odoo_records.row_id(row) or 0], vals=values)
        return True

    async def _lead(self, lead_id: str) -> Record | None:
        place = Place.of(ContactRef("odoo", f"lead:{lead_id}"))
        spec: dict[str, Any] = {"active": {}, "tag_ids": {}, "user_id": {}}
        rows = await self._questions.rows(
            LEAD,
            [["id", "=", place.id if place else 0]],
            spec,
            order="id",
            limit=1,
            deadline=soon(),
            archived=True,
        )
        return rows[0] if rows else None

    async def _is_unverified(self, lead: Record) -> bool:
        tags = lead.get("tag_ids")
        tag = await self._unverified()
        return isinstance(tags, list) and tag in [odoo_records.row_id(one) for one in tags]

    async def _unverified(self) -> int:
        """The tag, made where there is none yet. Its name is unique in Odoo."""
        if self._tag is None:
            found = await self._places.ids(_TAG, [["name", "=", UNVERIFIED]])
            if not found:
                key = record_key("tag", UNVERIFIED)
                found = [await once(self._wire, _TAG, key, {"name": UNVERIFIED})]
            self._tag = found[0]
        return self._tag

    async def create_task(self, task: NewTask, idem: str) -> str:
        place = await self._places.of(task.contact, task.number)
        if not await self._places.exists(place):
            place = await self._places.own_card()
        kind = "call" if task.kind == "callback" or task.due is not None else "todo"
        doer = await self._places.user(task.owner or "")
        doer = doer or await self._places.owner(place) or await self._stand_in()
        cells = {
            "res_model_id/id": _MODEL_IDS[place.model],
            "res_id": str(place.id),
            "activity_type_id/id": f"mail.mail_activity_data_{kind}",
            "summary": wording.task_title(task),
            "note": markup(wording.task_description(task).splitlines(), [f"Key: {idem}"]),
            "user_id/.id": str(doer),
            "date_deadline": f"{task.due or task.created_at.astimezone(UTC):%Y-%m-%d}",
        }
        return str(await once(self._wire, _ACTIVITY, record_key("task", idem), cells))

    async def close_task(self, task_id: str) -> bool:
        """Whether it was us who closed it; before Odoo 19 nothing is left of it to tell by."""
        place = Place.of(ContactRef("odoo", task_id))
        rows = await self._questions.rows(
            _ACTIVITY,
            [["id", "=", place.id if place else 0]],
            {"active": {}, "feedback": {}},
            order="id",
            limit=1,
            deadline=soon(),
            archived=True,
        )
        if not rows:
            return False
        if rows[0].get("active") is False:
            return _DONE in readings.text(rows[0].get("feedback"))
        try:
            await self._wire.tell(_ACTIVITY, "action_feedback", ids=[int(task_id)], feedback=_DONE)
        except NotFound:
            return False
        return True

    async def _stand_in(self) -> int:
        """Who the settings say, else our own user."""
        if self._task_user is None:
            login = self._settings.task_user
            found = await self._places.user(login)
            if login and found is None:
                raise Unavailable(f"odoo has no user '{login}': set odoo.task_user to one")
            self._task_user = found or await self._wire.user(soon())
        return self._task_user
