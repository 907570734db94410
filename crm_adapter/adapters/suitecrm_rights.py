"""What the role of our user in SuiteCRM lets us write.

`meta/modules` lists for each module what the user may do with all of its records
(`Api/V8/Helper/ModuleListProvider.php` of 7.14): "edit" is for making and for changing them.
"""

from __future__ import annotations

from collections.abc import Mapping

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapters import (
    readings,
)
from crm_adapter.adapters.suitecrm_wire import SuiteWire
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "give its role Edit: All for them (SuiteCRM tells of Owner and Group as of None)",
    "`GET Api/V8/meta/modules` must be answered for that",
)
_WRITTEN = ("Contacts", "Leads", "Calls", "Tasks")


async def asked(wire: SuiteWire, deadline: Deadline) -> Rights:
    reply = await wire.http.read("GET", "/meta/modules", deadline=deadline)
    modules = readings.record(reply.json_object(), "data", "attributes")
    return rights.of(
        (f"edit {module}", _may_edit(readings.record(modules, module).get("access")))
        for module in _WRITTEN
    )


def _may_edit(access: object) -> bool | None:
    """A list with gaps is an object in PHP's JSON. A module that is hidden is not told of."""
    actions = list(access.values()) if isinstance(access, Mapping) else access
    return "edit" in actions if isinstance(actions, list) and actions else None
