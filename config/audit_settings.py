"""Where the audit log keeps what must not lie in the database."""

from __future__ import annotations

from pathlib import Path

from config.section import Section


class AuditSettings(Section):
    """Who did what: `switchboard audit list` and `verify`."""

    folder: Path = Path("var/audit")
    """Keeps the key by which rows are chained (made at the first start; the same file on all
    machines of a centre), and how far the log had come. Best where who can write the database
    cannot write."""
