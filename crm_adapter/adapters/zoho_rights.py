"""What the profile of our user in Zoho lets us write.

"Modules Metadata": `creatable` and `editable` of a module. What the token's own scopes allow Zoho
does not tell.
"""

from __future__ import annotations

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapters import (
    gathering,
)
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.zoho_wire import ZohoWire
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it in the profile of the user who made the token",
    "the scope ZohoCRM.settings.modules.READ lets us ask",
)
_WRITTEN = {
    "Contacts": ("editable",),
    "Leads": ("creatable", "editable"),
    "Calls": ("creatable", "editable"),
    "Tasks": ("creatable", "editable"),
}
_VERBS = {"creatable": "create", "editable": "edit"}


async def asked(wire: ZohoWire, deadline: Deadline) -> Rights:
    found = await gathering.all_of(*(wire.module(module, deadline) for module in _WRITTEN))
    return rights.of(
        (f"{_VERBS[flag]} {module}", _flag(told, flag))
        for module, told in zip(_WRITTEN, found, strict=True)
        for flag in _WRITTEN[module]
    )


def _flag(found: Record, name: str) -> bool | None:
    flag = found.get(name)
    return flag if isinstance(flag, bool) else None
