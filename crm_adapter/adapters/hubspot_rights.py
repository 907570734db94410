"""What the scopes of our private app in HubSpot let us write.

"Private apps": a token may be asked for its scopes. Contacts, calls and tasks are all written by
`crm.objects.contacts.write`.
"""

from __future__ import annotations

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapters.hubspot_wire import HubSpotWire
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "add that scope to the private app, and use the token it shows then",
    "only tokens of private apps can be asked for their scopes",
)
_PATH = "/oauth/v2/private-apps/get/access-token-info"
_SCOPE = "crm.objects.contacts.write"


async def asked(wire: HubSpotWire, token: str, deadline: Deadline) -> Rights:
    reply = await wire.http.read("POST", _PATH, deadline=deadline, json={"tokenKey": token})
    scopes = reply.json_object().get("scopes")
    has = _SCOPE in scopes if isinstance(scopes, list) and scopes else None
    return rights.of([(f"create or change contacts, calls and tasks (scope {_SCOPE})", has)])
