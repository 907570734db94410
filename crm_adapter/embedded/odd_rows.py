"""Rows that are imported but say less than one would want: counted, the first named by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from crm_adapter.embedded.import_rows import ContactRow, ImportRow

_FIRST = 10


@dataclass(slots=True)
class OddRows:
    """Of one file."""

    file: str
    _lines: dict[str, list[int]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def look_at(self, line: int, row: ImportRow) -> None:
        if not isinstance(row, ContactRow):
            return
        if row.has_odd_email():
            self._add("with an e-mail that is none, left out", line)
        if not row.phone and not row.emails():
            self._add("with neither number nor e-mail", line)
        if not (row.first_name or row.last_name or row.company):
            self._add("without a name", line)

    def notices(self) -> Iterator[str]:
        for what, count in self._counts.items():
            lines = ", ".join(map(str, self._lines[what]))
            more = ", ..." if count > _FIRST else ""
            rows = "row" if count == 1 else "rows"
            yield f"{self.file}: {count} {rows} {what} (lines {lines}{more})"

    def _add(self, what: str, line: int) -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        lines = self._lines.setdefault(what, [])
        if len(lines) < _FIRST:
            lines.append(line)
