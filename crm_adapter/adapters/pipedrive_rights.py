"""What the permission sets of our user in Pipedrive let us write.

"Users", `GET /v1/users/{id}/permissions`; without `can_add_leads` and `can_add_people` the API
answers 403 (changelog of June 2023). Call logs, activities and notes have no permission of their
own.
"""

from __future__ import annotations

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapter import Unavailable
from crm_adapter.adapters import (
    readings,
)
from crm_adapter.adapters.pipedrive_wire import PipedriveWire
from crm_adapter.http.client import quote
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it in the user's permission set (Company settings, Permission sets)",
    "the user's own permissions could not be had",
)
_WRITTEN = {"add leads": "can_add_leads", "add people": "can_add_people"}


async def asked(wire: PipedriveWire, deadline: Deadline) -> Rights:
    me = readings.record(await wire.read("/api/v1/users/me", deadline), "data")
    user = readings.text(me.get("id"))
    if not user:
        raise Unavailable("pipedrive does not say who we are")
    told = await wire.read(f"/api/v1/users/{quote(user)}/permissions", deadline)
    held = readings.record(told, "data")
    return rights.of((f"{what} ({name})", _flag(held.get(name))) for what, name in _WRITTEN.items())


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
