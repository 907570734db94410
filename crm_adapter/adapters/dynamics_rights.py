"""What the roles of our application user in Dataverse let us write.

"Check a user's security privileges": `RetrieveUserPrivilegeByPrivilegeName` answers an empty list
where a privilege is missing. Phone calls and tasks are activities, and share theirs.
"""

from __future__ import annotations

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapter import Unavailable
from crm_adapter.adapters import (
    gathering,
    readings,
)
from crm_adapter.adapters.dynamics_wire import DynamicsWire
from crm_adapter.http.client import quote
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it in the application user's security role",
    "the role needs prvReadUser and prvReadOrganization for that",
)
_WRITTEN = {
    "change contacts": "prvWriteContact",
    "link activities to contacts": "prvAppendToContact",
    "create leads": "prvCreateLead",
    "change leads": "prvWriteLead",
    "link activities to leads": "prvAppendToLead",
    "create phone calls and tasks": "prvCreateActivity",
    "change phone calls and tasks": "prvWriteActivity",
    "link phone calls and tasks": "prvAppendActivity",
}


async def asked(wire: DynamicsWire, deadline: Deadline) -> Rights:
    told = (await wire.http.read("GET", "/WhoAmI", deadline=deadline)).json_object()
    user = readings.text(told.get("UserId"))
    if not user:
        raise Unavailable("dynamics does not say who we are")
    held = await gathering.all_of(*(_holds(wire, user, one, deadline) for one in _WRITTEN.values()))
    return rights.of(
        (f"{what} ({privilege})", has)
        for (what, privilege), has in zip(_WRITTEN.items(), held, strict=True)
    )


async def _holds(wire: DynamicsWire, user: str, privilege: str, deadline: Deadline) -> bool | None:
    function = f"RetrieveUserPrivilegeByPrivilegeName(PrivilegeName='{privilege}')"
    path = f"/systemusers({quote(user)})/Microsoft.Dynamics.CRM.{function}"
    told = (await wire.http.read("GET", path, deadline=deadline)).json_object()
    found = told.get("RolePrivileges")
    return bool(found) if isinstance(found, list) else None
