"""The chain of the audit log: what a row's code is made from. Pure.

The code is an HMAC over the row and the code of the row before, by a key that is not in the
database: who can write the rows can neither change one nor make the chain anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal

from storage.storable import storable

#: What the first row follows.
NOTHING: Final = "0" * 64
_SEAL = b"switchboard audit 1\n"

Result = Literal["done", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class AuditKey:
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls) -> AuditKey:
        return cls(secrets.token_bytes(32))

    @property
    def id(self) -> str:
        """Tells keys apart, and nothing of them."""
        return hashlib.sha256(b"switchboard audit key\n" + self.secret).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`actor` and `origin` None: whoever runs this process. `details` are JSON without floats; a
    caller stands there alone, as `number` (E.164), `contact` or `other` (`CRM:ID`), where who
    erases them looks."""

    action: str
    result: Result = "done"
    actor: str | None = None
    origin: str | None = None
    subject: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends."""

    seq: int = 0
    mac: str = NOTHING


def chained(entry: Entry, head: Head, key: AuditKey, *, actor: str, origin: str) -> dict[str, Any]:
    """The row after `head`, by column."""
    # As it comes back from the database: what is hashed is what is read.
    details = json.loads(_canonical(_clean_values(entry.details)))
    salt = secrets.token_hex(16)
    row: dict[str, Any] = {
        "seq": head.seq + 1,
        "at": entry.at,
        "action": _clean(entry.action, 40),
        "result": entry.result,
        "actor": _clean(actor if entry.actor is None else entry.actor, 80),
        "origin": _clean(origin if entry.origin is None else entry.origin, 120),
        "subject": _clean(entry.subject, 120),
        "details": details,
        "salt": salt,
        "details_hash": hash_of(details, salt),
        "key_id": key.id,
        "before": head.mac,
    }
    return row | {"mac": mac_of(row, key)}


def hash_of(details: Any, salt: str) -> str:
    return hashlib.sha256(f"{salt}\n{_canonical(details)}".encode()).hexdigest()


def mac_of(row: Mapping[str, Any], key: AuditKey) -> str:
    at: datetime = row["at"]
    covered = [
        row["seq"],
        at.astimezone(UTC).isoformat(timespec="microseconds"),
        *(row[name] for name in ("action", "result", "actor", "origin", "subject")),
        row["details_hash"],
        row["key_id"],
        row["before"],
    ]
    return hmac.new(key.secret, _SEAL + _canonical(covered).encode(), hashlib.sha256).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _clean(text: str, limit: int) -> str:
    """As a terminal may show it."""
    return "".join(c if c.isprintable() else "?" for c in storable(text, limit))


def _clean_values(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value, 500)
    if isinstance(value, Mapping):
        return {_clean(str(key), 60): _clean_values(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean_values(one) for one in value[:100]]
    return value
