"""Which parties changed in Tryton, by `last_modified_at` and id."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from calls.deadlines import Deadline
from crm_adapter.adapter import ChangePage, Invalid, Unavailable
from crm_adapter.adapters import tryton_records, tryton_rpc
from crm_adapter.adapters.tryton_rpc import TrytonRpc

#: A transaction's records bear the time of its start and are seen from its end on.
_OVERLAP = timedelta(seconds=5)


class TrytonChanges:
    """`link` is where people look at a record."""

    def __init__(self, rpc: TrytonRpc, link: str) -> None:
        self._rpc, self._link = rpc, link

    async def page(self, cursor: str | None, *, limit: int, deadline: Deadline) -> ChangePage:
        since, after = _parsed(cursor)
        at = tryton_rpc.as_moment(since)
        domain = [
            "OR",
            ["last_modified_at", ">", at],
            [["last_modified_at", "=", at], ["id", ">", after]],
        ]
        rows = await self._rpc.rows(
            "party.party",
            domain,
            tryton_records.PARTY_FIELDS,
            limit=limit,
            deadline=deadline,
            order=[("last_modified_at", "ASC"), ("id", "ASC")],
        )
        hits = tuple(tryton_records.party_hit(row, self._link) for row in rows)
        last = tryton_rpc.moment(rows[-1].get("last_modified_at")) if rows else None
        if len(rows) == limit:
            last_id = rows[-1].get("id")
            if last is None or not isinstance(last_id, int) or (last, last_id) <= (since, after):
                raise Unavailable("tryton told a change without its id or time")
            return ChangePage(hits, (), _cursor(last, last_id), more=True)
        if last is None or last - since <= _OVERLAP:
            return ChangePage(hits, (), _cursor(since, after), more=False)
        back = last - _OVERLAP
        return ChangePage(hits, (), _cursor(back, after if back == since else 0), more=False)


def _cursor(at: datetime, after: int) -> str:
    return json.dumps([at.isoformat(), after])


def _parsed(cursor: str | None) -> tuple[datetime, int]:
    if cursor is None:
        return datetime(1970, 1, 1, tzinfo=UTC), 0
    try:
        at, after = json.loads(cursor)
        since = datetime.fromisoformat(at)
        if since.tzinfo is None or not isinstance(after, int):
            raise ValueError("not one of ours")
    except (ValueError, TypeError, RecursionError) as error:
        raise Invalid("this is no place in the list of changes", field="cursor") from error
    return since.astimezone(UTC), after
