"""Writing to Odoo once: every record is made by `load` under an External ID of ours.

`load` is what Odoo's import uses. External IDs are unique in the database: the same again gives the
same record, and of two at once one fails with "could not serialize access" and then finds the
other's (seen on 19.0). With mode `update` and noupdate, which modules use for records that people
may change, a repetition leaves alone what they made of it.
"""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

from crm_adapter.adapter import Invalid, Unavailable
from crm_adapter.adapters import odoo_records, readings
from crm_adapter.adapters.odoo_wire import OdooWire
from crm_adapter.http.quoting import quoted

#: The part of an External ID before the dot; no module may have this name.
MODULE = "switchboard"
#: Seconds between tries, where somebody else writes under the same External ID.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
#: What PostgreSQL says to those who come second.
_BUSY = re.compile("serialize|deadlock|concurrent", re.IGNORECASE)
_LONGEST = 20_000


async def once(wire: OdooWire, model: str, key: str, cells: Mapping[str, str]) -> int:
    """The id of the one record with that key. It is as it was where it was there before."""
    fields = ["id", *cells]
    values = [f"{MODULE}.{key}", *(clean(cell) for cell in cells.values())]
    # Times are given in UTC; nobody is to follow a lead because we made it.
    context = {
        "mode": "update",
        "noupdate": True,
        "tz": "UTC",
        "mail_create_nosubscribe": True,
    }
    told: Any = None
    for pause in (*_PAUSES_S, None):
        told = await wire.tell(model, "load", fields=fields, data=[values], context=context)
        ids = told.get("ids") if isinstance(told, Mapping) else None
        found = odoo_records.row_id(ids[0]) if isinstance(ids, list) and ids else None
        if found is not None:
            return found
        if pause is not None:
            await asyncio.sleep(pause)
    complaint = _complaint(told)
    if _BUSY.search(complaint):
        raise Unavailable("odoo was busy with the same record")
    raise Invalid(f"odoo: {complaint}")


def _complaint(told: Any) -> str:
    """What `load` said in `messages`."""
    messages = readings.listed(told.get("messages") if isinstance(told, Mapping) else None)
    text = readings.text(messages[0].get("message")) if messages else ""
    return quoted(text) or "the record was not taken"


def markup(lines: Sequence[str], ours: Sequence[str]) -> str:
    """`ours` are for us rather than for people, each a line of its own at the end."""
    cut = "\n".join(lines)[:_LONGEST].split("\n")
    told = "<br/>".join(escaped(line) for line in cut)
    return f"<p>{told}</p>" + "".join(f"<p>{escaped(line)}</p>" for line in ours)


def escaped(text: str) -> str:
    return html.escape(clean(text), quote=False)


def clean(text: str) -> str:
    """Neither PostgreSQL nor Odoo's HTML takes control characters."""
    return _CONTROL.sub("", text)
