"""What the profile of our user in Salesforce lets us write.

"sObject Describe" tells of an object and of its fields whether the user who asks may create and
change them.
"""

from __future__ import annotations

from collections.abc import Iterator

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapters import (
    gathering,
    readings,
)
from crm_adapter.adapters.readings import Record
from crm_adapter.adapters.salesforce_wire import SalesforceWire
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it in the profile or a permission set of the Run As user",
    "the description of an object could not be had",
)
_WRITTEN = {
    "Contact": ("updateable",),
    "Lead": ("createable", "updateable"),
    "Task": ("createable", "updateable"),
}
_VERBS = {"createable": "create", "updateable": "change"}


async def asked(wire: SalesforceWire, key: str, deadline: Deadline) -> Rights:
    """`key`: the field that holds our key."""
    described = await gathering.all_of(*(wire.describe(kind, deadline) for kind in _WRITTEN))
    told: list[tuple[str, bool | None]] = []
    for kind, found in zip(_WRITTEN, described, strict=True):
        told += [(f"{_VERBS[flag]} {kind}", _flag(found, flag)) for flag in _WRITTEN[kind]]
        if kind != "Contact":
            told += _of_field(kind, key, found)
    return rights.of(told)


def _of_field(kind: str, key: str, found: Record) -> Iterator[tuple[str, bool | None]]:
    for field in readings.listed(found.get("fields")):
        if field.get("name") == key:
            yield f"set {key} of {kind}", _flag(field, "createable")


def _flag(found: Record, name: str) -> bool | None:
    flag = found.get(name)
    return flag if isinstance(flag, bool) else None
