"""What the role of our user in EspoCRM lets us write.

`App/user` tells it: `acl.table` holds for each scope that the user may use at all the level of each
action (`application/Espo/Tools/App/AppService.php` of 8.4.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapters import (
    readings,
)
from crm_adapter.adapters.espocrm_wire import EspoWire
from crm_adapter.adapters.readings import Record
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it to the API user's role (Administration, Roles)",
    "`GET App/user` must be answered for that",
)
_WRITTEN = {
    "Contact": ("edit",),
    "Lead": ("create", "edit"),
    "Call": ("create", "edit"),
    "Task": ("create", "edit"),
}


async def asked(wire: EspoWire, deadline: Deadline) -> Rights:
    reply = await wire.http.read("GET", "/App/user", deadline=deadline)
    return rights.of(told(reply.json_object()))


def told(user: Record) -> Iterator[tuple[str, bool | None]]:
    is_admin = readings.text(readings.record(user, "user").get("type")) in ("admin", "super-admin")
    table = readings.record(user, "acl").get("table")
    for scope, actions in _WRITTEN.items():
        for action in actions:
            yield f"{action} {scope}", True if is_admin else _may(table, scope, action)


def _may(table: object, scope: str, action: str) -> bool | None:
    if not isinstance(table, dict):
        return None
    levels = table.get(scope, False)  # a scope that may not be used is left out
    if isinstance(levels, bool):
        return levels
    level = readings.text(readings.record(levels).get(action))
    return level != "no" if level else None
