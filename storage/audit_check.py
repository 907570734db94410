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
#: The action that tells, in `rows_before`, how long the log was before an older one replaced it.
RESTORE: Final = "restore"
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


async def goes_on_from(link: AsyncConnection, seen: Head) -> bool:
    """Whether the row is there that was the newest once, or a restore tells that it went."""
    of = audit_entries.c
    mac = await link.scalar(select(of.mac).where(of.seq == seen.seq))
    if seen.seq == 0 or mac == seen.mac:
        return True
    restores = await link.scalars(select(of.details).where(of.action == RESTORE))
    return any(_rows_before(details) >= seen.seq for details in restores)


def _rows_before(details: Any) -> int:
    told = details.get("rows_before") if isinstance(details, Mapping) else None
    return told if isinstance(told, int) else 0


async def _after(link: AsyncConnection, seq: int) -> Sequence[Mapping[Any, Any]]:
    question = select(audit_entries).where(audit_entries.c.seq > seq)
    rows = await link.execute(question.order_by(audit_entries.c.seq).limit(_AT_ONCE))
    return rows.mappings().all()


class _Walk:
    def __init__(self, keys: Mapping[str, AuditKey], seen: Head | None) -> None:
        self._keys = keys
        self._seen = seen
        self._told_erased = 0
        #: The longest log that a restore put an older one in place of.
        self._replaced = 0
        self._unlike: Broken | None = None

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
        if why is None:
            self._look_for_seen(row)
        return None if why is None else Broken(seq, why)

    def _change_of(self, row: Mapping[Any, Any], key: AuditKey) -> str | None:
        if not hmac.compare_digest(mac_of(row, key), row["mac"]):
            return "it was changed, or written without the key"
        details, salt = row["details"], row["salt"]
        if details is None and salt is None:
            return None
        if details is None or salt is None or hash_of(details, salt) != row["details_hash"]:
            return "its details were changed"
        if row["action"] == ERASE:
            self._told_erased += details.get("counts", {}).get(audit_entries.name, 0)
        if row["action"] == RESTORE:
            self._replaced = max(self._replaced, _rows_before(details))
        return None

    def _look_for_seen(self, row: Mapping[Any, Any]) -> None:
        seen = self._seen
        if seen is not None and row["seq"] == seen.seq and row["mac"] != seen.mac:
            why = "it is not the row that this machine saw: the log was made anew"
            self._unlike = Broken(row["seq"], why)

    def problem_of_end(self, found: Checked, told: Head) -> Broken | None:
        after = found.head.seq + 1
        seen = self._seen
        # Of a machine where nobody restored: that it was done is told by the log itself.
        is_explained = seen is not None and self._replaced >= seen.seq
        if self._unlike is not None and not is_explained:
            return self._unlike
        if seen is not None and seen.seq > found.head.seq and not is_explained:
            why = (
                f"it is missing: this machine has seen {seen.seq} rows. Rows were cut off, "
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
