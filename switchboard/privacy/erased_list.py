"""Who was erased, kept outside the database: one that was put back is older, and does not know.

A line is a JSON object: when, and hashes of the person's numbers and contacts by the audit log's
key. Whoever has the file without the key learns nobody's number from it; with it, by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from config.settings import Settings
from storage.audit_chain import AuditKey
from switchboard import audit_files

FILE: Final = "erased.jsonl"
_SEAL: Final = b"switchboard erased 1\n"


@dataclass(frozen=True, slots=True)
class Line:
    """Of one erasure, which a row of `erasures` has the same moment of."""

    at: datetime
    key_id: str
    numbers: frozenset[str]
    contacts: frozenset[str]


@dataclass(frozen=True, slots=True)
class ErasedList:
    file: Path
    key: AuditKey

    @classmethod
    def of(cls, settings: Settings) -> ErasedList:
        """Raises Misconfigured where there is no key, and none can be made."""
        return cls(settings.audit.folder / FILE, audit_files.key_of(settings))

    def number(self, e164: str) -> str:
        return self._mark("number", e164)

    def contact(self, ref: str) -> str:
        """`CRM:ID`."""
        return self._mark("contact", ref)

    def _mark(self, kind: str, value: str) -> str:
        told = f"{kind}\n{value}".encode("utf-8", "replace")
        return hmac.new(self.key.secret, _SEAL + told, hashlib.sha256).hexdigest()[:32]

    def note(self, at: datetime, numbers: Iterable[str], contacts: Iterable[str]) -> None:
        """On disk when it returns. Raises OSError."""
        line = {
            "at": at.isoformat(),
            "key": self.key.id,
            "numbers": sorted(map(self.number, numbers)),
            "contacts": sorted(map(self.contact, contacts)),
        }
        descriptor = os.open(self.file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            # A line that a lost power cut short stays one of its own.
            is_cut = end and os.pread(descriptor, 1, end - 1) != b"\n"
            os.write(descriptor, ("\n" * bool(is_cut) + json.dumps(line) + "\n").encode("ascii"))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> tuple[list[Line], int]:
        """And how many lines say nothing. Raises OSError."""
        try:
            written = self.file.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return [], 0
        lines, unread = [], 0
        for text in filter(str.strip, written):
            try:
                told = json.loads(text)
                at = datetime.fromisoformat(told["at"])
                if at.tzinfo is None:
                    raise ValueError(text)
                numbers, contacts = frozenset(told["numbers"]), frozenset(told["contacts"])
                lines.append(Line(at, str(told["key"]), numbers, contacts))
            except (ValueError, TypeError, KeyError):
                unread += 1
        return lines, unread
