"""Whether the audit log is as it was written."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.audit_chain import AuditKey, Head, hash_of, mac_of
from storage.audit_log import read_head
from storage.audit_tables import audit_entries

#: The action that tells, in `counts`, of how many rows the details went.
ERASE: Final = "privacy.erase"
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Broken:
    """`seq` is the first row that is not as it was written."""

    seq: int
    why: str


@dataclass(slots=True)
class Checked:
    """`broken` None: nothing was found."""

    rows: int = 0
    #: Rows whose details went with the person they named.
    erased: int = 0
    head: Head = field(default_factory=Head)
    broken: Broken | None = None


async def check(link: AsyncConnection, keys: Sequence[AuditKey], seen: Head | None) -> Checked:
    """Reads all rows, a few at a time, as they are at one moment; `link` is fresh. `seen` is the
    newest head that was kept outside the database: nothing that was there then may be missing."""
    if link.dialect.name == "postgresql":
        link = await link.execution_options(isolation_level="REPEATABLE READ")
    found = Checked()
    walk = _Walk({key.id: key for key in keys}, seen)
    while rows := await _after(link, found.head.seq):
        for row in rows:
            found.broken = walk.problem(row, found.head)
            if found.broken is not None:
                return found
            found.head = Head(row["seq"], row["mac"])
            found.rows += 1
            found.erased += row["details"] is None
    found.broken = walk.problem_of_end(found, await read_head(link))
    return found


async def _after(link: AsyncConnection, seq: int) -> Sequence[Mapping[Any, Any]]:
    question = select(audit_entries).where(audit_entries.c.seq > seq)
    rows = await link.execute(question.order_by(audit_entries.c.seq).limit(_AT_ONCE))
    return rows.mappings().all()


class _Walk:
    def __init__(self, keys: Mapping[str, AuditKey], seen: Head | None) -> None:
        self._keys = keys
        self._seen = seen
        self._told_erased = 0

    def problem(self, row: Mapping[Any, Any], before: Head) -> Broken | None:
        seq = row["seq"]
        if seq != before.seq + 1:
            return Broken(before.seq + 1, f"it is missing: row {seq} comes next")
        key = self._keys.get(row["key_id"])
        if key is None:
            unknown = f"it was written with the key {row['key_id']}, which is not here"
            return Broken(seq, f"{unknown}: see --key-file")
        if row["before"] != before.mac:
            return Broken(seq, "it does not follow the row before it")
        why = self._change_of(row, key)
        return None if why is None else Broken(seq, why)

    def _change_of(self, row: Mapping[Any, Any], key: AuditKey) -> str | None:
        if not hmac.compare_digest(mac_of(row, key), row["mac"]):
            return "it was changed, or written without the key"
        details, salt = row["details"], row["salt"]
        if details is None and salt is None:
            return self._is_another_than_seen(row)
        if details is None or salt is None or hash_of(details, salt) != row["details_hash"]:
            return "its details were changed"
        if row["action"] == ERASE:
            self._told_erased += details.get("counts", {}).get(audit_entries.name, 0)
        return self._is_another_than_seen(row)

    def _is_another_than_seen(self, row: Mapping[Any, Any]) -> str | None:
        seen = self._seen
        if seen is None or row["seq"] != seen.seq or row["mac"] == seen.mac:
            return None
        return "it is not the row that this machine saw: the log was made anew"

    def problem_of_end(self, found: Checked, told: Head) -> Broken | None:
        after = found.head.seq + 1
        if self._seen is not None and self._seen.seq > found.head.seq:
            why = (
                f"it is missing: this machine has seen {self._seen.seq} rows. Rows were cut off, "
                "or an older database was put back"
            )
            return Broken(after, why)
        if told != found.head:
            return Broken(after, f"the log says of itself that it ends at row {told.seq}")
        if found.erased > self._told_erased:
            why = (
                f"details of {found.erased} rows are gone, and erasures tell of {self._told_erased}"
            )
            return Broken(after, why)
        return None
