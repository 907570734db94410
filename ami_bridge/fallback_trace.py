"""What the dialplan wrote down in AstDB of calls it served without us.

`swb_fallback/<linkedid>` = `v1|<epoch start>|<number>|<dialled>|<uniqueid>` and, once over,
`swb_ended/<linkedid>` = `v1|<epoch end>|<ANSWERED|ABANDONED|NOT_ANSWERED>` (the dialplan is
`deploy/asterisk/switchboard_extensions.conf`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ami_bridge.ami_client import AmiClient
from ami_bridge.ami_wire import Headers, clean
from calls.call import CallOutcome

FALLBACK = "swb_fallback"
ENDED = "swb_ended"

_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_OUTCOMES = {
    "ANSWERED": CallOutcome.ANSWERED,
    "ABANDONED": CallOutcome.ABANDONED_IN_QUEUE,
    "NOT_ANSWERED": CallOutcome.NOT_ANSWERED,
}


@dataclass(frozen=True, slots=True)
class Trace:
    """One call's trace. The start is missing where only the end was kept."""

    linkedid: str
    started_at: datetime | None = None
    number: str = ""
    dialled: str = ""
    uniqueid: str = ""
    ended_at: datetime | None = None
    outcome: CallOutcome | None = None


async def read(client: AmiClient) -> list[Trace]:
    """Asks for both trees (main/db.c `DBGetTree`; needs the right to write `reporting`)."""
    started = _entries(await client.ask_list("DBGetTree", (("Family", FALLBACK),)))
    ended = _entries(await client.ask_list("DBGetTree", (("Family", ENDED),)))
    return [_trace(key, started.get(key), ended.get(key)) for key in {**started, **ended}]


async def delete(client: AmiClient, linkedid: str) -> None:
    """Both keys. The action DBDel would need the right to write `system`; the dialplan function
    DB_DELETE by Setvar needs only `call` (funcs/func_db.c; tried on 22.10.1)."""
    if not _KEY.match(linkedid):
        return
    for family in (FALLBACK, ENDED):
        variable = f"DB_DELETE({family}/{linkedid})"
        await client.ask("Setvar", (("Variable", variable), ("Value", "1")))


def _entries(rows: list[Headers]) -> dict[str, list[str]]:
    """Keys come as `/swb_fallback/<linkedid>`; what does not look like ours is left alone."""
    found = {}
    for row in rows:
        key = row.get("Key", "").rpartition("/")[2]
        fields = row.get("Val", "").split("|")
        if _KEY.match(key) and fields[0] == "v1":
            found[key] = fields[1:]
    return found


def _trace(key: str, started: list[str] | None, ended: list[str] | None) -> Trace:
    start = [*(started or []), "", "", "", ""]
    end = [*(ended or []), "", ""]
    return Trace(
        linkedid=key,
        started_at=_time(start[0]),
        number=clean(start[1]),
        dialled=clean(start[2]),
        uniqueid=start[3] if _KEY.match(start[3]) else key,
        ended_at=_time(end[0]),
        outcome=_OUTCOMES.get(end[1], CallOutcome.LOST_SYNC) if ended is not None else None,
    )


def _time(epoch: str) -> datetime | None:
    if not (epoch.isdecimal() and len(epoch) < 12):
        return None
    return datetime.fromtimestamp(int(epoch), UTC)
