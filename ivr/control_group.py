"""Who hears the plain menu, so that the difference to everybody else can be measured."""

from __future__ import annotations

from calls.caller import ContactRef
from calls.chance import chance

PERSONAL, CONTROL = "personal", "control"
#: Another word here would draw another group: never change it while results are being compared.
_SALT = "switchboard-control-1"


def arm_of(contact: ContactRef | None, share: float) -> str:
    """The same for a contact in every call on every node. Strangers are not in the group: nothing
    would be different for them."""
    if contact is None:
        return PERSONAL
    return CONTROL if chance(_SALT, str(contact)) < share else PERSONAL
